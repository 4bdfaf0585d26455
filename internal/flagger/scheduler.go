package flagger

import "slices"

// A Phase is that of a Canary's status.
type Phase string

// The phases of a rollout (pkg/apis/flagger/v1beta1/status.go).
const (
	Initialized      Phase = "Initialized"
	Waiting          Phase = "Waiting"
	Progressing      Phase = "Progressing"
	WaitingPromotion Phase = "WaitingPromotion"
	Promoting        Phase = "Promoting"
	Finalising       Phase = "Finalising"
	Succeeded        Phase = "Succeeded"
	Failed           Phase = "Failed"
)

// A Status is a Canary's, as kubectl shows it.
type Status struct {
	Phase Phase `json:"phase"`
	// Weight is status.canaryWeight, in percent. It is not always the share of the
	// traffic: A/B testing and blue/green leave it at 0.
	Weight int `json:"weight"`
	// FailedChecks so far; a good check does not take one back.
	FailedChecks int `json:"failedChecks"`
	// Iterations of A/B testing and blue/green so far.
	Iterations int `json:"iterations"`
}

// A Route is where the traffic goes.
type Route struct {
	// Canary is the share, in percent, that the new version answers: with conditions
	// (match), of the requests that they choose.
	Canary int `json:"traffic"`
	// Mirrored reports whether the new version gets a copy of what the old one answers.
	Mirrored bool `json:"mirrored"`
}

// A scheduler advances a Canary tick by tick, as Flagger's does.
type scheduler struct {
	*Canary
	version  Version
	scenario Scenario
	// queries are what a check asks, and culprit is that of them, or the webhook, which fails of a bad one.
	queries []int
	culprit any

	status Status
	route  Route
	// met reports that the new version has had traffic, and rewritten that Flagger will write the
	// HTTPRoute anew.
	met, rewritten bool

	answers *Answers

	// checks of the new version under traffic that have begun.
	checks int
	// gated is how often the scenario's gate was asked.
	gated int
	// calls are how often each webhook was called, and asked how often each metric's
	// queries were, by their places in the Canary.
	calls, asked []int
}

// A Scenario says what does not pass. In the zero value everything does.
type Scenario struct {
	// FailFrom is the number of the first check under traffic that fails, from 1; all
	// after it fail, too. 0 fails none.
	FailFrom int
	// FailPreRollout has what looks at the new version before it gets traffic fail.
	FailPreRollout bool
	// Gate is a type of webhooks of which one refuses Refusals times, after it was asked Passes times.
	Gate             string
	Passes, Refusals int
}

// tick is one call of advanceCanary. The first one detects the new version.
func (s *scheduler) tick() {
	switch phase := s.status.Phase; {
	case s.Suspend:
	case !s.reconcile():
		s.event() // not accepted
	case phase != Progressing && phase != WaitingPromotion && phase != Promoting && phase != Finalising:
		s.start()
	case s.SkipAnalysis:
		s.skip()
	case (phase == Progressing || phase == WaitingPromotion) && s.wantsRollback():
		s.event() // rolling back by hand
		s.rollback()
	case phase == Promoting:
		s.shiftToPrimary()
	case phase == Finalising:
		s.setPhase(Succeeded)
		s.confirms(PostRollout)
		s.event() // promotion completed
	case s.status.FailedChecks >= s.Analysis.threshold():
		s.rollback()
	case !s.check():
		s.event() // halt
		s.status.FailedChecks++
	default:
		s.advance()
	}
}

// advance takes a version further that has passed a check.
func (s *scheduler) advance() {
	if s.Provider == Kubernetes {
		if len(s.Analysis.Match) > 0 {
			s.event() // no A/B testing
		}
		if s.Analysis.Iterations < 1 {
			s.event() // no progressive traffic
			s.event() // setting iterations
		}
	}
	switch s.Strategy() {
	case ABTesting:
		s.runAB()
	case BlueGreen:
		s.runBlueGreen()
	default:
		if s.Analysis.nextStep(s.route.Canary) > 0 {
			s.runWeighted()
		}
	}
}

// start scales the new version up, once the gates let it (checkCanaryStatus).
func (s *scheduler) start() {
	if !s.confirms(ConfirmRollout) {
		if s.status.Phase != Waiting {
			s.setPhase(Waiting)
			s.event() // halt
		}
		return
	}
	s.event() // new revision detected
	s.status = Status{Phase: Progressing}
}

// skip promotes the new version without a check (shouldSkipAnalysis).
func (s *scheduler) skip() {
	if !s.setRoute(0, false) {
		return
	}
	s.event() // copying the template
	s.setPhase(Succeeded)
	if s.version.since(skippedRunsPostRollout) {
		s.confirms(PostRollout)
	}
	s.event() // promotion completed
}

// wantsRollback reports whether a webhook has the version undone (runRollbackHooks).
func (s *scheduler) wantsRollback() bool {
	for i := range s.Analysis.hooks(Rollback) {
		undoes := s.call(i)
		s.event()
		if undoes {
			return true
		}
	}
	return false
}

// rollback gives all traffic back to the primary, which has the old version.
func (s *scheduler) rollback() {
	if s.status.FailedChecks >= s.Analysis.threshold() {
		s.event() // threshold reached
	}
	if !s.setRoute(0, false) {
		return
	}
	s.event() // canary failed
	s.status = Status{Phase: Failed}
	s.confirms(PostRollout)
}

// shiftToPrimary gives the traffic back to the primary, which has the new version (runPromotionTrafficShift).
func (s *scheduler) shiftToPrimary() {
	if s.Provider == Kubernetes {
		s.setPhase(Finalising) // there is nothing to shift
		return
	}
	weight := 0
	if step := s.Analysis.StepWeightPromotion; step != 0 {
		if s.route.Canary == 0 {
			return // for ever
		}
		weight = min(max(s.route.Canary-step, 0), allTraffic)
	}
	if !s.setRoute(weight, false) {
		return
	}
	s.event()
	if weight == 0 {
		s.setPhase(Finalising)
	} else {
		s.status.Weight = weight
	}
}

// isUntouched reports whether the new version has met no request, nor a check.
func (s *scheduler) isUntouched() bool {
	return s.route.Canary == 0 && s.status.Iterations == 0 && !(s.Analysis.Mirror && s.route.Mirrored)
}

// check looks at the new version: before it has traffic at what was asked for before.
func (s *scheduler) check() bool {
	if s.isUntouched() {
		s.event() // starting
		return s.confirms(PreRollout)
	}
	s.checks++
	for i := range s.Analysis.hooks(RolloutHook) {
		if !s.call(i) {
			return false
		}
	}
	for _, metric := range s.queries {
		if metric == nothingToAsk {
			return false
		}
		s.asked[metric]++
		if s.fails(metric) || slices.Contains(s.Unmeasured, metric) {
			return false
		}
	}
	return true
}

// fails reports whether a metric or a webhook is what fails of this check.
func (s *scheduler) fails(what any) bool {
	return s.scenario.FailFrom > 0 && s.checks >= s.scenario.FailFrom && s.culprit == what
}

// runWeighted gives the new version a larger share, or promotes it (runCanary).
func (s *scheduler) runWeighted() {
	switch a := &s.Analysis; {
	case !s.route.Mirrored && s.status.Phase == Progressing && !s.confirms(ConfirmTrafficIncrease):
		s.event() // halt
	case s.route.Canary >= a.maxWeight():
		s.promote()
	default:
		mirrors := a.Mirror && s.route.Canary == 0 && !s.route.Mirrored
		weight := 0
		if !mirrors {
			weight = min(s.route.Canary+a.nextStep(s.route.Canary), allTraffic)
		}
		if s.setRoute(weight, mirrors) {
			s.status.Weight = weight
			s.event() // advance
		}
	}
}

// runAB gives the new version all requests that the conditions choose.
func (s *scheduler) runAB() {
	if s.status.Iterations >= s.Iterations() {
		s.promote()
	} else if s.setRoute(allTraffic, false) {
		s.status.Iterations++
		s.event() // advance
	}
}

// runBlueGreen gives the new version no traffic, or a copy of it, until the last check
// was good, and all of it then. Without a router it gets none before it is promoted.
func (s *scheduler) runBlueGreen() {
	switch checks := s.Iterations(); {
	case s.status.Iterations < checks:
		if s.Analysis.Mirror && !s.route.Mirrored && s.Provider != Kubernetes {
			s.setRoute(0, true)
		}
		s.status.Iterations++
		s.event() // advance
	case s.status.Iterations > checks:
		s.promote()
	case !s.confirmsPromotion():
	case s.Provider == Kubernetes:
		s.status.Iterations++
	default:
		s.event() // routing all traffic to the canary
		if s.setRoute(allTraffic, false) {
			s.status.Iterations++
		}
	}
}

// promote copies the new version to the primary, once the gates let it.
func (s *scheduler) promote() {
	if s.confirmsPromotion() {
		s.event() // copying the template
		s.setPhase(Promoting)
	}
}

// confirmsPromotion asks the gates before the promotion. Where one refuses again, the
// checks of A/B testing and blue/green go one back, so that they ask every second time
// only (runConfirmPromotionHooks).
func (s *scheduler) confirmsPromotion() bool {
	if s.confirms(ConfirmPromotion) {
		return true
	}
	if s.status.Phase == WaitingPromotion {
		s.status.Iterations = s.Iterations() - 1
		return false
	}
	s.setPhase(WaitingPromotion)
	s.event() // halt
	return false
}

// setPhase changes the phase, and what Flagger forgets with it (pkg/canary/status.go, setStatusPhase).
func (s *scheduler) setPhase(p Phase) {
	s.status.Phase = p
	if p == Waiting || p == Promoting && s.version.since(promotingKeepsWeight) {
		return
	}
	s.status.Weight, s.status.Iterations = 0, 0
	if p == WaitingPromotion {
		s.status.Iterations = s.Iterations() - 1
	}
}

// setRoute gives the new version a share, in percent, or a copy, and reports whether the API server
// takes the route. On nginx conditions have no weight beside them: the new version gets all that they
// choose, and reports so (pkg/router/ingress.go).
func (s *scheduler) setRoute(canary int, mirrored bool) bool {
	if s.refuses(canary) {
		s.event()
		return false
	}
	if canary > 0 && s.Provider == Nginx && len(s.Analysis.Match) > 0 {
		canary = allTraffic
	}
	s.route = Route{Canary: canary, Mirrored: mirrored && s.canMirror()}
	s.met = s.met || canary > 0
	s.rewritten = s.route != Route{} && len(s.completed(s.version)) > 0
	return true
}

// refuses reports whether the API server refuses the route that gives the canary a share. Flagger
// tries again for ever.
func (s *scheduler) refuses(canary int) bool {
	return s.hasEmptyTimeout(s.version) || canary == 0 && s.met && s.hasTwoModifiers() ||
		s.Provider == Knative && s.status.Phase == Promoting && s.Analysis.StepWeightPromotion != 0 && s.unevenly(canary)
}

// unevenly reports whether a step of the promotion leaves shares that are not 100% together, which Knative refuses.
// Flagger takes the revision that both shares are of by then for one that has the same share twice
// (pkg/canary/knative_controller.go, Promote; pkg/router/knative.go, GetRoutes; knative/serving
// pkg/apis/serving/v1/route_validation.go, validateTrafficList).
func (s *scheduler) unevenly(canary int) bool {
	primary := min(s.route.Canary+s.Analysis.StepWeightPromotion, allTraffic)
	return primary+canary != allTraffic
}

// confirms calls the webhooks of a type, until one does not pass.
func (s *scheduler) confirms(kind string) bool {
	for i := range s.Analysis.hooks(kind) {
		if !s.call(i) {
			return false
		}
		s.event() // passed
	}
	return true
}

// call calls a webhook, and reports whether it passes.
func (s *scheduler) call(i int) bool {
	s.calls[i]++
	w := &s.Analysis.Webhooks[i]
	switch kind, answer := w.Kind(), s.answers.Ask(i); {
	case answer != Open:
		return answer == Yes
	case kind == s.scenario.Gate:
		s.gated++
		return s.gated <= s.scenario.Passes || s.gated > s.scenario.Passes+s.scenario.Refusals
	case kind == PreRollout:
		return !s.scenario.FailPreRollout
	case kind == RolloutHook:
		return !s.fails(w)
	default:
		return kind != Rollback
	}
}

// event calls the webhooks that hear of everything (sendEventToWebhook).
func (s *scheduler) event() {
	for i := range s.Analysis.hooks(Event) {
		s.calls[i]++
	}
}
