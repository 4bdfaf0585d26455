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

// apex is the Service that Flagger creates or takes over.
func (r *Rollout) apex() manifest.Identity {
	return manifest.Identity{Kind: "Service", Namespace: r.ID.Namespace, Name: r.Service.Name}
}

// ownService returns the application's Service with the rollout's name, or nil. anew reports whether Flagger
// recreates it, because fleetwright's patches remove it from the applied manifests.
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

// selects reports whether labels have all labels of a selector.
func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}

// checkOwnService reports what the application's Service loses when Flagger takes it over: selector and ports. A
// Service that Flagger recreates has only the fields of the Canary (pkg/router/kubernetes_default.go,
// reconcileService).
func checkOwnService(r *Rollout) {
	o, s, anew := r.ownService()
	_, w := r.workload()
	if s == nil || w == nil {
		return
	}
	label, value := r.selectedBy(w)
	if label == "" {
		return // reported elsewhere
	}
	report := func(message, hint string) { r.Report(diag.ServiceChanged, serviceName, message, hint) }
	kind := s.Spec.Type
	another := fmt.Sprintf("type: ClusterIP in the Service, and another Service of type %s", kind)
	switch {
	case kind == "ExternalName" && !anew:
		report(called(o)+" stays of type ExternalName, so no request reaches the workload", "type: ClusterIP")
	case (kind == "NodePort" || kind == "LoadBalancer") && anew:
		report(
			fmt.Sprintf("Flagger replaces %s with one of type ClusterIP, so requests from outside the cluster fail", called(o)),
			another+fmt.Sprintf(" with selector: {%s: %s}", label, value+PrimarySuffix))
	case r.Provider == flagger.Kubernetes && (kind == "NodePort" || kind == "LoadBalancer"):
		checkNodePort(r, o, s) // all requests go to the primary, wherever they come from
	case kind == "NodePort" || kind == "LoadBalancer":
		report(
			fmt.Sprintf("%s is a %s, so all requests from outside the cluster go to the stable version", called(o), kind),
			outside[r.Provider])
		checkNodePort(r, o, s)
	case s.Spec.ClusterIP == "None" && anew:
		report(fmt.Sprintf("Flagger replaces the headless %s with one that has a cluster IP, so DNS no longer returns the pods", called(o)),
			fmt.Sprintf("another headless Service with selector: {%s: %s}", label, value+PrimarySuffix))
	case s.Spec.ClusterIP == "None" && r.Provider != flagger.Kubernetes:
		report(fmt.Sprintf("%s is headless, so DNS returns the stable version's pods, and clients that connect to them bypass the traffic split", called(o)),
			fmt.Sprintf("remove clusterIP: None from the Service, and add a headless Service with selector: {%s: %s} for clients of the pods", label, value+PrimarySuffix))
	}
	if kind != "ExternalName" && !selects(s.Spec.Selector, w.Spec.Template.Metadata.Labels) {
		report(
			fmt.Sprintf("%s selects other pods, but Flagger redirects it to the pods of %s %s", called(o), r.TargetRef.Kind, r.TargetRef.Name),
			"serviceName: with a name that no other Service uses")
	}
	checkTarget(r, o, s, w)
	checkPortName(r, o, s)
	if anew {
		checkServiceMetadata(r, o, s)
	}
}

// outside is how requests from outside a cluster become part of a rollout, by provider.
var outside = map[string]string{
	flagger.GatewayAPI: "set gatewayRefs and hosts in the rollout, and type: ClusterIP in the Service",
	flagger.Istio:      "set gateways and hosts in the rollout, and type: ClusterIP in the Service",
	flagger.Kuma:       "type: ClusterIP, and route requests from outside through a gateway with a sidecar",
	flagger.Nginx:      "type: ClusterIP, and route requests from outside through the rollout's host",
}

// checkTarget reports a port that targets another container port than before.
func checkTarget(r *Rollout, o *source.Object, s *source.Service, w *source.Workload) {
	for _, p := range s.Spec.Ports {
		if p.Port != r.Service.Port || !isTCP(p.Protocol) {
			continue
		}
		before, ok := find(w, func(c source.ContainerPort) bool { return leadsTo(p.Port, &p.TargetPort, c) })
		after, found := r.targeted(w)
		if ok && found && before.ContainerPort != after.ContainerPort {
			r.Report(diag.ServiceChanged, r.portField(),
				fmt.Sprintf("port %d of %s targets container port %d, but Flagger changes that to %d", p.Port, called(o), before.ContainerPort, after.ContainerPort),
				"targetPort: "+cmp.Or(before.Name, strconv.Itoa(int(before.ContainerPort))))
		}
	}
}

// checkNodePort reports node ports that change: Flagger keeps them by port name.
func checkNodePort(r *Rollout, o *source.Object, s *source.Service) {
	for _, p := range s.Spec.Ports {
		if name := cmp.Or(r.Service.PortName, DefaultPortName); p.Port == r.Service.Port && p.NodePort > 0 && p.Name != name {
			hint := "portName: " + p.Name
			if p.Name == "" {
				hint = fmt.Sprintf("name: %s for the port in the manifest", name)
			}
			r.Report(diag.ServiceChanged, serviceName,
				fmt.Sprintf("%s loses nodePort %d: Flagger names the port %s and keeps node ports only by name", called(o), p.NodePort, name),
				hint)
		}
	}
}

// checkPortName reports Ingresses that use a port by a name that Flagger changes.
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
					fmt.Sprintf("%s uses port %s of %s, which Flagger renames to %s, so its requests fail", called(found.Object), former, called(o), name),
					"portName: "+former)
				return
			}
		}
	}
}

// checkServiceMetadata reports annotations, and labels selected by a ServiceMonitor, that a recreated Service
// loses.
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
		r.Report(diag.ServiceChanged, serviceName, fmt.Sprintf("Flagger recreates %s without its annotations %s", called(o), diag.Some(lost, 3)),
			fmt.Sprintf("patch the Canary with spec: {service: {apex: {annotations: {%s: %q}}}}", lost[0], s.Metadata.Annotations[lost[0]]))
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
				fmt.Sprintf("Flagger recreates %s without the labels that %s selects, so nothing scrapes it", called(o), called(found.Object)),
				fmt.Sprintf("patch the Canary with spec: {service: {apex: {labels: {%s: %s}}}}", key, by[key]))
			return
		}
	}
}

// selecting are the kinds that select pods by labels, by group.
var selecting = []struct{ group, kind string }{
	{"policy", "PodDisruptionBudget"}, {"networking.k8s.io", "NetworkPolicy"}, {"monitoring.coreos.com", "PodMonitor"},
	{"security.istio.io", "AuthorizationPolicy"}, {"security.istio.io", "PeerAuthentication"}, {"security.istio.io", "RequestAuthentication"},
	{"cilium.io", "CiliumNetworkPolicy"},
}

// checkSelecting reports objects that select the workload's pods by the label that the primary's pods have with
// another value: between rollouts only the primary's pods run.
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
			fmt.Sprintf("%s selects %s: %s, but between rollouts only pods with %[2]s: %[4]s run, so it has no endpoints", called(found.Object), label, value, value+PrimarySuffix),
			fmt.Sprintf("selector: {%s: %s} in that Service", label, value+PrimarySuffix))
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
						fmt.Sprintf("%s selects %s: %s and misses the pods that serve users, which have %[2]s: %[4]s", called(found.Object), label, value, value+PrimarySuffix),
						fmt.Sprintf("matchExpressions: [{key: %s, operator: In, values: [%s, %s]}] in its selector", label, value, value+PrimarySuffix))
				}
			}
		}
	}
}

// isMade reports whether a Service of a name is one of the rollout's three.
func (r *Rollout) isMade(name string) bool {
	return name == r.Service.Name || name == r.Service.Name+CanarySuffix || name == r.Service.Name+PrimarySuffix
}
