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

// A target is where a command of a load test sends its requests.
type target struct {
	text, host string
	port       int
	// service and namespace that the host names, or nothing.
	service, namespace string
}

// authority matches what of a URL, or of host:port, names the server.
var authority = lazyregexp.New(`(?s)^(.*?://)?[^/?#]*`)

// targetOf reads a word as a URL, or for ghz as host:port, as seen from a namespace.
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

// checkTargets reports load of a test that does not reach the rollout. Only what can
// be told without running the script is looked at: a command with a target that
// depends on a variable is left alone.
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
		return // checkReach tells where it has to go
	}
	want := r.canaryURL()
	if hosts := r.IngressHosts(); len(hosts) > 0 && r.Strategy() != flagger.BlueGreen { // whose Ingress has the old version
		want = "http://" + hosts[0]
	}
	if r.Provider == flagger.Nginx && r.Ingress == nil && r.Strategy() != flagger.BlueGreen && r.isOwn(first) {
		r.Report(diag.LoadTestElsewhere, at, fmt.Sprintf("the load goes to %s and not through the Ingress, which is where nginx splits the traffic", first.host),
			"load through the Ingress, with its host: hey -host app.example.com http://ingress-nginx-controller.ingress-nginx/ …")
		return
	}
	hint := strings.Replace(hostOption().ReplaceAllString(script, ""), first.text, want, 1)
	if strings.Contains(strings.TrimSpace(script), "\n") || !strings.Contains(first.text, "://") {
		hint = strings.TrimPrefix(want, "http://")
	}
	if hint == script {
		hint = want // it is written with escapes
	}
	message := fmt.Sprintf("the load goes to %s, and this rollout is of the Service %s in namespace %s", first.host, r.Service.Name, r.ID.Namespace)
	switch {
	case r.proxy() == Contour && first.namespace != r.ID.Namespace && len(r.Service.Hosts) > 0 && !routed:
		message, hint = fmt.Sprintf("the load goes to %s, for which the rollout has no route: its hosts are others", first.host), r.gatewayHint(script, first)
	case first.namespace != r.ID.Namespace:
	case r.Provider == flagger.Nginx && first.service == r.Service.Name:
		message = fmt.Sprintf("the load goes to the Service %s and not through the Ingress, which is where nginx splits the traffic", first.service)
	case r.isService(first.service):
		message = fmt.Sprintf("the load goes to port %d of %s, and the Service is on %d", first.port, first.host, r.Service.Port)
	case first.service == r.Service.Name+PrimarySuffix:
		message = fmt.Sprintf("the load goes to %s, which is the old version", first.host)
	}
	r.Report(diag.LoadTestElsewhere, at, message, hint)
}

// withoutDefault are the load generators that take no host without a scheme: hey reads its URL by
// net/http (rakyll/hey hey.go), which knows no scheme shop or none, and wrk refuses it (wg/wrk
// src/main.c). curl, wget and ghz do without.
var withoutDefault = []string{"hey", "wrk"}

// checkScheme reports load of the rollout to a host without a scheme, which sends nothing.
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
		r.Report(diag.LoadTestElsewhere, at, fmt.Sprintf("%s sends nothing to %s, which has no scheme", path.Base(call.Name), last.Text), hint)
		return true
	}
	return false
}

// serviceOf returns the Service that a host names as seen from a namespace, or nothing.
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

// mayBeRoute reports whether the load may come in from outside the cluster: a rollout on
// kuma does not say by which name it does, as on Istio and nginx.
func (r *Rollout) mayBeRoute(t target) bool {
	return r.mayBeGateway(t) || r.mayBeIstioGateway(t) || r.hasUnknownDoor() && !r.isOwn(t) || r.proxy() == flagger.Kuma && r.mesh() != "" && t.namespace == "" && strings.Contains(t.host, ".") && net.ParseIP(t.host) == nil
}

// mayBeIstioGateway reports whether the load may come in by a gateway whose route takes any host, or delegates.
func (r *Rollout) mayBeIstioGateway(t target) bool {
	s := &r.Service
	atGateway := slices.Contains(s.Hosts, "*") && slices.ContainsFunc(s.Gateways, func(name string) bool { return name != "mesh" })
	return r.Provider == flagger.Istio && (s.Delegation || atGateway) && t.namespace != r.ID.Namespace
}

// hasUnknownDoor reports whether requests come in by a gateway, or by an Ingress, of which the Canary does not tell
// the host, and the input neither.
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

// isTarget reports whether the load reaches the new version, and is counted. On nginx
// the Service alone is the old version: the Ingress splits the traffic. Knative splits that of its own
// Service, of which the Canary names no port.
func (r *Rollout) isTarget(t target) bool {
	if r.Provider == flagger.Knative {
		return t.namespace == r.ID.Namespace && t.service == r.TargetRef.Name
	}
	return t.namespace == r.ID.Namespace && r.isService(t.service) &&
		(r.Provider != flagger.Nginx || t.service != r.Service.Name) &&
		(t.port == int(r.Service.Port) || r.Service.Port == 0 || r.Service.PortDiscovery) // or no port that is one
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
