package schema

import (
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema/api"
)

// rules report values of a struct that its reader rejects because of another value. Paths are
// relative to the struct. Each rule is next to its kind.
var rules = []func(object any) []Rejection{
	rule(checkSpec), rule(checkSource), rule(checkGit), rule(checkHelmRepository), rule(checkOCI), rule(checkPolicy), rule(checkStrategy),
	rule(checkRouting), rule(checkSteps), rule(checkMetric), rule(checkThreshold), rule(checkCustomMetric),
	rule(checkCommands), rule(checkMesh), rule(checkAuthority), rule(checkPrometheus),
	rule(checkTracing), rule(checkLogging), rule(checkMembership), rule(checkDefaults),
	rule(checkExpression), rule(checkHelmStrategy), rule(checkCanary), rule(checkCanaryAnalysis), rule(checkCanaryMetric),
}

// rule returns a function that checks the structs, given by their pointers, of one type.
func rule[T any](check func(object *T) []Rejection) func(object any) []Rejection {
	return func(object any) []Rejection {
		if o, ok := object.(*T); ok {
			return check(o)
		}
		return nil
	}
}

// broken returns a broken rule about the value at a path in a struct.
func broken(code diag.Code, path Path, message, hint string) []Rejection {
	return []Rejection{{Code: code, Path: path, Message: message, Hint: hint}}
}

// isZero reports whether a duration is set and zero.
func isZero[T api.Duration | api.SourceTimeout](duration T) bool {
	return duration != "" && strings.Trim(string(duration), "0.hms") == ""
}

func isBlank(text string) bool { return strings.Trim(text, " \t\n\f\r") == "" }
