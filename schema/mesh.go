package schema

import (
	"fmt"
	"net"
	"net/url"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema/api"
)

// checkMesh rejects a Mesh that Kuma's own validator would reject when it is applied, which is too
// late (pkg/core/resources/apis/mesh/mesh_validator.go of 2.13.10).
func checkMesh(s *api.MeshSpec) (all []Rejection) {
	enabled := ""
	if m := s.MTLS; m != nil {
		enabled = m.EnabledBackend
		if len(m.Backends) > 1 {
			all = append(all, badMesh(Path{"mtls", "backends", 1}, "Kuma allows only one backend for mutual TLS", "keep one of them")...)
		}
		all = append(all, checkBackends("mtls", "enabledBackend", enabled, " to turn mutual TLS off", len(m.Backends), func(i int) string { return m.Backends[i].Name })...)
	}
	if m := s.Metrics; m != nil {
		all = append(all, checkBackends("metrics", "enabledBackend", m.EnabledBackend, " to turn the metrics off", len(m.Backends), func(i int) string { return m.Backends[i].Name })...)
	}
	if t := s.Tracing; t != nil {
		all = append(all, checkBackends("tracing", "defaultBackend", t.DefaultBackend, "", len(t.Backends), func(i int) string { return t.Backends[i].Name })...)
	}
	if l := s.Logging; l != nil {
		all = append(all, checkBackends("logging", "defaultBackend", l.DefaultBackend, "", len(l.Backends), func(i int) string { return l.Backends[i].Name })...)
	}
	if s.Routing != nil && s.Routing.ZoneEgress && enabled == "" {
		all = append(all, badMesh(Path{"routing"}, "zoneEgress needs mutual TLS", "add mtls with an enabledBackend, or remove zoneEgress")...)
	}
	// With MeshServices only, sidecars have no outbound that a TrafficRoute could match
	// (pkg/xds/context/mesh_context_builder.go), and a pod of two Services answers only for the first
	// (pkg/plugins/runtime/k8s/controllers/pod_converter.go): a split by HTTPRoute reaches the canary only, as
	// seen on 2.13.10. By its sources 2.9, 2.10 and 2.14.1 to 2.14.3 would not; nobody has tried.
	if s.MeshServices != nil && s.MeshServices.Mode == "Exclusive" {
		all = append(all, broken(diag.MeshServices, Path{"meshServices", "mode"}, "with meshServices mode Exclusive, sidecars ignore TrafficRoutes, and an HTTPRoute sends all requests to the new version", "mode: Disabled; or, once Kuma 3.0 is released, trafficRoutingProvider: gatewayapi and no meshServices")...)
	}
	return all
}

// checkBackends rejects two backends of one name, and a chosen one that is not among them.
func checkBackends(field, choice, chosen, without string, n int, name func(int) string) (all []Rejection) {
	known := map[string]bool{}
	for i := range n {
		if known[name(i)] && name(i) != "" {
			all = append(all, badMesh(Path{field, "backends", i, "name"}, "two backends are named "+name(i), "rename one of them")...)
		}
		known[name(i)] = true
	}
	if chosen != "" && !known[chosen] {
		all = append(all, badMesh(Path{field, choice}, "no backend is named "+chosen, "add a backend named "+chosen+", or remove "+choice+without)...)
	}
	return all
}

func checkPrometheus(p *api.MeshPrometheus) (all []Rejection) {
	if p.SkipMTLS != nil && p.TLS != nil && p.TLS.Mode != "" && *p.SkipMTLS != (p.TLS.Mode == "disabled") {
		all = badMesh(Path{"skipMTLS"}, "skipMTLS and tls.mode contradict each other", "keep tls, remove skipMTLS")
	}
	known := map[string]bool{}
	for i, a := range p.Aggregate {
		if known[a.Name] && a.Name != "" {
			all = append(all, badMesh(Path{"aggregate", i, "name"}, "two applications are named "+a.Name, "rename one of them")...)
		}
		known[a.Name] = true
	}
	return all
}

// checkLogging rejects a logging backend that Kuma's validator rejects.
func checkLogging(b *api.MeshLoggingBackend) []Rejection {
	switch b.Type {
	case "":
		return badMesh(Path{"type"}, "a backend needs a type, tcp or file", "type: tcp")
	case "file":
		if path, _ := b.Conf["path"].(string); path == "" {
			return badMesh(Path{"conf"}, "a file backend needs a path", "conf: {path: /tmp/access.log}")
		}
	case "tcp":
		address, _ := b.Conf["address"].(string)
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || !isPort(port) {
			return badMesh(Path{"conf"}, "a tcp backend needs an address with a port", "conf: {address: logstash.observability:5000}")
		}
	}
	return nil
}

// checkTracing rejects a tracing backend that Kuma's validator rejects.
func checkTracing(b *api.MeshTracingBackend) []Rejection {
	switch b.Type {
	case "":
		return badMesh(Path{"type"}, "a backend needs a type, zipkin or datadog", "type: zipkin")
	case "datadog":
		address, _ := b.Conf["address"].(string)
		if port, ok := b.Conf["port"].(int64); address == "" || !ok || port < 1 || port > 65535 {
			return badMesh(Path{"conf"}, "a datadog backend needs an address and a port", "conf: {address: datadog.observability, port: 8126}")
		}
	case "zipkin":
		text, _ := b.Conf["url"].(string)
		if u, err := url.Parse(text); httpURL(text) != "" || err != nil || u.Port() == "" {
			return badMesh(Path{"conf"}, "a zipkin backend needs a URL with a port", "conf: {url: http://jaeger-collector.observability:9411/api/v2/spans}")
		}
		version, set := b.Conf["apiVersion"]
		if set && !slices.Contains([]any{"", "httpJsonV1", "httpJson", "httpProto"}, version) {
			return badMesh(Path{"conf"}, fmt.Sprintf("%v is not an apiVersion of zipkin: httpJsonV1, httpJson or httpProto", version), "apiVersion: httpJson")
		}
	}
	return nil
}

// checkAuthority rejects settings that Kuma's certificate authorities reject (pkg/plugins/ca).
func checkAuthority(b *api.MeshMTLSBackend) []Rejection {
	switch b.Type {
	case "builtin":
		cert, _ := b.Conf["caCert"].(map[string]any)
		if text, ok := cert["expiration"].(string); ok && !isKumaDuration(text) {
			return badMesh(Path{"conf"}, fmt.Sprintf("%s is not a valid lifetime of a certificate: a number and one of y, w, d, h, m, s, ms", shown(text)), "conf: {caCert: {expiration: 10y}}")
		}
	case "provided":
		for _, name := range []string{"cert", "key"} {
			source, _ := b.Conf[name].(map[string]any)
			if len(source) != 1 {
				return badMesh(Path{"conf"}, "a provided authority needs a cert and a key, each from one source", "conf: {cert: {secret: ca-cert}, key: {secret: ca-key}}")
			}
		}
	}
	return nil
}

func badMesh(path Path, message, hint string) []Rejection {
	return broken(diag.MeshBackend, path, message, hint)
}

// checkMembership rejects a constraint on a proxy's tags that Kuma's validator rejects.
func checkMembership(r *api.MeshMembershipRule) []Rejection {
	if len(r.Tags) > 0 {
		return nil
	}
	return badMesh(nil, "Kuma rejects a rule without tags", "tags: {kuma.io/zone: east}")
}
