package rules

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema/api"
)

// queryFunctions returns the functions of a MetricTemplate's query, as Flagger defines them
// (pkg/controller/scheduler_metrics.go, toMetricModel).
func (r *Rollout) queryFunctions(m flagger.Metric) template.FuncMap {
	text := func(s string) func() string { return func() string { return s } }
	target := r.TargetRef.Name
	named := func(ref *flagger.ObjectReference) func() string {
		if ref == nil {
			return text(target)
		}
		return text(ref.Name)
	}
	return template.FuncMap{
		"name": text(r.ID.Name), "target": text(target), "ingress": named(r.IngressRef), "route": named(r.RouteRef),
		"namespace": text(r.ID.Namespace), "service": text(cmp.Or(r.Service.Name, target)), "interval": text(m.Interval),
		"variables": func() map[string]string { return m.TemplateVariables },
	}
}

// fillIn executes a query's template as Flagger does (pkg/metrics/observers/render.go).
func fillIn(query string, functions template.FuncMap) (string, error) {
	t, err := template.New("query").Option("missingkey=error").Funcs(functions).Parse(query)
	if err != nil {
		return "", err
	}
	calls := maxCalls
	if loops(t, t.Root, &calls) {
		return "", errLoop
	}
	var b strings.Builder
	err = t.Execute(&b, nil)
	return b.String(), err
}

var errLoop = errors.New("range can loop only over variables")

// maxCalls limits the calls between the templates that a query defines.
const maxCalls = 1000

// loops reports whether a part of a template loops over anything but variables, or exceeds the remaining calls:
// either may never end, here and in Flagger.
func loops(t *template.Template, n parse.Node, calls *int) bool {
	each := func(lists ...*parse.ListNode) bool {
		return slices.ContainsFunc(lists, func(list *parse.ListNode) bool {
			return list != nil && slices.ContainsFunc(list.Nodes, func(n parse.Node) bool { return loops(t, n, calls) })
		})
	}
	switch n := n.(type) {
	case *parse.ListNode:
		return each(n)
	case *parse.IfNode:
		return each(n.List, n.ElseList)
	case *parse.WithNode:
		return each(n.List, n.ElseList)
	case *parse.RangeNode:
		return n.Pipe.Cmds[0].Args[0].String() != "variables" || each(n.List, n.ElseList)
	case *parse.TemplateNode:
		*calls--
		called := t.Lookup(n.Name)
		return *calls < 0 || called != nil && called.Tree != nil && each(called.Root)
	}
	return false
}

// defaultWindow is the default interval of a metric without a template (pkg/apis/flagger/v1beta1/canary.go,
// MetricInterval).
const defaultWindow = "1m"

// checkQueries reports queries that Flagger or Prometheus cannot answer, or not only for this rollout.
func checkQueries(r *Rollout) {
	for i, m := range r.Analysis.Metrics {
		t, at := r.template(m), spec("query")
		switch {
		case m.TemplateRef == nil && m.Query != "": // answered by Flagger's own Prometheus
			t, at = &Template{ID: r.ID, MetricTemplate: flagger.MetricTemplate{Query: m.Query}}, spec(InMetrics(i, "query")...)
			t.Provider.Type, t.Provider.Address = "prometheus", cmp.Or(r.MetricsServer, r.On.MetricsServer)
			m.Interval = cmp.Or(m.Interval, defaultWindow)
		case t == nil || t.Replaces != "":
			continue
		default:
			checkProvider(r, t)
		}
		say := func(code diag.Code, message, hint string) { r.ReportAt(code, t.ID, at, message, hint) }
		functions := r.queryFunctions(m)
		query, err := fillIn(t.Query, functions)
		if err != nil {
			message, hint := templateProblem(err.Error(), slices.Sorted(maps.Keys(functions)))
			say(diag.BadQueryTemplate, message, hint)
			continue
		}
		checkProviderQuery(t, query, say)
		if t.Provider.Type == "prometheus" && strings.TrimSpace(query) != "" {
			q := &promQuery{Rollout: r, metric: i, template: t, functions: functions, text: query, goodRange: m.ThresholdRange}
			checkPromQL(q, say)
		}
	}
}

// ofTemplates are the codes that depend on no Canary.
var ofTemplates = []diag.Code{
	diag.BadQueryTemplate, diag.BadQuery, diag.NoAddress, diag.BadAddress, diag.KuratorAddress, diag.BadProviderQuery, diag.MissingField, diag.ProviderIgnores,
}

// CheckTemplate returns the mistakes in a MetricTemplate, whatever Canary names it.
func CheckTemplate(t *Template, on *Installed) []Finding {
	ref := api.NamespacedReference{Namespace: t.ID.Namespace, Name: t.ID.Name}
	r := &Rollout{ID: manifest.Identity{Namespace: t.ID.Namespace, Name: "name"}, Plain: true, Canary: &flagger.Canary{}, Templates: map[api.NamespacedReference]*Template{ref: t}, On: on}
	r.TargetRef.Name, r.Analysis.Metrics = "target", []flagger.Metric{{Name: t.ID.Name, Interval: defaultWindow, TemplateRef: &ref}}
	checkQueries(r)
	hasVariables := strings.Contains(t.Query, "variables") // set by a Canary
	return slices.DeleteFunc(r.found, func(f Finding) bool {
		return !slices.Contains(ofTemplates, f.Code) || hasVariables && slices.Contains([]diag.Code{diag.BadQueryTemplate, diag.BadQuery, diag.BadProviderQuery}, f.Code)
	})
}

// templateProblem explains why a query cannot be filled in, from the error of text/template and the known
// functions.
func templateProblem(text string, known []string) (message, hint string) {
	where, part := "", "the query"
	if m := regexp.MustCompile(`^template: query:(\d+)(?::\d+)?: `).FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		where, part = " on line "+m[1]+" of the query", "line "+m[1]+" of the query"
	}
	find := func(pattern string) (name string, ok bool) {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m != nil {
			return m[1], true
		}
		return "", false
	}
	texts := slices.DeleteFunc(slices.Clone(known), func(f string) bool { return f == "variables" })
	hint = "use {{ " + strings.Join(texts, " }}, {{ ") + " }} or {{ variables.x }}"
	if name, ok := find(`function "([^"]+)" not defined`); ok {
		if meant := diag.Nearest(name, known); meant != "" {
			hint = fmt.Sprintf("did you mean {{ %s }}?", meant)
		}
		return fmt.Sprintf("unknown placeholder {{ %s }}%s, so every check fails", name, where), hint
	}
	if key, ok := find(`map has no entry for key "([^"]+)"`); ok {
		return fmt.Sprintf("{{ variables.%s }}%s is not set, so every check fails", key, where), fmt.Sprintf("templateVariables: {%s: …} in the metric", key)
	}
	if name, ok := find(`at <\.([^>]*)>: nil data`); ok {
		if slices.Contains(known, name) {
			hint = fmt.Sprintf("{{ %s }}, without the dot", name)
		}
		return fmt.Sprintf("{{ .%s }}%s has no value, so every check fails", name, where), hint
	}
	why := regexp.MustCompile(`^executing .*>: `).ReplaceAllString(text, "")
	return "Flagger cannot fill in " + part + ", so every check fails: " + why, hint
}

// longestQuery is the longest query to parse, in bytes. Parsing takes time quadratic in it, and no proxy accepts
// a longer URL.
const longestQuery = 64 << 10

// promQLParser parses everything that any Prometheus may accept.
func promQLParser() parser.Parser {
	return parser.NewParser(parser.Options{EnableExperimentalFunctions: true, EnableExtendedRangeSelectors: true, EnableBinopFillModifiers: true, ExperimentalDurationExpr: true})
}

// checkPromQL reports queries whose answer is not the one number that Flagger needs
// (pkg/metrics/providers/prometheus.go), or that measure more than the rollout.
func checkPromQL(q *promQuery, say func(code diag.Code, message, hint string)) {
	if len(q.text) > longestQuery {
		return
	}
	expr, err := promQLParser().ParseExpr(q.text)
	if err != nil {
		message, hint := promQLProblem(err, q.text, q.template.Query)
		say(diag.BadQuery, message, hint)
		return
	}
	if line := commentLine(q.text); line > 0 {
		say(diag.BadQuery, fmt.Sprintf("Flagger joins the query into one line, so the comment on line %d hides the rest", line), "remove the comment, or put it above the query in YAML")
		return
	}
	switch expr.Type() {
	case parser.ValueTypeMatrix:
		say(diag.BadQuery, "the query returns a range of values, but Flagger needs one value", "wrap it: sum(rate(…[{{ interval }}]))")
	case parser.ValueTypeScalar, parser.ValueTypeString:
		say(diag.BadQuery, fmt.Sprintf("the query returns a %s, but Flagger needs a vector", parser.DocumentedType(expr.Type())), "wrap it: vector(…)")
	default:
		q.expr = expr
		q.check(say)
	}
}

// commentLine returns the line of the first comment followed by anything, or 0. Flagger replaces line breaks by
// spaces (pkg/metrics/providers/prometheus.go, trimQuery).
func commentLine(query string) int {
	comment := -1
	lexer := parser.Lex(query)
	for {
		var item parser.Item
		switch lexer.NextItem(&item); {
		case item.Typ == parser.EOF || item.Typ == parser.ERROR:
			return 0
		case item.Typ == parser.COMMENT && comment < 0:
			comment = int(item.Pos)
		case item.Typ != parser.COMMENT && comment >= 0:
			return strings.Count(query[:comment], "\n") + 1
		}
	}
}

// selectors are labels that select only the new version, by prefix of the metric's name; metrics without a
// listed prefix are scraped from pods. PORT is the Service's.
var selectors = []struct{ metric, labels string }{
	// Of sidecars (kumahq/kuma pkg/mads/util.go).
	{"envoy_", `kuma_io_services=~".*,{{ service }}-canary_{{ namespace }}_svc_PORT,.*"`},
	// fluxcd/flagger pkg/metrics/observers/istio.go
	{"istio_", `destination_workload="{{ target }}",destination_workload_namespace="{{ namespace }}"`},
	// kubernetes/ingress-nginx internal/ingress/controller, upstreamName
	{"nginx_ingress_", `canary="{{ namespace }}-{{ service }}-canary-PORT"`},
	// By the chart's scrape_configs; the names of the primary's pods have one more part.
	{"", `namespace="{{ namespace }}",pod=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"`},
}

// selectorHint returns a selector with labels of the new version added, named as in the Prometheus at an
// address.
func (r *Rollout) selectorHint(loose *parser.VectorSelector, address string) string {
	var all []string
	for _, m := range loose.LabelMatchers {
		if m.Name != model.MetricNameLabel || loose.Name == "" {
			all = append(all, m.String())
		}
	}
	for _, s := range selectors {
		if strings.HasPrefix(loose.Name, s.metric) {
			text := strings.ReplaceAll(s.labels, "PORT", strconv.Itoa(int(r.Service.Port)))
			if s.metric == "" {
				text = relabel(text, r.On.LabelsAt(address))
			}
			all = append(all, text)
			break
		}
	}
	return loose.Name + "{" + strings.Join(all, ",") + "}"
}

// looseSelector returns the first selector of an expression that names neither the workload nor its Service, or
// nil.
func (r *Rollout) looseSelector(expr parser.Expr) (loose *parser.VectorSelector) {
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		s, ok := n.(*parser.VectorSelector)
		if ok && loose == nil && !slices.ContainsFunc(s.LabelMatchers, r.isSelectedBy) {
			loose = s
		}
		return nil
	})
	return loose
}

// strangers are values that a selector of only this rollout does not match.
var strangers = []string{"a", "other", "other-service-1", "other_service.other:80"}

// isSelectedBy reports whether a matcher names the workload or its Service as a whole word, or distinguishes
// them from others. In metric names, hyphens are underscores.
func (r *Rollout) isSelectedBy(m *labels.Matcher) bool {
	if m.Type != labels.MatchEqual && m.Type != labels.MatchRegexp {
		return false
	}
	value := strings.ReplaceAll(m.Value, "_", "-")
	for _, name := range []string{r.TargetRef.Name, r.Service.Name} {
		word := `(^|[^a-z0-9])` + regexp.QuoteMeta(name) + `($|[^a-z0-9])`
		if strings.Contains(value, name) && regexp.MustCompile(word).MatchString(value) {
			return true
		}
		if m.Type == labels.MatchRegexp && (m.Matches(name) || m.Matches(name+CanarySuffix)) && !slices.ContainsFunc(strangers, m.Matches) {
			return true
		}
	}
	return false
}

// promQLProblem explains why a query, filled in from a template, is invalid.
func promQLProblem(err error, query, template string) (message, hint string) {
	var errs parser.ParseErrors
	if !errors.As(err, &errs) || len(errs) == 0 {
		return "Prometheus rejects the query, so every check fails", ""
	}
	first := errs[0]
	at := min(max(int(first.PositionRange.Start), 0), len(query))
	line := strings.Count(query[:at], "\n") + 1
	if m := regexp.MustCompile(`unknown function with name "([^"]+)"`).FindStringSubmatch(first.Err.Error()); m != nil {
		hint = diag.DidYouMean(m[1], slices.Sorted(maps.Keys(parser.Functions)), "")
	}
	// The values of variables are not in the query, and may be credentials.
	why := regexp.MustCompile(`"[^"]*"`).ReplaceAllStringFunc(first.Err.Error(), func(quoted string) string {
		if strings.Contains(template, strings.Trim(quoted, `"`)) || len(quoted) < 4 {
			return quoted
		}
		return `"…"`
	})
	return fmt.Sprintf("Prometheus rejects line %d of the query, so every check fails: %s", line, why), hint
}
