package render

import (
	"regexp"
	"strconv"
	"sync"
)

// A minorVersion is a version of upstream up to what its manifests depend on.
type minorVersion struct{ major, minor int }

// String is major.minor.
func (v minorVersion) String() string { return strconv.Itoa(v.major) + "." + strconv.Itoa(v.minor) }

func (v minorVersion) less(w minorVersion) bool {
	return v.major < w.major || v.major == w.major && v.minor < w.minor
}

// oldestFlagger has all that is rendered but for flaggerFields.
var oldestFlagger = minorVersion{1, 36}

// versionPattern is one version (semver.org, with a leading v), or a range of
// Helm's that holds versions of one minor version only: 2.7.x, 2.7, 2.7.*, ~2.7.3
// and ~2.7.
const versionPattern = `^(~?)v?(\d+)\.(\d+)(?:\.(?:(\d+)(?:-[0-9A-Za-z.-]*[0-9A-Za-z])?(?:\+[0-9A-Za-z.-]+)?|[xX*]))?$`

var versionRegexp = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(versionPattern) })

// parseMinor reads a version, or a range of one minor version.
func parseMinor(version string) (v minorVersion, ok bool) {
	m := versionRegexp().FindStringSubmatch(version)
	if m == nil {
		return v, false
	}
	major, err := strconv.ParseUint(m[2], 10, 31)
	if err != nil {
		return v, false
	}
	minor, err := strconv.ParseUint(m[3], 10, 31)
	return minorVersion{int(major), int(minor)}, err == nil
}

// isExact says whether a version is one and not a range of them.
func isExact(version string) bool {
	m := versionRegexp().FindStringSubmatch(version)
	return m != nil && m[1] == "" && m[4] != ""
}
