package render

import (
	"strconv"
	"strings"
)

// A minorVersion is a version of upstream up to what its manifests depend on.
type minorVersion struct{ major, minor int }

// String is major.minor.
func (v minorVersion) String() string { return strconv.Itoa(v.major) + "." + strconv.Itoa(v.minor) }

func (v minorVersion) less(w minorVersion) bool {
	return v.major < w.major || v.major == w.major && v.minor < w.minor
}

// parseMinor reads a version such as 2.7.3, or a range of Helm's that holds
// versions of one minor version only: 2.7.x, 2.7, 2.7.*, ~2.7.3 and ~2.7.
func parseMinor(version string) (v minorVersion, ok bool) {
	version = strings.TrimPrefix(strings.TrimPrefix(version, "~"), "v")
	version, _, _ = strings.Cut(version, "+")
	version, _, _ = strings.Cut(version, "-")
	parts := strings.Split(version, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return v, false
	}
	if len(parts) == 3 && parts[2] != "x" && parts[2] != "X" && parts[2] != "*" {
		if _, err := strconv.ParseUint(parts[2], 10, 31); err != nil {
			return v, false
		}
	}
	major, err := strconv.ParseUint(parts[0], 10, 31)
	if err != nil {
		return v, false
	}
	minor, err := strconv.ParseUint(parts[1], 10, 31)
	return minorVersion{int(major), int(minor)}, err == nil
}

// isExact says whether a version is one and not a range of them.
func isExact(version string) bool {
	_, ok := parseMinor(version)
	return ok && !strings.HasPrefix(version, "~") && strings.Count(version, ".") == 2 && !strings.ContainsAny(version, "xX*")
}
