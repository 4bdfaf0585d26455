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

// A load is what a webhook has a load tester send.
type load struct {
	at schema.Path
	// lasts is for how long, or 0 where that depends on more than the command.
	lasts time.Duration
}

// checkLoadTime reports that no load is left when a metric is asked for. A webhook of type
// rollout begins its load with a check, just before the metrics are asked for, so that a
// check sees that of one before it; one of type pre-rollout begins it once.
func checkLoadTime(r *Rollout) {
	run, ok := r.Good()
	metric, window, measured := r.shortestWindow()
	if !ok || !measured || run.Outcome != flagger.Promoted || r.SkipAnalysis {
		return
	}
	before, again := r.loads()
	if len(again) > 0 {
		if len(again) == 1 { // several may cover for each other
			checkLoadAgain(r, again[0], run.Every, metric, window)
		}
		return
	}
	// Load whose end nobody knows may last until the last check.
	if len(before) == 0 || slices.ContainsFunc(before, func(l load) bool { return l.lasts <= 0 }) {
		return
	}
	longest := slices.MaxFunc(before, func(a, b load) int { return cmp.Compare(a.lasts, b.lasts) })
	// The last check decides about the promotion, and the first tick begins the load.
	if until := run.Copied() - run.Every; longest.lasts+window <= until {
		r.Report(diag.LoadEnds, longest.at,
			fmt.Sprintf("the load lasts %s and begins once, and the last check comes %s later: %s, which looks at the last %s, sees nothing of it then", diag.Duration(longest.lasts), diag.Duration(until), metric, diag.Duration(window)),
			"a webhook of type rollout, which begins it with every check")
	}
}

// checkLoadAgain looks at load that is to begin with every check. A load tester leaves out
// a task that still runs (fluxcd/flagger pkg/loadtester/runner.go), so that load which
// lasts until the next check begins with every second one only.
func checkLoadAgain(r *Rollout, l load, every time.Duration, metric string, window time.Duration) {
	next := (l.lasts/every + 1) * every
	if l.lasts <= 0 || l.lasts+window > next {
		return
	}
	message := fmt.Sprintf("the load lasts %s of the %s between two checks", diag.Duration(l.lasts), diag.Duration(every))
	if next > every {
		message = fmt.Sprintf("the load lasts %s, and a load tester leaves out what still runs, so that it begins every %s only", diag.Duration(l.lasts), diag.Duration(next))
	}
	hint := fmt.Sprintf("let it last less than %s", diag.Duration(every))
	if least := every - window; least > 0 {
		hint += fmt.Sprintf(", and more than %s", diag.Duration(least))
	}
	r.Report(diag.LoadEnds, l.at, fmt.Sprintf("%s: %s, which looks at the last %s, then sees nothing of it", message, metric, diag.Duration(window)), hint)
}

// shortestWindow returns the metric that looks back the least, as far as its query does so by its interval.
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

// loads returns those that the webhooks begin before the first check, and with each.
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
				l.lasts = 0 // it is over just before the metrics are asked for
			}
			again = append(again, l)
		case w.Type == flagger.PreRollout && !awaited:
			before = append(before, l)
		}
	}
	return before, again
}
