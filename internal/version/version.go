// Package version holds the version of the program. No rendered file depends on it.
package version

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/fleetwright/fleetwright/internal/format"
)

// release is set by the linker in a release build, whose bytes must not depend on the state of Git: -ldflags
// '-X github.com/fleetwright/fleetwright/internal/version.release=v1.2.3'.
var release string

// devel is the version of a build without version information.
const devel = "(devel)"

// A Version is the version of a build of the program.
type Version struct {
	text, commit, goVersion string
}

// Get returns the version of this build: the release set by the linker, or the version of the module that Go
// recorded.
func Get() Version {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return Of(release, info)
}

// Of returns the version of a build from its release, if set, and from the information that Go recorded about
// it.
func Of(release string, info *debug.BuildInfo) Version {
	v := Version{text: cmp.Or(release, info.Main.Version, devel), goVersion: cmp.Or(info.GoVersion, runtime.Version())}
	modified := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.commit = s.Value
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	if v.commit == "" {
		v.commit, _ = module.PseudoVersionRev(strings.TrimSuffix(v.text, "+dirty")) // a tag has none
	}
	if modified {
		v.commit += "+dirty"
	}
	return v
}

// String returns the version as releases and modules are named: "v1.2.3", a pseudo-version of a commit, or
// "(devel)".
func (v Version) String() string { return v.text }

// IsRelease reports whether the build has a tagged version that can be compared with others, and not the
// pseudo-version of a commit.
func (v Version) IsRelease() bool {
	return semver.IsValid(v.text) && semver.Build(v.text) == "" && !module.IsPseudoVersion(v.text)
}

// Commit returns the commit of the build if it is known, followed by "+dirty" if the work tree had other
// changes. A release that was built without Git has none.
func (v Version) Commit() string { return v.commit }

// Go returns the version of Go that built the program.
func (v Version) Go() string { return v.goVersion }

// Platform returns the operating system and the architecture: "linux/amd64".
func (v Version) Platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// A Document is the version for programs. It is stable: a field keeps its name and its meaning, and new fields may be
// added.
type Document struct {
	format.Header
	// Release reports whether the build is a release, whose version can be compared with others.
	Release bool `json:"release"`
	// Commit is missing in a release that was built without Git.
	Commit string `json:"commit,omitempty"`
	// Go is the version of Go that built the program.
	Go string `json:"go"`
	// Platform is the operating system and the architecture: "linux/amd64".
	Platform string `json:"platform"`
}

// Document returns the version for programs.
func (v Version) Document() Document {
	return Document{format.NewHeader("version", v.String()), v.IsRelease(), v.Commit(), v.Go(), v.Platform()}
}
