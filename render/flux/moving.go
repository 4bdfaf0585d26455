package flux

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// CheckMoving reports the sources of an application's variants that deliver new versions to the clusters of
// several waves at once, or only to a later wave: no change of the inputs precedes them, so no wave holds them
// back. Sources that only the application's first wave follows are for trying versions, and are not reported.
func CheckMoving(variants []*place.Application, waves *place.Waves, of *settings.Settings, to *report.Report) {
	var all []*moving
	for _, a := range variants {
		c := newChecker(a, of, to)
		follow := func(policies []*place.Policy, at schema.Path, follows, hint string) {
			if follows == "" {
				return
			}
			i := slices.IndexFunc(all, func(m *moving) bool { return m.follows == follows && slices.Equal(m.at, at) })
			if i < 0 {
				i = len(all)
				all = append(all, &moving{checker: c, at: at, follows: follows, hint: hint})
			}
			all[i].policies = append(all[i].policies, policies...)
		}
		var active, charts []*place.Policy
		for _, p := range a.Policies {
			if p.Suspended() {
				continue
			}
			active = append(active, p)
			if p.Helm != nil {
				charts = append(charts, p)
			}
		}
		source := schema.Path{"spec", "source"}
		switch s := a.Spec.Source; {
		case s.GitRepository != nil && !s.GitRepository.Suspend:
			at, follows, hint := movingGit(source.With("gitRepository"), s.GitRepository.Ref)
			follow(active, at, follows, hint)
		case s.OCIRepository != nil && !s.OCIRepository.Suspend:
			at, follows, hint := movingOCI(source.With("ociRepository"), s.OCIRepository.Ref)
			follow(active, at, follows, hint)
		case s.HelmRepository != nil && !s.HelmRepository.Suspend:
			for _, p := range charts {
				at, follows, hint := movingChart(p.Path.With("helm", "chart", "spec"), p.Helm.Chart.Spec.Version)
				follow([]*place.Policy{p}, at, follows, hint)
			}
		}
	}
	for _, m := range all {
		switch on := wavesOf(waves, m.policies); {
		case len(on) > 1:
			m.add(diag.MovingSource, m.at, fmt.Sprintf("the source follows %s, so a new version reaches all waves at once", m.follows), m.hint)
		case len(on) == 1 && on[0] > wavesOf(waves, m.everywhere(variants))[0]:
			m.add(diag.MovingSource, m.at, fmt.Sprintf("the source follows %s, so a new version reaches the wave %s before the earlier ones", m.follows, waves.Names[on[0]]), m.hint)
		}
	}
}

// A moving is a branch, tag or range that sources follow, with the policies that use it.
type moving struct {
	checker
	at            schema.Path
	follows, hint string
	policies      []*place.Policy
}

// everywhere returns the policies of variants that follow the reference, on any cluster.
func (m *moving) everywhere(variants []*place.Application) (all []*place.Policy) {
	for _, a := range variants {
		for _, p := range a.Policies {
			if !p.Suspended() && slices.ContainsFunc(m.policies, func(o *place.Policy) bool { return slices.Equal(o.Path, p.Path) }) {
				all = append(all, p)
			}
		}
	}
	return all
}

// wavesOf returns the waves of the clusters of policies, by number, in order.
func wavesOf(waves *place.Waves, policies []*place.Policy) (numbers []int) {
	for _, p := range policies {
		for _, t := range p.Targets {
			numbers = append(numbers, waves.Number(t.Name))
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// movingGit returns the field of a moving reference of a gitRepository, its description or "", and a hint. Flux
// prefers a commit to a name, that to a tag, that to a range, and that to a branch, which is master
// without a ref (checkReference; source-controller docs/spec/v1/gitrepositories.md, Reference).
func movingGit(at schema.Path, ref *api.GitReference) (_ schema.Path, follows, hint string) {
	hint = "ref: {tag: 1.2.3}, or the commit"
	if ref == nil {
		return at, "the branch master, the default without a ref", hint
	}
	at = at.With("ref")
	switch {
	case ref.Commit != "" || strings.HasPrefix(ref.Name, "refs/tags/"):
	case ref.Name != "":
		return at.With("name"), ref.Name, hint
	case ref.Tag != "":
	case ref.SemVer != "":
		if !isOneVersion(ref.SemVer) {
			return at.With("semver"), "the versions " + ref.SemVer, hint
		}
	case ref.Branch != "":
		return at.With("branch"), "the branch " + ref.Branch, hint
	default:
		return at, "the branch master, the default without a ref", hint
	}
	return nil, "", ""
}

// movingOCI is movingGit for an ociRepository, whose tag is latest without a ref
// (source-controller docs/spec/v1/ocirepositories.md, Reference).
func movingOCI(at schema.Path, ref *api.OCIReference) (_ schema.Path, follows, hint string) {
	hint = "ref: {tag: 1.2.3}, or the digest"
	switch {
	case ref == nil:
		return at, "the tag latest, the default without a ref", hint
	case ref.Digest != "":
	case ref.SemVer != "":
		if !isOneVersion(ref.SemVer) {
			return at.With("ref", "semver"), "the versions " + ref.SemVer, hint
		}
	case ref.Tag == "":
		return at.With("ref"), "the tag latest, the default without a ref", hint
	case isMovingTag(ref.Tag):
		return at.With("ref", "tag"), "the tag " + ref.Tag, hint
	}
	return nil, "", ""
}

// movingChart is movingGit for a chart of a helmRepository, which is the newest without a version
// (source-controller docs/spec/v1/helmcharts.md, Version).
func movingChart(at schema.Path, version string) (_ schema.Path, follows, hint string) {
	const one = "version: 1.2.3"
	switch {
	case version == "":
		return at, "the newest version of the chart", one
	case isOneVersion(version):
		return nil, "", ""
	}
	return at.With("version"), "the versions " + version + " of the chart", one
}

// isOneVersion reports whether a range of Masterminds/semver holds one version.
func isOneVersion(version string) bool {
	return settings.IsExact(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(version), "=")))
}

// movingTag matches the tags of artifacts that move by convention: a name without digits, such as latest, main
// or stable, and a version that leaves the patch level open, such as 1, v1.2, 1.2-alpine or release-1.2. Tags of
// one build do not move: 1.2.3, a date, a number, a commit. A registry allows both to move
// (opencontainers/distribution-spec spec.md, "tag"); the convention comes from registries ("stable tags" and
// "unique tags" in Azure Container Registry's recommendations for tagging) and of
// docker-library/official-images.
var movingTag = lazyregexp.New(`^([^0-9]+|v?[0-9]{1,3}(\.[0-9]{1,3})?([-_][^0-9]+)?|[A-Za-z]+[-_]v?[0-9]{1,3}\.[0-9]{1,3})$`)

func isMovingTag(tag string) bool { return movingTag().MatchString(tag) }
