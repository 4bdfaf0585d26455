package rules

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
)

// selectorLabels are the labels by which Flagger selects the pods of a workload by default (fluxcd/flagger
// cmd/flagger/main.go).
var selectorLabels = []string{"app", "name", "app.kubernetes.io/name"}

// workloadKinds are the kinds of group apps whose pods run permanently.
var workloadKinds = []string{"Deployment", "DaemonSet", "StatefulSet", "ReplicaSet"}

// targetName is the field that names the workload.
var targetName = schema.Path{"targetRef", "name"}

// called returns how a message names an object: its kind, its name and its file.
func called(o *source.Object) string {
	if o.File == "" {
		return o.Kind + " " + o.Name
	}
	return fmt.Sprintf("%s %s (%s)", o.Kind, o.Name, o.File)
}

// Target returns the identity of the workload on a cluster. Flagger reads it by its kind, whatever the
// apiVersion.
func (r *Rollout) Target() manifest.Identity {
	return manifest.Identity{Group: "apps", Kind: r.TargetRef.Kind, Namespace: r.ID.Namespace, Name: r.TargetRef.Name}
}

// workload returns the workload among the manifests, or nil if they do not have it or it cannot be parsed.
func (r *Rollout) workload() (*source.Found, *source.Workload) {
	if r.Manifests == nil {
		return nil, nil
	}
	found := r.Manifests.Get(r.Target())
	if found == nil {
		return nil, nil
	}
	w := source.Read[source.Workload](found.Object)
	if w == nil {
		return nil, nil
	}
	return found, w
}

// Pod returns the pod template of the workload, or nil if its manifests were not read.
func (r *Rollout) Pod() *source.Pod {
	_, w := r.workload()
	if w == nil {
		return nil
	}
	return &w.Spec.Template
}

// selectorLabels are the labels by which the installed Flagger selects pods.
func (r *Rollout) selectorLabels() []string {
	if len(r.On.SelectorLabels) > 0 {
		return r.On.SelectorLabels
	}
	return selectorLabels
}

// selectedBy returns the label by which Flagger tells the workload's pods from the primary's: the first in the
// selector (pkg/canary/deployment_controller.go, getSelectorLabel).
func (r *Rollout) selectedBy(w *source.Workload) (label, value string) {
	for _, l := range r.selectorLabels() {
		if v, ok := w.Spec.Selector.MatchLabels[l]; ok {
			return l, v
		}
	}
	return "", ""
}

// checkWorkload reports a workload that the manifests do not have, or that Flagger cannot roll out.
func checkWorkload(r *Rollout) {
	if r.Manifests == nil || r.TargetRef.Kind != "Deployment" && r.TargetRef.Kind != "DaemonSet" {
		return
	}
	if r.Manifests.Get(r.Target()) == nil {
		checkNoWorkload(r)
		return
	}
	found, w := r.workload()
	if w == nil {
		return
	}
	if is := w.Spec.UpdateStrategy.Type; found.Kind == "DaemonSet" && is != "" && is != "RollingUpdate" {
		r.Report(diag.NoRollingUpdate, targetName,
			fmt.Sprintf("%s has the update strategy %s; Flagger never starts its rollout", called(found.Object), is),
			"updateStrategy: {type: RollingUpdate}")
	}
	if checkSelector(r, found, w) {
		checkSharedLabel(r, found, w)
	}
}

// checkSelector reports a selector by which Flagger or Kubernetes cannot select the pods, and returns whether
// they can.
func checkSelector(r *Rollout, found *source.Found, w *source.Workload) bool {
	selector, pods := w.Spec.Selector.MatchLabels, w.Spec.Template.Metadata.Labels
	label, value := r.selectedBy(w)
	if label == "" {
		labels := r.selectorLabels()
		hint := fmt.Sprintf("matchLabels: {%s: %s}, and the same label in the pod template", labels[0], found.Name)
		if own := slices.Sorted(maps.Keys(selector)); len(own) > 0 {
			more := append(labels[:len(labels):len(labels)], own[0])
			if r.On.FlaggerThere {
				hint += fmt.Sprintf("; or selectorLabels: [%s] under installed.flagger, if Flagger runs with these", strings.Join(more, ", "))
			} else {
				hint += fmt.Sprintf("; or selectorLabels: %q in extraArgs of the fleet's Flagger", strings.Join(more, ","))
			}
		}
		r.Report(diag.NoSelectorLabel, targetName,
			fmt.Sprintf("the selector of %s needs one of the labels %s; without one Flagger never starts the rollout", called(found.Object), strings.Join(labels, ", ")), hint)
		return false
	}
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		if pods[key] != selector[key] {
			r.Report(diag.NoSelectorLabel, targetName,
				fmt.Sprintf("the pods of %s lack the label %s: %s of its selector, so Kubernetes rejects it", called(found.Object), key, selector[key]),
				fmt.Sprintf("labels: {%s: %s} in the pod template", key, selector[key]))
			return false
		}
	}
	if primary := value + PrimarySuffix; len(primary) > layout.MaxLabel {
		r.Report(diag.NameTooLong, targetName,
			fmt.Sprintf("the primary's label %s: %s would have %d characters; Kubernetes allows %d", label, primary, len(primary), layout.MaxLabel),
			fmt.Sprintf("shorten the label %s of %s to %d characters", label, called(found.Object), layout.MaxLabel-len(PrimarySuffix)))
	}
	return true
}

// checkNoWorkload reports a workload that the manifests do not have, with the nearest name.
func checkNoWorkload(r *Rollout) {
	set, id := r.Manifests, r.Target()
	if !set.Lacks(id) || appliesMore(set) {
		return
	}
	missing := fmt.Sprintf("no %s %s in namespace %s, so the rollout never starts; ", id.Kind, id.Name, id.Namespace)
	if reportNamesake(r, missing) {
		return
	}
	var names, all []string
	for o := range set.Find("apps", id.Kind) {
		if o.ID.Namespace == id.Namespace {
			names, all = append(names, o.ID.Name), append(all, called(o.Object))
		}
	}
	nearest := diag.Nearest(id.Name, names)
	switch {
	case nearest == "" && mayBeMade(set, id.Name):
		return
	case len(names) == 0:
		r.Report(diag.NoWorkload, targetName,
			missing+"the application's manifests have no "+id.Kind,
			"add its manifest, or correct the path of the policy")
		return
	case nearest == "":
		nearest = names[0]
	}
	r.Report(diag.NoWorkload, targetName, missing+"the manifests have "+diag.Some(all, 3), "name: "+nearest)
}

// reportNamesake reports a workload of the same name with another kind, or in another namespace.
func reportNamesake(r *Rollout, missing string) bool {
	id := r.Target()
	for _, kind := range workloadKinds {
		for o := range r.Manifests.Find("apps", kind) {
			switch {
			case o.ID.Name != id.Name:
			case o.ID.Namespace == id.Namespace:
				hint := "kind: " + kind
				if kind != "Deployment" && kind != "DaemonSet" {
					hint = fmt.Sprintf("make it a Deployment, or remove the rollout; Flagger cannot roll out a %s", kind)
				}
				r.Report(diag.NoWorkload, schema.Path{"targetRef", "kind"}, missing+called(o.Object)+" has that name", hint)
				return true
			case kind == id.Kind:
				r.ReportAt(diag.NoWorkload, r.ID, schema.Path{"metadata", "namespace"},
					missing+called(o.Object)+" is in namespace "+o.ID.Namespace,
					"namespace: "+o.ID.Namespace)
				return true
			}
		}
	}
	return false
}

// appliers are the kinds whose controllers apply manifests that were not read.
var appliers = []struct{ group, kind string }{
	{"kustomize.toolkit.fluxcd.io", "Kustomization"}, {"helm.toolkit.fluxcd.io", "HelmRelease"}, {"fluxcd.controlplane.io", "ResourceSet"},
	{"argoproj.io", "Application"}, {"argoproj.io", "ApplicationSet"}, {"helm.cattle.io", "HelmChart"},
}

// appliesMore reports whether a set has any of appliers.
func appliesMore(set *source.Set) bool {
	for _, k := range appliers {
		for range set.Find(k.group, k.kind) {
			return true
		}
	}
	return false
}

// mayBeMade reports whether the controller of a custom resource may create a workload of a name, because the
// name begins with the resource's.
func mayBeMade(set *source.Set, name string) bool {
	for o := range set.All() {
		if isCustom(o.ID.Group) && strings.HasPrefix(name, o.ID.Name) {
			return true
		}
	}
	return false
}

// routing are the groups of custom resources that create neither workloads nor configuration.
var routing = []string{
	"networking.istio.io", "security.istio.io", "telemetry.istio.io", "kuma.io",
	"flagger.app", "keda.sh", "monitoring.coreos.com",
}

// isCustom reports whether a group has custom resources whose controllers may create other objects. Groups of
// Kubernetes are apps, batch and the like, or end in k8s.io.
func isCustom(group string) bool {
	return strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io") && !slices.Contains(routing, group)
}

// checkSharedLabel reports another workload whose pods have the label that Flagger selects, which becomes the
// only one in the selectors of its Services (pkg/router/kubernetes_default.go, reconcileService).
func checkSharedLabel(r *Rollout, own *source.Found, w *source.Workload) {
	label, value := r.selectedBy(w)
	for _, kind := range workloadKinds {
		for o := range r.Manifests.Find("apps", kind) {
			if o.ID == own.ID || o.ID.Namespace != own.ID.Namespace {
				continue
			}
			other := source.Read[source.Workload](o.Object)
			if other == nil || other.Spec.Template.Metadata.Labels[label] != value {
				continue
			}
			r.Report(diag.LabelShared, targetName,
				fmt.Sprintf("%s also has pods with %s: %s; Flagger's Service %s selects only by that label and sends them requests", called(o.Object), label, value, r.Service.Name+CanarySuffix),
				fmt.Sprintf("%s: %s in the selector and the pod template of %s", label, o.Name, o.Name))
			return
		}
	}
}

// checkMadeTwice reports manifests of objects that fleetwright renders or Flagger creates for the rollout, and which it
// does not adopt.
func checkMadeTwice(r *Rollout) {
	set := r.Manifests
	if set == nil {
		return
	}
	for o := range set.Find("flagger.app", "Canary") {
		if o.ID.Namespace == r.ID.Namespace && (o.ID.Name == r.ID.Name || targets(o.Object, r)) {
			hint := "remove the Canary from the manifests"
			if o.ID.Name == r.ID.Name {
				hint += "; if Flux has applied it, first annotate it with " + manifest.FluxPrune + ": disabled, or Flux deletes it"
			}
			r.Report(diag.MadeTwice, targetName,
				fmt.Sprintf("the manifests contain %s, which also rolls out %s; it and this rollout overwrite each other", called(o.Object), r.TargetRef.Name), hint)
			return
		}
	}
	primary := r.Target()
	primary.Name += PrimarySuffix
	r.checkMade(primary, "Flagger creates")
	if r.Plain { // the Ingress and load tester of a plain Canary are in the manifests
		checkMadeServices(r)
		return
	}
	if r.Ingress != nil {
		r.checkMade(r.Ingress.ID, "fleetwright renders")
	}
	if r.Tester.Exists {
		r.checkMade(r.Tester.ID, "fleetwright renders")
	}
}

// checkMadeServices reports a Service or a VirtualService that Flagger overwrites with every step
// (pkg/router/kubernetes_default.go, reconcileService; istio.go, reconcileVirtualService).
func checkMadeServices(r *Rollout) {
	for _, suffix := range []string{CanarySuffix, PrimarySuffix} {
		id := r.apex()
		id.Name += suffix
		o := r.Manifests.Get(id)
		if o == nil || r.TargetRef.Kind != "Deployment" && r.TargetRef.Kind != "DaemonSet" {
			continue
		}
		if s := source.Read[source.Service](o.Object); s != nil && !r.isAsMade(s) {
			r.checkMade(id, "Flagger creates")
		}
	}
	route := manifest.Identity{Group: "networking.istio.io", Kind: "VirtualService", Namespace: r.ID.Namespace, Name: r.Service.Name}
	if o := r.Manifests.Get(route); o != nil && r.Provider == flagger.Istio && o.File == r.Source.Position(r.ID, nil).File && // nothing may apply another file
		!bytes.Contains(o.JSON, []byte(`"kustomize.toolkit.fluxcd.io/`)) { // which may keep Flux from it
		r.checkMade(route, "Flagger creates")
	}
}

// isAsMade reports whether a Service has the ports and the one label in its selector that Flagger sets.
func (r *Rollout) isAsMade(s *source.Service) bool {
	to := intstr.FromInt32(r.Service.Port)
	if r.Service.TargetPort != nil {
		to = *r.Service.TargetPort
	}
	if len(s.Spec.Selector) != 1 || len(s.Spec.Ports) == 0 {
		return false
	}
	p := s.Spec.Ports[0]
	from := p.TargetPort
	if from == (intstr.IntOrString{}) {
		from = intstr.FromInt32(p.Port)
	}
	return r.Service.PortDiscovery || len(s.Spec.Ports) == 1 && p.Port == r.Service.Port && from == to
}

// checkMade reports an object of the manifests that something else creates.
func (r *Rollout) checkMade(id manifest.Identity, maker string) {
	if o := r.Manifests.Get(id); o != nil {
		r.Report(diag.MadeTwice, targetName,
			fmt.Sprintf("the manifests contain %s, which %s for the rollout; the two overwrite each other", called(o.Object), maker),
			"remove it from the manifests")
	}
}

// targets reports whether a Canary among the manifests rolls out the rollout's workload.
func targets(o *source.Object, r *Rollout) bool {
	canary := source.Read[struct {
		Spec struct{ TargetRef struct{ Kind, Name string } }
	}](o)
	return canary != nil && canary.Spec.TargetRef.Name == r.TargetRef.Name && cmp.Or(canary.Spec.TargetRef.Kind, "Deployment") == r.TargetRef.Kind
}

// checkPatchMisses reports changes of fleetwright's patches that are missing from their objects.
func checkPatchMisses(r *Rollout) {
	set := r.Manifests
	if set == nil || set.Plain == nil {
		return
	}
	found, w := r.workload()
	if w != nil && found.Kind == "Deployment" && w.Spec.Replicas != nil {
		r.Report(diag.PatchMisses, targetName,
			fmt.Sprintf("Flux resets Flagger's scaling: %s still sets replicas, which fleetwright's patch does not remove%s", called(found.Object), whyMissed(set, found.ID, " or sets replicas")),
			"remove replicas from the manifest and from kustomization.yaml")
	}
	service, s, _ := r.ownService()
	if s == nil || r.Service.Apex == nil || set.Get(r.apex()) == nil {
		return
	}
	for _, f := range []struct {
		field     string
		want, has map[string]string
	}{{"annotations", r.Service.Apex.Annotations, s.Metadata.Annotations}, {"labels", r.Service.Apex.Labels, s.Metadata.Labels}} {
		for _, key := range slices.Sorted(maps.Keys(f.want)) {
			if _, ok := f.has[key]; !ok {
				r.Report(diag.PatchMisses, schema.Path{"service", "name"},
					fmt.Sprintf("%s lacks %s; fleetwright's patch does not add it%s", called(service), key, whyMissed(set, r.apex(), "")),
					fmt.Sprintf("%s: {%s: %q} in the manifest", f.field, key, f.want[key]))
				return
			}
		}
	}
}

// whyMissed returns why a patch misses an object. too is what else kustomize does after the patches.
func whyMissed(set *source.Set, id manifest.Identity, too string) string {
	if !set.IsOwn(id) {
		return ", because another policy applies the object"
	}
	return ", because kustomize renames the object" + too + " after the patches"
}
