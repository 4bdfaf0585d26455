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

// controlPlaneAnnotation makes Kurator install Karmada for a fleet (pkg/apis/fleet/v1alpha1/types.go).
const controlPlaneAnnotation = "fleet.kurator.dev/controlplane"

type placer struct {
	*Input
	*report.Report
	settings *settings.Settings
	targets  map[*Cluster]*Target
	// host is the cluster of Applications without a fleet, or nil if there are none.
	host *Cluster
	// platforms holds all platforms, by key, and otherwise the platform of clusters whose fleets have no plugin.
	platforms map[string]*Platform
	otherwise *Platform
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
	pl.placePlatforms()
	for _, a := range pl.Applications {
		for i := range a.Spec.SyncPolicies {
			p := &Policy{SyncPolicy: &a.Spec.SyncPolicies[i], App: a, Path: schema.Path{"spec", "syncPolicies", i}}
			pl.namePolicy(p, i)
			p.Sound = a.Doc.Valid
			a.Policies = append(a.Policies, p)
			pl.placePolicy(p)
		}
		pl.checkApplication(a)
		pl.Variants = append(pl.Variants, pl.variants(a)...)
		a.named, a.taken = nil, nil
	}
	number := uint64(0)
	for _, a := range pl.Variants {
		for _, p := range a.Policies {
			p.Number = number
			number++
			if p.Sound {
				for _, t := range p.Targets {
					t.add(p)
				}
			}
		}
	}
	pl.placeEmpty()
	targets := slices.SortedFunc(maps.Values(pl.targets), func(a, b *Target) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.kind, b.kind))
	})
	pl.platformOf = make(map[string]*Platform, len(targets))
	for _, t := range targets {
		pl.platformOf[t.Name] = t.Platform
	}
	pl.checkTargets(targets)
	pl.checkDependencies(targets)
	return targets
}

// placeEmpty also gives directories to the clusters of fleets without an application: whether a cluster has one
// must not depend on the applications.
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
		t = &Target{Cluster: cl, Remote: pl.settings.Hub && cl.Doc != nil, Platform: pl.otherwise}
		pl.targets[cl] = t
	}
	return t
}

// checkTargets reports clusters with the same directory, and those that a hub cannot reach.
func (pl *placer) checkTargets(targets []*Target) {
	for i, t := range targets {
		if i > 0 && targets[i-1].Name == t.Name {
			// The cluster without a document has no namespace, and so comes first.
			other := "the cluster of Applications without a fleet"
			if before := targets[i-1]; before.Doc != nil {
				other = fmt.Sprintf("the %s at %s", before.kind, before.Doc.Position("metadata", "name"))
			}
			pl.Add(t.Doc.Diagnostic(diag.ClusterNamesMeet, schema.Path{"metadata", "name"},
				fmt.Sprintf("the cluster %s has the same name as %s; both would be written to one directory", t.Name, other), "rename one of the two"))
		}
		reached := len(t.Apps) > 0 || t.Platform != nil
		if t.Remote && reached && t.Kubeconfig == nil && t.kind == "AttachedCluster" {
			pl.Add(t.Doc.Diagnostic(diag.NoKubeconfig, schema.Path{"spec"}, "the hub cluster cannot reach this cluster: spec.kubeconfig names no Secret", fmt.Sprintf("kubeconfig: {name: %s, key: value}, where Secret %[1]s holds the kubeconfig in its key value", t.Name)))
		}
	}
}

func (pl *placer) placeFleet(f *Fleet) {
	seen := map[*Cluster]bool{}
	for i, ref := range f.Spec.Clusters {
		at := schema.Path{"spec", "clusters", i, "name"}
		if ref.Namespace != "" && ref.Namespace != f.Namespace {
			pl.Add(f.Doc.Diagnostic(diag.ClusterNamespace, schema.Path{"spec", "clusters", i, "namespace"},
				fmt.Sprintf("the namespace is ignored: the fleet uses %s in its own namespace %s", ref.Name, f.Namespace), "remove the line"))
		}
		cl, ok := pl.findCluster(ref.Kind, f.Namespace, ref.Name)
		switch {
		case !ok:
			pl.Add(pl.noCluster(f.Doc, at, ref))
		case cl != nil && seen[cl]:
			pl.Add(f.Doc.Diagnostic(diag.DefinedTwice, at, fmt.Sprintf("%s %s is listed twice", ref.Kind, ref.Name), "remove one of the two"))
		case cl != nil:
			seen[cl] = true
			f.Clusters = append(f.Clusters, cl)
		}
	}
}

// checkPlugins reports the plugins of a fleet that fleetwright does not render.
func (pl *placer) checkPlugins(f *Fleet) {
	if _, ok := f.Metadata.Annotations[controlPlaneAnnotation]; ok {
		pl.Add(f.Doc.Diagnostic(diag.PluginNotRendered, schema.Path{"metadata", "annotations", controlPlaneAnnotation}, "fleetwright does not render a control plane of the fleet", ""))
	}
	for _, name := range []string{"metric", "grafana", "policy", "backup", "distributedStorage", "submariner"} {
		if at := (schema.Path{"spec", "plugin", name}); f.Doc.Has(at...) {
			pl.Add(f.Doc.Diagnostic(diag.PluginNotRendered, at, fmt.Sprintf("fleetwright does not render the plugin %s", name), "install it with your own HelmRelease, unless Kurator does"))
		}
	}
}

// noCluster returns the diagnostic of a missing cluster of a fleet.
func (pl *placer) noCluster(fleet *schema.Document, at schema.Path, ref api.ClusterReference) diag.Diagnostic {
	hint := fmt.Sprintf("add {apiVersion: cluster.kurator.dev/v1alpha1, kind: %s, metadata: {name: %s, namespace: %s}} to the inputs", ref.Kind, ref.Name, fleet.Namespace)
	if cl, ok := pl.clusterNamed[ref.Name]; ok {
		hint = fmt.Sprintf("%s defines %s %s in namespace %s; write that kind, and move the cluster to the Fleet's namespace if it is in another", cl.Doc.Position(), cl.kind, cl.Name, cl.Namespace)
	}
	return fleet.Diagnostic(diag.NoCluster, at, fmt.Sprintf("the inputs have no %s %s in namespace %s", ref.Kind, ref.Name, fleet.Namespace), hint)
}

// checkReferences reports undefined objects that a document references even if its other mistakes prevent
// compiling it: one must not hide the other.
func (pl *placer) checkReferences(d *schema.Document) {
	switch d.Kind.Name {
	case "Application":
		at := []schema.Path{{"spec", "destination", "fleet"}}
		for i := range d.Len("spec", "syncPolicies") {
			at = append(at, schema.Path{"spec", "syncPolicies", i, "destination", "fleet"})
		}
		for _, at := range at {
			name, namespace := d.Text(at...), cmp.Or(d.Text(at[:len(at)-1].With("fleetNamespace")...), d.Namespace)
			if name != "" && !pl.knowsFleet(namespace, name) {
				pl.missFleet(d, at, namespace, name)
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

// namePolicy names a policy's Flux object as Kurator does.
func (pl *placer) namePolicy(p *Policy, index int) {
	p.FluxName = p.Name
	at := p.Path.With("name")
	if p.FluxName == "" {
		p.FluxName = p.App.Name + "-" + strconv.Itoa(index)
		pl.Add(p.App.Doc.Diagnostic(diag.PositionalName, p.Path,
			fmt.Sprintf("the policy is called %s after its position: a policy inserted before it renames it, and Flux deletes and recreates everything it applied", p.FluxName),
			"name: "+p.FluxName))
		at = p.Path
	}
	if len(p.FluxName) > layout.MaxLabel {
		pl.Add(p.App.Doc.Diagnostic(diag.FluxName, at,
			fmt.Sprintf("the name %s has %d characters; Flux uses it as a label value, which has at most %d", p.FluxName, len(p.FluxName), layout.MaxLabel), "give the policy a shorter name"))
	}
}

// isAlone reports whether no other policy of the application has the name on a cluster, and reports a policy
// that has.
func (pl *placer) isAlone(p *Policy) bool {
	a, key := p.App, p.object()
	if a.named == nil {
		a.named, a.taken = map[object]*Policy{}, map[object]map[*Target]*Policy{}
	}
	first, ok := a.named[key]
	if !ok {
		a.named[key] = p
		return true
	}
	if a.taken[key] == nil {
		a.taken[key] = map[*Target]*Policy{}
		for _, t := range first.Targets {
			a.taken[key][t] = first
		}
	}
	for _, t := range p.Targets {
		other, ok := a.taken[key][t]
		if !ok {
			a.taken[key][t] = p
			continue
		}
		at := p.Path.With("name")
		if p.Name == "" {
			at = p.Path
		}
		pl.Add(a.Doc.Diagnostic(diag.DefinedTwice, at, fmt.Sprintf("the policy at %s is also called %s, and the cluster %s gets both", a.Doc.Position(other.Path...), p.FluxName, t.Name),
			"rename one of the two, or send them to different clusters with clusterSelector"))
		return false
	}
	return true
}

func (pl *placer) placePolicy(p *Policy) {
	if d, at := p.ResolveDestination(); d != nil {
		pl.placeInFleet(p, d, at)
	} else {
		if at := p.Path.With("destination", "clusterSelector"); p.App.Doc.Has(at...) {
			pl.Add(p.App.Doc.Diagnostic(diag.SelectsNothing, at, fmt.Sprintf("clusterSelector has no effect without a fleet: the policy goes to the cluster %s", HostCluster), "destination: {fleet: …}"))
		}
		if pl.host == nil {
			pl.host = &Cluster{Name: HostCluster}
		}
		p.Targets = []*Target{pl.target(pl.host)}
	}
	p.Sound = pl.isAlone(p) && p.Sound
}

func (pl *placer) placeInFleet(p *Policy, d *api.Destination, at schema.Path) {
	namespace := fleetNamespace(p.App, d)
	f, ok := pl.findFleet(namespace, d.Fleet)
	if !ok && (p.Destination == nil || p.Destination.Fleet != "") {
		pl.missFleet(p.App.Doc, at.With("fleet"), namespace, d.Fleet)
	}
	if f == nil {
		return
	}
	p.Fleet = f
	pl.checkFleetNamespace(p.App, f, at)
	selected := newSelector(d.ClusterSelector)
	for _, cl := range f.Clusters {
		if selected.Matches(clusterLabels(cl.Labels)) {
			p.Targets = append(p.Targets, pl.target(cl))
		}
	}
	if len(p.Targets) == 0 && len(f.Clusters) == len(f.Spec.Clusters) {
		what, hint := fmt.Sprintf("the fleet %s has no clusters", f.Name), ""
		if len(f.Clusters) > 0 {
			at = at.With("clusterSelector")
			if s := d.ClusterSelector; len(s.MatchExpressions) == 0 {
				at = at.With("matchLabels")
			}
			what, hint = fmt.Sprintf("no cluster of the fleet %s has these labels", f.Name), "labels of the clusters: "+labelsOf(f.Clusters)
			if len(d.ClusterSelector.MatchExpressions) > 0 {
				what = fmt.Sprintf("no cluster of the fleet %s meets these conditions", f.Name)
			}
		}
		pl.Add(p.App.Doc.Diagnostic(diag.SelectsNothing, at, what, hint))
	}
}

// checkApplication reports an Application without policies, and an undefined fleet that all policies override,
// so that no other check looks it up.
func (pl *placer) checkApplication(a *Application) {
	if d := a.Spec.Destination; d != nil && d.Fleet != "" {
		if namespace := fleetNamespace(a, d); !pl.knowsFleet(namespace, d.Fleet) {
			pl.missFleet(a.Doc, schema.Path{"spec", "destination", "fleet"}, namespace, d.Fleet)
		}
	}
	if len(a.Policies) == 0 {
		pl.Add(a.Doc.Diagnostic(diag.NothingSynced, schema.Path{"spec", "syncPolicies"}, "the Application has no sync policies, so fleetwright renders nothing for it", "syncPolicies: [{name: "+a.Name+", kustomization: {interval: 5m0s, path: ./deploy, prune: true}}]"))
	}
}

func (pl *placer) knowsFleet(namespace, name string) bool {
	_, ok := pl.findFleet(namespace, name)
	return ok
}

// missFleet reports an undefined fleet, unless its namespace is wrong.
func (pl *placer) missFleet(app *schema.Document, at schema.Path, namespace, name string) {
	if !app.Wrong(at[:len(at)-1].With("fleetNamespace")) {
		pl.Add(pl.noFleet(app, at, namespace, name))
	}
}

// noFleet returns the diagnostic of an undefined fleet. The hint names the fleets that are defined.
func (pl *placer) noFleet(app *schema.Document, at schema.Path, namespace, name string) diag.Diagnostic {
	hint := "add the Fleet to the inputs"
	if f, ok := pl.fleetNamed[name]; ok {
		use := "fleetNamespace: " + f.Namespace
		if !slices.Contains(f.Spec.AllowedNamespaces, app.Namespace) {
			use += ", and " + allowing(f, app.Namespace)
		}
		switch {
		case f.Namespace == app.Namespace:
			use = "remove fleetNamespace"
		case pl.settings.Hub: // a hub reads kubeconfigs in the Application's own namespace
			use = "metadata: {namespace: " + f.Namespace + "} of the Application"
		}
		hint = fmt.Sprintf("%s defines it in namespace %s: %s", f.Doc.Position(), f.Namespace, use)
	} else if names := pl.fleetsIn[namespace]; len(names) > 0 {
		hint = "fleet: " + diag.Some(names, diag.MostNames)
		if len(names) > 1 {
			hint = "fleet: one of " + diag.Some(names, diag.MostNames)
		}
	}
	return app.Diagnostic(diag.NoFleet, at, fmt.Sprintf("the inputs have no Fleet %s in namespace %s", name, namespace), hint)
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
		shown = append(shown, fmt.Sprintf("%s {%s}", cl.Name, diag.Some(labels, diag.MostNames)))
	}
	if len(clusters) > 3 {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}

// CheckUnreached reports clusters without an Application.
func (in *Input) CheckUnreached(targets []*Target) {
	reached := map[*Cluster]bool{}
	for _, t := range targets {
		reached[t.Cluster] = len(t.Apps) > 0
	}
	for _, cl := range in.clusters {
		if len(in.Applications) > 0 && !reached[cl] {
			in.report.Add(cl.Doc.Diagnostic(diag.UnreachedCluster, schema.Path{"metadata", "name"}, fmt.Sprintf("no Application is deployed to the cluster %s", cl.Name), "add it to a Fleet that an Application names, or give it the labels of the clusterSelector"))
		}
	}
}
