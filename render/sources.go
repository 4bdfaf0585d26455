package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
)

// Builds returns what Flux builds of the sources of the Applications with a rollout: where nothing
// is rolled out, nothing is judged by what the source holds. A policy is built once, as on the first
// of its clusters, one with its rollout if there is any.
func (r *Run) Builds() (builds []source.Build) {
	c := r.c
	on := map[*place.Policy]*place.Target{}
	rolledOut := c.rolledOut()
	for _, a := range c.Applications {
		if rolledOut[a] {
			for _, p := range a.Policies {
				on[p] = c.buildTarget(p)
			}
		}
	}
	for _, t := range c.targets {
		var injected map[string]manifest.NamespaceMeta
		for _, a := range t.Apps {
			if !rolledOut[a.Application] {
				continue
			}
			if injected == nil {
				injected, _ = c.injectedNamespaces(t)
			}
			own := c.injectedBy(a, t, injected)
			for _, p := range a.Policies {
				if on[p] == t {
					builds = append(builds, flux.NewBuild(p, flux.Patches(p, own, c.service(p, t))))
				}
			}
		}
	}
	return builds
}

// rolledOut returns the applications with a rollout that runs somewhere.
func (c *compiler) rolledOut() map[*place.Application]bool {
	all := map[*place.Application]bool{}
	for key := range c.rollouts {
		all[key.policy.App] = true
	}
	return all
}

// buildTarget returns the first target of a policy with its rollout, or the first, or nil.
func (c *compiler) buildTarget(p *place.Policy) *place.Target {
	for _, t := range p.Targets {
		if c.rollout(p, t) != nil {
			return t
		}
	}
	if len(p.Targets) == 0 {
		return nil
	}
	return p.Targets[0]
}

// checkSources reports the sources that Flux could not build either, and says of how many
// Applications nothing was read. Without manifests nobody has tried.
func (c *compiler) checkSources(manifests source.Manifests) {
	if manifests == nil {
		return
	}
	rolledOut := c.rolledOut()
	for _, a := range c.Applications {
		if !rolledOut[a] {
			continue
		}
		noted := false
		for _, p := range a.Policies {
			built := manifests[keyOf(p)]
			switch {
			case built == nil || built.Unread != "":
				if why := unread(built); !noted && p.Sound && len(p.Targets) > 0 {
					noted = true
					c.Note(diag.SourceNotRead, manifest.Origin{Doc: a.Doc, Path: schema.Path{"spec", "source"}}, why)
				}
			default:
				for _, f := range built.Failures {
					code := diag.SourceFails
					if f.Values {
						code = diag.ValuesRefused
					}
					c.Add(a.Doc.Diagnostic(code, p.Path.With(f.Field...), f.Message, f.Hint))
				}
			}
		}
	}
	c.Summarize(diag.SourceNotRead, func(why []string, others int) string {
		return fmt.Sprintf("the rollouts of %s were not checked against the manifests of the source: %s",
			diag.Plural(others+1, "Application"), diag.Some(why, 3))
	})
}

// followsManifests returns a function that reports whether a diagnostic which is not found may be found
// elsewhere, where other manifests are at hand: on a laptop, say, and not in CI.
func (c *compiler) followsManifests(manifests source.Manifests) func(diag.Code) bool {
	read := slices.ContainsFunc(slices.Collect(maps.Values(manifests)), func(b *source.Built) bool { return b.Unread == "" })
	all := c.allRead(manifests)
	return func(code diag.Code) bool {
		switch {
		case code == diag.GuessedTargetPort || code == diag.ReplicasLeft || code == diag.SourceNotRead:
			return read
		case diag.NoWorkload <= code && code <= diag.NoRollingUpdate:
			return !all
		}
		return false
	}
}

// allRead reports whether the manifests of all rollouts were read.
func (c *compiler) allRead(manifests source.Manifests) bool {
	for key := range c.rollouts {
		if b := manifests[keyOf(key.policy)]; b == nil || b.Unread != "" {
			return false
		}
	}
	return true
}

// unread returns why nothing was built.
func unread(b *source.Built) string {
	if b == nil {
		return "no directory is known for the source"
	}
	return b.Unread
}

func keyOf(p *place.Policy) source.Key {
	return source.Key{Namespace: p.App.Namespace, Application: p.App.Name, Policy: p.Index()}
}

// manifestsOf returns what is known of the manifests beside a rollout, or nil where its own
// were not built.
func (c *compiler) manifestsOf(r *rollout.Rollout, all *built) *source.Set {
	own := all.of(r.Policy)
	if own == nil {
		return nil
	}
	set := &source.Set{
		Built: own, Complete: true, Elsewhere: all.has,
		DefaultNamespace: defaultNamespace(r.Policy),
	}
	for _, p := range r.Policy.App.Policies {
		switch built := all.of(p); {
		case p == r.Policy || !meet(p, r.Policy):
		case built == nil:
			set.Complete = false
		default:
			set.Beside = append(set.Beside, source.Beside{Built: built, DefaultNamespace: defaultNamespace(p)})
		}
	}
	return set
}

// defaultNamespace returns the namespace of a policy's namespaced objects that name none.
func defaultNamespace(p *place.Policy) string { return cmp.Or(p.TargetNamespace(), "default") }

// meet reports whether two policies go to a cluster both.
func meet(a, b *place.Policy) bool {
	return slices.ContainsFunc(a.Targets, func(t *place.Target) bool { return slices.Contains(b.Targets, t) })
}

// built is what was built of all sources, by policy and by object.
type built struct {
	manifests source.Manifests
	// policies are those that build an object, in their order.
	policies map[manifest.Identity][]*place.Policy
}

// index returns what was built of the sources of all Applications.
func (c *compiler) index(manifests source.Manifests) *built {
	all := &built{manifests, map[manifest.Identity][]*place.Policy{}}
	if len(manifests) == 0 {
		return all
	}
	for _, a := range c.Applications {
		for _, p := range a.Policies {
			b := all.of(p)
			if b == nil {
				continue
			}
			for _, o := range b.Objects {
				id := o.Identity(defaultNamespace(p))
				all.policies[id] = append(all.policies[id], p)
			}
		}
	}
	return all
}

// of returns what was built for a policy, or nil where that is not known.
func (b *built) of(p *place.Policy) *source.Built {
	own := b.manifests[keyOf(p)]
	if own == nil || own.Unread != "" || len(own.Failures) > 0 {
		return nil
	}
	return own
}

// has reports whether any policy builds an object.
func (b *built) has(id manifest.Identity) bool { return len(b.policies[id]) > 0 }

// checkWorkloadTwice reports a workload that another policy on the same clusters brings as well:
// Flux applies both, and Flagger takes each for a new version.
func (c *compiler) checkWorkloadTwice(r *rollout.Rollout, all *built) {
	id := r.Judged.Target()
	var others []*place.Policy
	for _, p := range all.policies[id] {
		if p != r.Policy && meet(p, r.Policy) {
			others = append(others, p)
		}
	}
	if len(others) == 0 || len(others) == 1 && !slices.Contains(all.policies[id], r.Policy) {
		return
	}
	r.Report(diag.WorkloadTwice, schema.Path{"workload", "name"},
		fmt.Sprintf("the policy at %s brings the %s %s as well, and Flagger takes every change between the two for a new version", others[0].App.Doc.Position(others[0].Path...), id.Kind, id.Name),
		"leave the workload to one of the two policies")
}
