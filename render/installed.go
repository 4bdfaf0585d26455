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
	"github.com/fleetwright/fleetwright/schema/api"
)

// A rolloutKey identifies the rollout of a policy on all targets with one platform. Variants of a policy share
// it if their rollouts are rendered identically; checks that depend on manifests run for each.
type rolloutKey struct {
	rollout  *api.Rollout
	platform *place.Platform
	// namespace is the policy's targetNamespace, and revision the label that the application adds to the
	// rollout's namespace.
	namespace, revision string
}

// install creates the installations of the platforms and the rollouts of all policies, each once for all targets
// with the same platform. It omits rollouts that no installation can run.
func (c *compiler) install() {
	for _, p := range c.Platforms {
		c.installations[p] = provider.Install(c.Compilation, p)
	}
	sharing, on := map[rolloutKey][]*place.Policy{}, map[rolloutKey]*place.Target{}
	var keys []rolloutKey
	for _, a := range c.Variants {
		for _, p := range a.Policies {
			if p.Rollout == nil {
				continue
			}
			key := rolloutKey{rollout: p.Rollout, namespace: p.TargetNamespace(), revision: provider.RevisionOf(p)}
			c.keys[p] = key
			for _, t := range p.Targets {
				key.platform = t.Platform
				if sharing[key] == nil {
					keys = append(keys, key)
					on[key] = t
				}
				if all := sharing[key]; len(all) == 0 || all[len(all)-1] != p {
					sharing[key] = append(sharing[key], p)
				}
			}
		}
	}
	for _, key := range keys {
		c.rollouts[key] = rollout.New(c.Compilation, sharing[key], c.installation(on[key]))
	}
	told, used := rollout.Told{}, map[*place.Platform]bool{}
	for _, t := range c.targets {
		used[t.Platform] = true
	}
	fewest := slices.Clone(c.Platforms) // platforms of a single fleet come first
	slices.SortStableFunc(fewest, func(a, b *place.Platform) int { return cmp.Compare(len(a.Plugins), len(b.Plugins)) })
	for _, p := range fewest {
		if in := c.installations[p]; in != nil && used[p] {
			in.Expect(told)
		}
	}
	maps.DeleteFunc(c.rollouts, func(_ rolloutKey, r *rollout.Rollout) bool { return r == nil })
}

// installation returns the installation of a target, or nil.
func (c *compiler) installation(t *place.Target) *rollout.Installation {
	return c.installations[t.Platform]
}

// expected returns the installation that a RenderConfig declares, or nil.
func (c *compiler) expected() *rollout.Installation {
	for _, p := range c.Platforms {
		if !p.Plugins[0].IsOfFleet() {
			return c.installations[p]
		}
	}
	return nil
}

// rollout returns the rollout of a policy on a target, or nil if it has none.
func (c *compiler) rollout(p *place.Policy, t *place.Target) *rollout.Rollout {
	key := c.keys[p]
	key.platform = t.Platform
	return c.rollouts[key]
}

// service returns the metadata that the Service of a policy's rollout needs on a target, or nil without a
// rollout.
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

// injectedNamespaces returns the metadata that namespaces with rolled out workloads need on the target,
// whichever application creates them, and the rollouts that need other metadata than another rollout in their
// namespace.
func (c *compiler) injectedNamespaces(t *place.Target) (injected map[string]manifest.NamespaceMeta, differing []*rollout.Rollout) {
	injected = map[string]manifest.NamespaceMeta{}
	// all also contains the load tester's namespace.
	all := map[string]manifest.NamespaceMeta{}
	installation := c.installation(t)
	if installation != nil && installation.LoadTester != nil {
		all[rollout.PublicLoadTester] = installation.TesterMeta
	}
	for _, a := range t.Apps {
		for _, r := range c.rolloutsOf(a, t) {
			meta := r.On.NamespaceMeta(r)
			if meta.IsZero() {
				continue // its pods need no sidecar, but may have one
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

// namespaces returns the names of the namespaces of an application's objects and workloads on a target.
func (c *compiler) namespaces(a place.TargetApp, t *place.Target) []string {
	seen := map[string]bool{a.Namespace: true}
	for _, p := range a.Policies {
		if ns := p.TargetNamespace(); ns != "" {
			seen[ns] = true
		}
		if p.Helm != nil && p.Helm.StorageNamespace != "" {
			seen[p.Helm.StorageNamespace] = true
		}
	}
	for _, r := range c.rolloutsOf(a, t) {
		seen[r.Namespace] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// injectedBy returns the part of injected that concerns the namespaces of an application on a target.
func (c *compiler) injectedBy(a place.TargetApp, t *place.Target, injected map[string]manifest.NamespaceMeta) map[string]manifest.NamespaceMeta {
	own := map[string]manifest.NamespaceMeta{}
	for _, ns := range c.namespaces(a, t) {
		if meta, ok := injected[ns]; ok {
			own[ns] = meta
		}
	}
	return own
}
