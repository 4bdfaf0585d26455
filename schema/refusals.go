package schema

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema/api"
)

// refusals return what the reader of a struct refuses because of a value beside another,
// by the struct's type. The paths are those in the struct.
var refusals = map[reflect.Type]func(any) []Refusal{
	reflect.TypeFor[api.MeshLoggingBackend](): refusalsOf(refuseLogging),
	reflect.TypeFor[api.MeshTracingBackend](): refusalsOf(refuseTracing),
	reflect.TypeFor[api.MeshMTLSBackend]():    refusalsOf(refuseAuthority),
	reflect.TypeFor[api.MeshMembershipRule](): refusalsOf(refuseMembership),
	reflect.TypeFor[api.MetricProvider]():     refusalsOf(refuseMetricProvider),
}

func refusalsOf[T any](refuse func(T) []Refusal) func(any) []Refusal {
	return func(v any) []Refusal { return refuse(v.(T)) }
}

// refuseLogging returns what Kuma's own validator refuses of a logging backend
// (pkg/core/resources/apis/mesh/mesh_validator.go of 2.13.10).
func refuseLogging(b api.MeshLoggingBackend) []Refusal {
	switch b.Type {
	case "":
		return refuseBackend("type", "a backend needs a type, tcp or file", "type: tcp")
	case "file":
		if path, _ := b.Conf["path"].(string); path == "" {
			return refuseBackend("conf", "a file backend needs a path", "conf: {path: /tmp/access.log}")
		}
	case "tcp":
		address, _ := b.Conf["address"].(string)
		if host, port, ok := cutPort(address); !ok || host == "" || !isPort(port) {
			return refuseBackend("conf", "a tcp backend needs an address with a port", "conf: {address: logstash.observability:5000}")
		}
	}
	return nil
}

// refuseTracing returns what the same validator refuses of a tracing backend.
func refuseTracing(b api.MeshTracingBackend) []Refusal {
	switch b.Type {
	case "":
		return refuseBackend("type", "a backend needs a type, zipkin or datadog", "type: zipkin")
	case "datadog":
		address, _ := b.Conf["address"].(string)
		if port, ok := b.Conf["port"].(int64); address == "" || !ok || port < 1 || port > 65535 {
			return refuseBackend("conf", "a datadog backend needs an address and a port", "conf: {address: datadog.observability, port: 8126}")
		}
	case "zipkin":
		text, _ := b.Conf["url"].(string)
		if u, err := url.Parse(text); httpURL(text) != "" || err != nil || u.Port() == "" {
			return refuseBackend("conf", "a zipkin backend needs a URL with a port", "conf: {url: http://jaeger-collector.observability:9411/api/v2/spans}")
		}
		version, set := b.Conf["apiVersion"]
		if set && !slices.Contains([]any{"", "httpJsonV1", "httpJson", "httpProto"}, version) {
			return refuseBackend("conf", fmt.Sprintf("%v is not an apiVersion of zipkin: httpJsonV1, httpJson or httpProto", version), "apiVersion: httpJson")
		}
	}
	return nil
}

// refuseAuthority returns what Kuma's authorities refuse (pkg/plugins/ca).
func refuseAuthority(b api.MeshMTLSBackend) []Refusal {
	switch b.Type {
	case "builtin":
		cert, _ := b.Conf["caCert"].(map[string]any)
		if text, ok := cert["expiration"].(string); ok && !isKumaDuration(text) {
			return refuseBackend("conf", fmt.Sprintf("%s is not how long a certificate lives: a number and one of y, w, d, h, m, s, ms", shown(text)), "conf: {caCert: {expiration: 10y}}")
		}
	case "provided":
		for _, name := range []string{"cert", "key"} {
			source, _ := b.Conf[name].(map[string]any)
			if len(source) != 1 {
				return refuseBackend("conf", "a provided authority needs a cert and a key, each from one place", "conf: {cert: {secret: ca-cert}, key: {secret: ca-key}}")
			}
		}
	}
	return nil
}

func refuseBackend(field, message, hint string) []Refusal {
	return []Refusal{{Code: diag.MeshBackend, Path: Path{field}, Message: message, Hint: hint}}
}

// refuseMembership returns what Kuma's validator refuses of a constraint on a proxy's tags.
func refuseMembership(r api.MeshMembershipRule) []Refusal {
	if len(r.Tags) > 0 {
		return nil
	}
	return []Refusal{{Code: diag.MeshBackend, Message: "Kuma takes no rule without tags", Hint: "tags: {kuma.io/zone: east}"}}
}

// refuseMetricProvider returns what Flagger's providers cannot be made without
// (fluxcd/flagger pkg/metrics/providers).
func refuseMetricProvider(p api.MetricProvider) (all []Refusal) {
	if (p.Type == "dynatrace" || p.Type == "splunk") && p.Address == "" {
		all = append(all, Refusal{Code: diag.NoAddress, Path: Path{"address"}, Message: "a " + p.Type + " provider needs an address",
			Hint: "address: " + map[string]string{"dynatrace": "https://abc12345.live.dynatrace.com", "splunk": "https://api.us1.signalfx.com"}[p.Type]})
	}
	if slices.Contains([]string{"datadog", "newrelic", "dynatrace", "splunk"}, p.Type) && p.SecretRef == nil {
		all = append(all, Refusal{Code: diag.MissingField, Path: Path{"type"}, Message: "secretRef is missing, without which Flagger asks no " + p.Type, Hint: "secretRef: {name: " + p.Type + "}"})
	}
	if p.Type == "cloudwatch" && p.Region == "" {
		all = append(all, Refusal{Code: diag.MissingField, Path: Path{"type"}, Message: "region is missing, without which Flagger asks no cloudwatch", Hint: "region: eu-central-1"})
	}
	return all
}
