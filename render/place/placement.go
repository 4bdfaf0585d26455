package place

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// controlPlaneAnnotation has Kurator install Karmada for a fleet
// (pkg/apis/fleet/v1alpha1/types.go).
const controlPlaneAnnotation = "fleet.kurator.dev/controlplane"

type placer struct {
	*Input
	*report.Report
	settings *settings.Settings
	targets  map[*Cluster]*Target
	// host is the cluster of Applications without a fleet, or nil where there are none.
	host *Cluster
}

// Place finds the clusters of every fleet and of every policy. It returns the targets by name.
func (in *Input) Place(s *settings.Settings) []*Target {
	pl := &placer{Input: in, Report: in.report, settings: s, targets: map[*Cluster]*Target{}}
	for _, f := range pl.Fleets {
		pl.placeFleet(f)
		pl.checkPlugins(f)
	}
	for _, d := range pl.misshapen {
		pl.checkReferences(d)
	}
	for _, f := range pl.Fleets {
		if f.Spec.Plugin != nil && f.Spec.Plugin.Flagger != nil {
			for _, cl := range f.Clusters {
				pl.install(pl.target(cl), f)
			}
		}
	}
	number := uint64(0)
	for _, a := range pl.Applications {
		for i := range a.Spec.SyncPolicies {
			p := &Policy{SyncPolicy: &a.Spec.SyncPolicies[i], App: a, Path: schema.Path{"spec", "syncPolicies", i}, Number: number}
			number++
			unique := pl.namePolicy(p, i)
			p.Sound = a.Doc.Valid && unique
			a.Policies = append(a.Policies, p)
			pl.placePolicy(p)
		}
		pl.checkApplication(a)
		pl.checkOneFleet(a)
	}
	pl.placeEmpty()
	targets := slices.SortedFunc(maps.Values(pl.targets), func(a, b *Target) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.kind, b.kind))
	})
	pl.checkTargets(targets)
	pl.checkDependencies()
	return targets
}

// placeEmpty gives the clusters of fleets without an application directories as well: whether there
// is one must not follow from what applications come and go.
func (pl *placer) placeEmpty() {
	taken := map[string]bool{}
	for cl := range pl.targets {
		taken[cl.Name] = true
	}
	for _, f := range pl.Fleets {
		for _, cl := range f.Clusters {
			if !taken[cl.Name] {
				taken[cl.Name] = true
				pl.target(cl)
			}
		}
	}
}

func (pl *placer) target(cl *Cluster) *Target {
	t, ok := pl.targets[cl]
	if !ok {
		t = &Target{Cluster: cl, Remote: pl.settings.Hub && cl.Doc != nil}
		pl.targets[cl] = t
	}
	return t
}

// checkTargets reports clusters that have one directory, and those that a hub cannot reach.
func (pl *placer) checkTargets(targets []*Target) {
	for i, t := range targets {
		if i > 0 && targets[i-1].Name == t.Name {
			// The one without a document has no namespace, and so comes first.
			other := "the cluster of Applications without a fleet"
			if before := targets[i-1]; before.Doc != nil {
				other = fmt.Sprintf("the %s at %s", before.kind, before.Doc.Position("metadata", "name"))
			}
			pl.Add(t.Doc.Diagnostic(diag.ClusterNamesMeet, schema.Path{"metadata", "name"},
				fmt.Sprintf("the directory %s belongs to %s as well", t.Name, other), "rename one of the two"))
		}
		reached := len(t.Apps) > 0 || t.InstalledBy != nil
		if t.Remote && reached && t.Kubeconfig == nil && t.kind == "AttachedCluster" {
			pl.Add(t.Doc.Diagnostic(diag.NoKubeconfig, schema.Path{"spec"}, "the hub reaches an AttachedCluster by its kubeconfig, and this one names no Secret with it", "kubeconfig: {name: "+t.Name+", key: value}"))
		}
	}
}

func (pl *placer) placeFleet(f *Fleet) {
	seen := map[*Cluster]bool{}
	for i, ref := range f.Spec.Clusters {
		at := schema.Path{"spec", "clusters", i, "name"}
		if ref.Namespace != "" && ref.Namespace != f.Namespace {
			pl.Add(f.Doc.Diagnostic(diag.ClusterNamespace, schema.Path{"spec", "clusters", i, "namespace"},
				fmt.Sprintf("a fleet's clusters are in its own namespace %s, and that is where %s is looked for", f.Namespace, ref.Name), "remove the line"))
		}
		cl, ok := pl.findCluster(ref.Kind, f.Namespace, ref.Name)
		switch {
		case !ok:
			pl.Add(pl.noCluster(f.Doc, at, ref))
		case cl != nil && seen[cl]:
			pl.Add(f.Doc.Diagnostic(diag.DefinedTwice, at, fmt.Sprintf("%s %s is in the fleet twice", ref.Kind, ref.Name), "remove one of the two"))
		case cl != nil:
			seen[cl] = true
			f.Clusters = append(f.Clusters, cl)
		}
	}
}

// checkPlugins reports what a fleet asks for and fleetwright does not render.
func (pl *placer) checkPlugins(f *Fleet) {
	if _, ok := f.Metadata.Annotations[controlPlaneAnnotation]; ok {
		pl.Add(f.Doc.Diagnostic(diag.PluginNotRendered, schema.Path{"metadata", "annotations", controlPlaneAnnotation}, "fleetwright does not render a control plane of the fleet", ""))
	}
	for _, name := range []string{"metric", "grafana", "policy", "backup", "distributedStorage", "submariner"} {
		if at := (schema.Path{"spec", "plugin", name}); f.Doc.Has(at...) {
			pl.Add(f.Doc.Diagnostic(diag.PluginNotRendered, at, fmt.Sprintf("fleetwright does not render the plugin %s", name), ""))
		}
	}
}

// noCluster returns the diagnostic of a missing cluster of a fleet.
func (pl *placer) noCluster(fleet *schema.Document, at schema.Path, ref api.ClusterReference) diag.Diagnostic {
	hint := fmt.Sprintf("add {apiVersion: cluster.kurator.dev/v1alpha1, kind: %s, metadata: {name: %s, namespace: %s}} to the inputs", ref.Kind, ref.Name, fleet.Namespace)
	if cl, ok := pl.clusterNamed[ref.Name]; ok {
		hint = fmt.Sprintf("%s defines %s %s in namespace %s; a fleet's clusters are of its kind and namespace", cl.Doc.Position(), cl.kind, cl.Name, cl.Namespace)
	}
	return fleet.Diagnostic(diag.NoCluster, at, fmt.Sprintf("there is no %s %s in namespace %s", ref.Kind, ref.Name, fleet.Namespace), hint)
}

// checkReferences reports the undefined objects that a document names, where its other
// mistakes keep it from being compiled: one must not hide the other.
func (pl *placer) checkReferences(d *schema.Document) {
	switch d.Kind.Name {
	case "Application":
		at := []schema.Path{{"spec", "destination", "fleet"}}
		for i := range d.Len("spec", "syncPolicies") {
			at = append(at, schema.Path{"spec", "syncPolicies", i, "destination", "fleet"})
		}
		for _, at := range at {
			name := d.Text(at...)
			if _, ok := pl.findFleet(d.Namespace, name); name != "" && !ok {
				pl.Add(pl.noFleet(d, at, name))
			}
		}
	case "Fleet":
		for i := range d.Len("spec", "clusters") {
			at := schema.Path{"spec", "clusters", i}
			ref := api.ClusterReference{Kind: d.Text(at.With("kind")...), Name: d.Text(at.With("name")...)}
			if ref.Name == "" || ref.Kind != "Cluster" && ref.Kind != "AttachedCluster" {
				continue
			}
			if _, ok := pl.findCluster(ref.Kind, d.Namespace, ref.Name); !ok {
				pl.Add(pl.noCluster(d, at.With("name"), ref))
			}
		}
	}
}

// install has a fleet install Flagger on a target, which can have only one.
func (pl *placer) install(t *Target, f *Fleet) {
	if t.InstalledBy == nil {
		t.InstalledBy = f
		return
	}
	pl.Add(f.Doc.Diagnostic(diag.PluginsDiffer, schema.Path{"spec", "plugin", "flagger"},
		fmt.Sprintf("the cluster %s is in the fleet at %s as well, which installs Flagger there", t.Name, t.InstalledBy.Doc.Position("metadata", "name")),
		"leave the plugin to one of the two fleets"))
}

// namePolicy names a policy's Flux object as Kurator does, and reports whether it is unique.
func (pl *placer) namePolicy(p *Policy, index int) bool {
	p.FluxName = p.Name
	at := p.Path.With("name")
	if p.FluxName == "" {
		p.FluxName = p.App.Name + "-" + strconv.Itoa(index)
		pl.Add(p.App.Doc.Diagnostic(diag.PositionalName, p.Path,
			fmt.Sprintf("the policy has no name, so it is called %s after its position: a policy inserted before it renames it, and Flux deletes and recreates all it has applied", p.FluxName),
			"name: "+p.FluxName))
		at = p.Path
	}
	if len(p.FluxName) > layout.MaxLabel {
		pl.Add(p.App.Doc.Diagnostic(diag.FluxName, at,
			fmt.Sprintf("the name %s has %d characters; Flux puts it into a label, which holds %d", p.FluxName, len(p.FluxName), layout.MaxLabel), "give the policy a shorter name"))
	}
	if other, ok := p.App.named[p.object()]; ok {
		pl.Add(p.App.Doc.Diagnostic(diag.DefinedTwice, at, fmt.Sprintf("the policy at %s is called %s as well", p.App.Doc.Position(other.Path...), p.FluxName), "give one of the two another name"))
		return false
	}
	p.App.named[p.object()] = p
	return true
}

func (pl *placer) placePolicy(p *Policy) {
	if d, at := p.ResolveDestination(); d != nil {
		pl.placeInFleet(p, d, at)
	} else {
		if at := p.Path.With("destination", "clusterSelector"); p.App.Doc.Has(at...) {
			pl.Add(p.App.Doc.Diagnostic(diag.SelectsNothing, at, fmt.Sprintf("without a fleet the policy goes to the cluster %s, and clusterSelector selects nothing", HostCluster), "destination: {fleet: …}"))
		}
		if pl.host == nil {
			pl.host = &Cluster{Name: HostCluster}
		}
		p.Targets = []*Target{pl.target(pl.host)}
	}
	if p.Sound {
		for _, t := range p.Targets {
			t.add(p)
		}
	}
}

func (pl *placer) placeInFleet(p *Policy, d *api.Destination, at schema.Path) {
	f, ok := pl.findFleet(p.App.Namespace, d.Fleet)
	if !ok && (p.Destination == nil || p.Destination.Fleet != "") {
		pl.Add(pl.noFleet(p.App.Doc, at.With("fleet"), d.Fleet))
	}
	if f == nil {
		return
	}
	p.Fleet = f
	var selector map[string]api.LabelValue
	if d.ClusterSelector != nil {
		selector = d.ClusterSelector.MatchLabels
	}
	for _, cl := range f.Clusters {
		if matches(selector, cl.Labels) {
			p.Targets = append(p.Targets, pl.target(cl))
		}
	}
	if len(p.Targets) == 0 && len(f.Clusters) == len(f.Spec.Clusters) {
		what, hint := fmt.Sprintf("the fleet %s has no clusters", f.Name), ""
		if len(f.Clusters) > 0 {
			at = at.With("clusterSelector", "matchLabels")
			what, hint = fmt.Sprintf("no cluster of the fleet %s has these labels", f.Name), "the clusters' labels are "+labelsOf(f.Clusters)
		}
		pl.Add(p.App.Doc.Diagnostic(diag.SelectsNothing, at, what, hint))
	}
}

// checkApplication reports an Application without policies, and an undefined fleet that all
// policies replace by their own, so that nothing else looks for it.
func (pl *placer) checkApplication(a *Application) {
	if d := a.Spec.Destination; d != nil && d.Fleet != "" {
		if _, ok := pl.findFleet(a.Namespace, d.Fleet); !ok {
			pl.Add(pl.noFleet(a.Doc, schema.Path{"spec", "destination", "fleet"}, d.Fleet))
		}
	}
	if len(a.Policies) == 0 {
		pl.Add(a.Doc.Diagnostic(diag.NothingSynced, schema.Path{"spec", "syncPolicies"}, "the Application has no policies, so nothing is rendered for it", "syncPolicies: [{name: "+a.Name+", kustomization: {interval: 5m0s, path: ./deploy, prune: true}}]"))
	}
}

// noFleet returns the diagnostic of an undefined fleet. The hint names the fleets that are defined.
func (pl *placer) noFleet(app *schema.Document, at schema.Path, name string) diag.Diagnostic {
	hint := "add the Fleet to the inputs"
	if f, ok := pl.fleetNamed[name]; ok {
		hint = fmt.Sprintf("%s defines it in namespace %s; an Application's fleet is in its own namespace", f.Doc.Position(), f.Namespace)
	} else if names := pl.fleetsIn[app.Namespace]; len(names) > 0 {
		hint = "the fleets there are " + diag.Some(names, 10)
	}
	return app.Diagnostic(diag.NoFleet, at, fmt.Sprintf("there is no Fleet %s in namespace %s", name, app.Namespace), hint)
}

// matches reports whether labels have everything that a selector asks for.
func matches(selector, labels map[string]api.LabelValue) bool {
	for key, value := range selector {
		if have, ok := labels[key]; !ok || have != value {
			return false
		}
	}
	return true
}

// labelsOf returns the labels of a few clusters as text.
func labelsOf(clusters []*Cluster) string {
	var shown []string
	for _, cl := range clusters[:min(len(clusters), 3)] {
		var labels []string
		for key, value := range cl.Labels {
			labels = append(labels, diag.Cut(key+"="+string(value)))
		}
		slices.Sort(labels)
		shown = append(shown, fmt.Sprintf("%s {%s}", cl.Name, diag.Some(labels, 10)))
	}
	if len(clusters) > 3 {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}

// checkOneFleet checks what Kurator's webhook checks: the policies of an Application go to one
// fleet, or none of them to any (pkg/webhooks/application_webhook.go).
func (pl *placer) checkOneFleet(a *Application) {
	for _, p := range a.Policies {
		fleet, first := fleetName(p), fleetName(a.Policies[0])
		message := fmt.Sprintf("the policy goes to the fleet %s, the first one of the Application to %s", fleet, first)
		switch {
		case fleet == first:
			continue
		case fleet == "":
			message = fmt.Sprintf("the policy has no destination, the first one of the Application goes to the fleet %s", first)
		case first == "":
			message = fmt.Sprintf("the policy goes to the fleet %s, the first one of the Application has no destination", fleet)
		}
		at := p.Path
		if p.Destination != nil {
			at = at.With("destination", "fleet")
		}
		pl.Add(a.Doc.Diagnostic(diag.FleetsDiffer, at, message, "an Application goes to one fleet: make two Applications of it, or use clusterSelector"))
	}
}

// fleetName returns the name of the fleet that a policy goes to, defined or not.
func fleetName(p *Policy) string {
	if d, _ := p.ResolveDestination(); d != nil {
		return d.Fleet
	}
	return ""
}

// CheckUnreached reports clusters that no Application reaches.
func (in *Input) CheckUnreached(targets []*Target) {
	reached := map[*Cluster]bool{}
	for _, t := range targets {
		reached[t.Cluster] = len(t.Apps) > 0
	}
	for _, cl := range in.clusters {
		if len(in.Applications) > 0 && !reached[cl] {
			in.report.Add(cl.Doc.Diagnostic(diag.UnreachedCluster, schema.Path{"metadata", "name"}, fmt.Sprintf("no Application reaches the cluster %s", cl.Name), ""))
		}
	}
}
