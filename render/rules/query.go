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

// queryFunctions returns what the query of a metric's MetricTemplate may call, as Flagger
// fills it in (pkg/controller/scheduler_metrics.go, toMetricModel).
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

// fillIn fills a query in as Flagger does (pkg/metrics/observers/render.go).
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

var errLoop = errors.New("there is nothing to loop over but variables")

// maxCalls is how often the templates that a query defines may call each other.
const maxCalls = 1000

// loops reports whether a part of a template loops over something else than variables, or
// has more calls than are left: either may go on for ever, here as in Flagger.
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

// defaultWindow is the interval of a metric without a template, where it has none
// (pkg/apis/flagger/v1beta1/canary.go, MetricInterval).
const defaultWindow = "1m"

// checkQueries reports queries that Flagger or Prometheus would not answer, or not for this rollout alone.
func checkQueries(r *Rollout) {
	for i, m := range r.Analysis.Metrics {
		t, at := r.template(m), spec("query")
		switch {
		case m.TemplateRef == nil && m.Query != "": // which Flagger's own Prometheus answers
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

// CheckTemplate returns what is wrong with a MetricTemplate whatever Canary names it.
func CheckTemplate(t *Template, on *Installed) []Finding {
	ref := api.NamespacedReference{Namespace: t.ID.Namespace, Name: t.ID.Name}
	r := &Rollout{ID: manifest.Identity{Namespace: t.ID.Namespace, Name: "name"}, Plain: true, Canary: &flagger.Canary{}, Templates: map[api.NamespacedReference]*Template{ref: t}, On: on}
	r.TargetRef.Name, r.Analysis.Metrics = "target", []flagger.Metric{{Name: t.ID.Name, Interval: defaultWindow, TemplateRef: &ref}}
	checkQueries(r)
	hasVariables := strings.Contains(t.Query, "variables") // which a Canary sets
	return slices.DeleteFunc(r.found, func(f Finding) bool {
		return !slices.Contains(ofTemplates, f.Code) || hasVariables && slices.Contains([]diag.Code{diag.BadQueryTemplate, diag.BadQuery, diag.BadProviderQuery}, f.Code)
	})
}

// templateProblem returns in words why a query cannot be filled in, by what text/template
// says and the functions that it knows.
func templateProblem(text string, known []string) (message, hint string) {
	where, itsLine := "", ""
	if m := regexp.MustCompile(`^template: query:(\d+)(?::\d+)?: `).FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		where, itsLine = " in line "+m[1]+" of the query", ", in its line "+m[1]
	}
	find := func(pattern string) (name string, ok bool) {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m != nil {
			return m[1], true
		}
		return "", false
	}
	texts := slices.DeleteFunc(slices.Clone(known), func(f string) bool { return f == "variables" })
	hint = "Flagger knows {{ " + strings.Join(texts, " }}, {{ ") + " }} and {{ variables.x }}"
	if name, ok := find(`function "([^"]+)" not defined`); ok {
		if meant := diag.Nearest(name, known); meant != "" {
			hint = fmt.Sprintf("did you mean {{ %s }}?", meant)
		}
		return fmt.Sprintf("there is no {{ %s }}%s, so every check fails", name, where), hint
	}
	if key, ok := find(`map has no entry for key "([^"]+)"`); ok {
		return fmt.Sprintf("there is no {{ variables.%s }}%s, so every check fails", key, where), fmt.Sprintf("templateVariables: {%s: …} for the metric", key)
	}
	if name, ok := find(`at <\.([^>]*)>: nil data`); ok {
		if slices.Contains(known, name) {
			hint = fmt.Sprintf("{{ %s }}, without the dot", name)
		}
		return fmt.Sprintf("there is nothing behind {{ .%s }}%s, so every check fails", name, where), hint
	}
	why := regexp.MustCompile(`^executing .*>: `).ReplaceAllString(text, "")
	return "Flagger cannot fill in the query" + itsLine + ": " + why, hint
}

// longestQuery is how many bytes of a query are parsed at most. The time that the
// parser takes grows with the square of them, and no proxy takes a longer URL.
const longestQuery = 64 << 10

// promQLParser parses all that any Prometheus may take.
func promQLParser() parser.Parser {
	return parser.NewParser(parser.Options{EnableExperimentalFunctions: true, EnableExtendedRangeSelectors: true, EnableBinopFillModifiers: true, ExperimentalDurationExpr: true})
}

// checkPromQL reports queries that Prometheus does not answer with the one number that Flagger
// takes (pkg/metrics/providers/prometheus.go), and which measure more than the rollout.
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
		say(diag.BadQuery, fmt.Sprintf("Flagger sends the query as one line, so the comment in its line %d hides all that follows", line), "remove the comment, or put it above the query in YAML")
		return
	}
	switch expr.Type() {
	case parser.ValueTypeMatrix:
		say(diag.BadQuery, "the query gives many values of a time range, and Flagger takes one", "wrap it: sum(rate(…[{{ interval }}]))")
	case parser.ValueTypeScalar, parser.ValueTypeString:
		say(diag.BadQuery, fmt.Sprintf("the query gives a %s, and Flagger takes a vector", parser.DocumentedType(expr.Type())), "wrap it: vector(…)")
	default:
		q.expr = expr
		q.check(say)
	}
}

// commentLine is the line of the first comment that something follows, or 0. Flagger
// makes a space of each line break (pkg/metrics/providers/prometheus.go, trimQuery).
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

// selectors are labels by which only the new version is selected, by what the names of
// metrics begin with; what is behind all others is scraped from pods. PORT is the Service's.
var selectors = []struct{ metric, labels string }{
	// The sidecars' (kumahq/kuma pkg/mads/util.go).
	{"envoy_", `kuma_io_services=~".*,{{ service }}-canary_{{ namespace }}_svc_PORT,.*"`},
	// fluxcd/flagger pkg/metrics/observers/istio.go
	{"istio_", `destination_workload="{{ target }}",destination_workload_namespace="{{ namespace }}"`},
	// kubernetes/ingress-nginx internal/ingress/controller, upstreamName
	{"nginx_ingress_", `canary="{{ namespace }}-{{ service }}-canary-PORT"`},
	// The chart's scrape_configs; the primary's pods have one more part in their names.
	{"", `namespace="{{ namespace }}",pod=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"`},
}

// selectorHint is a selector as it is, with labels of the new version as the Prometheus at an address has them.
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

// looseSelector is the first selector of an expression that names neither the workload
// nor its Service, or nil.
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

// strangers are what a selector of the rollout alone does not match.
var strangers = []string{"a", "other", "other-service-1", "other_service.other:80"}

// isSelectedBy reports whether a matcher names the workload or its Service, not only as a part of a
// longer word, or tells them from others. In the names of metrics a hyphen is an underscore.
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

// promQLProblem returns in words why a query, made of a template, is none.
func promQLProblem(err error, query, template string) (message, hint string) {
	var errs parser.ParseErrors
	if !errors.As(err, &errs) || len(errs) == 0 {
		return "Prometheus does not take the query", ""
	}
	first := errs[0]
	at := min(max(int(first.PositionRange.Start), 0), len(query))
	line := strings.Count(query[:at], "\n") + 1
	if m := regexp.MustCompile(`unknown function with name "([^"]+)"`).FindStringSubmatch(first.Err.Error()); m != nil {
		hint = diag.DidYouMean(m[1], slices.Sorted(maps.Keys(parser.Functions)), "")
	}
	// What variables fill in stands elsewhere, and may be a credential.
	why := regexp.MustCompile(`"[^"]*"`).ReplaceAllStringFunc(first.Err.Error(), func(quoted string) string {
		if strings.Contains(template, strings.Trim(quoted, `"`)) || len(quoted) < 4 {
			return quoted
		}
		return `"…"`
	})
	return fmt.Sprintf("Prometheus does not take the query, in its line %d: %s", line, why), hint
}
