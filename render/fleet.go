package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
)

// A Member is a cluster with its applications.
type Member struct {
	// Name and Labels of the cluster.
	Name   string
	Labels map[string]string
	// Fleets are those that list the cluster, as namespace/name.
	Fleets []string
	// Base is the platform below the applications. Clusters with the same platform share it.
	Base *Base
	// Placements are the applications as the cluster gets them, sorted by name. Clusters share placements.
	Placements []*Placement
}

// A Base is the platform that clusters have before their applications.
type Base struct {
	// Provider moves the traffic of rollouts. It is "" if no fleet names one.
	Provider string
	// Components are rendered or already installed, sorted by name.
	Components []Component
	// Stages are the Flux Kustomizations that come before the applications, in order.
	Stages []Stage
}

// A Component is something that rollouts need on a cluster.
type Component struct {
	// Name of the component, as under installed.
	Name string
	// Version of the component, a range of versions, or "" if it is unknown.
	Version string
	// Installed reports whether the cluster already has the component, so that it is not rendered.
	Installed bool
}

// A Stage is a Flux Kustomization that others wait for.
type Stage struct {
	// Name of the stage, without the name of a cluster.
	Name string
	// After is the stage that it waits for, or "".
	After string
	// Components are the names of the components that it installs.
	Components []string
}

// A renderedStage is a stage as it was rendered for one of its targets.
type renderedStage struct {
	name, after string
	on          *place.Target
	objects     []manifest.Rendered
}

// components returns the names of the components that the stage installs. The installation is nil for a remote
// cluster without components, which has only namespaces.
func (s *renderedStage) components(in *rollout.Installation) (names []string) {
	if in == nil {
		return nil
	}
	if s.name == layout.GatewayAPIDir {
		names = append(names, rollout.ComponentOf[flagger.GatewayAPI])
	}
	for _, r := range in.Releases() {
		release := r.HelmRelease(s.on).Identity()
		if slices.ContainsFunc(s.objects, func(o manifest.Rendered) bool { return o.Identity() == release }) {
			names = append(names, place.ComponentOf(r.Name))
		}
	}
	return names
}

// stagesKey identifies targets with the same stages.
type stagesKey struct {
	platform *place.Platform
	remote   bool
}

// A Placement is an application as some clusters get it.
type Placement struct {
	// Application, as namespace/name.
	Application string
	// Source is the kind of the source. Version is the version of the source; charts have a version each.
	Source  string
	Version place.Version
	// After are the names of the stages that the application waits for.
	After []string
	// Policies are the parts of the application.
	Policies []PlacedPolicy
	// Overrides apply to the clusters. Variables are the names of the cluster variables in the application.
	Overrides []place.Override
	Variables []string
}

// A PlacedPolicy is a sync policy on clusters.
type PlacedPolicy struct {
	// Name of the Flux object, and its Kind.
	Name, Kind string
	// Chart that is installed, or "", and its Version.
	Chart   string
	Version place.Version
	// Suspended reports whether Flux skips the policy.
	Suspended bool
	// After are the policies that it waits for.
	After []PolicyReference
	// Rollout of the policy, or nil.
	Rollout *Rollout
}

// A PolicyReference names a policy of an application.
type PolicyReference struct{ Application, Policy string }

// Fleet returns the clusters with their applications, sorted by name. It reports the same diagnostics as
// Compile, and returns no clusters if one is an error.
func (r *Run) Fleet(manifests source.Manifests) ([]*Member, schema.Diagnostics) {
	c := r.c
	made, list := r.Compile(manifests)
	if made == nil {
		return nil, list
	}
	m := members{
		compiler: c, fleets: map[*place.Cluster][]string{}, bases: map[stagesKey]*Base{},
		placed: map[string]*Placement{}, same: map[string]*Placement{}, rollouts: map[*rollout.Rollout]*Rollout{},
	}
	for _, f := range c.Fleets {
		for _, cl := range f.Clusters {
			m.fleets[cl] = append(m.fleets[cl], f.Namespace+"/"+f.Name)
		}
	}
	var all []*Member
	for _, t := range c.targets {
		all = append(all, m.member(t))
	}
	return all, list
}

// members builds the members. Equal parts of clusters are built once.
type members struct {
	*compiler
	fleets map[*place.Cluster][]string
	bases  map[stagesKey]*Base
	// placed are the placements by contentKey, and same the placements by their text.
	placed, same map[string]*Placement
	rollouts     map[*rollout.Rollout]*Rollout
}

func (m *members) member(t *place.Target) *Member {
	made := &Member{Name: t.Name, Labels: manifest.TextOf(t.Labels), Fleets: m.fleets[t.Cluster], Base: m.base(t)}
	for _, a := range t.Apps {
		key := contentKey(t.Platform, a)
		p, ok := m.placed[key]
		if !ok {
			p = m.placement(a, t, m.waits[key])
			text := p.text()
			if other, ok := m.same[text]; ok {
				p = other
			}
			m.same[text], m.placed[key] = p, p
		}
		made.Placements = append(made.Placements, p)
	}
	return made
}

// base returns the platform of a target.
func (m *members) base(t *place.Target) *Base {
	key := stagesKey{t.Platform, t.Remote}
	if made, ok := m.bases[key]; ok {
		return made
	}
	made := &Base{}
	m.bases[key] = made
	in := m.installation(t)
	for _, s := range m.stages[key] {
		made.Stages = append(made.Stages, Stage{s.name, s.after, s.components(in)})
	}
	if in == nil {
		return made
	}
	for _, p := range t.Platform.Plugins {
		made.Provider = cmp.Or(made.Provider, p.Provider())
	}
	versions, rendered := rollout.Versions(in), in.RenderedComponents()
	names := maps.Clone(versions)
	for _, name := range slices.Concat(rendered, in.There) {
		names[name] = ""
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		made.Components = append(made.Components, Component{name, versions[name], !slices.Contains(rendered, name)})
	}
	return made
}

// placement returns an application as a target gets it, after some stages.
func (m *members) placement(a place.TargetApp, t *place.Target, after []string) *Placement {
	made := &Placement{
		Application: a.Namespace + "/" + a.Name, Source: a.SourceKind(), Version: a.Version(), After: after,
		Overrides: a.Overrides, Variables: a.Variables,
	}
	for _, p := range a.Policies {
		placed := PlacedPolicy{Name: p.FluxName, Kind: p.ObjectKind(), Suspended: p.Suspended()}
		if p.Helm != nil {
			placed.Chart = p.Helm.Chart.Spec.Chart
			placed.Version = p.ChartVersion()
		}
		for _, q := range p.WaitsFor(t) {
			placed.After = append(placed.After, PolicyReference{q.App.Namespace + "/" + q.App.Name, q.FluxName})
		}
		if r := m.rollout(p, t); r != nil {
			placed.Rollout = m.rolloutOf(a, r)
		}
		made.Policies = append(made.Policies, placed)
	}
	return made
}

// rolloutOf returns a rollout of an application with its plan.
func (m *members) rolloutOf(a place.TargetApp, r *rollout.Rollout) *Rollout {
	if m.rollouts[r] == nil {
		made := newRollout(a, r)
		m.rollouts[r] = &made
	}
	return m.rollouts[r]
}

// text differs for placements with different facts.
func (p *Placement) text() string {
	parts := fmt.Sprintf("%q %q %q %q %q %q", p.Application, p.Source, p.Version, p.After, p.Overrides, p.Variables)
	for _, policy := range p.Policies {
		parts += fmt.Sprintf(" %q %q %q %q %t %q", policy.Name, policy.Kind, policy.Chart, policy.Version, policy.Suspended, policy.After)
		if r := policy.Rollout; r != nil {
			c := &r.Plan.Canary
			parts += fmt.Sprintf(" %q %q %q %q %q %t %t %q %d", r.Namespace, r.Name, r.Flagger, c.Provider, c.Strategy(), c.Suspend, c.SkipAnalysis, r.Plan.Good.Outcome, r.Plan.Good.Duration())
		}
	}
	return parts
}
