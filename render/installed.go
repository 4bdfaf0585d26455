package render

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/provider"
	"github.com/fleetwright/fleetwright/render/rollout"
)

// A rolloutKey tells rollouts apart: one is of a policy, on all targets with one platform.
type rolloutKey struct {
	policy   *place.Policy
	platform *place.Platform
}

// install makes what the platforms have, and the rollouts of all policies, each once for all targets
// with the same platform. There is none where nothing runs it.
func (c *compiler) install() {
	for _, p := range c.Platforms {
		c.installations[p] = provider.Install(c.Compilation, p)
	}
	for _, a := range c.Applications {
		for _, p := range a.Policies {
			for _, t := range p.Targets {
				key := rolloutKey{p, t.Platform}
				if _, ok := c.rollouts[key]; !ok && p.Rollout != nil {
					c.rollouts[key] = rollout.New(c.Compilation, p, c.installation(t))
				}
			}
		}
	}
	told, used := rollout.Told{}, map[*place.Platform]bool{}
	for _, t := range c.targets {
		used[t.Platform] = true
	}
	fewest := slices.Clone(c.Platforms) // which speak for one fleet
	slices.SortStableFunc(fewest, func(a, b *place.Platform) int { return cmp.Compare(len(a.Plugins), len(b.Plugins)) })
	for _, p := range fewest {
		if in := c.installations[p]; in != nil && used[p] {
			in.Expect(told)
		}
	}
	maps.DeleteFunc(c.rollouts, func(_ rolloutKey, r *rollout.Rollout) bool { return r == nil })
}

// installation returns what a target has installed, or nil.
func (c *compiler) installation(t *place.Target) *rollout.Installation {
	return c.installations[t.Platform]
}

// rollout returns the rollout of a policy on a target, or nil where it has none.
func (c *compiler) rollout(p *place.Policy, t *place.Target) *rollout.Rollout {
	return c.rollouts[rolloutKey{p, t.Platform}]
}

// service returns what the Service of a policy's rollout on a target must carry, or nil where no
// rollout runs.
func (c *compiler) service(p *place.Policy, t *place.Target) *flux.OwnService {
	r := c.rollout(p, t)
	if r == nil {
		return nil
	}
	own := r.Service()
	return &own
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
	// all are those, and the load tester's.
	all := map[string]manifest.NamespaceMeta{}
	installation := c.installation(t)
	if installation != nil && installation.LoadTester != nil {
		all[rollout.PublicLoadTester] = installation.TesterMeta
	}
	for _, a := range t.Apps {
		for _, r := range c.rolloutsOf(a, t) {
			meta := r.On.NamespaceMeta(r)
			if meta.IsZero() {
				continue // its pods need no sidecar, and may have one
			}
			if other, ok := all[r.Namespace]; ok && !reflect.DeepEqual(other, meta) {
				differing = append(differing, r)
				continue
			}
			all[r.Namespace] = meta
			injected[r.Namespace] = meta
		}
	}
	return injected, differing
}

// namespaces returns the names of the namespaces that an application's objects and workloads
// are in on a target.
func (c *compiler) namespaces(a place.TargetApp, t *place.Target) []string {
	seen := map[string]bool{a.Namespace: true}
	for _, p := range a.Policies {
		if ns := p.TargetNamespace(); ns != "" {
			seen[ns] = true
		}
	}
	for _, r := range c.rolloutsOf(a, t) {
		seen[r.Namespace] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// injectedBy returns what must be on the namespaces of an application on a target, of all that
// must carry something there.
func (c *compiler) injectedBy(a place.TargetApp, t *place.Target, injected map[string]manifest.NamespaceMeta) map[string]manifest.NamespaceMeta {
	own := map[string]manifest.NamespaceMeta{}
	for _, ns := range c.namespaces(a, t) {
		if meta, ok := injected[ns]; ok {
			own[ns] = meta
		}
	}
	return own
}
