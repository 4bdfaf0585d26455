package place

import (
	"cmp"

	"github.com/fleetwright/fleetwright/schema/api"
)

// A Version is the version of a source that Flux uses.
type Version struct {
	// Kind is branch, tag, semver, commit, digest, ref or chart. It is "" if the version is unknown.
	Kind string
	// Value is the name or the range of the version.
	Value string
}

// String returns the version in words.
func (v Version) String() string {
	switch {
	case v.Kind == "":
		return ""
	case v.Kind == "commit" && len(v.Value) == 40: // as git shortens it
		return "commit " + v.Value[:12]
	case v.Kind == "digest" && len(v.Value) > 19:
		return "digest " + v.Value[:19]
	}
	return v.Kind + " " + v.Value
}

// Version returns the version of the application's source. Each chart of a helmRepository has its own version.
// Flux prefers a commit to a name, a name to a tag, a tag to a range, and a range to a branch, which defaults to
// master (source-controller docs/spec/v1/gitrepositories.md, Reference). For an artifact it prefers a digest to
// a range, and a range to a tag, which defaults to latest (ocirepositories.md, Reference).
func (a *Application) Version() Version {
	switch s := a.Spec.Source; {
	case s.GitRepository != nil:
		ref := cmp.Or(s.GitRepository.Ref, &api.GitReference{})
		return cmp.Or(version("commit", ref.Commit), version("ref", ref.Name), version("tag", ref.Tag), version("semver", ref.SemVer), version("branch", ref.Branch), Version{"branch", "master"})
	case s.OCIRepository != nil:
		ref := cmp.Or(s.OCIRepository.Ref, &api.OCIReference{})
		return cmp.Or(version("digest", ref.Digest), version("semver", ref.SemVer), version("tag", ref.Tag), Version{"tag", "latest"})
	}
	return Version{}
}

// ChartVersion returns the version of the policy's chart, if its source is a repository of charts. It defaults
// to the newest (source-controller docs/spec/v1/helmcharts.md, Version).
func (p *Policy) ChartVersion() Version {
	if p.Helm == nil || p.App.SourceKind() != HelmRepository {
		return Version{}
	}
	return Version{"chart", cmp.Or(p.Helm.Chart.Spec.Version, "*")}
}

// version returns a version, or none without a value.
func version(kind, value string) Version {
	if value == "" {
		return Version{}
	}
	return Version{kind, value}
}
