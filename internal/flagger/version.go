package flagger

// A Version of Flagger, up to what the scheduler's behaviour depends on: 1.Minor.
type Version struct{ Minor int }

// Newest is the version that is taken where none is known: its behaviour is that of all newer ones as well.
var Newest = Version{44}

// The minor versions with which Flagger's scheduler began to behave otherwise
// (fluxcd/flagger CHANGELOG.md, and the pull requests that it names).
const (
	// inlineQueries are asked without an error for having no template (#1611).
	inlineQueries = 37
	// promotingKeepsWeight: the status of a Canary that is promoted keeps its weight,
	// where it was 0 before (#1851).
	promotingKeepsWeight = 43
	// skippedRunsPostRollout: post-rollout webhooks are called where the analysis is skipped, too (#1918).
	skippedRunsPostRollout = 44
)

// since reports whether the version is a minor one or newer.
func (v Version) since(minor int) bool { return v.Minor >= minor }
