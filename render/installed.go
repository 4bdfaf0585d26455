package render

import (
	"maps"
	"reflect"
	"slices"

	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/provider"
	"github.com/fleetwright/fleetwright/render/rollout"
)

// An installed is what the fleets install, and the rollouts that run with that.
type installed struct {
	installations map[*place.Fleet]*rollout.Installation
	rollouts      map[rolloutKey]*rollout.Rollout
}

// A rolloutKey tells rollouts apart: one is of a policy, on all targets where one fleet
// installs Flagger.
type rolloutKey struct {
	policy      *place.Policy
	installedBy *place.Fleet
}

// install makes what the fleets install, and makes and checks the rollouts of all policies,
// each once for all targets that have the same installed. There is none where nothing runs it.
func (c *compiler) install() *installed {
	in := &installed{map[*place.Fleet]*rollout.Installation{}, map[rolloutKey]*rollout.Rollout{}}
	for _, f := range c.Fleets {
		if f.Spec.Plugin != nil && f.Spec.Plugin.Flagger != nil {
			in.installations[f] = provider.Install(c.Compilation, f)
		}
	}
	seen := map[rolloutKey]bool{}
	for _, a := range c.Applications {
		for _, p := range a.Policies {
			if p.Rollout == nil {
				continue
			}
			for _, t := range p.Targets {
				key := rolloutKey{p, t.InstalledBy}
				if seen[key] {
					continue
				}
				seen[key] = true
				if r := rollout.New(c.Compilation, p, in.installation(t)); r != nil {
					in.rollouts[key] = r
				}
			}
		}
	}
	return in
}

// installation returns what a target has installed, or nil.
func (in *installed) installation(t *place.Target) *rollout.Installation {
	return in.installations[t.InstalledBy]
}

// rollout returns the rollout of a policy on a target, or nil where it has none.
func (in *installed) rollout(p *place.Policy, t *place.Target) *rollout.Rollout {
	return in.rollouts[rolloutKey{p, t.InstalledBy}]
}

// rolloutsOf returns the rollouts of an application on a target.
func (in *installed) rolloutsOf(a place.TargetApp, t *place.Target) (all []*rollout.Rollout) {
	for _, p := range a.Policies {
		if r := in.rollout(p, t); r != nil {
			all = append(all, r)
		}
	}
	return all
}

// injectedNamespaces returns the namespaces of the target that workloads are rolled
// out in, whichever application brings them, where they must carry something. Differing are
// the rollouts in a namespace that must carry something else.
func (in *installed) injectedNamespaces(t *place.Target) (injected map[string]manifest.NamespaceMeta, differing []*rollout.Rollout) {
	injected = map[string]manifest.NamespaceMeta{}
	// all are those, and the load tester's, whatever they carry.
	all := map[string]manifest.NamespaceMeta{}
	installation := in.installation(t)
	if installation != nil && installation.LoadTester != nil {
		all[rollout.PublicLoadTester] = installation.NamespaceMeta(nil)
	}
	for _, a := range t.Apps {
		for _, r := range in.rolloutsOf(a, t) {
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

// Namespaces returns the names of the namespaces that the application's objects and workloads
// are in.
func (in *installed) namespaces(a place.TargetApp, t *place.Target) []string {
	seen := map[string]bool{a.Namespace: true}
	for _, p := range a.Policies {
		if ns := p.TargetNamespace(); ns != "" {
			seen[ns] = true
		}
	}
	for _, r := range in.rolloutsOf(a, t) {
		seen[r.Namespace] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
