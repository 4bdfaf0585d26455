package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
)

// Builds returns the builds of the sources of all Applications with a rollout. Without a rollout, no check reads
// the source. A policy is built once, for the first of its clusters with its rollout, or else for its first
// cluster.
func (r *Run) Builds() (builds []source.Build) {
	c := r.c
	on := map[*place.Policy]*place.Target{}
	rolledOut := c.rolledOut()
	for _, a := range c.Variants {
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
					b := flux.NewBuild(p, flux.Patches(p, own, c.service(p, t)))
					b.OfClusters = a.SourceKind() == place.GitRepository && flux.IsClusterSource(a.Application, &c.Settings)
					builds = append(builds, b)
				}
			}
		}
	}
	return builds
}

// rolledOut returns the applications with a rollout on some cluster.
func (c *compiler) rolledOut() map[*place.Application]bool {
	all := map[*place.Application]bool{}
	for _, r := range c.rollouts {
		for _, p := range r.Policies {
			all[p.App] = true
		}
	}
	return all
}

// buildTarget returns the first target of a policy with its rollout, or its first target, or nil.
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

// checkSource reports the sources of a variant that Flux cannot build, and notes the first source of an
// application that was not read.
func (c *compiler) checkSource(a *place.Application, manifests source.Manifests, noted *bool) {
	for _, p := range a.Policies {
		built := manifests[flux.KeyOf(p)]
		switch {
		case built == nil || built.Unread != "":
			if why := unread(built); !*noted && p.Sound && len(p.Targets) > 0 {
				*noted = true
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
			c.checkVariables(p, built)
			c.checkNames(p, built)
		}
	}
}

// summarizeSources reports the number of Applications whose sources were not read.
func (c *compiler) summarizeSources() {
	c.Summarize(diag.SourceNotRead, func(why []string, others int) string {
		return fmt.Sprintf("the rollouts of %s were checked without the manifests of the source: %s",
			diag.Plural(others+1, "Application"), strings.Join(why, ", "))
	})
}

// followsManifests returns a function that reports whether a missing diagnostic may appear if other manifests
// are available: on a laptop, for example, and not in CI.
func (c *compiler) followsManifests(manifests source.Manifests) func(diag.Code) bool {
	read := slices.ContainsFunc(slices.Collect(maps.Values(manifests)), func(b *source.Built) bool { return b.Unread == "" })
	all := c.allRead(manifests)
	return func(code diag.Code) bool {
		switch {
		case code == diag.GuessedTargetPort || code == diag.ReplicasLeft || code == diag.SourceNotRead:
			return read
		case diag.NoWorkload <= code && code <= diag.NoRollingUpdate || diag.NoDecryptionKey <= code && code <= diag.AffixBreaksNames:
			return !all
		}
		return false
	}
}

// allRead reports whether the manifests of all rollouts were read.
func (c *compiler) allRead(manifests source.Manifests) bool {
	for _, r := range c.rollouts {
		for _, p := range r.Policies {
			if b := manifests[flux.KeyOf(p)]; b == nil || b.Unread != "" {
				return false
			}
		}
	}
	return true
}

// unread returns the reason why a source was not built.
func unread(b *source.Built) string {
	if b == nil {
		return "its directory is unknown"
	}
	return b.Unread
}

// manifestsOf returns the known manifests of an application for the rollout of a policy, or nil if the policy's
// own were not built.
func (c *compiler) manifestsOf(policy *place.Policy, all *built) *source.Set {
	own := all.of(policy)
	if own == nil {
		return nil
	}
	set := &source.Set{
		Built: own, Complete: true, Elsewhere: all.has,
		DefaultNamespace: defaultNamespace(policy),
	}
	for _, p := range policy.App.Policies {
		switch built := all.of(p); {
		case p == policy || !meet(p, policy):
		case built == nil:
			set.Complete = false
		default:
			set.Others = append(set.Others, source.Other{Built: built, DefaultNamespace: defaultNamespace(p)})
		}
	}
	return set
}

// defaultNamespace returns the namespace of a policy's objects that set none.
func defaultNamespace(p *place.Policy) string { return cmp.Or(p.TargetNamespace(), "default") }

// meet reports whether two policies share a cluster.
func meet(a, b *place.Policy) bool {
	return slices.ContainsFunc(a.Targets, func(t *place.Target) bool { return slices.Contains(b.Targets, t) })
}

// built holds the objects built from all sources, by policy and by identity.
type built struct {
	manifests source.Manifests
	// policies holds the policies that build an object, in their order.
	policies map[manifest.Identity][]*place.Policy
}

// index returns the objects built from the sources of all Applications.
func (c *compiler) index(manifests source.Manifests) *built {
	all := &built{manifests, map[manifest.Identity][]*place.Policy{}}
	if len(manifests) == 0 {
		return all
	}
	for _, a := range c.Variants {
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

// of returns the build of a policy, or nil if it is unknown.
func (b *built) of(p *place.Policy) *source.Built {
	own := b.manifests[flux.KeyOf(p)]
	if own == nil || own.Unread != "" || len(own.Failures) > 0 {
		return nil
	}
	return own
}

// has reports whether any policy builds an object.
func (b *built) has(id manifest.Identity) bool { return len(b.policies[id]) > 0 }

// checkWorkloadTwice reports a workload that another policy on the same clusters also applies: Flagger treats
// each change between the two as a new version.
func (c *compiler) checkWorkloadTwice(r *rollout.Rollout, policy *place.Policy, all *built) {
	id := r.Judged.Target()
	var others []*place.Policy
	for _, p := range all.policies[id] {
		if p.App.Doc.Name == policy.App.Doc.Name && p.App.Namespace == policy.App.Namespace && p.Index() == policy.Index() {
			continue // the policy itself, or a variant for other clusters
		}
		if meet(p, policy) {
			others = append(others, p)
		}
	}
	if len(others) == 0 || len(others) == 1 && !slices.Contains(all.policies[id], policy) {
		return
	}
	r.Report(diag.WorkloadTwice, schema.Path{"workload", "name"},
		fmt.Sprintf("the policy at %s also applies the %s %s; Flagger treats every switch between the two as a new version", others[0].App.Doc.Position(others[0].Path...), id.Kind, id.Name),
		"remove the workload from one of the two policies")
}

// checkVariables reports variables without a value, and Secrets that Flux does not decrypt.
func (c *compiler) checkVariables(p *place.Policy, built *source.Built) {
	at := p.Path.With("kustomization")
	if len(built.Unset) > 0 {
		effect := "Flux replaces them with nothing, and from 2.9 on applies nothing"
		if v, ok := settings.ParseMinor(c.Settings.Flux); ok && !v.Less(flux.StrictSubstitution) {
			effect = "Flux applies nothing"
		}
		c.Add(p.App.Doc.Diagnostic(diag.UnsetVariable, at.With("postBuild"), fmt.Sprintf("nothing sets these variables of the manifests: %s; %s", diag.Some(built.Unset, 5), effect),
			fmt.Sprintf("substitute: {%s: …}, a default as in ${%s:=…}, or $${%s} for literal text", built.Unset[0], built.Unset[0], built.Unset[0])))
	}
	if built.Keyless != "" {
		c.Add(p.App.Doc.Diagnostic(diag.NoDecryptionKey, at.With("decryption"), fmt.Sprintf("Secret %s is encrypted with age or PGP, but no secretRef names the key; Flux applies nothing", built.Keyless),
			"secretRef: {name: sops-keys}, a Secret with the key identity.agekey or key.asc"))
	}
}

// checkNames reports a prefix or suffix that makes names invalid for the API server. Names that are already
// invalid without it are the source's mistake.
func (c *compiler) checkNames(p *place.Policy, built *source.Built) {
	k := p.Kustomization
	if k == nil || k.NamePrefix+k.NameSuffix == "" {
		return
	}
	field, hint := "nameSuffix", ""
	var names []string
	for i := range built.Objects {
		o := &built.Objects[i]
		prefixed := strings.TrimSuffix(o.Name, k.NameSuffix)
		why := o.RefuseName(o.Name)
		if why == "" || o.RefuseName(strings.TrimPrefix(prefixed, k.NamePrefix)) != "" {
			continue
		}
		if o.RefuseName(prefixed) != "" {
			field = "namePrefix"
		}
		names, hint = append(names, o.Kind+" "+o.Name), cmp.Or(hint, why)
	}
	if len(names) > 0 {
		c.Add(p.App.Doc.Diagnostic(diag.AffixBreaksNames, p.Path.With("kustomization", field),
			fmt.Sprintf("%s makes names that the API server rejects, so Flux applies nothing: %s", field, diag.Some(names, 5)), hint))
	}
}
