package render

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// hostCluster is where an Application without a fleet goes. Kurator calls its
// own cluster so.
const hostCluster = "host"

// controlPlaneAnnotation has Kurator install Karmada for a fleet
// (pkg/apis/fleet/v1alpha1/types.go).
const controlPlaneAnnotation = "fleet.kurator.dev/controlplane"

// A policy is a sync policy with its name and the clusters it goes to.
type policy struct {
	*api.SyncPolicy
	app  *application
	path schema.Path
	// number of the policy among all of all applications.
	number uint64
	// name of the Flux Kustomization or HelmRelease.
	name string
	// sound policies can be rendered; the others have errors.
	sound    bool
	fleet    *fleet
	clusters []*cluster
	// rollouts of the policy, by what its clusters have installed.
	rollouts map[*stack]*rollout
	// waitsFor are the dependencies of the policy.
	waitsFor []dependency
}

// objectKind is the kind of the policy's object.
func (p *policy) objectKind() string {
	if p.Helm != nil {
		return "HelmRelease"
	}
	return "Kustomization"
}

// suspended says whether the policy is.
func (p *policy) suspended() bool {
	return p.Helm != nil && p.Helm.Suspend || p.Kustomization != nil && p.Kustomization.Suspend
}

// A site is a cluster that gets a directory.
type site struct {
	*cluster
	// stack is what a fleet of the cluster asks to be installed, or nil.
	stack *stack
	apps  []siteApp
	// remote sites are applied to by a hub.
	remote bool
	// alerts are the AlertProviders that come with each application, nil before they
	// are asked for.
	alerts map[*application][]manifest.Rendered
}

// A siteApp is an application on one cluster.
type siteApp struct {
	*application
	// policies are those of the application that go to the cluster.
	policies []sitePolicy
}

// A sitePolicy is a policy on one cluster.
type sitePolicy struct {
	*policy
	site *site
	// rollout of the policy, or nil.
	rollout *rollout
}

// place finds the clusters of every fleet and of every policy.
func (c *compiler) place() {
	for _, f := range c.fleets {
		c.placeFleet(f)
	}
	for _, d := range c.misshapen {
		c.checkReferences(d)
	}
	sites := map[*cluster]*site{}
	at := func(cl *cluster) *site {
		s, ok := sites[cl]
		if !ok {
			s = &site{cluster: cl, remote: c.settings.Hub && cl.doc != nil}
			sites[cl] = s
			c.sites = append(c.sites, s)
		}
		return s
	}
	for _, f := range c.fleets {
		if f.stack == nil {
			continue
		}
		for _, cl := range f.clusters {
			c.install(at(cl), f)
		}
	}
	var host *cluster
	number := uint64(0)
	for _, a := range c.apps {
		for i := range a.Spec.SyncPolicies {
			p := &policy{SyncPolicy: &a.Spec.SyncPolicies[i], app: a, path: schema.Path{"spec", "syncPolicies", i}, number: number, rollouts: map[*stack]*rollout{}}
			number++
			unique := c.namePolicy(p, i)
			p.sound = a.doc.Valid && unique
			a.policies = append(a.policies, p)
			c.placePolicy(p, &host)
			c.checkPatches(p)
			c.checkHelm(p)
			c.checkRetry(p)
		}
		c.checkFeatures(a.doc)
		c.checkPolicies(a)
		c.checkDestination(a)
		c.checkOneFleet(a)
		c.checkSource(a)
		c.noteSecrets(a)
		for _, p := range a.policies {
			for _, cl := range p.clusters {
				s := at(cl)
				r := c.placeRollout(p, s)
				if p.sound {
					s.add(p, r)
				}
			}
		}
	}
	c.checkMeshes()
	c.checkAlertProviders()
	c.checkKubeconfigs()
	slices.SortFunc(c.sites, func(a, b *site) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.kind, b.kind))
	})
	for i, s := range c.sites[:max(0, len(c.sites)-1)] {
		if next := c.sites[i+1]; next.name == s.name {
			c.Add(c.clusterNamesMeet(s.cluster, next.cluster))
		}
	}
	c.checkDependencies()
}

// add gives the site a policy. The policies of an application come one after the
// other.
func (s *site) add(p *policy, r *rollout) {
	if n := len(s.apps); n == 0 || s.apps[n-1].application != p.app {
		s.apps = append(s.apps, siteApp{application: p.app})
	}
	last := &s.apps[len(s.apps)-1]
	last.policies = append(last.policies, sitePolicy{p, s, r})
}

func (c *compiler) clusterNamesMeet(a, b *cluster) diag.Diagnostic {
	// The one without a document has no namespace, and so comes first.
	other := "the cluster of Applications without a fleet"
	if a.doc != nil {
		other = fmt.Sprintf("the %s at %s", a.kind, a.doc.Position("metadata", "name"))
	}
	return b.doc.Diagnostic(diag.ClusterNamesMeet, schema.Path{"metadata", "name"},
		fmt.Sprintf("the directory %s belongs to %s as well", b.name, other), "rename one of the two")
}

// placeFleet finds a fleet's clusters, and what the fleet asks to be installed
// on them.
func (c *compiler) placeFleet(f *fleet) {
	seen := map[*cluster]bool{}
	for i, ref := range f.Spec.Clusters {
		at := schema.Path{"spec", "clusters", i, "name"}
		if ref.Namespace != "" && ref.Namespace != f.namespace {
			c.Add(f.doc.Diagnostic(diag.ClusterNamespace, schema.Path{"spec", "clusters", i, "namespace"},
				fmt.Sprintf("a fleet's clusters are in its own namespace %s, and that is where %s is looked for", f.namespace, ref.Name), "remove the line"))
		}
		cl, ok := c.cluster(ref.Kind, f.namespace, ref.Name)
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
	if f.Spec.Plugin.Flagger != nil {
		f.stack = c.newStack(f)
	}
}

// noCluster says that a fleet's cluster is missing. It names one of the same name
// that is elsewhere, or the document to add.
func (c *compiler) noCluster(fleet *schema.Document, at schema.Path, ref api.ClusterReference) diag.Diagnostic {
	hint := fmt.Sprintf("add {apiVersion: cluster.kurator.dev/v1alpha1, kind: %s, metadata: {name: %s, namespace: %s}} to the inputs", ref.Kind, ref.Name, fleet.Namespace)
	if cl, ok := c.clusterNamed[ref.Name]; ok {
		hint = fmt.Sprintf("%s defines %s %s in namespace %s; a fleet's clusters are of its kind and namespace", cl.doc.Position(), cl.kind, cl.name, cl.namespace)
	}
	return fleet.Diagnostic(diag.NoCluster, at, fmt.Sprintf("there is no %s %s in namespace %s", ref.Kind, ref.Name, fleet.Namespace), hint)
}

// checkReferences finds what a document names and nothing defines, where its
// other mistakes keep it from being compiled: one must not hide the other.
func (c *compiler) checkReferences(d *schema.Document) {
	switch d.Kind.Name {
	case "Application":
		at := []schema.Path{{"spec", "destination", "fleet"}}
		for i := range d.Len("spec", "syncPolicies") {
			at = append(at, schema.Path{"spec", "syncPolicies", i, "destination", "fleet"})
		}
		for _, at := range at {
			name := d.Text(at...)
			if _, ok := c.fleet(d.Namespace, name); name != "" && !ok {
				c.Add(c.noFleet(d, at, name))
			}
		}
		c.checkFeatures(d)
	case "Fleet":
		for i := range d.Len("spec", "clusters") {
			at := schema.Path{"spec", "clusters", i}
			ref := api.ClusterReference{Kind: d.Text(at.With("kind")...), Name: d.Text(at.With("name")...)}
			if ref.Name == "" || ref.Kind != "Cluster" && ref.Kind != "AttachedCluster" {
				continue
			}
			if _, ok := c.cluster(ref.Kind, d.Namespace, ref.Name); !ok {
				c.Add(c.noCluster(d, at.With("name"), ref))
			}
		}
	}
}

// install gives a site what a fleet asks for. A cluster of two fleets can have
// only one of each.
func (c *compiler) install(s *site, f *fleet) {
	if s.stack == nil {
		s.stack = f.stack
		return
	}
	first := s.stack.fleet
	c.Add(f.doc.Diagnostic(diag.PluginsDiffer, schema.Path{"spec", "plugin", "flagger"},
		fmt.Sprintf("the cluster %s is in the fleet at %s as well, which installs Flagger there", s.name, first.doc.Position("metadata", "name")),
		"leave the plugin to one of the two fleets"))
}

// namePolicy names the Flux Kustomization of a policy as Kurator does. It reports
// false for a name that another policy of the application has.
func (c *compiler) namePolicy(p *policy, index int) bool {
	p.name = p.Name
	at := p.path.With("name")
	if p.name == "" {
		p.name = p.app.name + "-" + strconv.Itoa(index)
		c.Add(p.app.doc.Diagnostic(diag.PositionalName, p.path,
			fmt.Sprintf("the policy has no name, so it is called %s after its position: a policy inserted before it renames it, and Flux deletes and recreates all it has applied", p.name),
			"name: "+p.name))
		at = p.path
	}
	if len(p.name) > layout.MaxLabel {
		c.Add(p.app.doc.Diagnostic(diag.FluxName, at,
			fmt.Sprintf("the name %s has %d characters; Flux puts it into a label, which holds %d", p.name, len(p.name), layout.MaxLabel), "give the policy a shorter name"))
	}
	if other, ok := p.app.named[p.name]; ok {
		c.Add(p.app.doc.Diagnostic(diag.DefinedTwice, at, fmt.Sprintf("the policy at %s is called %s as well", p.app.doc.Position(other.path...), p.name), "give one of the two another name"))
		return false
	}
	if p.app.named == nil {
		p.app.named = map[string]*policy{}
	}
	p.app.named[p.name] = p
	return true
}

// destination is that of the policy, or else of its application, and where it stands.
func (p *policy) destination() (*api.Destination, schema.Path) {
	if p.Destination != nil {
		return p.Destination, p.path.With("destination")
	}
	return p.app.Spec.Destination, schema.Path{"spec", "destination"}
}

// placePolicy finds the clusters of a policy.
func (c *compiler) placePolicy(p *policy, host **cluster) {
	d, at := p.destination()
	if d == nil {
		if *host == nil {
			*host = &cluster{name: hostCluster}
		}
		p.clusters = []*cluster{*host}
		return
	}
	f, ok := c.fleet(p.app.namespace, d.Fleet)
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
			p.clusters = append(p.clusters, cl)
		}
	}
	if len(p.clusters) == 0 && len(f.clusters) == len(f.Spec.Clusters) {
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
func (c *compiler) checkDestination(a *application) {
	if d := a.Spec.Destination; d != nil {
		if _, ok := c.fleet(a.namespace, d.Fleet); !ok {
			c.Add(c.noFleet(a.doc, schema.Path{"spec", "destination", "fleet"}, d.Fleet))
		}
	}
}

// checkPolicies says that an application has none.
func (c *compiler) checkPolicies(a *application) {
	if len(a.policies) == 0 {
		c.Add(a.doc.Diagnostic(diag.NothingSynced, schema.Path{"spec", "syncPolicies"}, "the Application has no policies, so nothing is rendered for it", "syncPolicies: [{name: "+a.name+", kustomization: {interval: 5m0s, path: ./deploy, prune: true}}]"))
	}
}

// noFleet says that an Application's fleet is missing, and which ones there are.
func (c *compiler) noFleet(app *schema.Document, at schema.Path, name string) diag.Diagnostic {
	hint := "add the Fleet to the inputs"
	if f, ok := c.fleetNamed[name]; ok {
		hint = fmt.Sprintf("%s defines it in namespace %s; an Application's fleet is in its own namespace", f.doc.Position(), f.namespace)
	} else if names := c.fleetsIn[app.Namespace]; len(names) > 0 {
		hint = "the fleets there are " + diag.Some(names, 10)
	}
	return app.Diagnostic(diag.NoFleet, at, fmt.Sprintf("there is no Fleet %s in namespace %s", name, app.Namespace), hint)
}

// matches says whether labels have everything that a selector asks for.
func matches(selector, labels map[string]api.LabelValue) bool {
	for key, value := range selector {
		if have, ok := labels[key]; !ok || have != value {
			return false
		}
	}
	return true
}

// labelsOf shows the labels of a few clusters.
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
func (c *compiler) checkOneFleet(a *application) {
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

// fleetName is the fleet that a policy asks for, whether it exists or not.
func fleetName(p *policy) string {
	if d, _ := p.destination(); d != nil {
		return d.Fleet
	}
	return ""
}

// checkUnreached says which clusters no Application reaches.
func (c *compiler) checkUnreached() {
	reached := map[*cluster]bool{}
	for _, s := range c.sites {
		reached[s.cluster] = len(s.apps) > 0
	}
	for _, cl := range c.clusters {
		if len(c.apps) > 0 && !reached[cl] {
			c.Add(cl.doc.Diagnostic(diag.UnreachedCluster, schema.Path{"metadata", "name"}, fmt.Sprintf("no Application reaches the cluster %s", cl.name), ""))
		}
	}
}
