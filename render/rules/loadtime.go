package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/schema"
)

// A load is the load that a webhook makes a load tester send.
type load struct {
	at schema.Path
	// lasts is its duration, or 0 if that depends on more than the command.
	lasts time.Duration
}

// checkLoadTime reports load that has ended when the metrics are queried. A webhook of type rollout starts its
// load with each check, just before the metrics are queried, so that a check sees the load of the check before;
// one of type pre-rollout starts it once.
func checkLoadTime(r *Rollout) {
	run, ok := r.Good()
	metric, window, measured := r.shortestWindow()
	if !ok || !measured || run.Outcome != flagger.Promoted || r.SkipAnalysis {
		return
	}
	before, again := r.loads()
	if len(again) > 0 {
		if len(again) == 1 { // several may complement each other
			checkLoadAgain(r, again[0], run.Every, metric, window)
		}
		return
	}
	// Load of an unknown duration may last until the last check.
	if len(before) == 0 || slices.ContainsFunc(before, func(l load) bool { return l.lasts <= 0 }) {
		return
	}
	longest := slices.MaxFunc(before, func(a, b load) int { return cmp.Compare(a.lasts, b.lasts) })
	// The last check decides on the promotion, and the first tick starts the load.
	if until := run.Copied() - run.Every; longest.lasts+window <= until {
		r.Report(diag.LoadEnds, longest.at,
			fmt.Sprintf("the load test runs once for %s, but the last check comes after %s; %s then sees no requests in its window of %s", diag.Duration(longest.lasts), diag.Duration(until), metric, diag.Duration(window)),
			"type: rollout for the webhook, which starts the load with every check")
	}
}

// checkLoadAgain checks load that starts with every check. A load tester skips a task that is still running
// (fluxcd/flagger pkg/loadtester/runner.go), so load that lasts until the next check starts only with every
// second one.
func checkLoadAgain(r *Rollout, l load, every time.Duration, metric string, window time.Duration) {
	next := (l.lasts/every + 1) * every
	if l.lasts <= 0 || l.lasts+window > next {
		return
	}
	message := fmt.Sprintf("the load test lasts only %s of the %s between checks", diag.Duration(l.lasts), diag.Duration(every))
	checks := "the checks"
	if next > every {
		checks = "some checks"
		message = fmt.Sprintf("the load test lasts %s and cannot restart while it runs, so it starts only every %s", diag.Duration(l.lasts), diag.Duration(next))
	}
	hint := fmt.Sprintf("a load test shorter than %s", diag.Duration(every))
	if least := every - window; least > 0 {
		hint += fmt.Sprintf(" and longer than %s", diag.Duration(least))
	}
	r.Report(diag.LoadEnds, l.at, fmt.Sprintf("%s; without other traffic, %s of %s see no requests in their window of %s, and fail", message, checks, metric, diag.Duration(window)), hint)
}

// shortestWindow returns the metric with the shortest window, among those whose query uses the interval.
func (r *Rollout) shortestWindow() (name string, window time.Duration, ok bool) {
	for _, m := range r.Analysis.Metrics {
		if t := r.template(m); t != nil && t.Replaces == "" && !strings.Contains(t.Query, "interval") {
			continue
		}
		if w, err := time.ParseDuration(m.Interval); err == nil && (!ok || w < window) {
			name, window, ok = r.called(m), w, true
		}
	}
	return name, window, ok
}

// loads returns the loads that webhooks start once before the first check, and again with each check.
func (r *Rollout) loads() (before, again []load) {
	for i, w := range r.Analysis.Webhooks {
		lasts, ok := flagger.LoadTime(w.Metadata["cmd"])
		if !ok || !w.RunsTask() {
			continue
		}
		l := load{inAnalysis("webhooks", i, "metadata", "cmd"), lasts}
		switch awaited := w.IsAwaited(); {
		case w.Kind() == flagger.RolloutHook:
			if awaited {
				l.lasts = 0 // it ends just before the metrics are queried
			}
			again = append(again, l)
		case w.Type == flagger.PreRollout && !awaited:
			before = append(before, l)
		}
	}
	return before, again
}
