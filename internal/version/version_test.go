package version

import (
	"runtime/debug"
	"testing"
)

func TestVersionOfABuild(t *testing.T) {
	const commit = "6527bcf0f3a14b2a9b5d1e0c8f7a6b5c4d3e2f10"
	git := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: commit}, {Key: "vcs.modified", Value: modified}}
	}
	for _, tt := range []struct {
		name, release, module string
		settings              []debug.BuildSetting
		text, commit          string
		isRelease             bool
	}{
		{"a release, without Git", "v0.9.0", "(devel)", nil, "v0.9.0", "", true},
		{"a pre-release", "v0.9.0-rc.1", "", nil, "v0.9.0-rc.1", "", true},
		{"installed by go install", "", "v1.2.3", nil, "v1.2.3", "", true},
		{"built at a tag", "", "v1.2.3", git("false"), "v1.2.3", commit, true},
		{"built at a tag, with changes", "", "v1.2.3+dirty", git("true"), "v1.2.3+dirty", commit + "+dirty", false},
		{"built at a commit", "", "v0.0.0-20260102030405-6527bcf0f3a1", git("false"), "v0.0.0-20260102030405-6527bcf0f3a1", commit, false},
		{"a commit after a tag, installed by go install", "", "v1.2.4-0.20260102030405-6527bcf0f3a1", nil, "v1.2.4-0.20260102030405-6527bcf0f3a1", "6527bcf0f3a1", false},
		{"a module in development", "", "(devel)", nil, "(devel)", "", false},
		{"nothing is known", "", "", nil, "(devel)", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Of(tt.release, &debug.BuildInfo{Main: debug.Module{Version: tt.module}, Settings: tt.settings})
			if v.String() != tt.text || v.Commit() != tt.commit || v.IsRelease() != tt.isRelease {
				t.Errorf("got %s of %q, release: %t", v, v.Commit(), v.IsRelease())
			}
		})
	}
}
