package rules

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	k8slabels "k8s.io/apimachinery/pkg/labels"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A metricProvider holds what Flagger needs to query a provider of metrics.
type metricProvider struct {
	// since is the minor version of Flagger that added it; 0 is 1.36 or older.
	since int
	// address is an example of the required address, or empty if Flagger has a default or needs none.
	address string
	// schemes are the schemes of an address, or empty if Flagger does not parse it as a URL.
	schemes []string
	// paths are suffixes that an address must not have, because Flagger appends the first of them.
	paths []string
	// region is an example of the required region.
	region string
	// secret reports whether it needs a Secret. keys are the sets of keys, one of which the Secret must have.
	secret bool
	keys   [][]string
	// window reports whether it parses the metric's interval and fails without one.
	window bool
	// reads are the other fields that it reads, of address, headers, secretRef and insecureSkipVerify.
	reads []string
	// query returns why the provider cannot answer a query, and a hint, or nothing.
	query func(query string) (message, hint string)
}

var web = []string{"http", "https"}

// metricProviders are the providers of fluxcd/flagger pkg/metrics/providers, factory.go, versions 1.36 to 1.44,
// by their constructors and RunQuery.
var metricProviders = map[string]metricProvider{
	"prometheus": { // prometheus.go
		address: "http://prometheus.monitoring:9090", schemes: web, paths: []string{"/api/v1/query", "/api/v1/query_range", "/api/v1", "/graph"},
		keys: [][]string{{"token"}, {"username", "password"}}, reads: []string{"address", "headers", "secretRef", "insecureSkipVerify"},
	},
	"graphite": { // graphite.go
		address: "http://graphite.monitoring", schemes: web, paths: []string{"/render"},
		keys: [][]string{{"username", "password"}}, reads: []string{"address", "secretRef", "insecureSkipVerify"}, query: graphiteProblem,
	},
	"influxdb": { // influxdb.go, and influxdb-client-go/v2 api/http/service.go
		address: "http://influxdb.monitoring:8086", schemes: web, paths: []string{"/api/v2/query", "/api/v2"},
		keys: [][]string{{"token", "org"}}, reads: []string{"address", "secretRef"}, query: influxProblem,
	},
	"datadog": { // datadog.go
		schemes: web, paths: []string{"/api/v1/query", "/api/v1"}, window: true,
		secret: true, keys: [][]string{{"datadog_api_key", "datadog_application_key"}}, reads: []string{"address", "secretRef"},
	},
	"newrelic": { // newrelic.go
		schemes: web, window: true,
		secret: true, keys: [][]string{{"newrelic_account_id", "newrelic_query_key"}}, reads: []string{"address", "secretRef"}, query: newRelicProblem,
	},
	"dynatrace": { // dynatrace.go
		window: true, address: "https://abc12345.live.dynatrace.com", schemes: web, paths: []string{"/api/v2/metrics/query", "/api/v2/metrics", "/api/v2"},
		secret: true, keys: [][]string{{"dynatrace_token"}}, reads: []string{"address", "secretRef"},
	},
	"splunk": { // splunk.go
		window: true, since: 40, address: "https://api.us1.signalfx.com", schemes: []string{"http", "https", "ws", "wss"}, paths: []string{"/v2/signalflow"},
		secret: true, keys: [][]string{{"sf_token_key"}}, reads: []string{"address", "secretRef"}, query: splunkProblem,
	},
	"stackdriver": { // stackdriver.go; without a project, Google's API rejects the request
		secret: true, keys: [][]string{{"project"}}, reads: []string{"secretRef"},
	},
	"cloudwatch": { // cloudwatch.go
		window: true, region: "eu-central-1", query: cloudWatchProblem,
	},
	"keptn": { // keptn.go
		since: 38, query: keptnProblem,
	},
	"externalmetrics": { // externalmetrics.go; its address may be just a host and a port
		since: 43, reads: []string{"address", "secretRef", "insecureSkipVerify"}, query: externalMetricProblem,
	},
}

// IsAddress reports whether Flagger can query the address of a provider, or none is set.
func IsAddress(p api.MetricProvider) bool {
	if p.Type == "externalmetrics" && schema.RefuseURL("https://"+p.Address, "https") == "" {
		return true
	}
	schemes := metricProviders[p.Type].schemes
	if p.Type == "externalmetrics" {
		schemes = web
	}
	return p.Address == "" || schemes == nil || schema.RefuseURL(p.Address, schemes...) == ""
}

// checkProvider reports a provider that Flagger cannot query.
func checkProvider(r *Rollout, t *Template) {
	p := t.Provider
	known, ok := metricProviders[p.Type]
	if !ok {
		return
	}
	say := func(code diag.Code, field, message, hint string) {
		r.ReportAt(code, t.ID, spec("provider", field), message, hint)
	}
	switch message, hint := AddressProblem(p); {
	case p.Address == "" && known.address != "":
		say(diag.NoAddress, "address", fmt.Sprintf("the %s provider has no address, so every check fails", p.Type), "address: "+known.address)
	case !IsAddress(p):
		say(diag.BadAddress, "address", "the address is not the URL of a server: "+schema.RefuseURL(p.Address, web...), addressHint(p.Address))
	case message != "":
		say(diag.BadAddress, "address", message, hint)
	default:
		if hint := r.On.kuratorAddress(p.Address); hint != "" {
			say(diag.KuratorAddress, "address", kuratorIsGone, "address: "+hint)
		}
	}
	if p.Region == "" && known.region != "" {
		say(diag.MissingField, "region", fmt.Sprintf("region is missing, so Flagger cannot query %s and every check fails", p.Type), "region: "+known.region)
	}
	if p.SecretRef == nil && known.secret {
		say(diag.MissingField, "secretRef", fmt.Sprintf("secretRef is missing, so Flagger cannot query %s and every check fails", p.Type),
			fmt.Sprintf("secretRef: {name: %s}, a Secret with %s", p.Type, strings.Join(known.keys[0], " and ")))
	}
	checkSecret(r, t, known)
	for _, f := range []struct {
		name string
		set  bool
	}{{"address", p.Address != ""}, {"headers", len(p.Headers) > 0}, {"secretRef", p.SecretRef != nil}, {"insecureSkipVerify", p.InsecureSkipVerify}} {
		if f.set && !slices.Contains(known.reads, f.name) {
			say(diag.ProviderIgnores, f.name, fmt.Sprintf("Flagger ignores %s of a %s provider, so the field has no effect", f.name, p.Type), "remove "+f.name)
		}
	}
}

// addressHint returns the address with a scheme if it lacks only that, or an example.
func addressHint(address string) string {
	if u, err := url.Parse("http://" + address); err == nil && u.Host != "" && !strings.Contains(address, "://") {
		return "address: http://" + address
	}
	return "address: http://prometheus.monitoring:9090"
}

// AddressProblem returns why an address is wrong, and a hint, or nothing: Flagger appends the path of the API.
func AddressProblem(p api.MetricProvider) (message, hint string) {
	u, err := url.Parse(p.Address)
	if err != nil {
		return "", ""
	}
	paths, path := metricProviders[p.Type].paths, strings.TrimRight(u.Path, "/")
	for _, end := range paths {
		if server, found := strings.CutSuffix(path, end); found {
			at := *u
			at.Path, at.RawPath, at.RawQuery, at.Fragment = server, "", "", ""
			return fmt.Sprintf("the address ends in %s and Flagger appends %s; that URL does not exist, so every check fails", end, paths[0]), "address: " + at.String()
		}
	}
	return "", ""
}

// checkSecret reports a Secret among the manifests without the keys that the provider reads. The keys of a
// Secret that SOPS encrypts are readable.
func checkSecret(r *Rollout, t *Template, known metricProvider) {
	ref := t.Provider.SecretRef
	if ref == nil || r.Manifests == nil || len(known.keys) == 0 {
		return
	}
	found := r.Manifests.Get(manifest.Identity{Kind: "Secret", Namespace: t.ID.Namespace, Name: ref.Name})
	if found == nil {
		return
	}
	secret := source.Read[struct{ Data, StringData map[string]any }](found.Object)
	if secret == nil {
		return
	}
	lacks := func(key string) bool {
		_, encoded := secret.Data[key]
		_, plain := secret.StringData[key]
		return !encoded && !plain
	}
	var alternatives []string
	for _, keys := range known.keys {
		if !slices.ContainsFunc(keys, lacks) {
			return
		}
		alternatives = append(alternatives, strings.Join(keys, " and "))
	}
	r.ReportAt(diag.SecretLacksKey, t.ID, spec("provider", "secretRef", "name"),
		fmt.Sprintf("%s lacks the keys that Flagger reads for %s, so every check fails", called(found.Object), t.Provider.Type),
		"keys in the Secret: "+strings.Join(alternatives, ", or "))
}

// checkProviderQuery reports a query that the provider cannot answer.
func checkProviderQuery(t *Template, query string, say func(code diag.Code, message, hint string)) {
	if problem := metricProviders[t.Provider.Type].query; problem != nil && strings.TrimSpace(query) != "" {
		if message, hint := problem(query); message != "" {
			say(diag.BadProviderQuery, message, strings.ReplaceAll(hint, oneLine(query), oneLine(t.Query)))
		}
	}
}

// graphiteProblem returns the mistake in a query, which becomes the query of the URL /render (graphite.go,
// RunQuery).
func graphiteProblem(query string) (message, hint string) {
	u, err := url.Parse("./render?" + oneLine(query))
	if err != nil {
		return "Flagger puts the query into a URL, which cannot be parsed: " + err.Error(), "target=…"
	}
	values := u.Query()
	switch {
	case u.Fragment != "":
		return "Flagger puts the query into a URL, so everything after # is lost", "write %23 for #"
	case len(values["target"]) > 0 && values["target"][0] != "":
		return "", ""
	case strings.Contains(query, "target="):
		return "Graphite gets no target: the query is part of a URL, where ; and a bare % are invalid", "target=…, with %3B for ; and %25 for %"
	}
	return "the query has no target=, so Graphite returns nothing and every check fails", "target=" + oneLine(query)
}

// oneLine returns a text with every run of white space replaced by one space.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

var influxQL = lazyregexp.New(`(?i)^\s*(SELECT|SHOW)\s`)

// influxProblem returns the mistake in a query, which Flagger sends as InfluxDB's Flux (influxdb.go, RunQuery).
// InfluxDB rejects reading a bucket without bounds (influxdata/flux stdlib/influxdata/influxdb/from.go).
func influxProblem(query string) (message, hint string) {
	text := blank(query, `"`)
	switch {
	case influxQL().MatchString(query):
		return "the query is InfluxQL, but Flagger sends it as InfluxDB's Flux, so every check fails", `from(bucket: "default") |> range(start: -{{ interval }}) |> filter(fn: (r) => …)`
	case strings.Contains(text, "from(") && !strings.Contains(text, "range("):
		return "the query reads a bucket without range(); InfluxDB rejects it, so every check fails", "|> range(start: -{{ interval }}) after from(…)"
	}
	return "", ""
}

// newRelicClauses are the clauses that conflict with the SINCE that Flagger appends, or return more than one
// result (newrelic.go, newInsightsRequest and RunQuery).
var newRelicClauses = []struct {
	clause func() *regexp.Regexp
	name   string
	why    string
}{
	{lazyregexp.New(`(?i)\bSINCE\b`), "SINCE", "Flagger appends its own"},
	{lazyregexp.New(`(?i)\bTIMESERIES\b`), "TIMESERIES", "it returns a list of intervals, but Flagger reads one result"},
	{lazyregexp.New(`(?i)\bFACET\b`), "FACET", "it returns a list of groups, but Flagger reads one result"},
	{lazyregexp.New(`(?i)\bCOMPARE\s+WITH\b`), "COMPARE WITH", "it returns two results, but Flagger reads one"},
}

var nrqlSelect = lazyregexp.New(`(?i)\bSELECT\b`)

func newRelicProblem(query string) (message, hint string) {
	text := blank(query, "'`")
	for _, c := range newRelicClauses {
		if c.clause().MatchString(text) {
			hint := "remove " + c.name + " and its arguments"
			if c.name == "SINCE" {
				hint += "; the metric's interval sets how far Flagger looks back"
			}
			return fmt.Sprintf("the query uses %s: %s, so every check fails", c.name, c.why), hint
		}
	}
	if !nrqlSelect().MatchString(text) {
		return "the query is not NRQL: it has no SELECT, so every check fails", "SELECT percentage(count(*), WHERE error IS true) FROM Transaction WHERE appName = '{{ target }}'"
	}
	return "", ""
}

// blank returns a text without the parts in quotes, and without everything after an unclosed one.
func blank(text, quotes string) string {
	var b strings.Builder
	for text != "" {
		i := strings.IndexAny(text, quotes)
		if i < 0 {
			b.WriteString(text)
			break
		}
		b.WriteString(text[:i+1])
		_, rest, _ := strings.Cut(text[i+1:], text[i:i+1])
		text = rest
	}
	return b.String()
}

// splunkProblem returns the mistake in a SignalFlow program, which returns only what it publishes
// (dev.splunk.com, SignalFlow, publish()).
func splunkProblem(query string) (message, hint string) {
	if strings.Contains(blank(query, `'"`), "publish(") {
		return "", ""
	}
	return "the SignalFlow program publishes no stream, so Splunk returns nothing and every check fails", oneLine(query) + ".publish()"
}

// A cloudWatchQuery is a MetricDataQuery (aws-sdk-go service/cloudwatch, api.go).
type cloudWatchQuery struct {
	ID, Expression, Label, AccountID *string
	Period                           *int64
	ReturnData                       *bool
	MetricStat                       *struct {
		Metric *struct {
			Namespace, MetricName *string
			Dimensions            []struct{ Name, Value *string }
		}
		Period     *int64
		Stat, Unit *string
	}
}

// problem returns the required field that the query lacks, or nothing.
func (q *cloudWatchQuery) problem() string {
	switch s := q.MetricStat; {
	case q.ID == nil || *q.ID == "":
		return "Id"
	case s == nil && q.Expression == nil:
		return "Expression or MetricStat"
	case s == nil:
		return ""
	case s.Metric == nil || s.Metric.MetricName == nil:
		return "MetricStat.Metric.MetricName"
	case s.Period == nil:
		return "MetricStat.Period"
	case s.Stat == nil:
		return "MetricStat.Stat"
	}
	return ""
}

// cloudWatchProblem returns the mistake in a query, which is a JSON list of MetricDataQuery (cloudwatch.go,
// RunQuery).
func cloudWatchProblem(query string) (message, hint string) {
	const example = `[{"Id": "m1", "MetricStat": {"Metric": {"Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible", "Dimensions": [{"Name": "QueueName", "Value": "{{ target }}"}]}, "Period": 60, "Stat": "Sum"}}]`
	var queries []*cloudWatchQuery
	if err := json.Unmarshal([]byte(query), &queries); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return fmt.Sprintf("%s in the query has the wrong type (%s), so every check fails", wrong.Field, wrong.Value), example
		}
		return "the query is not a JSON list of CloudWatch queries, so every check fails", example
	}
	if len(queries) == 0 {
		return "the query is an empty list, so every check fails", example
	}
	for i, q := range queries {
		if q == nil {
			return fmt.Sprintf("query %d of the list is null, so every check fails", i), example
		}
		if missing := q.problem(); missing != "" {
			return fmt.Sprintf("query %d of the list has no %s, so CloudWatch rejects it and every check fails", i, missing), example
		}
	}
	return "", ""
}

// keptnProblem returns the mistake in a query, which names an object (keptn.go, parseQuery).
func keptnProblem(query string) (message, hint string) {
	parts := strings.Split(strings.ToLower(strings.TrimSpace(query)), "/")
	kinds := []string{"keptnmetric", "keptnmetrics", "analysis", "analyses"}
	switch {
	case len(parts) >= 3 && slices.Contains(kinds, parts[0]) && parts[1] != "" && parts[2] != "":
		return "", ""
	case slices.Contains(kinds, parts[0]):
		return "the query lacks a namespace or a name, so Flagger cannot parse it and every check fails", parts[0] + "/{{ namespace }}/response-time"
	}
	return "the query names no KeptnMetric or Analysis, so Flagger cannot parse it and every check fails", "keptnmetric/{{ namespace }}/response-time, or analysis/{{ namespace }}/NAME/{{ interval }}"
}

// externalMetricProblem returns the mistake in a query of the form NAMESPACE/NAME?labelSelector=…
// (externalmetrics.go, parseExternalMetricsQuery).
func externalMetricProblem(query string) (message, hint string) {
	const example = "{{ namespace }}/queue-length?labelSelector=app%3D{{ target }}"
	u, err := url.Parse("dummy:///" + query)
	switch {
	case strings.Contains(query, "\n"):
		return "the query has a line break, but Flagger parses it as a URL, so every check fails", "query: " + strings.ReplaceAll(strings.TrimSpace(query), "\n", "")
	case err != nil:
		return "Flagger cannot parse the query: " + err.Error(), example
	}
	namespace, name, found := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if !found {
		name = namespace
	}
	switch selector := u.Query().Get("labelSelector"); {
	case strings.Contains(name, "/"):
		return "the query has more parts than NAMESPACE/NAME, so every check fails", example
	case name == "":
		return "the query names no metric, so every check fails", example
	case selector != "":
		if _, err := k8slabels.Parse(selector); err != nil {
			return "labelSelector in the query is invalid, so every check fails: " + err.Error(), example
		}
	}
	return "", ""
}

const kuratorIsGone = "this is Kurator's Prometheus, which fleetwright replaces with another; every check fails unless Kurator's still runs"

// kuratorAddress returns the address of the Prometheus that replaces Kurator's, or nothing if an address is not
// Kurator's. Kurator's HelmRelease is flagger-<cluster>, Flux prefixes it with the target namespace, and the
// chart appends -prometheus (kurator-dev/kurator pkg/fleet-manager/plugin/render.go, ResourceName;
// fluxcd/flagger charts/flagger, flagger.fullname).
func (on *Installed) kuratorAddress(address string) string {
	name, namespace := on.serviceOf(address)
	rest, ours := strings.CutPrefix(name, namespace+"-flagger-")
	if cluster, ok := strings.CutSuffix(rest, "-prometheus"); !ours || !ok || cluster == "" || namespace != on.Namespace {
		return ""
	}
	if on.Prometheus {
		return "http://" + BundledPrometheus + "." + namespace + ":9090"
	}
	return on.MetricsServer
}

// serviceOf returns the Service at a URL that Flagger queries. Without a namespace it is in Flagger's.
func (on *Installed) serviceOf(address string) (name, namespace string) {
	name, namespace = ServiceAt(address)
	return name, cmp.Or(namespace, on.Namespace)
}

// BundledPrometheus is the Service of the Prometheus in Flagger's chart.
const BundledPrometheus = "flagger-prometheus"

// checkMetricsServer reports a Canary's metricsServer that Flagger cannot query.
func checkMetricsServer(r *Rollout) {
	at := schema.Path{"metricsServer"}
	if message, hint := AddressProblem(api.MetricProvider{Type: "prometheus", Address: r.MetricsServer}); message != "" {
		r.Report(diag.BadAddress, at, message, "metricsServer"+strings.TrimPrefix(hint, "address"))
	} else if hint := r.On.kuratorAddress(r.MetricsServer); hint != "" {
		r.Report(diag.KuratorAddress, at, kuratorIsGone, "metricsServer: "+hint)
	}
}

// IsBundled reports whether an address belongs to the Prometheus in Flagger's chart, fleetwright's or Kurator's.
func (on *Installed) IsBundled(address string) bool {
	name, namespace := on.serviceOf(address)
	return on.Prometheus && (name == BundledPrometheus && namespace == on.Namespace || on.kuratorAddress(address) != "")
}
