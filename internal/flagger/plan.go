package flagger

import (
	"fmt"
	"time"
)

// A Plan describes the rollouts of a Canary.
type Plan struct {
	Canary  Canary
	Version Version
	// Good is the run of a version that passes all checks.
	Good Run
	// First and Last are the runs of versions whose checks fail from the first check on, and from the last check
	// of the good run on. They are nil if no check can fail.
	First, Last *Run
	// PreRollout is the run of a version that fails before it gets traffic, or nil if no webhook checks it then.
	PreRollout *Run
	// Gates are the webhooks that the rollout waits for.
	Gates []Gate
	// Reason is the reason why no version is promoted, if a webhook, a route or a metric without values determines
	// that.
	Reason string
}

// A Gate is the webhooks of one type that a rollout waits for until they pass.
type Gate struct {
	// Type is the type of the webhooks, and Webhooks are their names.
	Type     string
	Webhooks []string
	// Asked is how often each webhook is called in the good run.
	Asked int
	// Least and Most are the shortest and longest delay of a rollout by one rejection, which depends on its time.
	// Next is the delay by a second rejection in a row.
	Least, Most, Next time.Duration
	// Traffic is the largest share, in percent, of the new version during the wait.
	Traffic int
}

// New returns the plan of a Canary for a version of Flagger.
func New(c Canary, v Version) *Plan {
	p := &Plan{Canary: c, Version: v, Good: c.Run(v, Scenario{})}
	run := func(sc Scenario) *Run { r := c.Run(v, sc); return &r }
	if c.culprit(c.queries(v)) != nil && p.Good.Checks > 0 {
		p.First = run(Scenario{FailFrom: 1})
	}
	if p.Good.Outcome != Promoted {
		p.Reason = c.reason(p.Good, v)
		return p
	}
	if p.First != nil {
		p.Last = run(Scenario{FailFrom: p.Good.Checks})
	}
	for _, w := range c.Analysis.hooks(PreRollout) {
		if answer, _ := w.Answer(); answer == Open && !c.SkipAnalysis {
			p.PreRollout = run(Scenario{FailPreRollout: true})
			break
		}
	}
	for _, kind := range []string{ConfirmRollout, ConfirmTrafficIncrease, ConfirmPromotion} {
		if g := p.gate(kind); g.Asked > 0 {
			p.Gates = append(p.Gates, g)
		}
	}
	return p
}

// gate returns the gate of a type of webhooks, from its calls in the good run.
func (p *Plan) gate(kind string) Gate {
	g := Gate{Type: kind}
	for i, w := range p.Canary.Analysis.hooks(kind) {
		if !w.AlwaysPasses() {
			g.Webhooks = append(g.Webhooks, w.Name)
			g.Asked = max(g.Asked, p.Good.Calls[i])
		}
	}
	rejected := func(passes, rejections int) Run {
		return p.Canary.Run(p.Version, Scenario{Gate: kind, Passes: passes, Refusals: rejections})
	}
	// The rollout waits in the same tick, whichever webhook rejects it.
	for n := range g.Asked {
		r := rejected(n*len(g.Webhooks), 1)
		added := r.Duration() - p.Good.Duration()
		if n == 0 {
			g.Least, g.Next = added, rejected(0, 2).Duration()-r.Duration()
		}
		g.Least, g.Most = min(g.Least, added), max(g.Most, added)
		// The run waits in the first tick that differs.
		for i, t := range r.Ticks {
			if i >= len(p.Good.Ticks) || t != p.Good.Ticks[i] {
				g.Traffic = max(g.Traffic, t.Canary)
				break
			}
		}
	}
	return g
}

// reason returns the reason why a run does not promote a good version, if a webhook, a route or a metric without
// values determines it.
func (c *Canary) reason(good Run, v Version) string {
	for i := range c.Analysis.Webhooks {
		w := &c.Analysis.Webhooks[i]
		if good.Calls[i] == 0 {
			continue
		}
		switch answer, why := w.Answer(); {
		case w.Kind() == Rollback && good.Outcome == RolledBack:
			if other := c.Analysis.GoesOnWith(w); other != nil {
				return fmt.Sprintf("never promoted: the rollback webhook %s sends the same request as the %s webhook %s, so the answer that continues a rollout also rolls it back", w.Name, other.Kind(), other.Name)
			}
			if answer == Yes {
				return fmt.Sprintf("never promoted: the rollback webhook %s always answers yes: %s", w.Name, why)
			}
		case answer != No:
		case w.Kind() == PreRollout, w.Kind() == RolloutHook:
			return fmt.Sprintf("every check fails: the %s webhook %s never passes: %s", w.Kind(), w.Name, why)
		case good.Outcome == Endless && (w.Kind() == ConfirmRollout || w.Kind() == ConfirmTrafficIncrease || w.Kind() == ConfirmPromotion):
			return fmt.Sprintf("never ends: the %s webhook %s never passes: %s", w.Kind(), w.Name, why)
		}
	}
	if all := c.Misroutes(v); good.Outcome == Endless && len(all) > 0 {
		return "never ends: " + all[0].Message
	}
	if len(c.Unmeasured) > 0 && good.Checks > 0 {
		return fmt.Sprintf("every check fails: no request reaches the new version, so %s has no value", c.Analysis.Metrics[c.Unmeasured[0]].Name)
	}
	return ""
}
