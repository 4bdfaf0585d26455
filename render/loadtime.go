package render

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"

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

// checkLoadTime says that no load is left when a metric is asked for. A webhook of type
// rollout begins its load with each check, just before the metrics are asked for, so that
// a check sees that of the one before; one of type pre-rollout begins it once.
func (r *rollout) checkLoadTime(run flagger.Run) {
	begun, again := r.loads()
	loads, from, until := again, "one check", run.Every
	if len(again) == 0 {
		loads, from, until = begun, "the beginning", run.Promotion()-run.Every
	}
	var longest load
	for _, l := range loads {
		if l.lasts == 0 {
			return
		}
		if l.lasts > longest.lasts {
			longest = l
		}
	}
	if longest.lasts == 0 {
		return
	}
	for _, m := range r.analysis().Metrics {
		window := time.Duration(or(m.IntervalSeconds, defaultIntervalSeconds)) * time.Second
		if longest.lasts+window > until {
			continue
		}
		to := "the next"
		if len(again) == 0 {
			to = "the last check"
		}
		r.report(diag.LoadEnds, longest.at,
			fmt.Sprintf("the load lasts %s, and from %s to %s it takes %s: %s, which looks at the last %s, sees nothing of it", diag.Duration(longest.lasts), from, to, diag.Duration(until), m.Name, diag.Duration(window)),
			fmt.Sprintf("let the load last %s", diag.Duration(until)))
		return
	}
}

// loads are those that the webhooks begin before the first check, and with each.
func (r *rollout) loads() (begun, again []load) {
	all := r.webhooks()
	add := func(w canaryWebhook, at schema.Path) {
		lasts, ok := loadTime(w.Metadata["cmd"])
		switch {
		case !ok || !w.hook().RunsTask():
		case w.Type == flagger.RolloutHook && !w.hook().AlwaysPasses():
			again = append(again, load{at, 0}) // it is over just before the metrics are asked for
		case w.Type == flagger.RolloutHook:
			again = append(again, load{at, lasts})
		case w.Type == flagger.PreRollout && w.hook().AlwaysPasses():
			begun = append(begun, load{at, lasts})
		}
	}
	own := len(r.RolloutPolicy.Webhooks)
	for i, w := range all[:own] {
		add(w, schema.Path{"rolloutPolicy", "webhooks", i, "metadata", "cmd"})
	}
	for i, w := range all[own:] {
		add(w, inAnalysis("webhooks", "command", i))
	}
	return begun, again
}

// loadTime is for how long a command makes load: 0 where that cannot be told without
// running it. It is false for a command that makes none.
func loadTime(script string) (lasts time.Duration, ok bool) {
	if len(script) > longestCommand {
		return 0, false
	}
	calls, _, err := shellCalls(script)
	if err != nil {
		return 0, false
	}
	for _, c := range calls {
		if isLoadGenerator(c.name) {
			lasts, ok = c.lasts(), true
		}
	}
	if !ok || len(calls) > 1 || !isOneCommand(script) {
		return 0, ok
	}
	return lasts, ok
}

// isOneCommand says whether a script is a command alone, without pipes and loops.
func isOneCommand(script string) bool {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil || len(file.Stmts) != 1 {
		return false
	}
	_, ok := file.Stmts[0].Cmd.(*syntax.CallExpr)
	return ok
}

// durationFlags are those of the load generators that say how long they run.
var durationFlags = map[string][]string{
	"hey": {"-z", "--z"},
	"ghz": {"-z", "--duration"},
	"wrk": {"-d", "--duration"},
}

// lasts is for how long a load generator runs, or 0 where its words do not say it.
func (c shellCall) lasts() time.Duration {
	for i, w := range c.words {
		if !w.known {
			return 0
		}
		for _, flag := range durationFlags[path.Base(c.name)] {
			value, found := strings.CutPrefix(w.text, flag)
			switch {
			case !found:
				continue
			case value == "" && i+1 < len(c.words):
				value = c.words[i+1].text
			}
			value = strings.TrimPrefix(value, "=")
			if _, err := strconv.Atoi(value); err == nil {
				value += "s" // which wrk takes it for
			}
			if d, err := time.ParseDuration(value); err == nil {
				return d
			}
		}
	}
	return 0
}
