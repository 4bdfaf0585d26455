package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/source"
)

// apex is the Service that Flagger takes over, or makes.
func (r *Rollout) apex() manifest.Identity {
	return manifest.Identity{Kind: "Service", Namespace: r.ID.Namespace, Name: r.Service.Name}
}

// ownService returns the application's own Service of the rollout's name, or nil. It is made anew by
// Flagger where the patches that fleetwright adds remove it from what is applied.
func (r *Rollout) ownService() (o *source.Object, s *source.Service, anew bool) {
	if r.Manifests == nil {
		return nil, nil, false
	}
	if found := r.Manifests.Get(r.apex()); found != nil {
		o = found.Object
	} else if o = r.Manifests.GetPlain(r.apex()); o != nil {
		anew = true
	} else {
		return nil, nil, false
	}
	return o, source.Read[source.Service](o), anew
}

// selects reports whether labels carry all those of a selector.
func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}

// checkOwnService reports what the application's own Service loses as Flagger takes it over: selector
// and ports, and nothing else. One that Flagger makes anew has only what the Canary says
// (pkg/router/kubernetes_default.go, reconcileService).
func checkOwnService(r *Rollout) {
	o, s, anew := r.ownService()
	_, w := r.workload()
	if s == nil || w == nil {
		return
	}
	label, value := r.selectedBy(w)
	if label == "" {
		return // which is reported
	}
	report := func(message, hint string) { r.Report(diag.ServiceChanged, serviceName, message, hint) }
	kind := s.Spec.Type
	another := fmt.Sprintf("type: ClusterIP here, and another Service of type %s", kind)
	switch {
	case kind == "ExternalName" && !anew:
		report(called(o)+" stays an ExternalName, so no request reaches the workload", "type: ClusterIP")
	case (kind == "NodePort" || kind == "LoadBalancer") && anew:
		report(
			fmt.Sprintf("Flagger replaces %s by one of type ClusterIP: requests from outside the cluster reach nothing", called(o)),
			another+fmt.Sprintf(" with selector: {%s: %s}", label, value+PrimarySuffix))
	case r.Provider == flagger.Kubernetes && (kind == "NodePort" || kind == "LoadBalancer"):
		checkNodePort(r, o, s) // all requests go to the primary, from wherever they come
	case kind == "NodePort" || kind == "LoadBalancer":
		report(
			fmt.Sprintf("%s is a %s: requests from outside the cluster all go to the primary, none to the new version", called(o), kind),
			outside[r.Provider])
		checkNodePort(r, o, s)
	case s.Spec.ClusterIP == "None" && anew:
		report(fmt.Sprintf("Flagger replaces %s, which is headless, by one with a cluster IP: clients no longer find the pods by DNS", called(o)),
			fmt.Sprintf("another headless Service with selector: {%s: %s}", label, value+PrimarySuffix))
	case s.Spec.ClusterIP == "None" && r.Provider != flagger.Kubernetes:
		report(fmt.Sprintf("%s is headless: DNS answers with the primary's pods, and who connects to one by its address takes no part in the split", called(o)),
			fmt.Sprintf("no clusterIP: None here, and another headless Service with selector: {%s: %s} for those who need the pods", label, value+PrimarySuffix))
	}
	if kind != "ExternalName" && !selects(s.Spec.Selector, w.Spec.Template.Metadata.Labels) {
		report(
			fmt.Sprintf("%s does not select the pods of %s %s, but Flagger points it at them", called(o), r.TargetRef.Kind, r.TargetRef.Name),
			"serviceName: with a name that no other Service has")
	}
	checkTarget(r, o, s, w)
	checkPortName(r, o, s)
	if anew {
		checkServiceMetadata(r, o, s)
	}
}

// outside is how requests from outside a cluster take part in a rollout, by provider.
var outside = map[string]string{
	flagger.GatewayAPI: "gatewayRefs: and hosts: of the rollout, and type: ClusterIP",
	flagger.Istio:      "gateways: and hosts: of the rollout, and type: ClusterIP",
	flagger.Kuma:       "type: ClusterIP, and let requests in through a gateway that has a sidecar",
	flagger.Nginx:      "type: ClusterIP, and let requests in through the rollout's host",
}

// checkTarget reports a port that leads to another one of the containers than before.
func checkTarget(r *Rollout, o *source.Object, s *source.Service, w *source.Workload) {
	for _, p := range s.Spec.Ports {
		if p.Port != r.Service.Port || !isTCP(p.Protocol) {
			continue
		}
		before, ok := find(w, func(c source.ContainerPort) bool { return leadsTo(p.Port, &p.TargetPort, c) })
		after, found := r.targeted(w)
		if ok && found && before.ContainerPort != after.ContainerPort {
			r.Report(diag.ServiceChanged, r.portField(),
				fmt.Sprintf("port %d of %s leads to %d, and Flagger points it at %d", p.Port, called(o), before.ContainerPort, after.ContainerPort),
				"targetPort: "+cmp.Or(before.Name, strconv.Itoa(int(before.ContainerPort))))
		}
	}
}

// checkNodePort reports node ports that change: Flagger keeps that of a port of the same name.
func checkNodePort(r *Rollout, o *source.Object, s *source.Service) {
	for _, p := range s.Spec.Ports {
		if name := cmp.Or(r.Service.PortName, DefaultPortName); p.Port == r.Service.Port && p.NodePort > 0 && p.Name != name {
			hint := "portName: " + p.Name
			if p.Name == "" {
				hint = fmt.Sprintf("name: %s, for the port in the manifest", name)
			}
			r.Report(diag.ServiceChanged, serviceName,
				fmt.Sprintf("%s loses node port %d: Flagger calls the port %s and keeps node ports by name", called(o), p.NodePort, name),
				hint)
		}
	}
}

// checkPortName reports Ingresses that ask for a port by a name that it does not keep.
func checkPortName(r *Rollout, o *source.Object, s *source.Service) {
	name := cmp.Or(r.Service.PortName, DefaultPortName)
	i := slices.IndexFunc(s.Spec.Ports, func(p source.ServicePort) bool { return p.Port == r.Service.Port && p.Name != "" && p.Name != name })
	if i < 0 {
		return
	}
	former := s.Spec.Ports[i].Name
	for found := range r.Manifests.Find("networking.k8s.io", "Ingress") {
		ingress := source.Read[source.Ingress](found.Object)
		if ingress == nil || found.ID.Namespace != r.ID.Namespace {
			continue
		}
		for _, b := range ingress.Backends() {
			if b.Service.Name == r.Service.Name && b.Service.Port.Name == former {
				r.Report(diag.ServiceChanged, serviceName,
					fmt.Sprintf("%s asks for port %s of %s, which Flagger renames to %s", called(found.Object), former, called(o), name),
					"portName: "+former)
				return
			}
		}
	}
}

// checkServiceMetadata reports annotations, and labels that a ServiceMonitor selects by, that the
// Service which Flagger makes anew does not have.
func checkServiceMetadata(r *Rollout, o *source.Object, s *source.Service) {
	apex := r.Service.Apex
	if apex == nil {
		apex = &flagger.Metadata{}
	}
	var lost []string
	for _, key := range slices.Sorted(maps.Keys(s.Metadata.Annotations)) {
		prefix, _, _ := strings.Cut(key, "/")
		if _, ok := apex.Annotations[key]; !ok && prefix != "helm.sh" && prefix != "meta.helm.sh" {
			lost = append(lost, key)
		}
	}
	if len(lost) > 0 {
		r.Report(diag.ServiceChanged, serviceName, fmt.Sprintf("Flagger makes %s anew without its annotations %s", called(o), diag.Some(lost, 3)),
			fmt.Sprintf("patches: of the Canary, with spec: {service: {apex: {annotations: {%s: %q}}}}", lost[0], s.Metadata.Annotations[lost[0]]))
	}
	labels := maps.Clone(apex.Labels)
	for found := range r.Manifests.Find("monitoring.coreos.com", "ServiceMonitor") {
		m := source.Read[source.Selecting](found.Object)
		if m == nil || found.ID.Namespace != r.ID.Namespace || len(m.Spec.Selector.MatchExpressions) > 0 {
			continue
		}
		if by := m.Spec.Selector.MatchLabels; selects(by, s.Metadata.Labels) && !selects(by, labels) {
			key := slices.Sorted(maps.Keys(by))[0]
			r.Report(diag.ServiceChanged, serviceName,
				fmt.Sprintf("Flagger makes %s anew without the labels that %s selects by", called(o), called(found.Object)),
				fmt.Sprintf("patches: of the Canary, with spec: {service: {apex: {labels: {%s: %s}}}}", key, by[key]))
			return
		}
	}
}

// selecting are the kinds that select pods by labels, by their groups.
var selecting = []struct{ group, kind string }{
	{"policy", "PodDisruptionBudget"}, {"networking.k8s.io", "NetworkPolicy"}, {"monitoring.coreos.com", "PodMonitor"},
	{"security.istio.io", "AuthorizationPolicy"}, {"security.istio.io", "PeerAuthentication"}, {"security.istio.io", "RequestAuthentication"},
	{"cilium.io", "CiliumNetworkPolicy"},
}

// checkSelecting reports objects that select the pods of the workload by the label by which Flagger
// tells them from the primary's: between rollouts the primary's are the only ones.
func checkSelecting(r *Rollout) {
	_, w := r.workload()
	if w == nil {
		return
	}
	label, value := r.selectedBy(w)
	if label == "" {
		return
	}
	misses := func(selector map[string]string) bool {
		return selector[label] == value && selects(selector, w.Spec.Template.Metadata.Labels)
	}
	for found := range r.Manifests.Find("", "Service") {
		s := source.Read[source.Service](found.Object)
		if s == nil || found.ID.Namespace != r.ID.Namespace || !misses(s.Spec.Selector) || r.isMade(found.Name) {
			continue
		}
		r.Report(diag.PrimaryNotSelected, targetName,
			fmt.Sprintf("%s selects %s: %s and is empty between rollouts: the primary's pods carry %s", called(found.Object), label, value, value+PrimarySuffix),
			fmt.Sprintf("selector: {%s: %s} in it", label, value+PrimarySuffix))
	}
	for _, k := range selecting {
		for found := range r.Manifests.Find(k.group, k.kind) {
			s := source.Read[source.Selecting](found.Object)
			if s == nil || found.ID.Namespace != r.ID.Namespace {
				continue
			}
			for _, by := range []source.Selector{s.Spec.Selector, s.Spec.PodSelector, s.Spec.EndpointSelector} {
				if len(by.MatchExpressions) == 0 && misses(by.MatchLabels) {
					r.Report(diag.PrimaryNotSelected, targetName,
						fmt.Sprintf("%s selects %s: %s and misses the primary's pods, which carry %s", called(found.Object), label, value, value+PrimarySuffix),
						fmt.Sprintf("matchExpressions: [{key: %s, operator: In, values: [%s, %s]}] in it", label, value, value+PrimarySuffix))
				}
			}
		}
	}
}

// isMade reports whether a Service of a name is one of the three of the rollout.
func (r *Rollout) isMade(name string) bool {
	return name == r.Service.Name || name == r.Service.Name+CanarySuffix || name == r.Service.Name+PrimarySuffix
}
