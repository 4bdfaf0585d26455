package flagger

import "slices"

// A Phase is the phase in a Canary's status.
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

// A Status is a Canary's status, as kubectl shows it.
type Status struct {
	Phase Phase `json:"phase"`
	// Weight is status.canaryWeight, in percent. It is not always the share of the traffic: A/B testing and
	// blue/green leave it at 0.
	Weight int `json:"weight"`
	// FailedChecks is the number of failed checks so far; a passed check does not lower it.
	FailedChecks int `json:"failedChecks"`
	// Iterations is the number of iterations of A/B testing and blue/green so far.
	Iterations int `json:"iterations"`
}

// A Route is the destination of the traffic.
type Route struct {
	// Canary is the share, in percent, that the new version serves. With conditions (match), it is the share of
	// the matching requests.
	Canary int `json:"traffic"`
	// Mirrored reports whether the new version gets a copy of the requests to the old one.
	Mirrored bool `json:"mirrored"`
}

// A scheduler advances a Canary tick by tick, like Flagger's scheduler.
type scheduler struct {
	*Canary
	version  Version
	scenario Scenario
	// queries are the metrics of a check, and culprit is the metric or webhook that fails in a bad one.
	queries []int
	culprit any

	status Status
	route  Route
	// met reports whether the new version has had traffic, and rewritten whether Flagger will rewrite the
	// HTTPRoute.
	met, rewritten bool

	answers *Answers

	// checks is the number of checks under traffic that have begun.
	checks int
	// gated is how often the scenario's gate was called.
	gated int
	// calls are how often each webhook was called, and asked are how often each metric was queried, by index in
	// the Canary.
	calls, asked []int
}

// A Scenario defines what fails. In the zero value everything passes.
type Scenario struct {
	// FailFrom is the number of the first failing check under traffic, counted from 1; all later ones fail, too. 0
	// means that none fails.
	FailFrom int
	// FailPreRollout makes the checks before the first traffic fail.
	FailPreRollout bool
	// Gate is a type of webhooks. After Passes calls that pass, the next Refusals calls do not.
	Gate             string
	Passes, Refusals int
}

// tick simulates one call of advanceCanary. The first tick detects the new version.
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

// advance continues the rollout of a version that has passed a check.
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

// start scales the new version up if the gates pass (checkCanaryStatus).
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

// wantsRollback reports whether a webhook requests a rollback (runRollbackHooks).
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

// rollback returns all traffic to the primary, which runs the old version.
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

// shiftToPrimary returns the traffic to the primary, which runs the new version (runPromotionTrafficShift).
func (s *scheduler) shiftToPrimary() {
	if s.Provider == Kubernetes {
		s.setPhase(Finalising) // nothing left to shift
		return
	}
	weight := 0
	if step := s.Analysis.StepWeightPromotion; step != 0 {
		if s.route.Canary == 0 {
			return // forever
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

// isUntouched reports whether the new version has had neither requests nor checks.
func (s *scheduler) isUntouched() bool {
	return s.route.Canary == 0 && s.status.Iterations == 0 && !(s.Analysis.Mirror && s.route.Mirrored)
}

// check runs the pre-rollout webhooks before the first traffic, and later the rollout webhooks and the metrics.
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

// fails reports whether the scenario makes a metric or a webhook fail in this check.
func (s *scheduler) fails(what any) bool {
	return s.scenario.FailFrom > 0 && s.checks >= s.scenario.FailFrom && s.culprit == what
}

// runWeighted raises the share of the new version, or promotes it (runCanary).
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

// runAB sends all matching requests to the new version.
func (s *scheduler) runAB() {
	if s.status.Iterations >= s.Iterations() {
		s.promote()
	} else if s.setRoute(allTraffic, false) {
		s.status.Iterations++
		s.event() // advance
	}
}

// runBlueGreen sends the new version no traffic, or a copy of it, until the last check has passed, and all traffic
// then. Without a router the new version gets no traffic before its promotion.
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

// promote copies the new version to the primary if the gates pass.
func (s *scheduler) promote() {
	if s.confirmsPromotion() {
		s.event() // copying the template
		s.setPhase(Promoting)
	}
}

// confirmsPromotion calls the gates before the promotion. If one fails again, the iterations of A/B testing and
// blue/green go back by one, so that the gates are called only at every second tick (runConfirmPromotionHooks).
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

// setPhase changes the phase, and resets the same fields as Flagger (pkg/canary/status.go, setStatusPhase).
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

// setRoute gives the new version a share, in percent, or a copy, and reports whether the API server accepts the
// route. On nginx, conditions replace the weight: the new version gets and reports all matching requests
// (pkg/router/ingress.go).
func (s *scheduler) setRoute(canary int, mirrored bool) bool {
	if s.rejects(canary) {
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

// rejects reports whether the API server rejects the route that gives the canary a share. Flagger then retries
// forever.
func (s *scheduler) rejects(canary int) bool {
	return s.hasEmptyTimeout(s.version) || canary == 0 && s.met && s.hasTwoModifiers() ||
		s.Provider == Knative && s.status.Phase == Promoting && s.Analysis.StepWeightPromotion != 0 && s.unevenly(canary)
}

// unevenly reports whether a step of the promotion leaves shares that do not add up to 100%, which Knative
// rejects. By then both shares belong to the same revision, and Flagger counts its share twice
// (pkg/canary/knative_controller.go, Promote; pkg/router/knative.go, GetRoutes; knative/serving
// pkg/apis/serving/v1/route_validation.go, validateTrafficList).
func (s *scheduler) unevenly(canary int) bool {
	primary := min(s.route.Canary+s.Analysis.StepWeightPromotion, allTraffic)
	return primary+canary != allTraffic
}

// confirms calls the webhooks of a type until one does not pass.
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

// event calls the event webhooks (sendEventToWebhook).
func (s *scheduler) event() {
	for i := range s.Analysis.hooks(Event) {
		s.calls[i]++
	}
}
