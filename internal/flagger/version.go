package flagger

// A Version of Flagger, up to what the scheduler's behaviour depends on: 1.Minor.
type Version struct{ Minor int }

// Newest is the version that is taken where none is known: its behaviour is that of all newer ones as well.
var Newest = Version{44}

// Oldest is the oldest minor version whose CRD is known.
const Oldest = 36

// The minor versions with which Flagger's scheduler began to behave otherwise
// (fluxcd/flagger CHANGELOG.md, and the pull requests that it names).
const (
	// inlineQueries are asked without an error for having no template (#1611).
	inlineQueries = 37
	// sortedHeaders: the header filters of an HTTPRoute have one order (#1713).
	sortedHeaders = 39
	// withKnative: Flagger moves the traffic of Knative (#1682).
	withKnative = 41
	// awaitsAccepted: with an HTTPRoute that its parents have not accepted since it was written,
	// Flagger does nothing (#1791).
	awaitsAccepted = 42
	// corsOfGatewayAPI is written into HTTPRoutes (#1843).
	corsOfGatewayAPI = 42
	// noEmptyTimeout: the HTTPRoute of a Canary with conditions has no timeout that is empty, which
	// the API server refuses (#1902).
	noEmptyTimeout = 43
	// promotingKeepsWeight: the status of a Canary that is promoted keeps its weight,
	// where it was 0 before (#1851).
	promotingKeepsWeight = 43
	// skippedRunsPostRollout: post-rollout webhooks are called where the analysis is skipped, too (#1918).
	skippedRunsPostRollout = 44
)

// since reports whether the version is a minor one or newer.
func (v Version) since(minor int) bool { return v.Minor >= minor }
