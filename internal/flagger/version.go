package flagger

// A Version is a minor version of Flagger 1, which determines the behavior of the scheduler.
type Version struct{ Minor int }

// Newest is the version to assume if the version is unknown. Newer versions behave the same.
var Newest = Version{44}

// Oldest is the oldest minor version whose CRD is known.
const Oldest = 36

// The minor versions that changed the behavior of Flagger's scheduler (fluxcd/flagger CHANGELOG.md, and the pull
// requests that it names).
const (
	// inlineQueries: a metric with a query but without a template is no error (#1611).
	inlineQueries = 37
	// sortedHeaders: the header filters of an HTTPRoute have a fixed order (#1713).
	sortedHeaders = 39
	// withKnative: Flagger supports Knative (#1682).
	withKnative = 41
	// awaitsAccepted: Flagger waits until the parents of an HTTPRoute have accepted its last change (#1791).
	awaitsAccepted = 42
	// corsOfGatewayAPI: Flagger writes CORS policies into HTTPRoutes (#1843).
	corsOfGatewayAPI = 42
	// noEmptyTimeout: the HTTPRoute of a Canary with conditions has no empty timeout, which the API server would
	// reject (#1902).
	noEmptyTimeout = 43
	// promotingKeepsWeight: the status of a Canary keeps its weight during the promotion, and no longer resets it
	// to 0 (#1851).
	promotingKeepsWeight = 43
	// skippedRunsPostRollout: post-rollout webhooks are also called if the analysis is skipped (#1918).
	skippedRunsPostRollout = 44
)

// since reports whether the version is at least this minor version.
func (v Version) since(minor int) bool { return v.Minor >= minor }
