package flagger

import (
	"fmt"
	"time"
)

// A Plan is what the rollouts of a Canary go through.
type Plan struct {
	Canary  Canary
	Version Version
	// Good is the run of a version that passes all checks.
	Good Run
	// First and Last are the runs of versions whose checks fail, from the first on, and from the
	// last of the good run on. They are nil where no check can fail, or none is made.
	First, Last *Run
	// PreRollout is the run of a version that fails before it gets traffic, or nil where
	// nothing looks at it then.
	PreRollout *Run
	// Gates are what the rollout waits for.
	Gates []Gate
	// Reason is why no version is promoted, in a clause, where a webhook, a route or a metric without values settles that.
	Reason string
}

// A Gate is what a rollout waits for until it passes: the webhooks of one type.
type Gate struct {
	// Type of the webhooks, and their names.
	Type     string
	Webhooks []string
	// Asked is how often each is asked in the good run.
	Asked int
	// Least and Most are by how much longer a rollout takes that is refused once: it
	// depends on where. Next is by how much more a second refusal in a row makes it.
	Least, Most, Next time.Duration
	// Traffic is the largest share, in percent, that the new version has while it waits.
	Traffic int
}

// New makes the plan of a Canary under a version of Flagger.
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

// gate is what the webhooks of a type add to the good run.
func (p *Plan) gate(kind string) Gate {
	g := Gate{Type: kind}
	for i, w := range p.Canary.Analysis.hooks(kind) {
		if !w.AlwaysPasses() {
			g.Webhooks = append(g.Webhooks, w.Name)
			g.Asked = max(g.Asked, p.Good.Calls[i])
		}
	}
	refused := func(passes, refusals int) Run {
		return p.Canary.Run(p.Version, Scenario{Gate: kind, Passes: passes, Refusals: refusals})
	}
	// Whichever of the webhooks refuses, the rollout waits in the same tick.
	for n := range g.Asked {
		r := refused(n*len(g.Webhooks), 1)
		added := r.Duration() - p.Good.Duration()
		if n == 0 {
			g.Least, g.Next = added, refused(0, 2).Duration()-r.Duration()
		}
		g.Least, g.Most = min(g.Least, added), max(g.Most, added)
		// The run waits in the first tick that is another one.
		for i, t := range r.Ticks {
			if i >= len(p.Good.Ticks) || t != p.Good.Ticks[i] {
				g.Traffic = max(g.Traffic, t.Canary)
				break
			}
		}
	}
	return g
}

// reason returns why a run does not promote a good version, as far as a webhook, a route or a metric without values settles it.
func (c *Canary) reason(good Run, v Version) string {
	for i := range c.Analysis.Webhooks {
		w := &c.Analysis.Webhooks[i]
		if good.Calls[i] == 0 {
			continue
		}
		switch answer, why := w.Answer(); {
		case w.Kind() == Rollback && good.Outcome == RolledBack:
			if other := c.Analysis.GoesOnWith(w); other != nil {
				return fmt.Sprintf("never promoted: the rollback hook %s asks the same as the %s hook %s, so whatever lets a version go on rolls it back", w.Name, other.Kind(), other.Name)
			}
			if answer == Yes {
				return fmt.Sprintf("never promoted: the rollback hook %s always answers yes: %s", w.Name, why)
			}
		case answer != No:
		case w.Kind() == PreRollout, w.Kind() == RolloutHook:
			return fmt.Sprintf("every check fails: the %s hook %s never passes: %s", w.Kind(), w.Name, why)
		case good.Outcome == Endless && (w.Kind() == ConfirmRollout || w.Kind() == ConfirmTrafficIncrease || w.Kind() == ConfirmPromotion):
			return fmt.Sprintf("never ends: the %s hook %s never passes: %s", w.Kind(), w.Name, why)
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
