package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// controlPlaneAnnotation has Kurator install Karmada for a fleet
// (pkg/apis/fleet/v1alpha1/types.go).
const controlPlaneAnnotation = "fleet.kurator.dev/controlplane"

// A placer finds the clusters of every fleet and of every policy.
type placer struct {
	*input
	settings *settings.Settings
	targets  map[*cluster]*Target
	// host is the cluster of Applications without a fleet, or nil where there are none.
	host *cluster
}

// place finds the clusters of every fleet and of every policy. It returns the targets by
// name.
func (in *input) place(s *settings.Settings) []*Target {
	c := &placer{input: in, settings: s, targets: map[*cluster]*Target{}}
	for _, f := range c.fleets {
		c.placeFleet(f)
		c.checkPlugins(f)
	}
	for _, d := range c.misshapen {
		c.checkReferences(d)
	}
	for _, f := range c.fleets {
		if f.Spec.Plugin != nil && f.Spec.Plugin.Flagger != nil {
			for _, cl := range f.clusters {
				c.install(c.target(cl), f)
			}
		}
	}
	number := uint64(0)
	for _, a := range c.applications {
		for i := range a.Spec.SyncPolicies {
			p := &policy{SyncPolicy: &a.Spec.SyncPolicies[i], app: a, path: schema.Path{"spec", "syncPolicies", i}, number: number}
			number++
			unique := c.namePolicy(p, i)
			p.sound = a.doc.Valid && unique
			a.policies = append(a.policies, p)
			c.placePolicy(p)
		}
		c.checkPolicies(a)
		c.checkDestination(a)
		c.checkOneFleet(a)
	}
	targets := slices.SortedFunc(maps.Values(c.targets), func(a, b *Target) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.kind, b.kind))
	})
	c.checkTargets(targets)
	c.checkDependencies()
	return targets
}

// target returns the target of a cluster.
func (c *placer) target(cl *cluster) *Target {
	t, ok := c.targets[cl]
	if !ok {
		t = &Target{cluster: cl, remote: c.settings.Hub && cl.doc != nil}
		c.targets[cl] = t
	}
	return t
}

// checkTargets reports clusters that have one directory, and those that a hub cannot reach.
func (c *placer) checkTargets(targets []*Target) {
	for i, t := range targets {
		if i > 0 && targets[i-1].name == t.name {
			c.Add(clusterNamesMeet(targets[i-1].cluster, t.cluster))
		}
		if t.remote && t.kubeconfig == nil && t.kind == "AttachedCluster" {
			c.Add(t.doc.Diagnostic(diag.NoKubeconfig, schema.Path{"spec"}, "the hub reaches an AttachedCluster by its kubeconfig, and this one names no Secret with it", "kubeconfig: {name: "+t.name+", key: value}"))
		}
	}
}

// clusterNamesMeet returns the diagnostic of two clusters that have one directory.
func clusterNamesMeet(a, b *cluster) diag.Diagnostic {
	// The one without a document has no namespace, and so comes first.
	other := "the cluster of Applications without a fleet"
	if a.doc != nil {
		other = fmt.Sprintf("the %s at %s", a.kind, a.doc.Position("metadata", "name"))
	}
	return b.doc.Diagnostic(diag.ClusterNamesMeet, schema.Path{"metadata", "name"},
		fmt.Sprintf("the directory %s belongs to %s as well", b.name, other), "rename one of the two")
}

// placeFleet finds a fleet's clusters.
func (c *placer) placeFleet(f *fleet) {
	seen := map[*cluster]bool{}
	for i, ref := range f.Spec.Clusters {
		at := schema.Path{"spec", "clusters", i, "name"}
		if ref.Namespace != "" && ref.Namespace != f.namespace {
			c.Add(f.doc.Diagnostic(diag.ClusterNamespace, schema.Path{"spec", "clusters", i, "namespace"},
				fmt.Sprintf("a fleet's clusters are in its own namespace %s, and that is where %s is looked for", f.namespace, ref.Name), "remove the line"))
		}
		cl, ok := c.findCluster(ref.Kind, f.namespace, ref.Name)
		switch {
		case !ok:
			c.Add(c.noCluster(f.doc, at, ref))
		case cl != nil && seen[cl]:
			c.Add(f.doc.Diagnostic(diag.DefinedTwice, at, fmt.Sprintf("%s %s is in the fleet twice", ref.Kind, ref.Name), "remove one of the two"))
		case cl != nil:
			seen[cl] = true
			f.clusters = append(f.clusters, cl)
		}
	}
}

// checkPlugins reports what a fleet asks for and fleetwright does not render.
func (c *placer) checkPlugins(f *fleet) {
	if _, ok := f.Metadata.Annotations[controlPlaneAnnotation]; ok {
		c.Add(f.doc.Diagnostic(diag.PluginNotRendered, schema.Path{"metadata", "annotations", controlPlaneAnnotation}, "fleetwright does not render a control plane of the fleet", ""))
	}
	if f.Spec.Plugin == nil {
		return
	}
	for _, other := range []struct {
		name  string
		value any
	}{
		{"metric", f.Spec.Plugin.Metric}, {"grafana", f.Spec.Plugin.Grafana}, {"policy", f.Spec.Plugin.Policy},
		{"backup", f.Spec.Plugin.Backup}, {"distributedStorage", f.Spec.Plugin.DistributedStorage}, {"submariner", f.Spec.Plugin.Submariner},
	} {
		if other.value != nil {
			c.Add(f.doc.Diagnostic(diag.PluginNotRendered, schema.Path{"spec", "plugin", other.name},
				fmt.Sprintf("fleetwright does not render the plugin %s", other.name), ""))
		}
	}
}

// noCluster returns the diagnostic of a missing cluster of a fleet. The hint names a cluster
// of the same name elsewhere, or the document to add.
func (c *placer) noCluster(fleet *schema.Document, at schema.Path, ref api.ClusterReference) diag.Diagnostic {
	hint := fmt.Sprintf("add {apiVersion: cluster.kurator.dev/v1alpha1, kind: %s, metadata: {name: %s, namespace: %s}} to the inputs", ref.Kind, ref.Name, fleet.Namespace)
	if cl, ok := c.clusterNamed[ref.Name]; ok {
		hint = fmt.Sprintf("%s defines %s %s in namespace %s; a fleet's clusters are of its kind and namespace", cl.doc.Position(), cl.kind, cl.name, cl.namespace)
	}
	return fleet.Diagnostic(diag.NoCluster, at, fmt.Sprintf("there is no %s %s in namespace %s", ref.Kind, ref.Name, fleet.Namespace), hint)
}

// checkReferences reports the undefined objects that a document names, where its other
// mistakes keep it from being compiled: one must not hide the other.
func (c *placer) checkReferences(d *schema.Document) {
	switch d.Kind.Name {
	case "Application":
		at := []schema.Path{{"spec", "destination", "fleet"}}
		for i := range d.Len("spec", "syncPolicies") {
			at = append(at, schema.Path{"spec", "syncPolicies", i, "destination", "fleet"})
		}
		for _, at := range at {
			name := d.Text(at...)
			if _, ok := c.findFleet(d.Namespace, name); name != "" && !ok {
				c.Add(c.noFleet(d, at, name))
			}
		}
	case "Fleet":
		for i := range d.Len("spec", "clusters") {
			at := schema.Path{"spec", "clusters", i}
			ref := api.ClusterReference{Kind: d.Text(at.With("kind")...), Name: d.Text(at.With("name")...)}
			if ref.Name == "" || ref.Kind != "Cluster" && ref.Kind != "AttachedCluster" {
				continue
			}
			if _, ok := c.findCluster(ref.Kind, d.Namespace, ref.Name); !ok {
				c.Add(c.noCluster(d, at.With("name"), ref))
			}
		}
	}
}

// install has a fleet install Flagger and its provider on a target. A cluster of two fleets
// can have only one of each.
func (c *placer) install(t *Target, f *fleet) {
	if t.installedBy == nil {
		t.installedBy = f
		return
	}
	c.Add(f.doc.Diagnostic(diag.PluginsDiffer, schema.Path{"spec", "plugin", "flagger"},
		fmt.Sprintf("the cluster %s is in the fleet at %s as well, which installs Flagger there", t.name, t.installedBy.doc.Position("metadata", "name")),
		"leave the plugin to one of the two fleets"))
}

// namePolicy names the Flux Kustomization of a policy as Kurator does. It reports
// false for a name that another policy of the application has.
func (c *placer) namePolicy(p *policy, index int) bool {
	p.fluxName = p.Name
	at := p.path.With("name")
	if p.fluxName == "" {
		p.fluxName = p.app.name + "-" + strconv.Itoa(index)
		c.Add(p.app.doc.Diagnostic(diag.PositionalName, p.path,
			fmt.Sprintf("the policy has no name, so it is called %s after its position: a policy inserted before it renames it, and Flux deletes and recreates all it has applied", p.fluxName),
			"name: "+p.fluxName))
		at = p.path
	}
	if len(p.fluxName) > layout.MaxLabel {
		c.Add(p.app.doc.Diagnostic(diag.FluxName, at,
			fmt.Sprintf("the name %s has %d characters; Flux puts it into a label, which holds %d", p.fluxName, len(p.fluxName), layout.MaxLabel), "give the policy a shorter name"))
	}
	if other, ok := p.app.named[p.fluxName]; ok {
		c.Add(p.app.doc.Diagnostic(diag.DefinedTwice, at, fmt.Sprintf("the policy at %s is called %s as well", p.app.doc.Position(other.path...), p.fluxName), "give one of the two another name"))
		return false
	}
	if p.app.named == nil {
		p.app.named = map[string]*policy{}
	}
	p.app.named[p.fluxName] = p
	return true
}

// placePolicy finds the targets of a policy, and adds it to those.
func (c *placer) placePolicy(p *policy) {
	if d, at := p.destination(); d != nil {
		c.placeInFleet(p, d, at)
	} else {
		if c.host == nil {
			c.host = &cluster{name: hostCluster}
		}
		p.targets = []*Target{c.target(c.host)}
	}
	if p.sound {
		for _, t := range p.targets {
			t.add(p)
		}
	}
}

// placeInFleet finds the targets of a policy that goes to a fleet.
func (c *placer) placeInFleet(p *policy, d *api.Destination, at schema.Path) {
	f, ok := c.findFleet(p.app.namespace, d.Fleet)
	if !ok {
		c.Add(c.noFleet(p.app.doc, at.With("fleet"), d.Fleet))
	}
	if f == nil {
		return
	}
	p.fleet = f
	var selector map[string]api.LabelValue
	if d.ClusterSelector != nil {
		selector = d.ClusterSelector.MatchLabels
	}
	for _, cl := range f.clusters {
		if matches(selector, cl.labels) {
			p.targets = append(p.targets, c.target(cl))
		}
	}
	if len(p.targets) == 0 && len(f.clusters) == len(f.Spec.Clusters) {
		what, hint := fmt.Sprintf("the fleet %s has no clusters", f.name), ""
		if len(f.clusters) > 0 {
			at = at.With("clusterSelector", "matchLabels")
			what, hint = fmt.Sprintf("no cluster of the fleet %s has these labels", f.name), "the clusters' labels are "+labelsOf(f.clusters)
		}
		c.Add(p.app.doc.Diagnostic(diag.SelectsNothing, at, what, hint))
	}
}

// checkDestination checks a destination that all policies replace by their own,
// so that nothing else looks at it.
func (c *placer) checkDestination(a *application) {
	if d := a.Spec.Destination; d != nil {
		if _, ok := c.findFleet(a.namespace, d.Fleet); !ok {
			c.Add(c.noFleet(a.doc, schema.Path{"spec", "destination", "fleet"}, d.Fleet))
		}
	}
}

// checkPolicies reports an application without policies.
func (c *placer) checkPolicies(a *application) {
	if len(a.policies) == 0 {
		c.Add(a.doc.Diagnostic(diag.NothingSynced, schema.Path{"spec", "syncPolicies"}, "the Application has no policies, so nothing is rendered for it", "syncPolicies: [{name: "+a.name+", kustomization: {interval: 5m0s, path: ./deploy, prune: true}}]"))
	}
}

// noFleet returns the diagnostic of an undefined fleet. The hint names the fleets that are
// defined.
func (c *placer) noFleet(app *schema.Document, at schema.Path, name string) diag.Diagnostic {
	hint := "add the Fleet to the inputs"
	if f, ok := c.fleetNamed[name]; ok {
		hint = fmt.Sprintf("%s defines it in namespace %s; an Application's fleet is in its own namespace", f.doc.Position(), f.namespace)
	} else if names := c.fleetsIn[app.Namespace]; len(names) > 0 {
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
func labelsOf(clusters []*cluster) string {
	var shown []string
	for _, cl := range clusters[:min(len(clusters), 3)] {
		var labels []string
		for key, value := range cl.labels {
			labels = append(labels, diag.Cut(key+"="+string(value)))
		}
		slices.Sort(labels)
		shown = append(shown, fmt.Sprintf("%s {%s}", cl.name, diag.Some(labels, 10)))
	}
	if len(clusters) > 3 {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}

// checkOneFleet checks what Kurator's webhook checks: the policies of an
// Application go to one fleet, or none of them to any
// (pkg/webhooks/application_webhook.go).
func (c *placer) checkOneFleet(a *application) {
	var first *policy
	for _, p := range a.policies {
		if first == nil {
			first = p
		}
		if fleetName(p) == fleetName(first) {
			continue
		}
		at := p.path
		if p.Destination != nil {
			at = at.With("destination", "fleet")
		}
		message := fmt.Sprintf("the policy goes to the fleet %s, the first one of the Application to %s", fleetName(p), fleetName(first))
		if fleetName(p) == "" {
			message = fmt.Sprintf("the policy has no destination, the first one of the Application goes to the fleet %s", fleetName(first))
		} else if fleetName(first) == "" {
			message = fmt.Sprintf("the policy goes to the fleet %s, the first one of the Application has no destination", fleetName(p))
		}
		c.Add(a.doc.Diagnostic(diag.FleetsDiffer, at, message, "an Application goes to one fleet: make two Applications of it, or use clusterSelector"))
	}
}

// fleetName returns the name of the fleet that a policy goes to, defined or not.
func fleetName(p *policy) string {
	if d, _ := p.destination(); d != nil {
		return d.Fleet
	}
	return ""
}

// checkUnreached reports clusters that no Application reaches.
func (in *input) checkUnreached(targets []*Target) {
	reached := map[*cluster]bool{}
	for _, t := range targets {
		reached[t.cluster] = len(t.apps) > 0
	}
	for _, cl := range in.clusters {
		if len(in.applications) > 0 && !reached[cl] {
			in.Add(cl.doc.Diagnostic(diag.UnreachedCluster, schema.Path{"metadata", "name"}, fmt.Sprintf("no Application reaches the cluster %s", cl.name), ""))
		}
	}
}
