package rules

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/power"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// The annotations of a Canary that state the expected traffic of users.
const (
	RequestsAnnotation  = "fleetwright.dev/expected-requests-per-second"
	MatchingAnnotation  = "fleetwright.dev/expected-matching"
	ErrorRateAnnotation = "fleetwright.dev/expected-error-rate"
)

// Expected is the expected traffic of users. Zero values are unknown.
type Expected struct {
	// RequestsPerSecond is the rate of requests to both versions of the rollout.
	RequestsPerSecond float64
	// Matching is the share of these requests, from 0 to 1, that meets the conditions of analysis.match.
	Matching float64
	// ErrorRate is the share of requests, from 0 to 1, that fails in a good version, or nil if it is unknown.
	ErrorRate *float64
}

// Or returns the expectations, with unknown ones from those for all rollouts.
func (e Expected) Or(all Expected) Expected {
	return Expected{cmp.Or(e.RequestsPerSecond, all.RequestsPerSecond), cmp.Or(e.Matching, all.Matching), cmp.Or(e.ErrorRate, all.ErrorRate)}
}

// ParseShare parses a percentage such as 5% or 0.1%. It returns false for anything outside 0 to 100%.
func ParseShare(text string) (share float64, ok bool) {
	number, percent := strings.CutSuffix(text, "%")
	n, err := strconv.ParseFloat(number, 64)
	return math.Abs(n) / 100, err == nil && percent && n >= 0 && n <= 100
}

// MostRequestsPerSecond is the highest rate of requests that may be expected.
const MostRequestsPerSecond = 1e9

// parseRate parses a number of requests per second.
func parseRate(text string) (rate float64, ok bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && n > 0 && n <= MostRequestsPerSecond
}

// ExpectedAnnotations are the annotations of a Canary for the expected traffic, with the corresponding fields of
// an Application's expectedTraffic.
var ExpectedAnnotations = []struct {
	Name, Field string
	// holds names a valid value, and hint returns one for an invalid text.
	holds string
	hint  func(text string) string
	// read parses a value, and reports whether it is valid.
	read func(e *Expected, text string) bool
}{
	{RequestsAnnotation, "requestsPerSecond", "number of requests per second", func(string) string { return `"200"` },
		func(e *Expected, text string) (ok bool) { e.RequestsPerSecond, ok = parseRate(text); return ok }},
	{MatchingAnnotation, "matching", "percentage", hintOfShare,
		func(e *Expected, text string) (ok bool) {
			e.Matching, ok = ParseShare(text)
			return ok && e.Matching > 0
		}},
	{ErrorRateAnnotation, "errorRate", "percentage", hintOfShare,
		func(e *Expected, text string) bool {
			share, ok := ParseShare(text)
			e.ErrorRate = &share
			return ok
		}},
}

// hintOfShare returns a number with the percent sign that it lacks, or an example.
func hintOfShare(text string) string {
	if _, ok := ParseShare(text + "%"); ok {
		return text + "%"
	}
	return "5%"
}

// ExpectedOf returns the expectations in the annotations of a Canary. Invalid ones are skipped.
func ExpectedOf(annotations map[string]string) (e Expected) {
	for _, a := range ExpectedAnnotations {
		text, set := annotations[a.Name]
		if read := e; set && a.read(&read, text) {
			e = read
		}
	}
	return e
}

// checkExpected reports invalid annotations for the expected traffic.
func checkExpected(r *Rollout) {
	for _, a := range ExpectedAnnotations {
		if text, set := r.Annotations[a.Name]; set && !a.read(&Expected{}, text) {
			r.ReportAt(diag.UnreadExpectation, r.ID, schema.Path{"metadata", "annotations", a.Name}, fmt.Sprintf("%q is not a %s, so the annotation is ignored", text, a.holds), a.Name+": "+a.hint(text))
		}
	}
}

// Baseline is the default share of requests that fails in a good version.
const Baseline = .001

// A Sight is what the checks of a rollout see, if that is known.
type Sight struct {
	*power.Model
	// Expected is the expected traffic of users, and Baseline the share of requests that fails in a good
	// version.
	Expected Expected
	Baseline float64
	// Judging are the indexes of the model's metrics in the Canary, and Webhooks the indexes of its sources: -1
	// for users.
	Judging, Webhooks []int
	// Limits are the thresholds by which the model's metrics judge errors.
	Limits []string
	// Untold are the names of webhooks whose commands do not determine their load, and Unjudged the names of
	// metrics that count an unknown number of requests. MissesMatching reports whether the share of users'
	// requests that meets the conditions is unknown.
	Untold, Unjudged []string
	MissesMatching   bool
}

// Sight returns what the checks of the rollout see, given the expectations for all rollouts. It is nil if no
// traffic is known, or every version or none is promoted. It may have no metrics.
func (r *Rollout) Sight(all Expected) *Sight {
	s, _ := r.Look(all)
	return s
}

// Look returns the Sight, and whether it is missing only because the rollout has too many states.
func (r *Rollout) Look(all Expected) (s *Sight, tooMany bool) {
	if !r.Complete || r.Suspend || r.SkipAnalysis || len(r.Unmeasured) > 0 || r.Provider == flagger.Apisix {
		return nil, false // the proxy of APISIX counts both versions
	}
	s = &Sight{Model: &power.Model{Threshold: max(r.Analysis.Threshold, 1)}, Expected: ExpectedOf(r.Annotations).Or(all)}
	s.Baseline = Baseline
	if rate := s.Expected.ErrorRate; rate != nil {
		s.Baseline = *rate
	}
	counted := r.addSources(s)
	if len(counted) == 0 && s.Expected.RequestsPerSecond == 0 {
		return nil, false
	}
	measures := r.addMetrics(s, counted)
	course, ok := r.Course(r.On.Version)
	if !ok {
		return nil, course != nil && course.TooMany
	}
	s.Course = course
	s.dropUnseen(measures)
	if len(s.Model.Metrics) == 0 && s.Expected.RequestsPerSecond == 0 {
		return nil, false
	}
	return s, false
}

// dropUnseen drops the metrics that count none of the known requests, and so count others. Metrics of pods may
// count probes, so only the last check decides on them.
func (s *Sight) dropUnseen(measures []measure) {
	looks := s.Looks()
	if len(looks) == 0 {
		return
	}
	for i := len(s.Judging) - 1; i >= 0; i-- {
		counted := looks
		if measures[i] == podRequests {
			counted = looks[len(looks)-1:]
		}
		if !slices.ContainsFunc(counted, func(l power.Look) bool { return l.Requests[i] > 0 }) {
			s.Unjudged = append(s.Unjudged, s.Model.Metrics[i].Name)
			s.Model.Metrics, s.Judging, s.Limits = slices.Delete(s.Model.Metrics, i, i+1), slices.Delete(s.Judging, i, i+1), slices.Delete(s.Limits, i, i+1)
		}
	}
}

// With returns the rollout with another Canary, its annotations, and its MetricTemplates in addition to the
// rollout's.
func (r *Rollout) With(canary *flagger.Canary, annotations map[string]string, templates map[api.NamespacedReference]*flagger.MetricTemplate) *Rollout {
	changed := *r
	changed.Canary, changed.Annotations, changed.found, changed.good = canary, annotations, nil, nil
	changed.Templates = maps.Clone(r.Templates)
	for ref, t := range templates {
		of := Template{ID: manifest.Identity{Group: "flagger.app", Kind: "MetricTemplate", Namespace: ref.Namespace, Name: ref.Name}}
		if known := r.Templates[ref]; known != nil {
			of = *known
		}
		of.MetricTemplate = *t
		changed.Templates[ref] = &of
	}
	changed.Unmeasured = changed.unmeasured()
	return &changed
}

// addSources adds the requests of users and load tests. It returns what a metric must at least measure to count
// each source.
func (r *Rollout) addSources(s *Sight) (counted []measure) {
	add := func(source power.Source, webhook int, by measure) {
		s.Sources, s.Webhooks, counted = append(s.Sources, source), append(s.Webhooks, webhook), append(counted, by)
	}
	copied := 0.0
	if r.Mirrors() {
		copied = 1
		if w := r.Analysis.MirrorWeight; w > 0 && r.Provider == flagger.Istio {
			copied = float64(w) / 100
		}
	}
	if e := s.Expected; e.RequestsPerSecond > 0 && r.Provider != flagger.Kubernetes {
		share := 1.0
		if r.hasConditions() {
			share = e.Matching
		}
		if s.MissesMatching = share == 0; share > 0 {
			add(power.Source{Rate: e.RequestsPerSecond, Share: share, Copied: copied}, -1, routeRequests)
		}
	}
	begun := map[string]string{}
	for i := range r.Analysis.Webhooks {
		w := &r.Analysis.Webhooks[i]
		call, ok := flagger.LoadCall(w.Metadata["cmd"])
		if w.Kind() != flagger.RolloutHook && w.Kind() != flagger.PreRollout || !ok || !w.RunsTask() || !flagger.Tasks[w.Task()].Shell {
			continue
		}
		load := call.Load()
		// A load tester ends each task after a time, and treats a second one with the same command as the first.
		load.Lasts = min(load.Lasts, longestTask)
		source := power.Source{Rate: load.Rate, Steady: true, Share: 1, Copied: copied, From: power.WithPreRollout, Lasts: load.Lasts, Awaited: w.IsAwaited()}
		if w.Kind() == flagger.RolloutHook {
			source.From = power.WithChecks
		}
		by := routeRequests
		switch r.entryOf(call, w) {
		case elsewhere:
			continue
		case straightUncounted:
			source.Straight, by = true, podRequests
		case straight:
			source.Straight = true
		case byRoute:
		case untold:
			load.Rate = 0
		}
		task := w.URL + " " + w.Metadata["cmd"]
		kind, again := begun[task]
		begun[task] = w.Kind()
		switch {
		case again && kind == w.Kind():
			continue
		case again, load.Rate == 0, load.Lasts == 0:
			s.Untold = append(s.Untold, w.Name)
			continue
		}
		if source.Awaited && source.From == power.WithChecks {
			s.Delay += load.Lasts
		}
		add(source, i, by)
	}
	return counted
}

// longestTask is the longest time that a load tester runs a task (fluxcd/flagger cmd/loadtester/main.go and
// charts/loadtester/values.yaml, timeout; pkg/loadtester/task_shell.go, Hash).
const longestTask = time.Hour

// hasConditions reports whether only requests that meet conditions reach the new version.
func (r *Rollout) hasConditions() bool { return len(r.Analysis.Match) > 0 && r.Router().Matches }

// An entry is how the requests of a load test reach the new version.
type entry int

const (
	untold    entry = iota
	elsewhere       // they do not
	byRoute         // a share of them, by the route
	straight        // all of them
	straightUncounted
)

// entryOf returns how the requests of a call reach the new version, by passages: in a blue/green rollout, a
// route that does not exist yet has all of them later.
func (r *Rollout) entryOf(call flagger.Call, w *flagger.Webhook) entry {
	_, from := ServiceAt(w.URL)
	d, t, known := r.doorOf(call, from)
	if !known {
		asked := r.asked(call, from)
		if call.Name == "" || len(asked) == 0 || r.hasUnknownDoor() || slices.ContainsFunc(asked, func(t target) bool { return t.service == "" || t.namespace == r.ID.Namespace }) {
			return untold
		}
		return elsewhere
	}
	doors, split := passages[way{r.splitter(), flagger.Weighted}]
	if r.Provider == flagger.Kubernetes {
		doors, split = passages[way{flagger.Kubernetes, flagger.BlueGreen}]
	}
	switch {
	case d == primaryDoor:
		return elsewhere
	case !split, r.Provider == flagger.Istio && r.Service.Delegation:
		return untold
	case d == canaryDoor && doors[d] == uncounted:
		return straightUncounted
	case d == canaryDoor:
		return straight
	case doors[d] == never,
		d == apexDoor && r.Provider == flagger.Istio && !r.Service.IsMeshed(),
		d == apexDoor && r.IsGatewayAPI() && !r.routesService(),
		!r.meetsRoute(call),
		r.hasConditions() && !r.meets(call, t, from):
		return elsewhere
	}
	return byRoute
}

// addMetrics adds the metrics that judge shares of requests, and returns what they count.
func (r *Rollout) addMetrics(s *Sight, counted []measure) (all []measure) {
	if len(counted) == 0 {
		return nil
	}
	for i, m := range r.Analysis.Metrics {
		judge, measures, ok := r.judge(m)
		if !ok {
			s.Unjudged = append(s.Unjudged, r.called(m))
			continue
		}
		judge.Name = r.called(m)
		limit := ""
		if least, most := thresholdsOf(m); judge.Kind == power.Errors {
			if limit = "min: "; judge.counts {
				limit, least = "max: ", most
			}
			if least != nil {
				limit += number(*least)
			}
		}
		for source, by := range counted {
			if measures <= by {
				judge.Sources = append(judge.Sources, source)
			}
		}
		s.Model.Metrics, s.Judging, s.Limits, all = append(s.Model.Metrics, judge.Metric), append(s.Judging, i), append(s.Limits, limit), append(all, measures)
	}
	return all
}

// A judged metric has shares of requests, or quantiles of their durations, as values.
type judged struct {
	power.Metric
	// counts reports whether its values grow with the failed requests.
	counts bool
}

// judge returns how a metric judges the requests in its window, and its measure. It returns false if its
// query is not known to be a share of the new version's requests, or a quantile of their durations.
func (r *Rollout) judge(m flagger.Metric) (judged, measure, bool) {
	judge := judged{Metric: power.Metric{Most: 1}}
	if name := r.Builtin(m); IsBuiltin(name) {
		window, err := time.ParseDuration(cmp.Or(m.Interval, defaultWindow))
		if err != nil || window <= 0 {
			return judge, somethingElse, false
		}
		judge.Window = window
		if name == "request-success-rate" {
			judgeShare(&judge, m, share{true, 100})
			return judge, r.measureOf(m), true
		}
		// Flagger's query on nginx and skipper is an average, not a quantile.
		if q := r.Queries(r.On.MeshProvider); r.template(m) == nil && !strings.HasSuffix(q.Duration, "_bucket") {
			return judge, somethingElse, false
		}
		judgeQuantile(&judge, m, ownQuantile)
		return judge, r.measureOf(m), true
	}
	query := r.QueryOf(m)
	if t := r.template(m); t != nil && t.Provider.Type != "prometheus" || len(query) > longestQuery {
		return judge, somethingElse, false
	}
	if m.TemplateRef == nil {
		m.Interval = cmp.Or(m.Interval, defaultWindow)
	}
	filled, err := fillIn(query, r.queryFunctions(m))
	if err != nil {
		return judge, somethingElse, false
	}
	expr, err := promQLParser().ParseExpr(filled)
	measures := r.measureOfQuery(unspaced.Replace(filled))
	if err != nil || measures == somethingElse {
		return judge, somethingElse, false
	}
	q := &promQuery{Rollout: r, expr: expr}
	if q.looseSelector(expr) != nil || q.withPrimary() != nil {
		return judge, somethingElse, false
	}
	if judge.Window = windowOf(expr); judge.Window == 0 {
		return judge, somethingElse, false
	}
	if of, ok := shareOf(scaledLast(expr)); ok && !lacksValue(expr) { // a good version has no value of it
		judgeShare(&judge, m, of)
		return judge, measures, true
	}
	if quantile, ok := quantileOf(expr); ok {
		judgeQuantile(&judge, m, quantile)
		return judge, measures, true
	}
	return judge, somethingElse, false
}

// ownQuantile is the quantile in Flagger's and fleetwright's queries of request-duration (fluxcd/flagger
// pkg/metrics/observers).
const ownQuantile = .99

// thresholdsOf returns the limits that the values of a metric are compared with
// (pkg/controller/scheduler_metrics.go, runBuiltinMetricChecks and runMetricChecks).
func thresholdsOf(m flagger.Metric) (least, most *float64) {
	switch t := m.ThresholdRange; {
	case t != nil:
		return t.Min, t.Max
	case m.Name == "request-success-rate":
		return &m.Threshold, nil
	}
	return nil, &m.Threshold
}

// judgeShare judges requests by the share of failed ones. Shares of successful ones are inverted.
func judgeShare(judge *judged, m flagger.Metric, of share) {
	least, most := thresholdsOf(m)
	bad := func(value float64) float64 {
		if of.successes {
			value = of.most - value
		}
		return value / of.most
	}
	if of.successes {
		least, most = most, least
	}
	judge.Kind, judge.Most, judge.counts = power.Errors, 1, !of.successes
	if most != nil {
		judge.Most = min(bad(*most), 1)
	}
	if least != nil {
		judge.Least = max(bad(*least), 0)
	}
}

// judgeQuantile judges requests by the share that is slower than the threshold: a quantile of 0.99 exceeds it if
// more than 1 of 100 does (prometheus/prometheus promql/quantile.go, BucketQuantile).
func judgeQuantile(judge *judged, m flagger.Metric, quantile float64) {
	judge.Kind = power.Slow
	if _, most := thresholdsOf(m); most != nil {
		judge.Most = 1 - quantile
	}
}

// windowOf returns how far back a query looks, or 0 if its parts differ.
func windowOf(expr parser.Expr) (window time.Duration) {
	same := true
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.MatrixSelector:
			same = same && (window == 0 || window == n.Range)
			window = n.Range
		case *parser.SubqueryExpr:
			same = false
		case *parser.VectorSelector:
			same = same && n.OriginalOffset == 0 && n.Timestamp == nil
		}
		return nil
	})
	if !same {
		return 0
	}
	return window
}

// quantileOf returns the quantile that an expression computes, in any unit.
func quantileOf(expr parser.Expr) (quantile float64, ok bool) {
	switch e := bare(expr).(type) {
	case *parser.Call:
		if e.Func.Name == "histogram_quantile" && len(e.Args) == 2 {
			quantile, ok = numberOf(e.Args[0])
		}
	case *parser.BinaryExpr:
		_, times := numberOf(e.RHS)
		if times && (e.Op == parser.MUL || e.Op == parser.DIV) {
			return quantileOf(e.LHS)
		}
		if _, times = numberOf(e.LHS); times && e.Op == parser.MUL {
			return quantileOf(e.RHS)
		}
	}
	return quantile, ok && quantile > 0 && quantile < 1
}
