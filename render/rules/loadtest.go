package rules

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
	"github.com/fleetwright/fleetwright/schema"
)

// A target is the server that a load test's command sends requests to.
type target struct {
	text, host string
	port       int
	// service and namespace are those in the host, or empty.
	service, namespace string
}

// authority matches the server part of a URL, or of host:port.
var authority = lazyregexp.New(`(?s)^(.*?://)?[^/?#]*`)

// targetOf parses a word as a URL, or for ghz as host:port, as seen from a namespace.
func targetOf(word, command, from string) (t target, ok bool) {
	address := word
	host, port, _ := strings.Cut(word, ":")
	if path.Base(command) == "ghz" && host != "" && port != "" && strings.Trim(port, "0123456789") == "" {
		address = "http://" + word
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return target{}, false
	}
	t = target{text: authority().FindString(word), host: strings.ToLower(u.Hostname()), port: 80}
	if u.Scheme == "https" {
		t.port = 443
	}
	if n, err := strconv.Atoi(u.Port()); err == nil {
		t.port = n
	}
	t.service, t.namespace = serviceOf(t.host, from)
	return t, true
}

// checkTargets reports a load test that does not reach the rollout. It judges only literal targets: a command
// whose target depends on a variable is skipped.
func checkTargets(r *Rollout, calls []flagger.Call, script string, at schema.Path, from string) {
	if checkScheme(r, calls, script, at, from) {
		return
	}
	var first target
	routed := false
	for _, call := range calls {
		if !flagger.IsLoadGenerator(call.Name) {
			continue
		}
		routed = routed || r.isRouted(headersOf(call)["host"])
		for _, w := range call.Words {
			if !w.Known {
				return
			}
			t, ok := targetOf(w.Text, call.Name, from)
			switch {
			case !ok:
			case r.isTarget(t), r.mayBeRoute(t), r.isRouted(t.host), r.isBelowRoute(t.host):
				return
			case first.host == "":
				first = t
			}
		}
	}
	if why := r.wrongDoor(first); first.host != "" && why != "" {
		r.Report(diag.LoadTestElsewhere, at, why, r.rightDoor(script, first))
		return
	}
	if first.host == "" || routed && (r.Provider != flagger.Nginx || first.namespace != r.ID.Namespace || !r.isService(first.service)) {
		return
	}
	if slices.Contains(entrances, r.Provider) && r.Strategy() == flagger.Weighted && r.isOwn(first) {
		return // checkReach reports it with the right target
	}
	want := r.canaryURL()
	if hosts := r.IngressHosts(); len(hosts) > 0 && r.Strategy() != flagger.BlueGreen { // whose Ingress leads to the stable version
		want = "http://" + hosts[0]
	}
	if r.Provider == flagger.Nginx && r.Ingress == nil && r.Strategy() != flagger.BlueGreen && r.isOwn(first) {
		r.Report(diag.LoadTestElsewhere, at, fmt.Sprintf("the load test targets %s and bypasses the Ingress, where nginx splits the traffic", first.host),
			"send the load through the Ingress, to its host: hey -host app.example.com http://ingress-nginx-controller.ingress-nginx/ …")
		return
	}
	hint := strings.Replace(hostOption().ReplaceAllString(script, ""), first.text, want, 1)
	if strings.Contains(strings.TrimSpace(script), "\n") || !strings.Contains(first.text, "://") {
		hint = strings.TrimPrefix(want, "http://")
	}
	if hint == script {
		hint = want // the script escapes the URL
	}
	host := first.host
	if host == first.service && first.namespace != "" {
		host += "." + first.namespace // in which it is another Service
	}
	message := fmt.Sprintf("the load test targets %s, but this rollout's Service is %s.%s", host, r.Service.Name, r.ID.Namespace)
	switch {
	case r.proxy() == Contour && first.namespace != r.ID.Namespace && len(r.Service.Hosts) > 0 && !routed:
		message, hint = fmt.Sprintf("the load test targets %s, which is not a host of the rollout", first.host), r.gatewayHint(script, first)
	case first.namespace != r.ID.Namespace:
	case r.Provider == flagger.Nginx && first.service == r.Service.Name:
		message = fmt.Sprintf("the load test targets the Service %s and bypasses the Ingress, where nginx splits the traffic", first.service)
	case r.isService(first.service):
		message = fmt.Sprintf("the load test targets port %d of %s, but the Service listens on %d", first.port, first.host, r.Service.Port)
	case first.service == r.Service.Name+PrimarySuffix:
		message = fmt.Sprintf("the load test targets %s, which is the stable version", first.host)
	}
	r.Report(diag.LoadTestElsewhere, at, message, hint)
}

// withoutDefault are the load generators that reject a host without a scheme: hey parses its URL by net/http
// (rakyll/hey hey.go), and wrk rejects it (wg/wrk src/main.c). curl, wget and ghz have a default.
var withoutDefault = []string{"hey", "wrk"}

// checkScheme reports load for a host without a scheme, which sends nothing.
func checkScheme(r *Rollout, calls []flagger.Call, script string, at schema.Path, from string) bool {
	for _, call := range calls {
		if len(call.Words) == 0 || !slices.Contains(withoutDefault, path.Base(call.Name)) {
			continue
		}
		last := call.Words[len(call.Words)-1]
		if t, ok := targetOf("http://"+last.Text, call.Name, from); !last.Known || strings.Contains(last.Text, "://") || !ok || !r.isService(t.service) || t.namespace != r.ID.Namespace {
			continue
		}
		hint := strings.Replace(script, last.Text, "http://"+last.Text, 1)
		if strings.Contains(strings.TrimSpace(script), "\n") {
			hint = "http://" + last.Text
		}
		r.Report(diag.LoadTestElsewhere, at, fmt.Sprintf("%s sends nothing, because %s has no scheme", path.Base(call.Name), last.Text), hint)
		return true
	}
	return false
}

// serviceOf returns the Service in a host name as seen from a namespace, or nothing.
func serviceOf(host, from string) (name, namespace string) {
	name, rest, ok := strings.Cut(host, ".")
	if !ok {
		return name, from
	}
	namespace, rest, _ = strings.Cut(rest, ".")
	if rest != "" && rest != "svc" && !strings.HasPrefix(rest, "svc.") {
		return "", ""
	}
	return name, namespace
}

// mayBeRoute reports whether the load may arrive from outside the cluster: a rollout on kuma does not name its
// hosts, unlike on istio and nginx.
func (r *Rollout) mayBeRoute(t target) bool {
	return r.mayBeGateway(t) || r.mayBeIstioGateway(t) || r.hasUnknownDoor() && !r.isOwn(t) || r.proxy() == flagger.Kuma && r.mesh() != "" && t.namespace == "" && strings.Contains(t.host, ".") && net.ParseIP(t.host) == nil
}

// mayBeIstioGateway reports whether the load may arrive through a gateway whose route delegates, or covers any
// host.
func (r *Rollout) mayBeIstioGateway(t target) bool {
	s := &r.Service
	atGateway := slices.Contains(s.Hosts, "*") && slices.ContainsFunc(s.Gateways, func(name string) bool { return name != "mesh" })
	return r.Provider == flagger.Istio && (s.Delegation || atGateway) && t.namespace != r.ID.Namespace
}

// hasUnknownDoor reports whether requests arrive through a gateway or an Ingress whose host neither the Canary
// nor the input names.
func (r *Rollout) hasUnknownDoor() bool {
	switch {
	case r.Ingress != nil && len(r.Ingress.Hosts) > 0, r.IsGatewayAPI(), slices.Contains([]string{flagger.Istio, flagger.Kubernetes, flagger.Kuma}, r.Provider):
		return false
	}
	return true
}

func (r *Rollout) isService(name string) bool {
	return name == r.Service.Name || name == r.Service.Name+CanarySuffix
}

// isTarget reports whether the load reaches the new version, and is counted. On nginx the Service itself leads
// to the stable version, because the Ingress splits the traffic. Knative splits the traffic of its Service,
// whose port the Canary does not name.
func (r *Rollout) isTarget(t target) bool {
	if r.Provider == flagger.Knative {
		return t.namespace == r.ID.Namespace && t.service == r.TargetRef.Name
	}
	return t.namespace == r.ID.Namespace && r.isService(t.service) &&
		(r.Provider != flagger.Nginx || t.service != r.Service.Name) &&
		(t.port == int(r.Service.Port) || r.Service.Port == 0 || r.Service.PortDiscovery) // or no port is known
}

// canaryURL returns the URL of the Service of the new version.
func (r *Rollout) canaryURL() string {
	address := "http://" + r.Service.Name + CanarySuffix + "." + r.ID.Namespace
	if r.Service.Port != 80 && r.Service.Port != 0 {
		address += ":" + strconv.Itoa(int(r.Service.Port))
	}
	return address
}

// IngressHosts returns the hosts of the rollout's Ingress, if it has one.
func (r *Rollout) IngressHosts() []string {
	if r.Ingress == nil {
		return nil
	}
	return slices.Clip(r.Ingress.Hosts)
}

// IngressPaths returns the paths of the rollout's Ingress, if it has one.
func (r *Rollout) IngressPaths() []IngressPath {
	if r.Ingress == nil {
		return nil
	}
	return r.Ingress.Paths
}
