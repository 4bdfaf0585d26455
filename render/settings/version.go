package settings

import (
	"strconv"

	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

// A MinorVersion is a version of an upstream project without its patch level.
type MinorVersion struct{ Major, Minor int }

// String returns major.minor.
func (v MinorVersion) String() string { return strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor) }

// Less reports whether the version is older than another.
func (v MinorVersion) Less(w MinorVersion) bool {
	return v.Major < w.Major || v.Major == w.Major && v.Minor < w.Minor
}

// versionPattern is one version (semver.org, with a leading v), or a range of
// Helm's that holds versions of one minor version only: 2.7.x, 2.7, 2.7.*, ~2.7.3
// and ~2.7.
const versionPattern = `^(~?)v?(\d+)\.(\d+)(?:\.(?:(\d+)(?:-[0-9A-Za-z.-]*[0-9A-Za-z])?(?:\+[0-9A-Za-z.-]+)?|[xX*]))?$`

var versionRegexp = lazyregexp.New(versionPattern)

// ParseMinor reads a version, or a range of one minor version.
func ParseMinor(version string) (v MinorVersion, ok bool) {
	m := versionRegexp().FindStringSubmatch(version)
	if m == nil {
		return v, false
	}
	major, err := strconv.ParseUint(m[2], 10, 31)
	if err != nil {
		return v, false
	}
	minor, err := strconv.ParseUint(m[3], 10, 31)
	return MinorVersion{int(major), int(minor)}, err == nil
}

// IsExact reports whether a version is exact, and not a range.
func IsExact(version string) bool {
	m := versionRegexp().FindStringSubmatch(version)
	return m != nil && m[1] == "" && m[4] != ""
}

// majorRegexp is one version, or a range of Helm's that holds versions of one major version only:
// 29, 29.x, 29.x.x, ~29, ~29.1, ^29.1.2 and the versions that versionPattern matches.
var majorRegexp = lazyregexp.New(`^[~^]?v?(\d+)(?:\.(?:\d+|[xX*])(?:\.(?:\d+(?:[-+][0-9A-Za-z.+-]*)?|[xX*]))?)?$`)

// ParseMajor reads the major version of a version, or of a range of one major version.
func ParseMajor(version string) (major int, ok bool) {
	m := majorRegexp().FindStringSubmatch(version)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(m[1], 10, 31)
	return int(n), err == nil
}
