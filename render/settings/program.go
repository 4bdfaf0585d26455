package settings

import (
	"fmt"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// CheckProgram reports a release of the program that the RenderConfig, which may be nil, does not allow. A build
// from a commit has an empty release.
func CheckProgram(config *schema.Document, release string, to *report.Report) {
	if config == nil {
		return
	}
	wanted := config.Object.(*api.RenderConfig).Spec.Fleetwright
	at := schema.Path{"spec", "fleetwright"}
	switch {
	case wanted == "":
	case release == "":
		to.Add(config.Diagnostic(diag.ProgramNotCompared, at, "this build of fleetwright has no release version, so it was not compared with "+wanted,
			"install a release to compare the version"))
	case !inRange(release, wanted):
		to.Add(config.Diagnostic(diag.OtherProgram, at, fmt.Sprintf("this is fleetwright %s, but %s is required", release, wanted),
			"install a release in this range from https://github.com/fleetwright/fleetwright/releases, or compare the two with fleetwright diff --base-program, then change the range"))
	}
}

// inRange reports whether a release is in a range. Missing parts of a version are 0, and the order is that of
// semver.org. A library for ranges would compile regular expressions at every start.
func inRange(release, wanted string) bool {
	operator := ""
	for _, field := range strings.FieldsFunc(wanted, func(r rune) bool { return r == ' ' || r == ',' }) {
		version := strings.TrimLeft(field, "<>=")
		operator += strings.TrimSuffix(field, version)
		if version == "" {
			continue // a space follows the operator
		}
		order := semver.Compare(release, "v"+strings.TrimPrefix(version, "v"))
		switch {
		case order < 0 && strings.HasPrefix(operator, "<"), order > 0 && strings.HasPrefix(operator, ">"):
		case order == 0 && strings.HasSuffix(operator, "="):
		default:
			return false
		}
		operator = ""
	}
	return true
}
