package render

import (
	"maps"
	"reflect"

	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/provider"
	"github.com/fleetwright/fleetwright/render/rollout"
)

// A rolloutKey tells rollouts apart: one is of a policy, on all targets where one fleet
// installs Flagger.
type rolloutKey struct {
	policy      *place.Policy
	installedBy *place.Fleet
}

// install makes what the fleets install, and makes and checks the rollouts of all policies,
// each once for all targets that have the same installed. There is none where nothing runs it.
func (c *compiler) install() {
	for _, f := range c.Fleets {
		if f.Spec.Plugin != nil && f.Spec.Plugin.Flagger != nil {
			c.installations[f] = provider.Install(c.Compilation, f)
		}
	}
	for _, a := range c.Applications {
		for _, p := range a.Policies {
			for _, t := range p.Targets {
				key := rolloutKey{p, t.InstalledBy}
				if _, ok := c.rollouts[key]; !ok && p.Rollout != nil {
					c.rollouts[key] = rollout.New(c.Compilation, p, c.installation(t))
				}
			}
		}
	}
	maps.DeleteFunc(c.rollouts, func(_ rolloutKey, r *rollout.Rollout) bool { return r == nil })
}

// installation returns what a target has installed, or nil.
func (c *compiler) installation(t *place.Target) *rollout.Installation {
	return c.installations[t.InstalledBy]
}

// rollout returns the rollout of a policy on a target, or nil where it has none.
func (c *compiler) rollout(p *place.Policy, t *place.Target) *rollout.Rollout {
	return c.rollouts[rolloutKey{p, t.InstalledBy}]
}

// rolloutsOf returns the rollouts of an application on a target.
func (c *compiler) rolloutsOf(a place.TargetApp, t *place.Target) (all []*rollout.Rollout) {
	for _, p := range a.Policies {
		if r := c.rollout(p, t); r != nil {
			all = append(all, r)
		}
	}
	return all
}

// injectedNamespaces returns the namespaces of the target that workloads are rolled
// out in, whichever application brings them, where they must carry something. Differing are
// the rollouts in a namespace that must carry something else.
func (c *compiler) injectedNamespaces(t *place.Target) (injected map[string]manifest.NamespaceMeta, differing []*rollout.Rollout) {
	injected = map[string]manifest.NamespaceMeta{}
	// all are those, and the load tester's, whatever they carry.
	all := map[string]manifest.NamespaceMeta{}
	installation := c.installation(t)
	if installation != nil && installation.LoadTester != nil {
		all[rollout.PublicLoadTester] = installation.NamespaceMeta(nil)
	}
	for _, a := range t.Apps {
		for _, r := range c.rolloutsOf(a, t) {
			meta := installation.NamespaceMeta(r)
			if other, ok := all[r.Namespace]; ok && !reflect.DeepEqual(other, meta) {
				differing = append(differing, r)
				continue
			}
			all[r.Namespace] = meta
			if !meta.IsZero() {
				injected[r.Namespace] = meta
			}
		}
	}
	return injected, differing
}
