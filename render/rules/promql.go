package rules

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A promQuery is a metric's query, filled in and parsed.
type promQuery struct {
	*Rollout
	metric    int
	template  *Template
	functions template.FuncMap
	text      string
	expr      parser.Expr
	goodRange *api.ThresholdRange
}

// check reports mistakes in how Flagger reads the answer: it uses the last series, and fails the check if there
// is none (fluxcd/flagger pkg/metrics/providers/prometheus.go, RunQuery).
func (q *promQuery) check(say func(code diag.Code, message, hint string)) {
	if lost := q.withoutLe(); lost != nil {
		say(diag.NeverAValue, "histogram_quantile needs the label le; without it the query returns nothing and every check fails", "sum by (le) (…) inside histogram_quantile")
		return
	}
	if q.hasOneBucket() {
		say(diag.NeverAValue, "histogram_quantile gets only one bucket and returns NaN, so every check fails", "remove le from the selector, and write sum by (le) (…)")
		return
	}
	if s := emptySelector(q.expr); s != nil && lacksValue(q.expr) {
		say(diag.NoValueWhenHealthy,
			fmt.Sprintf("no series has %s until a request fails, so a good version has no value and fails every check", errorMatcher(s)), q.zeroHint())
	} else if c := q.dropped(); c != nil {
		say(diag.NoValueWhenHealthy, fmt.Sprintf("%s filters out good values, so a good version has no value and fails every check", q.source(c)), q.comparisonHint(c))
	}
	if label := q.splitBy(); label != "" {
		message, hint := fmt.Sprintf("the query returns one series per %s, but Flagger reads only the last one", label), "sum(…) around the whole query, or max(…) for the worst"
		if by := withoutGrouping(q.expr, label); by != "" {
			hint = by
		}
		say(diag.ManySeries, message, hint)
	}
	switch loose, wide := q.looseSelector(q.expr), q.withPrimary(); {
	case loose != nil && dashboardVariable(loose) != "":
		name := dashboardVariable(loose)
		say(diag.NeverAValue, fmt.Sprintf("Flagger does not replace $%s, so no series matches and every check fails", name), "write {{ "+cmp.Or(q.nameFor(name), "target")+" }} instead")
	case loose != nil:
		say(diag.QueryOfAll, fmt.Sprintf("%s selects other services, too, so their traffic decides this rollout", loose), q.selectorHint(loose, q.template.Provider.Address))
	case wide != nil:
		say(diag.QueryOfAll, fmt.Sprintf("%s also matches the stable version (pods %s%s-…), whose good responses hide the new version's errors", q.source(wide), q.TargetRef.Name, PrimarySuffix), q.narrowHint(wide))
	}
	q.checkLabels(say)
	if known, ok := ownMetric(q.expr); ok && q.goodRange != nil {
		checkRange(q.Rollout, q.metric, q.called(q.Analysis.Metrics[q.metric]), known)
	}
}

// dashboardVariable returns the name of a dashboard variable that is a whole value, or nothing.
func dashboardVariable(s *parser.VectorSelector) string {
	for _, m := range s.LabelMatchers {
		if name, ok := strings.CutPrefix(m.Value, "$"); ok && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == "" {
			return name
		}
	}
	return ""
}

// nameFor returns the name if Flagger has a placeholder of it, or nothing.
func (q *promQuery) nameFor(name string) string {
	if _, ok := q.functions[name]; ok {
		return name
	}
	return ""
}

// selectorsOf returns the selectors of an expression.
func selectorsOf(expr parser.Expr) (all []*parser.VectorSelector) {
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			all = append(all, s)
		}
		return nil
	})
	return all
}

// outcomes are labels for the result of a request, and their values. A metric has the values of one row.
var (
	outcomeLabels = []string{
		"code", "status", "status_code", "response_code", "http_code", "http_status", "http_status_code", "http_response_code",
		"http_response_status_code", "response_status", "envoy_response_code", "envoy_response_code_class", "status_class",
		"classification", "outcome", "result",
	}
	grpcLabels = []string{"grpc_response_status", "grpc_status", "grpc_status_code", "grpc_code", "rpc_grpc_status_code"}

	outcomes = []struct{ good, bad []string }{
		{[]string{"200", "201", "204", "301", "302", "304"}, []string{"500", "502", "503", "504"}},
		{[]string{"2xx", "3xx"}, []string{"5xx"}},
		{[]string{"2", "3"}, []string{"5"}},
		{[]string{"success"}, []string{"failure", "error", "failed"}},
		{[]string{"SUCCESS"}, []string{"SERVER_ERROR", "FAILURE", "ERROR"}},
	}
	grpcOutcomes = []struct{ good, bad []string }{
		{[]string{"0"}, []string{"13", "2", "14"}},
		{[]string{"OK"}, []string{"Internal", "Unknown", "Unavailable"}},
	}
)

// isOutcome reports whether a matcher is about the result of requests.
func isOutcome(m *labels.Matcher) bool {
	return slices.Contains(outcomeLabels, m.Name) || slices.Contains(grpcLabels, m.Name)
}

// outcome reports whether a matcher selects only failed requests, or only successful ones. Client errors do not
// count, because good versions have them.
func outcome(m *labels.Matcher) (failures, successes bool) {
	rows := outcomes
	switch {
	case !isOutcome(m):
		return false, false
	case slices.Contains(grpcLabels, m.Name):
		rows = grpcOutcomes
		if m.Matches("") { // requests other than gRPC lack the label
			return false, m.Matches(rows[0].good[0]) && !m.Matches(rows[0].bad[0])
		}
	}
	for _, row := range rows {
		good := row.good
		if m.Type == labels.MatchNotEqual || m.Type == labels.MatchNotRegexp {
			good = good[:1]
		}
		failures = failures || !slices.ContainsFunc(good, m.Matches) && slices.ContainsFunc(row.bad, m.Matches)
		successes = successes || m.Matches(row.good[0]) && !m.Matches(row.bad[0])
	}
	return failures && !successes, successes && !failures
}

// preset are metrics whose error series exist from the start (grpc-ecosystem/go-grpc-prometheus
// server_metrics.go, InitializeMetrics).
var preset = []string{"grpc_server_handled_total"}

// errorMatcher returns the matcher by which a selector selects only failed requests, or nil.
func errorMatcher(s *parser.VectorSelector) *labels.Matcher {
	for _, m := range s.LabelMatchers {
		if failures, _ := outcome(m); failures && !slices.Contains(preset, s.Name) {
			return m
		}
	}
	return nil
}

// emptySelector returns the first selector of only failed requests, or nil.
func emptySelector(expr parser.Expr) *parser.VectorSelector {
	for _, s := range selectorsOf(expr) {
		if errorMatcher(s) != nil {
			return s
		}
	}
	return nil
}

// lacksValue reports whether an expression has no value, or NaN, until a request fails.
func lacksValue(expr parser.Expr) bool {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return errorMatcher(e) != nil
	case *parser.MatrixSelector:
		return lacksValue(e.VectorSelector)
	case *parser.SubqueryExpr:
		return lacksValue(e.Expr)
	case *parser.ParenExpr:
		return lacksValue(e.Expr)
	case *parser.UnaryExpr:
		return lacksValue(e.Expr)
	case *parser.AggregateExpr:
		return lacksValue(e.Expr)
	case *parser.Call:
		return !strings.HasPrefix(e.Func.Name, "absent") && slices.ContainsFunc(e.Args, lacksValue)
	case *parser.BinaryExpr:
		left, right := lacksValue(e.LHS), lacksValue(e.RHS)
		switch {
		case e.Op == parser.LOR:
			return left && right
		case e.Op == parser.LUNLESS:
			return left
		case e.VectorMatching != nil && e.VectorMatching.FillValues != (parser.VectorMatchFillValues{}):
			return left && right
		}
		return left || right
	}
	return false
}

// zeroHint returns the hint for the innermost aggregation of only failed requests. An aggregation by labels
// would need one zero for each of their values.
func (q *promQuery) zeroHint() string {
	var hole *parser.AggregateExpr
	parser.Inspect(q.expr, func(n parser.Node, path []parser.Node) error {
		s, ok := n.(*parser.VectorSelector)
		if !ok || hole != nil || errorMatcher(s) == nil {
			return nil
		}
		for _, around := range slices.Backward(path) {
			if e, ok := around.(*parser.AggregateExpr); ok && len(e.Grouping) == 0 && !e.Without {
				hole = e
				break
			}
		}
		return nil
	})
	if hole == nil {
		return "(sum(…) or on() vector(0)) around the part that selects the errors"
	}
	return "(" + q.source(hole) + " or on() vector(0))"
}

// source returns a part of the query as written, with its placeholders, on one line.
func (q *promQuery) source(n parser.Node) string {
	at := n.PositionRange()
	filled := q.text[at.Start:at.End]
	t, err := template.New("query").Funcs(q.functions).Parse(q.template.Query)
	if err != nil {
		return oneLine(filled)
	}
	var b strings.Builder
	from, to, pos := int(at.Start), int(at.End), 0
	for _, n := range t.Root.Nodes {
		var written string
		value := n.String()
		if action, ok := n.(*parse.ActionNode); ok {
			written = "{{ " + action.Pipe.String() + " }}"
			if value, err = fillIn(written, q.functions); err != nil {
				return oneLine(filled)
			}
		} else if n.Type() != parse.NodeText {
			return oneLine(filled)
		} else {
			written = value[min(max(from-pos, 0), len(value)):min(max(to-pos, 0), len(value))]
		}
		if pos < to && pos+len(value) > from {
			b.WriteString(written)
		}
		pos += len(value)
	}
	if pos != len(q.text) {
		return oneLine(filled)
	}
	return oneLine(b.String())
}

// bare returns an expression without its outer parentheses.
func bare(expr parser.Expr) parser.Expr {
	for {
		p, ok := expr.(*parser.ParenExpr)
		if !ok {
			return expr
		}
		expr = p.Expr
	}
}

// numberOf returns the value of a constant expression.
func numberOf(expr parser.Expr) (float64, bool) {
	switch e := bare(expr).(type) {
	case *parser.NumberLiteral:
		return e.Val, true
	case *parser.UnaryExpr:
		n, ok := numberOf(e.Expr)
		if e.Op == parser.SUB {
			n = -n
		}
		return n, ok
	}
	return 0, false
}

// flipped are the comparisons with their sides exchanged.
var flipped = map[parser.ItemType]parser.ItemType{
	parser.GTR: parser.LSS, parser.GTE: parser.LTE, parser.LSS: parser.GTR, parser.LTE: parser.GTE, parser.EQLC: parser.EQLC, parser.NEQ: parser.NEQ,
}

// compared returns the query's comparison with a number, which drops values for which it is false, or nil.
func (q *promQuery) compared() (c *parser.BinaryExpr, op parser.ItemType, number float64) {
	c, ok := bare(q.expr).(*parser.BinaryExpr)
	if !ok || c.ReturnBool || !c.Op.IsComparisonOperator() {
		return nil, 0, 0
	}
	if n, ok := numberOf(c.RHS); ok {
		return c, c.Op, n
	}
	if n, ok := numberOf(c.LHS); ok {
		return c, flipped[c.Op], n
	}
	return nil, 0, 0
}

// dropped returns the comparison by which the query drops values in the threshold's range, or nil. A min of 1 is
// the result of a comparison with bool.
func (q *promQuery) dropped() *parser.BinaryExpr {
	c, op, n := q.compared()
	r := q.goodRange
	if c == nil || r == nil || r.Min == nil && r.Max == nil {
		return nil
	}
	within := (r.Min == nil || n >= *r.Min) && (r.Max == nil || n <= *r.Max)
	truth := r.Min != nil && *r.Min == 1 && n < 1
	drops := false
	switch op {
	case parser.GTR, parser.GTE:
		drops = r.Min == nil || *r.Min < n || truth
	case parser.LSS, parser.LTE:
		drops = r.Max == nil || *r.Max > n
	case parser.NEQ:
		drops = within
	case parser.EQLC:
		drops = !within
	}
	if !drops {
		return nil
	}
	return c
}

// comparisonHint returns the range that a comparison was meant to be.
func (q *promQuery) comparisonHint(c *parser.BinaryExpr) string {
	_, op, n := q.compared()
	r := q.goodRange
	switch {
	case (op == parser.GTR || op == parser.GTE) && r.Max == nil:
		return fmt.Sprintf("remove the comparison, and set thresholdRange: {min: %s}", number(n))
	case (op == parser.LSS || op == parser.LTE) && r.Min == nil:
		return fmt.Sprintf("remove the comparison, and set thresholdRange: {max: %s}", number(n))
	}
	return "remove the comparison; thresholdRange is enough"
}

// histogramFunctions read the label le.
var histogramFunctions = []string{"histogram_quantile", "histogram_fraction"}

// withoutLe returns a call that needs the label le of classic histograms after an aggregation removed it
// (prometheus/prometheus promql/functions.go, funcHistogramQuantile), or nil.
func (q *promQuery) withoutLe() (lost *parser.Call) {
	parser.Inspect(q.expr, func(n parser.Node, _ []parser.Node) error {
		c, ok := n.(*parser.Call)
		if !ok || lost != nil || !slices.Contains(histogramFunctions, c.Func.Name) || len(c.Args) == 0 {
			return nil
		}
		histogram := c.Args[len(c.Args)-1]
		classic := slices.ContainsFunc(selectorsOf(histogram), func(s *parser.VectorSelector) bool {
			return strings.HasSuffix(s.Name, "_bucket") && !pinned(s, "le")
		})
		if classic && !hasLabel(histogram, "le") {
			lost = c
		}
		return nil
	})
	return lost
}

// hasOneBucket reports whether a quantile is computed from histograms with one bucket (prometheus/prometheus
// promql/quantile.go, BucketQuantile).
func (q *promQuery) hasOneBucket() (found bool) {
	parser.Inspect(q.expr, func(n parser.Node, _ []parser.Node) error {
		if c, ok := n.(*parser.Call); ok && c.Func.Name == "histogram_quantile" {
			all := selectorsOf(c.Args[len(c.Args)-1])
			found = found || len(all) > 0 && !slices.ContainsFunc(all, func(s *parser.VectorSelector) bool { return !pinned(s, "le") })
		}
		return nil
	})
	return found
}

// pinned reports whether a selector selects only one value of a label.
func pinned(s *parser.VectorSelector, label string) bool {
	return slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool {
		return m.Name == label && (m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp && regexp.QuoteMeta(m.Value) == m.Value)
	})
}

// oneOf reports whether an aggregation keeps only one series.
func oneOf(e *parser.AggregateExpr) bool {
	k, ok := numberOf(e.Param)
	return ok && k == 1 && len(e.Grouping) == 0
}

// hasLabel reports whether the series of an expression may have several values of a label.
func hasLabel(expr parser.Expr, label string) bool {
	has := func(e parser.Expr) bool { return hasLabel(e, label) }
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return !pinned(e, label)
	case *parser.MatrixSelector:
		return has(e.VectorSelector)
	case *parser.SubqueryExpr:
		return has(e.Expr)
	case *parser.ParenExpr:
		return has(e.Expr)
	case *parser.UnaryExpr:
		return has(e.Expr)
	case *parser.AggregateExpr:
		switch {
		case e.Op == parser.TOPK || e.Op == parser.BOTTOMK || e.Op == parser.LIMITK || e.Op == parser.LIMIT_RATIO:
			return !oneOf(e) && has(e.Expr)
		case e.Op == parser.COUNT_VALUES:
			return false
		}
		return slices.Contains(e.Grouping, label) != e.Without && has(e.Expr)
	case *parser.Call:
		switch name := e.Func.Name; {
		case strings.HasPrefix(name, "absent"), name == "scalar", name == "vector", slices.Contains(histogramFunctions, name) && label == "le":
			return false
		}
		return slices.ContainsFunc(e.Args, has)
	case *parser.BinaryExpr:
		return binaryHasLabel(e, label)
	}
	return false
}

func binaryHasLabel(e *parser.BinaryExpr, label string) bool {
	left, right, matching := hasLabel(e.LHS, label), hasLabel(e.RHS, label), e.VectorMatching
	switch {
	case e.Op == parser.LOR:
		return left || right
	case e.Op == parser.LAND || e.Op == parser.LUNLESS:
		return left
	case matching == nil: // the other side is a number
		return left || right
	case matching.Card == parser.CardManyToOne:
		return left || right && slices.Contains(matching.Include, label)
	case matching.Card == parser.CardOneToMany:
		return right || left && slices.Contains(matching.Include, label)
	}
	return left && right && slices.Contains(matching.MatchingLabels, label) == matching.On
}

// podLabels are labels with a different value for each pod.
var podLabels = []string{"pod", "pod_name", "kubernetes_pod_name", "instance"}

// manifold are labels with several values for the requests to one version.
var manifold = slices.Concat(podLabels, outcomeLabels, grpcLabels, []string{
	"le", "quantile", "node", "method", "path", "uri", "route", "handler", "source_workload", "source_app", "response_flags",
})

// anyLabel stands for labels that only the application knows.
const anyLabel = "set of labels"

// requests are the names of metrics with a series for each kind of request.
var requests = lazyregexp.New(`^(istio_.*|nginx_ingress_controller_.*|.*requests?_total|.*request_duration_(seconds|milliseconds)_(count|sum))$`)

// surely returns the labels that surely have several values in the series of a selector.
func (q *promQuery) surely(s *parser.VectorSelector) (all []string) {
	if strings.HasSuffix(s.Name, "_bucket") {
		all = append(all, "le")
	}
	for _, m := range s.LabelMatchers {
		if m.Type == labels.MatchRegexp && slices.Contains(podLabels, m.Name) && (bare(q.expr) != parser.Expr(s) || q.replicas() > 1) {
			all = append(all, m.Name)
		}
	}
	if requests().MatchString(s.Name) && !slices.ContainsFunc(s.LabelMatchers, isOutcome) {
		all = append(all, anyLabel)
	}
	return all
}

// replicas returns the number of pods in the manifests.
func (q *promQuery) replicas() int32 {
	if _, w := q.workload(); w != nil && w.Spec.Replicas != nil {
		return *w.Spec.Replicas
	}
	return 1
}

// splitBy returns a label that surely splits the answer into several series, or nothing.
func (q *promQuery) splitBy() string {
	var all []string
	parser.Inspect(q.expr, func(n parser.Node, _ []parser.Node) error {
		var labels []string
		switch e := n.(type) {
		case *parser.AggregateExpr:
			if !e.Without {
				labels = e.Grouping
			}
		case *parser.VectorSelector:
			labels = q.surely(e)
		}
		for _, label := range labels {
			if (label == anyLabel || slices.Contains(manifold, label)) && !slices.Contains(all, label) {
				all = append(all, label)
			}
		}
		return nil
	})
	for _, label := range all {
		if hasLabel(q.expr, label) {
			return label
		}
	}
	return ""
}

// withoutGrouping returns a hint about the aggregation that keeps a label, or about a histogram without one, or
// nothing.
func withoutGrouping(expr parser.Expr, label string) (hint string) {
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		switch e := n.(type) {
		case *parser.AggregateExpr:
			if hint != "" || e.Without || !slices.Contains(e.Grouping, label) {
				break
			}
			by := strings.Join(e.Grouping, ", ")
			left := slices.DeleteFunc(slices.Clone(e.Grouping), func(l string) bool { return l == label })
			if hint = "remove by (" + by + ")"; len(left) > 0 {
				hint = fmt.Sprintf("by (%s) instead of by (%s)", strings.Join(left, ", "), by)
			}
		case *parser.Call:
			if slices.Contains(histogramFunctions, e.Func.Name) && hint == "" {
				hint = "sum by (le) (…) inside " + e.Func.Name
			}
		}
		return nil
	})
	return hint
}

// versions are names of the new version and the primary in labels: the workload, a pod, a Service, its host, and
// its name in Kuma.
func (r *Rollout) versions() [][2]string {
	target, service := r.TargetRef.Name, r.Service.Name
	pod := "-7d9c5b8f6d-x2k4z"
	if r.TargetRef.Kind == "DaemonSet" {
		pod = "-x2k4z"
	}
	host, kuma := "."+r.ID.Namespace+".svc.cluster.local", fmt.Sprintf("_%s_svc_%d", r.ID.Namespace, r.Service.Port)
	all := [][2]string{{target, target + PrimarySuffix}, {target + pod, target + PrimarySuffix + pod}}
	for _, suffix := range []string{"", host, kuma} {
		all = append(all, [2]string{service + CanarySuffix + suffix, service + PrimarySuffix + suffix})
	}
	return all
}

// withPrimary returns the first selector that also matches the primary, or nil if a selector distinguishes the
// two: a query may compare them.
func (q *promQuery) withPrimary() (wide *parser.VectorSelector) {
	versions := q.versions()
	for _, s := range selectorsOf(q.expr) {
		both, apart := false, false
		for _, m := range s.LabelMatchers {
			if strings.Contains(m.Name, "namespace") {
				continue
			}
			narrow, widens := false, false
			for _, v := range versions {
				matches, primary := m.Matches(v[0]), m.Matches(v[1])
				narrow = narrow || matches && !primary
				widens = widens || matches && primary
			}
			named := strings.Contains(m.Value, q.TargetRef.Name) || strings.Contains(m.Value, q.Service.Name)
			// An alternation lists its values on purpose.
			both = both || m.Type == labels.MatchRegexp && named && widens && !narrow && !strings.Contains(m.Value, "|")
			apart = apart || narrow || m.Type == labels.MatchEqual && q.isSelectedBy(m)
		}
		if apart {
			return nil
		}
		if both && wide == nil {
			wide = s
		}
	}
	return wide
}

// narrowHint returns a selector that matches only the new version.
func (q *promQuery) narrowHint(s *parser.VectorSelector) string {
	for _, m := range s.LabelMatchers {
		if m.Type != labels.MatchRegexp || !q.isSelectedBy(m) {
			continue
		}
		if strings.Contains(m.Name, "container") {
			return q.On.LabelsAt(q.template.Provider.Address)["pod"] + `=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"`
		}
		if slices.Contains(podLabels, m.Name) || strings.Contains(m.Name, "pod") {
			return m.Name + `=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"`
		}
		if strings.Contains(m.Name, "service") {
			return m.Name + `=~"{{ service }}-canary.*"`
		}
		return m.Name + `="{{ target }}"`
	}
	return `destination_workload="{{ target }}"`
}

// bundledLabels are the labels of pods in the Prometheus of Flagger's chart, by their usual names
// (charts/flagger/templates/prometheus.yaml, kubernetes-pods).
var bundledLabels = map[string]string{"namespace": "kubernetes_namespace", "pod": "kubernetes_pod_name"}

// labelling are prefixes of metrics that set these labels themselves: exporters that report on other pods.
var labelling = []string{"nginx_ingress_", "kube_", "kubelet_", "container_", "flagger_", "keda_", "ALERTS"}

var usualLabels = lazyregexp.New(`\b(namespace|pod)(\s*(=|!))`)

// LabelsAt returns the names of the labels namespace and pod in the Prometheus at an address.
func (on *Installed) LabelsAt(address string) map[string]string {
	ours := SameServer(address, on.PrometheusAddress)
	switch f := &on.Facts; {
	case ours && (f.NamespaceLabel != "" || f.PodLabel != ""):
		return map[string]string{"namespace": cmp.Or(f.NamespaceLabel, "namespace"), "pod": cmp.Or(f.PodLabel, "pod")}
	case on.IsBundled(address):
		return bundledLabels
	}
	return map[string]string{"namespace": "namespace", "pod": "pod"}
}

// relabel returns matchers with a Prometheus' label names.
func relabel(text string, labels map[string]string) string {
	return usualLabels().ReplaceAllStringFunc(text, func(text string) string {
		label := strings.TrimRight(text, " =!")
		return labels[label] + text[len(label):]
	})
}

// checkLabels reports labels that a Prometheus does not have: the one in Flagger's chart, or one whose labels
// the input states.
func (q *promQuery) checkLabels(say func(code diag.Code, message, hint string)) {
	names, which := q.On.LabelsAt(q.template.Provider.Address), "this Prometheus"
	if q.On.IsBundled(q.template.Provider.Address) {
		which = "the Prometheus in Flagger's chart"
	}
	for _, s := range selectorsOf(q.expr) {
		own := s.Name == "" || strings.Contains(s.Name, ":") /* a recording rule */ || slices.ContainsFunc(labelling, func(prefix string) bool { return strings.HasPrefix(s.Name, prefix) })
		for _, m := range s.LabelMatchers {
			if name := names[m.Name]; name != "" && name != m.Name && !own && !m.Matches("") {
				say(diag.NoSuchLabel, fmt.Sprintf("%s has no label %s, so %s matches nothing and every check fails; its label is %s", which, m.Name, s.Name, name),
					relabel(q.source(s), names))
				return
			}
		}
	}
}

// A share is a ratio of requests: of successes or failures, and its largest value.
type share struct {
	successes bool
	most      float64
}

// shareOf returns the share of all requests that an expression computes. It returns false if that is uncertain:
// if the sides of the division differ in more than the result of the requests.
func shareOf(expr parser.Expr) (share, bool) {
	e, ok := bare(expr).(*parser.BinaryExpr)
	if !ok {
		return share{}, false
	}
	left, isLeft := numberOf(e.LHS)
	right, isRight := numberOf(e.RHS)
	switch {
	case e.Op == parser.MUL && isRight && right > 0:
		s, ok := shareOf(e.LHS)
		return share{s.successes, s.most * right}, ok
	case e.Op == parser.MUL && isLeft && left > 0:
		s, ok := shareOf(e.RHS)
		return share{s.successes, s.most * left}, ok
	case e.Op == parser.SUB && isLeft:
		s, ok := shareOf(e.RHS)
		return share{!s.successes, s.most}, ok && s.most == left
	case e.Op == parser.DIV && !isLeft && !isRight:
		successes, ok := partOf(e.LHS, e.RHS)
		return share{successes, 1}, ok
	case e.Op == parser.DIV && isRight && right > 0:
		s, ok := shareOf(e.LHS)
		return share{s.successes, s.most / right}, ok
	}
	// 100 * a / b is parsed as (100 * a) / b.
	return share{}, false
}

// partOf reports whether one expression selects the successes or the failures of the other; ok is false if
// neither is certain.
func partOf(part, whole parser.Expr) (successes, ok bool) {
	if or, isOr := bare(part).(*parser.BinaryExpr); isOr && or.Op == parser.LOR && strings.ReplaceAll(bare(or.RHS).String(), " ", "") == "vector(0)" {
		part = or.LHS
	}
	seen := map[bool]bool{}
	plain := func(expr parser.Expr, drop bool) string {
		copied, err := promQLParser().ParseExpr(bare(expr).String())
		if err != nil {
			return ""
		}
		for _, s := range selectorsOf(copied) {
			s.LabelMatchers = slices.DeleteFunc(s.LabelMatchers, func(m *labels.Matcher) bool {
				failed, good := outcome(m)
				if drop && failed != good {
					seen[good] = true
					return true
				}
				return false
			})
			slices.SortFunc(s.LabelMatchers, func(a, b *labels.Matcher) int { return cmp.Compare(a.String(), b.String()) })
		}
		return copied.String()
	}
	of := plain(part, true)
	if len(seen) != 1 || of == "" || of != plain(whole, false) {
		return false, false
	}
	return seen[true], true
}

// ownMetric returns the known properties of a query's values, for judging its range.
func ownMetric(expr parser.Expr) (known knownMetric, ok bool) {
	s, ok := shareOf(scaledLast(expr))
	if !ok || s.most != 1 && s.most != 100 {
		return knownMetric{}, false
	}
	known = knownMetric{unit: "in percent", most: s.most, atLeast: s.successes, suspect: func(float64) bool { return false }}
	side, good := "max", (1-0.99)*s.most
	if s.successes {
		side, good = "min", 0.99*s.most
	}
	if s.most == 1 {
		known.unit = "a ratio from 0 to 1"
	}
	known.example = fmt.Sprintf("thresholdRange: {%s: %.4g}", side, good)
	if s.successes && s.most == 100 {
		known.suspect = func(threshold float64) bool { return threshold > 0 && threshold <= 1 }
		known.why = "the query is in percent (0 to 100); with a min of %s, 99 of 100 requests may fail"
	}
	return known, true
}

// scaledLast returns N * (a / b) for (N * a) / b, as 100 * a / b is parsed.
func scaledLast(expr parser.Expr) parser.Expr {
	e, ok := bare(expr).(*parser.BinaryExpr)
	if !ok {
		return expr
	}
	if e.Op == parser.SUB {
		copied := *e
		copied.RHS = scaledLast(e.RHS)
		return &copied
	}
	times, ok := bare(e.LHS).(*parser.BinaryExpr)
	if e.Op != parser.DIV || !ok || times.Op != parser.MUL {
		return expr
	}
	ratio := *e
	if n, ok := numberOf(times.LHS); ok {
		ratio.LHS = times.RHS
		return &parser.BinaryExpr{Op: parser.MUL, LHS: &parser.NumberLiteral{Val: n}, RHS: &ratio}
	}
	if n, ok := numberOf(times.RHS); ok {
		ratio.LHS = times.LHS
		return &parser.BinaryExpr{Op: parser.MUL, LHS: &parser.NumberLiteral{Val: n}, RHS: &ratio}
	}
	return expr
}

// checkGRPC reports that gRPC calls are judged by the HTTP status, which is 200 for failures too, and no other
// metric judges them. It skips Kuma, because how Envoy's cluster metrics count gRPC is unknown here.
func checkGRPC(r *Rollout) {
	if r.proxy() == flagger.Kuma || r.On.Speaks(r) != "grpc" && protocols[strings.ToLower(r.Service.AppProtocol)] != "grpc" {
		return
	}
	metric := -1
	var object = r.ID
	for i, m := range r.Analysis.Metrics {
		t := r.template(m)
		switch {
		case r.Builtin(m) == "request-success-rate":
			if metric < 0 {
				metric = i
			}
		case t == nil:
		case strings.Contains(t.Query, "grpc"):
			return
		case metric < 0 && t.Provider.Type == "prometheus" && r.asksHTTP(m, t):
			metric, object = i, t.ID
		}
	}
	switch {
	case metric < 0:
	case object == r.ID:
		r.Report(diag.HTTPStatusOfGRPC, InMetrics(metric, "name"), "the port speaks gRPC, whose failed calls return HTTP 200, so a broken version is promoted", r.grpcHint())
	default:
		r.ReportAt(diag.HTTPStatusOfGRPC, object, spec("query"), "the port speaks gRPC, whose failed calls return HTTP 200, so a broken version is promoted", r.grpcHint())
	}
}

// grpcHint returns a metric on the gRPC status. Istio's sidecars have a label for it.
func (r *Rollout) grpcHint() string {
	if r.proxy() != flagger.Istio {
		return "a customMetric on the gRPC status that your server counts, such as grpc_server_handled_total{grpc_code=\"OK\"}"
	}
	const all = `destination_workload="{{ target }}",destination_workload_namespace="{{ namespace }}",reporter="destination"`
	return `{name: grpc-success-rate, thresholdRange: {min: 99}, customMetric: {provider: {type: prometheus, address: "` + cmp.Or(r.On.PrometheusAddress, r.MetricsServer, metricProviders["prometheus"].address) +
		`"}, query: 'sum(rate(istio_requests_total{` + all + `,grpc_response_status="0"}[{{ interval }}])) / sum(rate(istio_requests_total{` + all + `}[{{ interval }}])) * 100'}}`
}

// asksHTTP reports whether a query counts requests by the HTTP status that sidecars or the Ingress report.
func (r *Rollout) asksHTTP(m flagger.Metric, t *Template) bool {
	query, err := fillIn(t.Query, r.queryFunctions(m))
	if err != nil {
		return false
	}
	expr, err := promQLParser().ParseExpr(query)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(selectorsOf(expr), func(s *parser.VectorSelector) bool {
		proxied := slices.ContainsFunc([]string{"istio_", "envoy_", "nginx_ingress_"}, func(prefix string) bool { return strings.HasPrefix(s.Name, prefix) })
		return proxied && slices.ContainsFunc(s.LabelMatchers, isOutcome)
	})
}
