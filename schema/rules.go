package schema

import (
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema/api"
)

// brokenRules returns what the reader of a struct, given by its pointer, refuses because of
// a value beside another. The paths are those in the struct. Each rule is beside its kind.
func brokenRules(object any) []Refusal {
	switch o := object.(type) {
	case *api.ApplicationSource:
		return checkSource(o)
	case *api.GitRepository:
		return append(checkInterval("repository is fetched", o.Interval), checkSourceTimeout(o.Timeout)...)
	case *api.HelmRepository:
		return checkSourceTimeout(o.Timeout)
	case *api.OCIRepository:
		return append(checkInterval("artifact is pulled", o.Interval), checkSourceTimeout(o.Timeout)...)
	case *api.SyncPolicy:
		return checkPolicy(o)
	case *api.RolloutPolicy:
		return checkStrategy(o)
	case *api.TrafficRouting:
		return checkRouting(o)
	case *api.CanaryStrategy:
		return checkSteps(o)
	case *api.Metric:
		return checkMetric(o)
	case *api.ThresholdRange:
		return checkThreshold(o)
	case *api.CustomMetric:
		return checkCustomMetric(o)
	case *api.MetricProvider:
		return checkMetricProvider(o)
	case *api.Webhooks:
		return checkCommands(o)
	case *api.MeshSpec:
		return checkMesh(o)
	case *api.MeshMTLSBackend:
		return checkAuthority(o)
	case *api.MeshPrometheus:
		return checkPrometheus(o)
	case *api.MeshTracingBackend:
		return checkTracing(o)
	case *api.MeshLoggingBackend:
		return checkLogging(o)
	case *api.MeshMembershipRule:
		return checkMembership(o)
	case *api.SyncDefaults:
		return checkDefaults(o)
	}
	return nil
}

// broken returns a broken rule about the value at a path in a struct.
func broken(code diag.Code, path Path, message, hint string) []Refusal {
	return []Refusal{{Code: code, Path: path, Message: message, Hint: hint}}
}

// isZero reports whether a text that is a duration is none.
func isZero[T api.Duration | api.SourceTimeout](duration T) bool {
	return duration != "" && strings.Trim(string(duration), "0.hms") == ""
}

func isBlank(text string) bool { return strings.Trim(text, " \t\n\f\r") == "" }
