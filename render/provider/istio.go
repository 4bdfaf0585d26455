package provider

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/patch"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

const (
	istioNamespace = "istio-system"
	// istioPrometheus is the Prometheus of Istio's addons, in Istio's namespace
	// (samples/addons/prometheus.yaml). Flagger queries it by default if both share a namespace.
	istioPrometheus = "http://prometheus.%s:9090"
)

// istio is the provider of a fleet whose clusters already have Istio. Like Kurator (pkg/fleet-manager/plugin),
// fleetwright does not install it.
type istio struct{ base }

// Namespace returns the namespace of Istio, and of Flagger if it is rendered.
func (i istio) Namespace() string { return cmp.Or(i.installedIstio().Namespace, istioNamespace) }

// Namespaces returns the namespace of Istio, shared with its owner, unless Istio is listed under installed.
func (i istio) Namespaces() []*manifest.Object {
	if i.installedBy["istio"] != nil {
		return nil
	}
	return []*manifest.Object{manifest.NewSharedNamespace(istioNamespace, manifest.NamespaceMeta{})}
}

func (i istio) FlaggerValues() map[string]any {
	return map[string]any{"meshProvider": flagger.Istio, "metricsServer": i.measuredAt(fmt.Sprintf(istioPrometheus, i.Namespace()))}
}

// istioInjection is the namespace label for the default revision. Istio ignores it next to rules.IstioRevision
// (manifests/charts/istio-control/istio-discovery/files/, mutatingwebhook).
const istioInjection = "istio-injection"

// NamespaceMeta returns one of the two labels: the revision that the Fleet or the application sets, or else the
// label for the default revision. A namespace from the application's manifests with the other label keeps it.
func (i istio) NamespaceMeta(r *rollout.Rollout) manifest.NamespaceMeta {
	revision := ""
	if r != nil {
		revision = RevisionOf(r.Policy)
	}
	if revision = cmp.Or(revision, i.installedIstio().Revision); revision != "" {
		return manifest.NamespaceMeta{Labels: map[string]string{rules.IstioRevision: revision}, Unless: []string{rules.IstioRevision, istioInjection}}
	}
	return manifest.NamespaceMeta{Labels: map[string]string{istioInjection: "enabled"}, Unless: []string{rules.IstioRevision}}
}

// RevisionOf returns the Istio revision that the policies of an application add to the namespace of a policy's
// rollout. Labels in its manifests stay unchanged and are not read.
func RevisionOf(of *place.Policy) (revision string) {
	namespace := of.WorkloadNamespace()
	for _, p := range of.App.Policies {
		k := p.Kustomization
		if k == nil {
			continue
		}
		name := namespace
		if k.TargetNamespace == name {
			name = "" // kustomize renames every Namespace to it
		} else if k.TargetNamespace != "" {
			continue
		}
		revision = cmp.Or(revision, commonLabel(k, rules.IstioRevision), patch.Label(k.Patches, "Namespace", name, rules.IstioRevision))
	}
	return revision
}

func commonLabel(k *api.Kustomization, label string) string {
	if k.CommonMetadata == nil {
		return ""
	}
	return string(k.CommonMetadata.Labels[label])
}

func (istio) Route(r *rollout.Rollout, _ *manifest.Object, spec *flagger.Canary) {
	routing := r.Routing()
	spec.Service.Gateways = routing.Gateways
	spec.Service.Hosts = routing.Hosts
	spec.Service.Retries = routing.Retries
	spec.Service.Headers = routing.Headers
	spec.Service.CorsPolicy = routing.CorsPolicy
	spec.Service.Match, spec.Service.Rewrite = serviceMatch(routing), routing.Rewrite
}

// serviceMatch returns the conditions of a route as fields of a Canary.
func serviceMatch(routing api.TrafficRouting) (all []flagger.Match) {
	for _, m := range routing.ServiceMatch {
		all = append(all, flagger.Match{URI: m.URI, Method: m.Method, Headers: m.Headers, QueryParams: m.QueryParams})
	}
	return all
}

// Made returns the routes of the rollout (fluxcd/flagger pkg/router/istio.go).
func (istio) Made(r *rollout.Rollout) []manifest.Identity {
	const group = "networking.istio.io"
	return []manifest.Identity{
		{Group: group, Kind: "VirtualService", Namespace: r.Namespace, Name: r.ServiceName},
		{Group: group, Kind: "DestinationRule", Namespace: r.Namespace, Name: r.ServiceName + rules.CanarySuffix},
		{Group: group, Kind: "DestinationRule", Namespace: r.Namespace, Name: r.ServiceName + rules.PrimarySuffix},
	}
}

// Join reports fields that a Canary does not have.
func (istio) Join(r *rollout.Rollout) { checkMatchFields(r) }

// Check reports problems of a rollout on Istio.
func (i istio) Check(r *rules.Rollout) {
	checkPlain(r)
	checkIstioTCP(r)
	i.checkProtocol(r)
	checkIstioRoute(r)
	if cors := r.Service.CorsPolicy; cors != nil {
		for n, origin := range cors.AllowOrigins {
			r.CheckStringMatch(origin, schema.Path{"service", "corsPolicy", "allowOrigins", n}, false)
		}
	}
	if r.Analysis.SessionAffinity != nil && r.Analysis.Iterations > 0 {
		r.Report(diag.AffinityNeedsWeights, schema.Path{"analysis", "sessionAffinity"},
			"sessionAffinity has no effect: it needs traffic that Flagger splits by weight", "trafficRouting: {canaryStrategy: {stepWeight: 10}}, or remove sessionAffinity")
	} else if r.Plain && r.Analysis.SessionAffinity != nil && len(r.Analysis.Match) > 0 {
		r.Report(diag.AffinityNeedsWeights, schema.Path{"analysis", "sessionAffinity"},
			"Flagger overwrites the routes for the cookie with those for match, so no client gets the cookie", "remove match, or remove sessionAffinity")
	}
}

// istioIgnores holds the namespaces in which Istio never injects sidecars (pkg/kube/inject/inject.go,
// IgnoredNamespaces).
var istioIgnores = []string{"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}

func (i istio) NeverInjected(namespace string) string {
	if slices.Contains(istioIgnores, namespace) {
		return "never gets sidecars"
	}
	return i.neverMeshed(namespace, i.Namespace())
}

// istioProtocols maps the protocols that Istio recognizes, in any case, to their names in the rules. Istio reads
// them from appProtocol, or from the part of the port name before the first hyphen, and detects all other protocols
// from the first bytes (pkg/config/kube/conversion.go, ConvertProtocol; pkg/config/protocol/instance.go).
var istioProtocols = map[string]string{
	"http": "http", "http_proxy": "http", "http2": "http2", "grpc": "grpc",
	"https": "https", "tls": "tls", "tcp": "tcp", "mongo": "mongo", "redis": "redis", "mysql": "mysql",
}

// istioAppProtocols holds further values that count only as a complete appProtocol.
var istioAppProtocols = map[string]string{"kubernetes.io/h2c": "http2", "kubernetes.io/ws": "http", "kubernetes.io/wss": "https"}

// istioTCPPorts holds the port numbers on which Istio does not detect protocols.
var istioTCPPorts = []int32{25, 53, 3306, 27017}

// Speaks returns the protocol that Istio assumes for the rollout's port, or "" if it detects it.
func (istio) Speaks(r *rules.Rollout) string {
	s := &r.Service
	if p := istioAppProtocols[s.AppProtocol]; p != "" {
		return p
	}
	name := strings.ToLower(cmp.Or(s.AppProtocol, s.PortName, rules.DefaultPortName))
	if strings.HasPrefix(name, "grpc-web") {
		return "http"
	}
	first, _, _ := strings.Cut(name, "-")
	if protocol := istioProtocols[first]; protocol != "" || !slices.Contains(istioTCPPorts, s.Port) {
		return protocol
	}
	return "tcp"
}

// istioInject is the label or annotation that turns sidecar injection on or off for a pod.
const istioInject = "sidecar.istio.io/inject"

// OptsOut returns the field that keeps Istio's sidecar out of the pods, if their own sidecars measure them.
// Traffic is split by the clients' sidecars, so it needs none in the pods (pkg/kube/inject/inject.go,
// injectRequired; fluxcd/flagger pkg/metrics/observers/istio.go).
func (istio) OptsOut(r *rules.Rollout, pod *source.Pod, namespace map[string]string) (inPod bool, by string) {
	measured := slices.ContainsFunc(r.Analysis.Metrics, func(m flagger.Metric) bool { return rules.IsBuiltin(r.Builtin(m)) })
	own := cmp.Or(pod.Metadata.Labels[istioInject], pod.Metadata.Annotations[istioInject])
	switch {
	case !measured:
		return false, ""
	case own == "false":
		return true, istioInject + ": \"false\""
	case pod.Spec.HostNetwork:
		return true, "hostNetwork: true"
	case own == "" && namespace[istioInjection] == "disabled":
		return false, "istio-injection: disabled"
	}
	return false, ""
}

// checkIstioTCP reports fields without effect in a layer 4 route, which Flagger creates for appProtocol tcp
// (pkg/router/istio.go, isTcp).
func checkIstioTCP(r *rules.Rollout) {
	s := &r.Service
	if !strings.EqualFold(s.AppProtocol, "tcp") {
		return
	}
	for _, f := range []struct {
		name  string
		set   bool
		field schema.Path
	}{
		{"match", len(r.Analysis.Match) > 0, schema.Path{"analysis", "match"}},
		{"mirror", r.Analysis.Mirror, schema.Path{"analysis", "mirror"}},
		{"serviceMatch", slices.ContainsFunc(s.Match, isOfHTTP), schema.Path{"service", "match"}},
		{"rewrite", s.Rewrite != nil, schema.Path{"service", "rewrite"}},
		{"timeoutSeconds", s.Timeout != "", schema.Path{"service", "timeout"}},
		{"retries", s.Retries != nil, schema.Path{"service", "retries"}},
		{"headers", s.Headers != nil, schema.Path{"service", "headers"}},
		{"corsPolicy", s.CorsPolicy != nil, schema.Path{"service", "corsPolicy"}},
	} {
		if f.set {
			code := diag.NotOnRouter
			if f.field[0] == "analysis" {
				code = diag.RoutedOtherwise
			}
			r.Report(plainly(r, diag.NotOnIstio, code), f.field, f.name+" is for HTTP, but with appProtocol tcp Flagger writes a layer 4 route", "appProtocol: http, or remove the field")
		}
	}
	for i, m := range r.Analysis.Metrics {
		if name := r.Builtin(m); name != "" {
			r.Report(diag.NothingMeasured, rules.InMetrics(i, "name"), fmt.Sprintf("with appProtocol tcp, Istio counts no requests, so every check of %s fails", name), "appProtocol: http, or a customMetric")
		}
	}
}

// isOfHTTP reports whether a condition has more than a port. A layer 4 route keeps only the port
// (pkg/router/istio.go, canaryToL4Match).
func isOfHTTP(m flagger.Match) bool {
	none := api.StringMatch{}
	return m.URI != none || m.Method != none || len(m.Headers)+len(m.QueryParams) > 0
}

// checkProtocol reports a port whose protocol, to Istio, is not HTTP, although Flagger writes an HTTP route for
// it, as for every appProtocol except tcp. Sidecars then ignore the route and count no requests (istio/api
// networking/v1alpha3/virtual_service.proto, http). A gateway applies it whatever the port's name.
func (i istio) checkProtocol(r *rules.Rollout) {
	s := &r.Service
	protocol := i.Speaks(r)
	if strings.EqualFold(s.AppProtocol, "tcp") || slices.Contains([]string{"", "http", "http2", "grpc"}, protocol) || r.SkipAnalysis {
		return
	}
	counted := slices.ContainsFunc(r.Analysis.Metrics, func(m flagger.Metric) bool { return rules.IsBuiltin(r.Builtin(m)) })
	split := s.IsMeshed() && r.Strategy() != flagger.BlueGreen
	if !counted && !split {
		return
	}
	field, value := "portName", s.PortName
	if s.AppProtocol != "" {
		field, value = "appProtocol", s.AppProtocol
	}
	why := "counts no requests: Flagger's metrics have no value, and every check fails"
	if split {
		why = "applies no HTTP route: the new version gets no requests and has no metrics"
	}
	r.Report(diag.NothingMeasured, schema.Path{"service", field},
		fmt.Sprintf("Istio treats port %d as %s because of %s %s, and %s", s.Port, protocol, field, value, why),
		field+": http if the port speaks HTTP, or appProtocol: tcp with a customMetric for each metric")
}

// checkIstioRoute reports parts of the rollout's route that Istio would reject.
func checkIstioRoute(r *rules.Rollout) {
	s := &r.Service
	for _, p := range routeProblems(s) {
		r.Report(diag.BadRoute, schema.Path{"service"}.With(p.Path...), p.Message, p.Hint)
	}
	for i, m := range s.Match {
		for _, p := range matchProblems(m) {
			r.Report(diag.BadRoute, schema.Path{"service", "match", i}.With(p.Path...), p.Message, p.Hint)
		}
	}
	if w := s.Rewrite; w != nil && w.URI == "" && w.Authority == "" {
		r.Report(diag.BadRoute, schema.Path{"service", "rewrite"}, "rewrite has neither uri nor authority", "uri: /v2")
	}
	for i, m := range r.Analysis.Match {
		for _, name := range slices.Sorted(maps.Keys(m.Headers)) {
			if strings.HasPrefix(name, "@request.auth.claims") && s.IsMeshed() {
				r.Report(diag.BadRoute, schema.Path{"analysis", "match", i, "headers", name}, "Istio matches claims only at a gateway, not in sidecars", "gateways: [istio-system/public-gateway]")
			}
		}
	}
}

// routeProblems returns the problems that Istio's validation would find in the fields that Flagger copies into a
// VirtualService (pkg/config/validation, virtualservice.go and validation.go).
func routeProblems(s *flagger.Service) []rules.Problem {
	return slices.Concat(hostProblems(s), gatewayProblems(s.Gateways), retryProblems(s.Retries), headerProblems(s.Headers), corsProblems(s.CorsPolicy))
}

func hostProblems(s *flagger.Service) (all []rules.Problem) {
	mesh := s.IsMeshed()
	for n, host := range s.Hosts {
		at := schema.Path{"hosts", n}
		switch {
		case host == "*" && mesh:
			all = append(all, rules.Problem{Path: at, Message: "Istio accepts the host * only at a gateway, not in sidecars", Hint: "gateways: [istio-system/public-gateway]"})
		case host != "*" && badIstioHost(host):
			all = append(all, rules.Problem{Path: at, Message: fmt.Sprintf("%q is not a valid host for Istio", host), Hint: "backend.example.com, or *.example.com"})
		}
	}
	if len(all) > 0 {
		return all
	}
	hosts := s.Hosts // Flagger adds the name of the Service
	if !slices.Contains(hosts, "*") && !slices.Contains(hosts, s.Name) {
		hosts = append(slices.Clip(hosts), s.Name)
	}
	listed, seen := map[string]bool{}, map[string]bool{}
	for _, host := range hosts {
		listed[host] = true
	}
	for n, host := range hosts {
		other := host
		if !seen[host] {
			other = coveredBy(host, listed)
		}
		seen[host] = true
		if other != "" {
			at := schema.Path{"hosts", min(n, len(s.Hosts)-1)}
			all = append(all, rules.Problem{Path: at, Message: fmt.Sprintf("hosts %s and %s count as the same; Istio accepts each only once", other, host), Hint: "remove one of the two"})
		}
	}
	return all
}

// coveredBy returns the wildcard host that matches another host, or "".
func coveredBy(host string, hosts map[string]bool) string {
	switch {
	case host == "*":
		return ""
	case hosts["*"]:
		return "*"
	}
	_, domain, found := strings.Cut(strings.TrimPrefix(host, "*."), ".")
	for ; found; _, domain, found = strings.Cut(domain, ".") {
		if hosts["*."+domain] {
			return "*." + domain
		}
	}
	return ""
}

// badIstioHost reports whether a host is neither an IP address nor a domain, which may have a wildcard
// (ValidateWildcardDomain).
func badIstioHost(host string) bool {
	if net.ParseIP(host) != nil {
		return false
	}
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	_, err := strconv.Atoi(last)
	return badHost(host) != "" || err == nil && len(labels) > 1 || slices.ContainsFunc(labels, func(label string) bool { return len(label) > layout.MaxLabel })
}

func gatewayProblems(gateways []string) (all []rules.Problem) {
	for n, gateway := range gateways {
		if !isIstioGateway(gateway) {
			all = append(all, rules.Problem{Path: schema.Path{"gateways", n}, Message: fmt.Sprintf("%q is neither the name of a Gateway nor namespace/name without dots", gateway), Hint: "istio-system/public-gateway, or mesh"})
		}
	}
	return all
}

// isIstioGateway reports whether a text names a Gateway (validateGatewayNames).
func isIstioGateway(text string) bool {
	isLabel := func(label string) bool { return len(validation.IsDNS1123Label(label)) == 0 }
	if namespace, name, ok := strings.Cut(text, "/"); ok {
		return isLabel(namespace) && isLabel(name)
	}
	labels := strings.Split(text, ".")
	_, err := strconv.Atoi(labels[len(labels)-1])
	return len(text) <= 255 && err != nil && !slices.ContainsFunc(labels, func(label string) bool { return !isLabel(label) })
}

// retryProblems returns the problems that ValidateHTTPRetry in pkg/config/validation/agent finds. The schema
// already checks an Application's retryOn.
func retryProblems(retries *api.HTTPRetry) (all []rules.Problem) {
	if retries == nil {
		return nil
	}
	at := schema.Path{"retries"}
	if retries.Attempts == 0 && (retries.PerTryTimeout != "" || retries.RetryOn != "") {
		all = append(all, rules.Problem{Path: at, Message: "without attempts there are no retries; Istio then rejects perTryTimeout and retryOn", Hint: "attempts: 3"})
	}
	if d := retries.PerTryTimeout.Length(); retries.PerTryTimeout != "" && (d < time.Millisecond || d%time.Millisecond != 0) {
		all = append(all, rules.Problem{Path: at.With("perTryTimeout"), Message: "Istio accepts 1ms or more, in whole milliseconds", Hint: "perTryTimeout: 2s"})
	}
	if why := schema.RefuseRetryOn(retries.RetryOn); retries.RetryOn != "" && why != "" {
		all = append(all, rules.Problem{Path: at.With("retryOn"), Message: why + ", so Istio rejects it", Hint: "retryOn: " + schema.SuggestRetryOn(retries.RetryOn)})
	}
	return all
}

// headerProblems returns the problems of headers that set the host, under either of its names. Only the
// request's may be set, and only once.
func headerProblems(headers *api.Headers) (all []rules.Problem) {
	if headers == nil {
		return nil
	}
	refuse := func(direction, operation string, name any, header string) {
		all = append(all, rules.Problem{Path: schema.Path{"headers", direction, operation, name}, Message: fmt.Sprintf("Istio cannot change the header %s here", header), Hint: "remove it"})
	}
	for _, o := range []struct {
		direction  string
		operations *api.HeaderOperations
	}{{"request", headers.Request}, {"response", headers.Response}} {
		if o.operations == nil {
			continue
		}
		set := 0
		for _, f := range []struct {
			operation string
			headers   map[string]string
		}{{"set", o.operations.Set}, {"add", o.operations.Add}} {
			for _, header := range slices.Sorted(maps.Keys(f.headers)) {
				if !namesHost(header) {
					continue
				}
				if set++; set > 1 || o.direction == "response" {
					refuse(o.direction, f.operation, header, header)
				}
			}
		}
		for n, header := range o.operations.Remove {
			if namesHost(header) {
				refuse(o.direction, "remove", n, header)
			}
		}
	}
	return all
}

func namesHost(header string) bool {
	return strings.EqualFold(header, "host") || header == ":authority"
}

func corsProblems(cors *api.CorsPolicy) []rules.Problem {
	if cors == nil || cors.MaxAge == "" {
		return nil
	}
	if d := cors.MaxAge.Length(); d < time.Second || d%time.Second != 0 {
		return []rules.Problem{{Path: schema.Path{"corsPolicy", "maxAge"}, Message: "Istio accepts 1s or more, in whole seconds", Hint: "maxAge: 24h"}}
	}
	return nil
}

// Rejected returns the parts of a Canary for which Istio would reject the VirtualService.
func (istio) Rejected(c *flagger.Canary) (all []rules.Problem) {
	s := &c.Service
	service := schema.Path{"spec", "service"}
	if !s.Delegation {
		all = below(service, routeProblems(s))
	}
	for i, m := range s.Match {
		all = append(all, below(service.With("match", i), matchProblems(m))...)
	}
	for i, m := range c.Analysis.Match {
		all = append(all, below(schema.Path{"spec", "analysis", "match", i}, matchProblems(m))...)
	}
	if cors := s.CorsPolicy; cors != nil {
		for i, origin := range cors.AllowOrigins {
			all = append(all, below(service.With("corsPolicy", "allowOrigins", i), rules.StringMatchProblems(origin, false))...)
		}
	}
	slices.SortStableFunc(all, func(a, b rules.Problem) int { return strings.Compare(a.Path.String(), b.Path.String()) })
	return all
}

// below prefixes the paths of problems.
func below(at schema.Path, problems []rules.Problem) []rules.Problem {
	for i, p := range problems {
		problems[i].Path = at.With(p.Path...)
	}
	return problems
}

// matchProblems returns the parts of a condition that Istio would reject.
func matchProblems(m flagger.Match) []rules.Problem {
	all := gatewayProblems(m.Gateways)
	for field, condition := range map[string]api.StringMatch{"authority": m.Authority, "method": m.Method, "scheme": m.Scheme, "uri": m.URI} {
		if condition != (api.StringMatch{}) {
			all = append(all, below(schema.Path{field}, rules.StringMatchProblems(condition, false))...)
		}
	}
	for field, conditions := range map[string]map[string]api.StringMatch{"headers": m.Headers, "withoutHeaders": m.WithoutHeaders, "queryParams": m.QueryParams} {
		for name, condition := range conditions {
			if anyValue := field == "withoutHeaders" && condition.Regex == "*"; !anyValue {
				all = append(all, below(schema.Path{field, name}, rules.StringMatchProblems(condition, false))...)
			}
		}
	}
	return all
}

// An IstioHost is a host at a gateway.
type IstioHost struct{ Host, Gateway string }

// InMesh reports whether sidecars, not a gateway, route the host's requests.
func (h IstioHost) InMesh() bool { return h.Gateway == flagger.MeshGateway }

// IstioHosts returns the hosts of a rollout's VirtualService, except the name of its Service, each at every
// gateway and with its index in the Canary.
func IstioHosts(r *rules.Rollout) iter.Seq2[int, IstioHost] {
	return func(yield func(int, IstioHost) bool) {
		if r.Provider != flagger.Istio {
			return
		}
		gateways := r.Service.Gateways
		if len(gateways) == 0 {
			gateways = []string{flagger.MeshGateway}
		}
		for n, host := range r.Service.Hosts {
			for _, gateway := range gateways {
				if gateway != flagger.MeshGateway && !strings.Contains(gateway, "/") {
					gateway = r.ID.Namespace + "/" + gateway
				}
				if !yield(n, IstioHost{host, strings.Replace(gateway, "./", r.ID.Namespace+"/", 1)}) {
					return
				}
			}
		}
	}
}
