package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
)

var (
	servicePort = schema.Path{"service", "port"}
	serviceName = schema.Path{"service", "name"}
)

// DefaultPortName is the default name of a Service's port (pkg/router/kubernetes_default.go, reconcileService).
const DefaultPortName = "http"

// declared returns the ports of a workload's containers, including sidecars (k8s.io/kubernetes
// pkg/api/v1/pod/util.go, FindPort).
func declared(w *source.Workload) (all []source.ContainerPort) {
	for _, c := range w.Spec.Template.Spec.Containers {
		all = append(all, c.Ports...)
	}
	for _, c := range w.Spec.Template.Spec.InitContainers {
		if c.RestartPolicy == "Always" {
			all = append(all, c.Ports...)
		}
	}
	return all
}

func isTCP(protocol string) bool { return protocol == "" || protocol == "TCP" }

// portField is the field that decides which container port gets the requests.
func (r *Rollout) portField() schema.Path {
	if r.Service.TargetPort != nil {
		return schema.Path{"service", "targetPort"}
	}
	return servicePort
}

// leadsTo reports whether a Service port targets a container port.
func leadsTo(port int32, target *intstr.IntOrString, p source.ContainerPort) bool {
	switch {
	case target == nil || target.String() == "0" || target.String() == "":
		return p.ContainerPort == port
	case target.StrVal != "":
		return p.Name == target.StrVal
	}
	return p.ContainerPort == target.IntVal
}

// isTargeted reports whether the rollout's Service targets a container port.
func (r *Rollout) isTargeted(p source.ContainerPort) bool {
	return leadsTo(r.Service.Port, r.Service.TargetPort, p)
}

// targeted returns the container port that the Service targets, if one is declared. Flagger's Services are TCP.
func (r *Rollout) targeted(w *source.Workload) (port source.ContainerPort, ok bool) {
	return find(w, r.isTargeted)
}

// find returns a declared container port that fits, preferably a TCP port.
func find(w *source.Workload, fits func(source.ContainerPort) bool) (port source.ContainerPort, ok bool) {
	all := declared(w)
	i := slices.IndexFunc(all, func(p source.ContainerPort) bool { return isTCP(p.Protocol) && fits(p) })
	if i < 0 {
		i = slices.IndexFunc(all, fits)
	}
	if i < 0 {
		return source.ContainerPort{}, false
	}
	return all[i], true
}

// checkPorts reports a Service port that targets no container port.
func checkPorts(r *Rollout) {
	found, w := r.workload()
	if w == nil || r.Service.Port == 0 {
		return
	}
	port, ok := r.targeted(w)
	if ok {
		checkProtocol(r, found, port)
		return
	}
	var names, numbers, all []string
	for _, p := range declared(w) {
		if !isTCP(p.Protocol) {
			continue
		}
		number := strconv.Itoa(int(p.ContainerPort))
		numbers = append(numbers, number)
		if p.Name != "" {
			names = append(names, p.Name)
			number += " (" + p.Name + ")"
		}
		all = append(all, number)
	}
	hint := "targetPort: one of these ports"
	if len(all) == 1 {
		hint = "targetPort: " + append(names, numbers...)[0]
	}
	t := r.Service.TargetPort
	switch {
	case t != nil && t.StrVal != "" && len(all) == 0:
		r.Report(diag.NoContainerPort, r.portField(),
			fmt.Sprintf("no container of %s has a port named %s, so every request fails", called(found.Object), t.StrVal),
			"targetPort: 8080, or the number that the container listens on")
	case t != nil && t.StrVal != "":
		if near := diag.Nearest(t.StrVal, names); near != "" {
			hint = "targetPort: " + near
		}
		r.Report(diag.NoContainerPort, r.portField(),
			fmt.Sprintf("no container of %s has a port named %s, so every request fails; its ports are %s", called(found.Object), t.StrVal, diag.Some(all, 5)),
			hint)
	case len(all) > 0:
		number := r.Service.Port
		if t != nil && t.IntVal > 0 {
			number = t.IntVal
		}
		r.Report(diag.UndeclaredPort, r.portField(),
			fmt.Sprintf("requests go to port %d, which no container of %s declares; its ports are %s", number, called(found.Object), diag.Some(all, 5)),
			hint)
	}
}

// declares reports whether the manifests declare container ports.
func (r *Rollout) declares() bool {
	_, w := r.workload()
	return w != nil && len(declared(w)) > 0
}

// protocols are the protocols in the name or the appProtocol of a port, by their meaning to a proxy (istio.io,
// Protocol Selection; kubernetes KEP-3726). In a name, the part before the first hyphen counts.
var protocols = map[string]string{
	"http": "http", "http2": "http2", "h2c": "http2", "grpc": "grpc", "https": "https", "tls": "tls",
	"grpc-web": "http", "kubernetes.io/h2c": "http2", "kubernetes.io/ws": "http", "kubernetes.io/wss": "https",
	"redis": "redis", "mysql": "mysql", "mongo": "mongo", "postgres": "postgres", "postgresql": "postgres", "amqp": "amqp", "kafka": "kafka",
}

// mistaken are the protocols that break if a proxy treats them as another, by that other one.
var mistaken = map[string][]string{
	"http":  {"grpc", "https", "tls", "redis", "mysql", "mongo", "postgres", "amqp", "kafka"},
	"http2": {"https", "tls", "redis", "mysql", "mongo", "postgres", "amqp", "kafka"},
	"grpc":  {"https", "tls", "redis", "mysql", "mongo", "postgres", "amqp", "kafka"},
}

// surelyMistaken are those that count only in an appProtocol: ports are often named tcp or http whatever they
// speak.
var surelyMistaken = map[string][]string{"http": {"tcp"}, "http2": {"tcp"}, "grpc": {"tcp", "http"}}

// checkProtocol reports a port whose protocol differs from the proxies' assumption.
func checkProtocol(r *Rollout, found *source.Found, port source.ContainerPort) {
	at := servicePort
	if r.Service.AppProtocol != "" {
		at = schema.Path{"service", "appProtocol"}
	}
	if !isTCP(port.Protocol) {
		r.Report(diag.PortSpeaksOther, at,
			fmt.Sprintf("port %d of %s is %s, but Flagger creates only TCP Services", port.ContainerPort, called(found.Object), port.Protocol),
			"port: a TCP port, or remove the rollout")
		return
	}
	taken := r.On.Speaks(r)
	protocol, where, sure := r.said(found, port)
	if !slices.Contains(mistaken[taken], protocol) && !(sure && slices.Contains(surelyMistaken[taken], protocol)) {
		return
	}
	hint := "appProtocol: tcp"
	if protocol == "grpc" || protocol == "http" {
		hint = "appProtocol: " + protocol
	}
	r.Report(diag.PortSpeaksOther, at,
		fmt.Sprintf("%s treats port %d as %s, but %s indicates %s, so requests fail", r.Provider, r.Service.Port, taken, where, protocol),
		hint)
}

// said returns the protocol of the rollout's port according to the manifests, and whether an appProtocol states
// it.
func (r *Rollout) said(found *source.Found, port source.ContainerPort) (protocol, where string, sure bool) {
	if o, s, _ := r.ownService(); s != nil {
		for _, p := range s.Spec.Ports {
			if p.Port != r.Service.Port {
				continue
			}
			if app := strings.ToLower(p.AppProtocol); app != "" {
				return cmp.Or(protocols[app], app), "the appProtocol in " + called(o), true
			}
			if by := byName(p.Name); by != "" {
				return by, fmt.Sprintf("its name in %s", called(o)), false
			}
		}
	}
	return byName(port.Name), fmt.Sprintf("its name in %s", called(found.Object)), false
}

// byName returns the protocol that a port's name begins with, or nothing. grpc-web is HTTP.
func byName(name string) string {
	if name == "grpc-web" || strings.HasPrefix(name, "grpc-web-") {
		return "http"
	}
	first, _, _ := strings.Cut(name, "-")
	return protocols[first]
}

// discovered are the ports that Flagger adds to its Services with portDiscovery, by their names
// (pkg/canary/util.go, getPorts).
func (r *Rollout) discovered(w *source.Workload) map[string]int32 {
	ports := map[string]int32{}
	for _, c := range w.Spec.Template.Spec.Containers {
		if c.Name == "istio-proxy" || c.Name == "envoy" {
			continue
		}
		for i, p := range c.Ports {
			if !r.isTargeted(p) {
				ports[cmp.Or(p.Name, fmt.Sprintf("tcp-%s-%d", c.Name, i))] = p.ContainerPort
			}
		}
	}
	return ports
}

// collision returns why Kubernetes rejects the Services that Flagger creates with portDiscovery, or nothing.
func (r *Rollout) collision(w *source.Workload) string {
	own := cmp.Or(r.Service.PortName, DefaultPortName)
	names := map[int32]string{r.Service.Port: own}
	ports := r.discovered(w)
	for _, name := range slices.Sorted(maps.Keys(ports)) {
		number := ports[name]
		if name == own {
			return fmt.Sprintf("its port %d and container port %d are both named %s", r.Service.Port, number, name)
		}
		if other := names[number]; other != "" {
			return fmt.Sprintf("its ports %s and %s are both %d", other, name, number)
		}
		names[number] = name
	}
	return ""
}

// checkDiscovery reports ports that cannot share a Service.
func checkDiscovery(r *Rollout) {
	found, w := r.workload()
	if w == nil || !r.Service.PortDiscovery {
		return
	}
	if why := r.collision(w); why != "" {
		r.Report(diag.PortsCollide, schema.Path{"service", "portDiscovery"},
			fmt.Sprintf("portDiscovery adds the ports of %s, and Kubernetes rejects the Service: %s", called(found.Object), why), r.uncollide(w))
	}
}

// uncollide returns a hint that resolves the collision of the discovered ports.
func (r *Rollout) uncollide(w *source.Workload) string {
	number, byName := r.discovered(w)[cmp.Or(r.Service.PortName, DefaultPortName)]
	switch {
	case !byName:
		return "remove portDiscovery, or give one of the two another number"
	case r.Service.TargetPort == nil:
		return "targetPort: " + strconv.Itoa(int(number))
	}
	for _, name := range []string{DefaultPortName, "web"} {
		if _, taken := r.discovered(w)[name]; !taken && name != cmp.Or(r.Service.PortName, DefaultPortName) {
			return "portName: " + name
		}
	}
	return "remove portDiscovery"
}

// checkDroppedPorts reports the ports that Flagger removes from the application's Service.
func checkDroppedPorts(r *Rollout) {
	o, s, _ := r.ownService()
	_, w := r.workload()
	if s == nil || w == nil {
		return
	}
	discovered := map[int32]bool{}
	for _, number := range r.discovered(w) {
		discovered[number] = true
	}
	var dropped, lost []string
	var has bool
	for _, p := range s.Spec.Ports {
		findable := isTCP(p.Protocol) && discovered[p.Port]
		if p.Port == r.Service.Port && isTCP(p.Protocol) {
			has = true
			continue
		}
		if findable && r.Service.PortDiscovery {
			continue
		}
		port := strconv.Itoa(int(p.Port))
		if p.Name != "" {
			port += " (" + p.Name + ")"
		}
		dropped = append(dropped, port)
		if !findable {
			lost = append(lost, port)
		}
	}
	if len(dropped) == 0 {
		return
	}
	label, value := r.selectedBy(w)
	another := fmt.Sprintf("another Service with selector: {%s: %s} for %s", label, value+PrimarySuffix, diag.Some(lost, 5))
	hint := "portDiscovery: true"
	switch {
	case !has && len(s.Spec.Ports) == 1 && isTCP(s.Spec.Ports[0].Protocol):
		hint = fmt.Sprintf("port: %d", s.Spec.Ports[0].Port)
		if p, ok := r.targeted(w); ok && p.ContainerPort != s.Spec.Ports[0].Port {
			hint += fmt.Sprintf(" and targetPort: %s", cmp.Or(p.Name, strconv.Itoa(int(p.ContainerPort))))
		}
	case label == "":
		return // reported elsewhere
	case len(lost) == len(dropped):
		hint = another
	default:
		if r.collision(w) != "" {
			hint += " and " + r.uncollide(w)
		}
		if len(lost) > 0 {
			hint += ", and " + another
		}
	}
	noun, which := "port", "this port"
	if len(dropped) > 1 {
		noun, which = "ports", "these ports"
	}
	r.Report(diag.ServicePortsDropped, servicePort,
		fmt.Sprintf("Flagger drops %s %s from %s, so clients of %s fail", noun, diag.Some(dropped, 5), called(o), which),
		hint)
}

// served returns the ports of a Service once Flagger runs the rollout. It returns false if they are unknown.
func (r *Rollout) served(name, namespace string) (ports []int, known bool) {
	if namespace == r.ID.Namespace && r.isMade(name) {
		ports = []int{int(r.Service.Port)}
		if !r.Service.PortDiscovery {
			return ports, true
		}
		_, w := r.workload()
		if w == nil {
			return nil, false
		}
		for _, number := range r.discovered(w) {
			ports = append(ports, int(number))
		}
		slices.Sort(ports)
		return ports, true
	}
	o := r.Manifests.Get(manifest.Identity{Kind: "Service", Namespace: namespace, Name: name})
	if o == nil {
		return nil, false
	}
	s := source.Read[source.Service](o.Object)
	if s == nil || s.Spec.Type == "ExternalName" || s.Spec.ClusterIP == "None" {
		return nil, false
	}
	for _, p := range s.Spec.Ports {
		ports = append(ports, int(p.Port))
	}
	return ports, true
}

// checkAskedPorts reports URLs of webhooks and their commands with a port that the Service does not have.
func checkAskedPorts(r *Rollout) {
	if r.Manifests == nil {
		return
	}
	for i, w := range r.Analysis.Webhooks {
		at := inAnalysis("webhooks", i)
		if r.Has(at.With("url")...) && !w.RunsTask() {
			r.checkAsked(w.URL, "", "", at.With("url"))
		}
		if !w.RunsTask() || !flagger.Tasks[w.Task()].Shell {
			continue
		}
		script, err := flagger.ParseScript(w.Metadata["cmd"])
		if err != nil {
			continue // reported elsewhere
		}
		_, from := ServiceAt(w.URL)
		r.checkAskedByScript(w, script, from, at.With("metadata", "cmd"))
	}
}

// checkAskedByScript reports the first URL of a script with a port that its Service does not have. checkTargets
// reports load that misses the rollout entirely.
func (r *Rollout) checkAskedByScript(w flagger.Webhook, script flagger.Script, from string, at schema.Path) {
	for _, call := range script.Calls {
		if flagger.IsLoadGenerator(call.Name) && w.Kind() == flagger.RolloutHook && !r.Service.PortDiscovery {
			continue
		}
		for _, word := range call.Words {
			if word.Known && r.checkAsked(word.Text, call.Name, from, at) {
				return
			}
		}
	}
}

// checkAsked reports an address with a port that its Service does not have.
func (r *Rollout) checkAsked(address, command, from string, at schema.Path) bool {
	t, ok := targetOf(address, command, from)
	if !ok || t.service == "" {
		return false
	}
	ports, known := r.served(t.service, t.namespace)
	if !known || slices.Contains(ports, t.port) {
		return false
	}
	var all []string
	for _, p := range ports {
		all = append(all, strconv.Itoa(p))
	}
	hint := "use a Service that has the port"
	if len(all) > 0 {
		hint = fmt.Sprintf("%s:%s", strings.TrimSuffix(t.text, fmt.Sprintf(":%d", t.port)), all[0])
	}
	r.Report(diag.LoadMissesPort, at,
		fmt.Sprintf("%s has no port %d, so the request always fails; its ports are %s", t.host, t.port, cmp.Or(diag.Some(all, 5), "none")),
		hint)
	return true
}
