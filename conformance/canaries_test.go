package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fleetwright/fleetwright/conformance/internal/crds"
	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// flaggerCRDs returns the CRDs of the Flagger versions to compare plain Canaries with.
func flaggerCRDs(t *testing.T) map[string][]string {
	t.Helper()
	return map[string][]string{"1.44.0": files(t, crds.Flagger.Files), "1.36.1": files(t, crds.Flagger36.Files)}
}

// ofFlagger lists the types of Flagger's kinds.
var ofFlagger = map[string]reflect.Type{
	"Canary":         reflect.TypeFor[api.CanarySpec](),
	"MetricTemplate": reflect.TypeFor[api.CustomMetric](),
	"AlertProvider":  reflect.TypeFor[api.AlertProviderSpec](),
}

// otherEnums lists the fields that are an enum here and not in the CRD, with the reason.
var otherEnums = map[string]string{
	"Canary spec.service.rewrite.type": "Flagger reads any other value as ReplaceFullPath (pkg/apis/flagger/v1beta1/canary.go, GetType)",
}

// TestEveryFieldOfFlagger compares the CRDs of the newest Flagger field by field with the fields of plain
// Canaries, and with the objects that mutants are built from.
func TestEveryFieldOfFlagger(t *testing.T) {
	record(t, "1. published CRDs: a plain Canary has every field of Flagger")
	for _, crd := range definitions(t, flaggerCRDs(t)["1.44.0"]) {
		kind := crd.Spec.Names.Kind
		theirs, ours, set := map[string]field{}, map[string]field{}, map[string]bool{}
		root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
		addFields(theirs, "spec", root.Properties["spec"])
		for _, f := range schema.FieldsOf(ofFlagger[kind]) {
			addShape(ours, "spec."+f.Name, f.Shape)
		}
		for _, o := range everyFlaggerObject(t) {
			if o["kind"] == kind {
				specOf(o, root).each(func(v value) { set[v.path] = true })
			}
		}
		for path, f := range theirs {
			own, ok := ours[path]
			switch name := kind + " " + path; {
			case path == "spec":
			case !ok:
				t.Errorf("fleetwright lacks %s", name)
			case !equalSets(f.enum, own.enum) && otherEnums[name] == "":
				t.Errorf("the enum of %s is %q in Flagger, and %q here", name, f.enum, own.enum)
			case !set[path]:
				t.Errorf("no object sets %s", name)
			}
		}
		for path := range ours {
			if _, ok := theirs[path]; !ok {
				t.Errorf("Flagger lacks %s %s", kind, path)
			}
		}
	}
}

// addShape adds the fields of a shape to a map.
func addShape(to map[string]field, path string, s *schema.Shape) {
	to[path] = field{enum: s.Enum}
	if _, fields := s.Struct(); len(fields) > 0 {
		for _, f := range fields {
			addShape(to, path+"."+f.Name, f.Shape)
		}
	} else if s.Items != nil && s.Type == schema.List {
		addShape(to, path+"[]", s.Items)
	} else if s.Items != nil {
		addShape(to, path+".*", s.Items)
	}
}

// A value is a value in an object, with the fields and indexes that lead to it.
type value struct {
	steps []any
	value any
	// schema is the CRD's schema of the value, and path is its path as addFields writes it.
	schema *apiextensionsv1.JSONSchemaProps
	path   string
}

// below returns the direct children that the CRD defines, in order.
func (v value) below() (all []value) {
	add := func(step, of any, s *apiextensionsv1.JSONSchemaProps, path string) {
		all = append(all, value{append(v.steps[:len(v.steps):len(v.steps)], step), of, s, path})
	}
	switch of := v.value.(type) {
	case []any:
		for i, item := range of {
			add(i, item, v.schema.Items.Schema, v.path+"[]")
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(of)) {
			if p, ok := v.schema.Properties[name]; ok {
				add(name, of[name], &p, v.path+"."+name)
			} else if v.schema.AdditionalProperties != nil {
				add(name, of[name], v.schema.AdditionalProperties.Schema, v.path+".*")
			}
		}
	}
	return all
}

// each calls f for a value and all values below it.
func (v value) each(f func(value)) {
	f(v)
	for _, below := range v.below() {
		below.each(f)
	}
}

// specOf returns the spec of an object.
func specOf(o map[string]any, s *apiextensionsv1.JSONSchemaProps) value {
	spec := s.Properties["spec"]
	return value{[]any{"spec"}, o["spec"], &spec, "spec"}
}

// everyFlagger holds objects that together set every field of Flagger's kinds, with values that Flagger's
// CRDs and its scheduler accept.
const everyFlagger = `
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: backend, namespace: webapp}
spec:
  provider: istio
  metricsServer: http://prometheus.monitoring:9090
  progressDeadlineSeconds: 60
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: backend}
  autoscalerRef:
    apiVersion: keda.sh/v1alpha1
    kind: ScaledObject
    name: backend
    primaryScalerQueries: {requests: "sum(rate(requests_total[1m]))"}
    primaryScalerReplicas: {minReplicas: 2, maxReplicas: 5}
  service:
    name: backend
    port: 9898
    portName: http
    targetPort: 8080
    appProtocol: http
    trafficDistribution: PreferClose
    portDiscovery: true
    headless: false
    timeout: 30s
    hosts: [backend.example.com]
    delegation: false
    match:
    - name: all
      uri: {prefix: /}
      scheme: {exact: https}
      method: {regex: GET|POST}
      authority: {exact: backend.example.com}
      port: 443
      ignoreUriCase: true
      headers: {x-version: {exact: beta}, x-a: {prefix: a}, x-b: {regex: a.*}}
      withoutHeaders: {x-old: {exact: "1"}, x-c: {prefix: a}, x-d: {regex: a.*}}
      queryParams: {v: {exact: "1"}, w: {prefix: a}, x: {regex: a.*}}
      sourceLabels: {app: frontend}
      sourceNamespace: webapp
      gateways: [webapp/public]
    - {uri: {exact: /a}, scheme: {prefix: http}, method: {exact: GET}, authority: {prefix: a}}
    - {uri: {regex: /b.*}, scheme: {regex: "https?"}, method: {prefix: P}, authority: {regex: a.*}}
    rewrite: {uri: /v1, authority: backend.example.com}
    retries: {attempts: 3, perTryTimeout: 2s, retryOn: 5xx}
    headers:
      request: {set: {x-a: b}, add: {x-c: d}, remove: [x-e]}
      response: {set: {x-a: b}, add: {x-c: d}, remove: [x-e]}
    gateways: [webapp/public]
    corsPolicy:
      allowOrigins: [{exact: "https://a.example.com"}, {prefix: "https://b."}, {regex: "https://c.*"}]
      allowMethods: [GET]
      allowHeaders: [x-a]
      exposeHeaders: [x-b]
      maxAge: 24h
      allowCredentials: true
    trafficPolicy:
      loadBalancer: {simple: LEAST_REQUEST, warmupDurationSecs: 30s, localityLbSetting: {enabled: true, distribute: [{from: "eu/*", to: {"eu/*": 100}}]}}
      connectionPool: {http: {h2UpgradePolicy: UPGRADE, http1MaxPendingRequests: 10, http2MaxRequests: 10, idleTimeout: 1h, maxRequestsPerConnection: 10, maxRetries: 3}}
      outlierDetection: {baseEjectionTime: 30s, consecutive5xxErrors: 5, consecutiveErrors: 5, consecutiveGatewayErrors: 5, consecutiveLocalOriginFailures: 5, interval: 10s, maxEjectionPercent: 50, minHealthPercent: 50, splitExternalLocalOriginErrors: true}
      tls: {mode: ISTIO_MUTUAL, caCertificates: /a, clientCertificate: /b, privateKey: /c, sni: a.example.com, subjectAltNames: [a]}
    apex: {labels: {a: b}, annotations: {c: d}}
    primary: {labels: {a: b}, annotations: {c: d}}
    canary: {labels: {a: b}, annotations: {c: d}}
    unmanagedMetadata: {labels: [team], annotations: [owner]}
  skipAnalysis: false
  revertOnDeletion: true
  suspend: false
  analysis:
    interval: 1m
    threshold: 5
    maxWeight: 50
    stepWeight: 10
    stepWeightPromotion: 50
    mirror: true
    mirrorWeight: 100
    primaryReadyThreshold: 100
    canaryReadyThreshold: 100
    metrics:
    - {name: request-success-rate, interval: 1m, thresholdRange: {min: 99}}
    - {name: old, interval: 1m, threshold: 500, query: "sum(rate(errors_total[1m]))"}
    - {name: own, interval: 1m, thresholdRange: {min: 0, max: 5}, templateRef: {name: errors, namespace: webapp}, templateVariables: {a: b}}
    alerts: [{name: on-call, severity: error, providerRef: {name: chat, namespace: webapp}}]
    webhooks:
    - {name: load-test, type: rollout, muteAlert: true, url: "http://flagger-loadtester.test/", timeout: 5s, retries: 3, disableTLS: true, metadata: {cmd: "hey -z 1m http://backend-canary.webapp:9898/"}}
    sessionAffinity: {cookieName: a, primaryCookieName: b, domain: example.com, httpOnly: true, maxAge: 60, partitioned: true, path: /, sameSite: Lax, secure: true}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: ab, namespace: webapp}
spec:
  provider: istio
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: ab}
  service:
    port: 9898
    gateways: [webapp/public]
    hosts: [ab.example.com]
    trafficPolicy:
      loadBalancer:
        consistentHash: {httpCookie: {name: a, path: /, ttl: 1h}, minimumRingSize: 1024}
        localityLbSetting: {failover: [{from: eu, to: us}]}
  analysis:
    interval: 1m
    threshold: 5
    iterations: 10
    match:
    - headers: {x-a: {exact: a}, x-b: {prefix: b}, x-d: {regex: d.*}}
      queryParams: {a: {exact: a}, b: {prefix: b}, d: {regex: d.*}}
      sourceLabels: {app: frontend}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: steps, namespace: webapp}
spec:
  provider: gatewayapi:v1
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: steps}
  service:
    port: 80
    timeout: 30s
    backendTimeout: 10s
    rewrite: {uri: /v1, type: ReplaceFullPath}
    mirror: [{backendRef: {group: "", kind: Service, name: shadow, namespace: webapp, port: 80}}]
    gatewayRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: public, namespace: webapp, sectionName: http, port: 80}]
  analysis: {interval: 1m, threshold: 5, stepWeights: [10, 50]}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: gloo, namespace: webapp}
spec:
  provider: gloo
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: gloo}
  upstreamRef: {apiVersion: gloo.solo.io/v1, kind: Upstream, name: gloo, namespace: webapp}
  service: {port: 80}
  analysis: {interval: 1m, threshold: 5, stepWeight: 10, maxWeight: 50}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: routes, namespace: webapp}
spec:
  provider: apisix
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: routes}
  routeRef: {apiVersion: apisix.apache.org/v2, kind: ApisixRoute, name: routes}
  service: {port: 80}
  analysis: {interval: 1m, threshold: 5, stepWeight: 10, maxWeight: 50}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: ingress, namespace: webapp}
spec:
  provider: nginx
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: ingress}
  ingressRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: ingress}
  service: {port: 80}
  analysis: {interval: 1m, threshold: 5, stepWeight: 10, maxWeight: 50}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: mesh, namespace: webapp}
spec:
  provider: appmesh:v1beta2
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: mesh}
  service: {port: 80, meshName: global, backends: [a.webapp]}
  analysis: {interval: 1m, threshold: 5, iterations: 10, match: [{headers: {x-c: {suffix: c}}}]}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: header, namespace: webapp}
spec:
  provider: istio
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: header}
  service: {port: 80, corsPolicy: {allowOrigin: [https://a.example.com]}, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-a}}}}
  analysis: {interval: 1m, threshold: 5, stepWeight: 10, maxWeight: 50}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: source, namespace: webapp}
spec:
  provider: istio
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: source}
  service: {port: 80, corsPolicy: {allowOrigin: [https://a.example.com]}, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}}
  analysis: {interval: 1m, threshold: 5, stepWeight: 10, maxWeight: 50}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: parameter, namespace: webapp}
spec:
  provider: istio
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: parameter}
  service: {port: 80, corsPolicy: {allowOrigin: [https://a.example.com]}, trafficPolicy: {loadBalancer: {consistentHash: {httpQueryParameterName: a}}}}
  analysis: {interval: 1m, threshold: 5, stepWeight: 10, maxWeight: 50}
---
apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata: {name: errors, namespace: webapp}
spec:
  provider: {type: prometheus, address: "http://prometheus.monitoring:9090", headers: {X-Scope-OrgID: [shop]}, secretRef: {name: prometheus}, region: eu-central-1, insecureSkipVerify: true}
  query: sum(rate(errors_total{app="{{ target }}"}[{{ interval }}]))
---
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata: {name: chat, namespace: webapp}
spec: {type: slack, channel: on-call, username: flagger, proxy: "http://proxy.example.com:3128", secretRef: {name: chat}}
---
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata: {name: public, namespace: webapp}
spec: {type: msteams, address: https://chat.example.com/hooks/flagger}
`

func everyFlaggerObject(t *testing.T) (all []map[string]any) {
	t.Helper()
	objects, err := kube.Objects([]byte(everyFlagger))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		all = append(all, o.Object)
	}
	return all
}

// editedAt returns a copy of an object with the value at some steps replaced by the result of edit, or
// removed if edit returns false.
func editedAt(o map[string]any, steps []any, edit func(any) (any, bool)) map[string]any {
	o = runtime.DeepCopyJSON(o)
	var at any = o
	for _, step := range steps[:len(steps)-1] {
		if i, ok := step.(int); ok {
			at = at.([]any)[i]
		} else {
			at = at.(map[string]any)[step.(string)]
		}
	}
	switch last := steps[len(steps)-1].(type) {
	case int:
		if edited, keep := edit(at.([]any)[last]); keep {
			at.([]any)[last] = edited
		}
	case string:
		of := at.(map[string]any)
		if edited, keep := edit(of[last]); keep {
			of[last] = edited
		} else {
			delete(of, last)
		}
	}
	return o
}

// replacements are the values that mutants get instead of a value.
func replacements(v any) []any {
	list, object := []any{}, map[string]any{}
	switch v.(type) {
	case string:
		return []any{nil, "", "no such value!", "90", "1h", "1min", int64(1), true, list, object}
	case bool:
		return []any{nil, "true", int64(1), list, object}
	case int64, float64:
		return []any{nil, "1", "text", true, int64(-1), int64(0), 1.5, int64(101), int64(65536), int64(1) << 33, list, object}
	case []any:
		return []any{nil, list, object, "text", int64(1), []any{nil}, []any{object}, []any{list}, []any{"text"}, []any{"text", int64(1)}}
	}
	return []any{nil, list, object, "text", int64(1), true, map[string]any{"text": nil}}
}

// mutantsOf calls a function with each mutant of an object and a description of it. good holds valid values
// by path.
func mutantsOf(o map[string]any, root *apiextensionsv1.JSONSchemaProps, good map[string]any, f func(what string, mutant map[string]any)) {
	specOf(o, root).each(func(v value) {
		at := schema.Path(v.steps).String()
		if _, inList := v.steps[len(v.steps)-1].(int); !inList {
			f(at+" removed", editedAt(o, v.steps, func(any) (any, bool) { return nil, false }))
		}
		for _, r := range replacements(v.value) {
			f(fmt.Sprintf("%s: %v", at, r), editedAt(o, v.steps, func(any) (any, bool) { return r, true }))
		}
		if _, ok := v.value.(map[string]any); !ok {
			return
		}
		with := func(what, name string, edit func(map[string]any)) {
			f(at+what+name, editedAt(o, v.steps, func(of any) (any, bool) { edit(of.(map[string]any)); return of, true }))
		}
		with(" with ", "unheardOf", func(of map[string]any) { of["unheardOf"] = "a" })
		for name := range v.schema.Properties {
			value, isSet := v.value.(map[string]any)[name]
			switch {
			case isSet:
				with(" with a misspelt ", name, func(of map[string]any) { delete(of, name); of[name[:len(name)-1]] = value })
			case good[v.path+"."+name] != nil:
				with(" with ", name, func(of map[string]any) { of[name] = good[v.path+"."+name] })
			}
		}
	})
}

// A mistake is the field of an error that fleetwright reports, with its code.
type mistake struct {
	code diag.Code
	path string
}

// mistakesIn returns the errors about the objects in one file.
func mistakesIn(t *testing.T, version string, data []byte) map[mistake]string {
	t.Helper()
	docs := schema.LoadRollouts([]schema.File{{Name: "canary.yaml", Data: data}}, plain.IsBeside)
	_, list := render.Begin(docs, render.Options{Canaries: render.CanaryOptions{Flagger: version}}).Compile(nil)
	all := map[mistake]string{}
	for _, d := range list {
		if d.Severity == diag.Error && d.Code != diag.NothingToCompile { // an AlertProvider needs a Canary that uses it
			all[mistake{d.Code, d.Path}] = d.Message
		}
	}
	return all
}

// quotedName matches a quoted name in one of our paths.
var quotedName = regexp.MustCompile(`\["([^"]*)"\]`)

// meet reports whether the field that Flagger's CRD rejects matches the field of our error: the same field,
// one below it, or the mapping around it.
func meet(theirs, ours string) bool {
	ours = quotedName.ReplaceAllString(ours, ".$1")
	at := strings.LastIndexAny(theirs, ".[")
	return theirs == ours || at > 0 && theirs[:at] == ours ||
		strings.HasPrefix(ours, theirs+".") || strings.HasPrefix(ours, theirs+"[")
}

// nameless matches the API server's message about a number, which names no field.
var nameless = regexp.MustCompile(`^<nil>: .* must be of type integer.* in (\S+)$`)

// ofOneOf matches the API server's message about a value that matches none, or more than one, of several
// alternatives.
var ofOneOf = regexp.MustCompile(`"([^"]+)" must validate one and only one schema`)

// oneOfAt reports whether a field is in such a value.
func oneOfAt(refused []string, path string) bool {
	return slices.ContainsFunc(refused, func(why string) bool {
		m := ofOneOf.FindStringSubmatch(why)
		return m != nil && strings.HasPrefix(path, m[1]+".")
	})
}

// stricter lists our errors about values that Flagger's CRD accepts, by code and path, with the reason.
var stricter = []struct {
	codes, path, why string
}{
	{"FW[3-9]..", `.*`, "the catalogue has the reason, with its source in Flagger or the provider"},
	{"FW111|FW114", `spec\.(progressDeadlineSeconds|service\.(port|match\[0\]\.port)|analysis\.(threshold|maxWeight|stepWeights?(\[.\])?|stepWeightPromotion|iterations|mirrorWeight|primaryReadyThreshold|canaryReadyThreshold|webhooks\[.\]\.retries|sessionAffinity\.maxAge))`, "Flagger reads an int32; the CRD accepts any number"},
	{"FW111|FW114", `spec\.autoscalerRef\.primaryScalerReplicas\.(min|max)Replicas`, "Flagger reads an int32; the CRD has a bound since 1.39"},
	{"FW111", `spec\.(channel|username|address|proxy)`, "AlertProviders are also rendered; a null in one is a mistake"},
	{"FW112", `|spec`, "an object without a spec has no effect"},
	{"FW112", `spec\.service`, "Flagger makes Services with port 0, which the API server rejects"},
	{"FW112", `spec\.service\.mirror\[.\]`, "a mirror needs a target"},
	{"FW113", `spec\.provider`, "the CRD rejects it since 1.43"},
	{"FW113", `spec\.service\.rewrite\.type`, otherEnums["Canary spec.service.rewrite.type"]},
	{"FW114", `spec\.service\.(port|targetPort)`, "the API server rejects the Service"},
	{"FW114", `spec\.analysis\.metrics\[.\]\.thresholdRange\.min`, "the range is empty"},
	{"FW115", `spec\.(.*\.)?(targetRef|autoscalerRef|ingressRef|routeRef|upstreamRef|secretRef|providerRef|templateRef|backendRef|gatewayRefs\[.\])\.(name|namespace)`, "no object has such a name"},
	{"FW115", `spec\.analysis\.(metrics|alerts|webhooks)\[.\]\.name`, "no webhook, metric or alert has that name"},
	{"FW115", `spec\.(metricsServer|address|proxy|analysis\.webhooks\[.\]\.url)`, "Go cannot parse the URL, or it has no reachable host"},
	{"FW115", `spec\.analysis\.(interval|metrics\[.\]\.interval|webhooks\[.\]\.timeout)`, "the CRD accepts any text after m or s; Go and Prometheus do not"},
	{"FW115", `spec\.service\.(name|portName|targetPort|appProtocol|(apex|primary|canary)\.labels\.a)`, "the API server rejects the Service"},
	{"FW115", `spec\.service\.(timeout|rewrite\.(uri|authority)|retries\.(retryOn|perTryTimeout)|corsPolicy\..*|headers\..*)`, "the API server rejects the route, or the proxy ignores it"},
	{"FW115", `spec\.analysis\.sessionAffinity\.(cookieName|primaryCookieName|domain|path)`, "Flagger cannot find the cookie, or no client sends it"},
	{"FW115", `spec\.(query|provider\.region)`, "no provider answers the request"},
}

// ofStricter returns a pattern for each row of stricter.
var ofStricter = sync.OnceValue(func() (all []*regexp.Regexp) {
	for _, s := range stricter {
		all = append(all, regexp.MustCompile("^(?:"+s.codes+") (?:"+s.path+")$"))
	}
	return all
})

// reasonOf returns the index of the row of stricter that matches a mistake, or -1.
func reasonOf(m mistake) int {
	return slices.IndexFunc(ofStricter(), func(of *regexp.Regexp) bool { return of.MatchString(string(m.code) + " " + m.path) })
}

// TestCanariesAsStrictAsFlagger validates Canaries, MetricTemplates and AlertProviders, from public sources
// and as mutants, with the code of the API server and the CRDs of two versions of Flagger. We report an error
// at every field that the API server rejects, and none about values that it accepts except for the reasons
// above.
func TestCanariesAsStrictAsFlagger(t *testing.T) {
	used := map[int]bool{}
	for version, names := range flaggerCRDs(t) {
		set, err := crds.Load(names...)
		if err != nil {
			t.Fatal(err)
		}
		roots := map[string]*apiextensionsv1.JSONSchemaProps{}
		for _, crd := range definitions(t, names) {
			roots[crd.Spec.Names.Kind] = crd.Spec.Versions[0].Schema.OpenAPIV3Schema
		}
		judge := func(t *testing.T, what string, o map[string]any, data []byte, before map[mistake]string) {
			ours := mistakesIn(t, version, data)
			theirs := set.Validate(&kube.Object{Object: o})
			for _, why := range theirs {
				path, _, _ := strings.Cut(why, ": ")
				if m := nameless.FindStringSubmatch(why); m != nil {
					path = m[1]
				} else if m := ofOneOf.FindStringSubmatch(why); m != nil {
					path = m[1]
				} else if strings.HasSuffix(why, "Required value") && oneOfAt(theirs, path) {
					continue // required by one of the alternatives
				}
				if !slices.ContainsFunc(slices.Collect(maps.Keys(ours)), func(r mistake) bool { return meet(path, r.path) }) {
					t.Errorf("%s: the API server rejects %s\nour errors: %v", what, why, ours)
				}
			}
			if len(theirs) > 0 {
				return
			}
			for r, message := range mistakesIn(t, version, encoded(t, o)) {
				if _, ok := before[r]; ok {
					continue
				}
				if i := reasonOf(r); i >= 0 {
					used[i] = true
				} else {
					t.Errorf("%s: the API server accepts the object; %s rejects %s: %s", what, r.code, r.path, message)
				}
			}
		}
		good := map[string]map[string]any{"Canary": {}, "MetricTemplate": {}, "AlertProvider": {}}
		for _, o := range everyFlaggerObject(t) {
			specOf(o, roots[o["kind"].(string)]).each(func(v value) { good[o["kind"].(string)][v.path] = v.value })
		}
		for _, o := range everyFlaggerObject(t) {
			kind := o["kind"].(string)
			root := roots[kind]
			pruned(specOf(o, root))
			t.Run(version+"/"+kind+"/"+kube.ID(&kube.Object{Object: o}), func(t *testing.T) {
				record(t, "1. published CRDs: mutants of plain Canaries, "+version)
				before := mistakesIn(t, version, encoded(t, o))
				if len(before) > 0 {
					t.Errorf("errors in the original: %v", before)
				}
				for _, why := range set.Validate(&kube.Object{Object: o}) {
					t.Error(why)
				}
				mutantsOf(o, root, good[kind], func(what string, mutant map[string]any) { judge(t, what, mutant, encoded(t, mutant), before) })
			})
		}
		for _, name := range strangers(t) {
			t.Run(version+"/"+filepath.Base(name), func(t *testing.T) {
				record(t, "1. published CRDs: Canaries of strangers, "+version)
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				objects, err := kube.Objects(data)
				if err != nil {
					t.Skip(err)
				}
				for _, o := range objects {
					if roots[o.GetKind()] != nil && o.GetAPIVersion() == "flagger.app/v1beta1" {
						judge(t, o.GetName(), o.Object, data, nil)
					}
				}
			})
		}
	}
	for i, s := range stricter {
		if !used[i] {
			t.Errorf("no object shows the difference %s at %s", s.codes, s.path)
		}
	}
}

// pruned removes the fields that the schema lacks.
func pruned(v value) {
	if of, ok := v.value.(map[string]any); ok && v.schema.AdditionalProperties == nil {
		maps.DeleteFunc(of, func(name string, _ any) bool { _, ok := v.schema.Properties[name]; return !ok })
	}
	for _, below := range v.below() {
		pruned(below)
	}
}

func encoded(t *testing.T, o map[string]any) []byte {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// strangers returns the files with Canaries from public sources.
func strangers(t *testing.T) []string {
	names, err := filepath.Glob("../testdata/canaries/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return names
}
