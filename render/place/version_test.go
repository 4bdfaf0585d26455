package place

import (
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/schema/api"
)

// TestVersionIsTheOneThatFluxUses checks which version Flux prefers if a source sets several.
func TestVersionIsTheOneThatFluxUses(t *testing.T) {
	commit, digest := strings.Repeat("0123456789", 4), "sha256:"+strings.Repeat("01234567", 8)
	git := func(ref *api.GitReference) api.ApplicationSource {
		return api.ApplicationSource{GitRepository: &api.GitRepository{Ref: ref}}
	}
	oci := func(ref *api.OCIReference) api.ApplicationSource {
		return api.ApplicationSource{OCIRepository: &api.OCIRepository{Ref: ref}}
	}
	for want, source := range map[string]api.ApplicationSource{
		"branch master":              git(nil),
		"branch main":                git(&api.GitReference{Branch: "main"}),
		"semver 1.x":                 git(&api.GitReference{Branch: "main", SemVer: "1.x"}),
		"tag v1":                     git(&api.GitReference{SemVer: "1.x", Tag: "v1"}),
		"ref refs/pull/1/head":       git(&api.GitReference{Tag: "v1", Name: "refs/pull/1/head"}),
		"commit 012345678901":        git(&api.GitReference{Name: "refs/heads/main", Commit: commit}),
		"tag latest":                 oci(nil),
		"tag 1.0.0":                  oci(&api.OCIReference{Tag: "1.0.0"}),
		"semver 2.x":                 oci(&api.OCIReference{Tag: "1.0.0", SemVer: "2.x"}),
		"digest sha256:012345670123": oci(&api.OCIReference{SemVer: "2.x", Digest: digest}),
		"":                           {HelmRepository: &api.HelmRepository{}},
	} {
		a := &Application{Application: &api.Application{Spec: api.ApplicationSpec{Source: source}}}
		if got := a.Version().String(); got != want {
			t.Errorf("it is %q, want %q", got, want)
		}
	}
}
