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

// A metricProvider is what Flagger needs to ask a provider of metrics.
type metricProvider struct {
	// since is the minor version of Flagger that it came with; 0 is 1.36 or older.
	since int
	// address is an example of the one that it needs; empty where Flagger has a default or asks none.
	address string
	// schemes of an address; none where Flagger does not read it as a URL.
	schemes []string
	// paths are ends that an address must not have, because Flagger appends the first of them.
	paths []string
	// region is an example of the one that it needs.
	region string
	// secret reports whether it needs a Secret, and keys are the sets of keys of which the Secret
	// must have one, where there is a secretRef.
	secret bool
	keys   [][]string
	// window reports that it parses the metric's interval, and is not made without one.
	window bool
	// reads are the other fields that count, of address, headers, secretRef and insecureSkipVerify.
	reads []string
	// query returns why the provider has no answer to a query, and a hint, or nothing.
	query func(query string) (message, hint string)
}

var web = []string{"http", "https"}

// metricProviders are those of factory.go in fluxcd/flagger pkg/metrics/providers, 1.36 to 1.44,
// and each is as its constructor and its RunQuery have it.
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
	"stackdriver": { // stackdriver.go; without a project Google's API refuses the request
		secret: true, keys: [][]string{{"project"}}, reads: []string{"secretRef"},
	},
	"cloudwatch": { // cloudwatch.go
		window: true, region: "eu-central-1", query: cloudWatchProblem,
	},
	"keptn": { // keptn.go
		since: 38, query: keptnProblem,
	},
	"externalmetrics": { // externalmetrics.go; its address may be a host and a port alone
		since: 43, reads: []string{"address", "secretRef", "insecureSkipVerify"}, query: externalMetricProblem,
	},
}

// IsAddress reports whether the address of a provider is one that Flagger can ask, or none.
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

// checkProvider reports a provider that Flagger cannot ask.
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
		say(diag.MissingField, "region", fmt.Sprintf("region is missing, so Flagger never asks %s and every check fails", p.Type), "region: "+known.region)
	}
	if p.SecretRef == nil && known.secret {
		say(diag.MissingField, "secretRef", fmt.Sprintf("secretRef is missing, so Flagger never asks %s and every check fails", p.Type),
			fmt.Sprintf("secretRef: {name: %s}, with the keys %s in that Secret", p.Type, strings.Join(known.keys[0], " and ")))
	}
	checkSecret(r, t, known)
	for _, f := range []struct {
		name string
		set  bool
	}{{"address", p.Address != ""}, {"headers", len(p.Headers) > 0}, {"secretRef", p.SecretRef != nil}, {"insecureSkipVerify", p.InsecureSkipVerify}} {
		if f.set && !slices.Contains(known.reads, f.name) {
			say(diag.ProviderIgnores, f.name, fmt.Sprintf("Flagger ignores %s of a %s provider, so nothing of it reaches the server", f.name, p.Type), "remove "+f.name)
		}
	}
}

// addressHint is an address with a scheme, if that is all it lacks.
func addressHint(address string) string {
	if u, err := url.Parse("http://" + address); err == nil && u.Host != "" && !strings.Contains(address, "://") {
		return "address: http://" + address
	}
	return "address: http://prometheus.monitoring:9090"
}

// AddressProblem returns why an address leads past its server, and a hint, or nothing: Flagger
// appends the path of the API.
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
			return fmt.Sprintf("the address ends in %s, and Flagger appends %s; no server answers there, so every check fails", end, paths[0]), "address: " + at.String()
		}
	}
	return "", ""
}

// checkSecret reports a Secret among the manifests without the keys that the provider reads. One
// that is encrypted by SOPS has its keys in clear.
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

// checkProviderQuery reports a query that the provider does not answer.
func checkProviderQuery(t *Template, query string, say func(code diag.Code, message, hint string)) {
	if problem := metricProviders[t.Provider.Type].query; problem != nil && strings.TrimSpace(query) != "" {
		if message, hint := problem(query); message != "" {
			say(diag.BadProviderQuery, message, strings.ReplaceAll(hint, oneLine(query), oneLine(t.Query)))
		}
	}
}

// graphiteProblem: the query is that of the URL /render (graphite.go, RunQuery).
func graphiteProblem(query string) (message, hint string) {
	u, err := url.Parse("./render?" + oneLine(query))
	if err != nil {
		return "Flagger makes a URL of the query, which cannot be parsed: " + err.Error(), "target=…"
	}
	values := u.Query()
	switch {
	case u.Fragment != "":
		return "everything behind # is lost, because Flagger makes a URL of the query", "write %23 for #"
	case len(values["target"]) > 0 && values["target"][0] != "":
		return "", ""
	case strings.Contains(query, "target="):
		return "Graphite gets no target: the query is part of a URL, where ; and a single % have no place", "target=…, with %3B for ; and %25 for %"
	}
	return "the query has no target=, so Graphite returns nothing and every check fails", "target=" + oneLine(query)
}

// oneLine is a text with a space for each run of white space.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

var influxQL = lazyregexp.New(`(?i)^\s*(SELECT|SHOW)\s`)

// influxProblem: Flagger sends the query as Flux (influxdb.go, RunQuery), and InfluxDB refuses to
// read a bucket without bounds (influxdata/flux stdlib/influxdata/influxdb/from.go).
func influxProblem(query string) (message, hint string) {
	text := blank(query, `"`)
	switch {
	case influxQL().MatchString(query):
		return "the query is InfluxQL, and Flagger sends it as Flux, so every check fails", `from(bucket: "default") |> range(start: -{{ interval }}) |> filter(fn: (r) => …)`
	case strings.Contains(text, "from(") && !strings.Contains(text, "range("):
		return "the query reads a bucket without range(), which InfluxDB refuses, so every check fails", "|> range(start: -{{ interval }}) after from(…)"
	}
	return "", ""
}

// newRelicClauses are those that cannot be in a query to which Flagger appends SINCE, or whose
// answer has no single result (newrelic.go, newInsightsRequest and RunQuery).
var newRelicClauses = []struct {
	clause func() *regexp.Regexp
	name   string
	why    string
}{
	{lazyregexp.New(`(?i)\bSINCE\b`), "SINCE", "Flagger appends one of its own"},
	{lazyregexp.New(`(?i)\bTIMESERIES\b`), "TIMESERIES", "the answer is a list of intervals, and Flagger reads one result"},
	{lazyregexp.New(`(?i)\bFACET\b`), "FACET", "the answer is a list of groups, and Flagger reads one result"},
	{lazyregexp.New(`(?i)\bCOMPARE\s+WITH\b`), "COMPARE WITH", "the answer has two results, and Flagger reads one"},
}

var nrqlSelect = lazyregexp.New(`(?i)\bSELECT\b`)

func newRelicProblem(query string) (message, hint string) {
	text := blank(query, "'`")
	for _, c := range newRelicClauses {
		if c.clause().MatchString(text) {
			hint := "remove " + c.name + " and what belongs to it"
			if c.name == "SINCE" {
				hint += "; intervalSeconds of the metric says how far Flagger looks back"
			}
			return fmt.Sprintf("the query has %s: %s, so every check fails", c.name, c.why), hint
		}
	}
	if !nrqlSelect().MatchString(text) {
		return "the query is not NRQL: it has no SELECT, so every check fails", "SELECT percentage(count(*), WHERE error IS true) FROM Transaction WHERE appName = '{{ target }}'"
	}
	return "", ""
}

// blank returns a text with nothing between quotes, and behind what is not closed.
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

// splunkProblem: what a SignalFlow program does not publish it does not return
// (dev.splunk.com, SignalFlow, publish()).
func splunkProblem(query string) (message, hint string) {
	if strings.Contains(blank(query, `'"`), "publish(") {
		return "", ""
	}
	return "the program publishes no stream, so Splunk returns nothing and every check fails", oneLine(query) + ".publish()"
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

// problem returns what the SDK or CloudWatch would miss in the query.
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

// cloudWatchProblem: the query is the JSON of a list of MetricDataQuery (cloudwatch.go, RunQuery).
func cloudWatchProblem(query string) (message, hint string) {
	const example = `[{"Id": "m1", "MetricStat": {"Metric": {"Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible", "Dimensions": [{"Name": "QueueName", "Value": "{{ target }}"}]}, "Period": 60, "Stat": "Sum"}}]`
	var queries []*cloudWatchQuery
	if err := json.Unmarshal([]byte(query), &queries); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return fmt.Sprintf("Flagger cannot read %s in the query: it is a %s", wrong.Field, wrong.Value), example
		}
		return "the query is not a JSON list of CloudWatch queries, so every check fails", example
	}
	if len(queries) == 0 {
		return "the list has no query, so every check fails", example
	}
	for i, q := range queries {
		if q == nil {
			return fmt.Sprintf("query %d of the list is null, so every check fails", i), example
		}
		if missing := q.problem(); missing != "" {
			return fmt.Sprintf("query %d of the list has no %s, so CloudWatch refuses it and every check fails", i, missing), example
		}
	}
	return "", ""
}

// keptnProblem: the query names an object (keptn.go, parseQuery).
func keptnProblem(query string) (message, hint string) {
	parts := strings.Split(strings.ToLower(strings.TrimSpace(query)), "/")
	kinds := []string{"keptnmetric", "keptnmetrics", "analysis", "analyses"}
	switch {
	case len(parts) >= 3 && slices.Contains(kinds, parts[0]) && parts[1] != "" && parts[2] != "":
		return "", ""
	case slices.Contains(kinds, parts[0]):
		return "the query names no namespace and object, so Flagger cannot read it and every check fails", parts[0] + "/{{ namespace }}/response-time"
	}
	return "the query names no KeptnMetric or Analysis, so Flagger cannot read it and every check fails", "keptnmetric/{{ namespace }}/response-time, or analysis/{{ namespace }}/NAME/{{ interval }}"
}

// externalMetricProblem: the query is NAMESPACE/NAME?labelSelector=… (externalmetrics.go,
// parseExternalMetricsQuery).
func externalMetricProblem(query string) (message, hint string) {
	const example = "{{ namespace }}/queue-length?labelSelector=app%3D{{ target }}"
	u, err := url.Parse("dummy:///" + query)
	switch {
	case strings.Contains(query, "\n"):
		return "the query has a line break, and Flagger reads it as a URL, which has none: every check fails", "query: " + strings.ReplaceAll(strings.TrimSpace(query), "\n", "")
	case err != nil:
		return "Flagger cannot read the query: " + err.Error(), example
	}
	namespace, name, found := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if !found {
		name = namespace
	}
	switch selector := u.Query().Get("labelSelector"); {
	case strings.Contains(name, "/"):
		return "the query has more parts than a namespace and a name, so every check fails", example
	case name == "":
		return "the query names no metric, so every check fails", example
	case selector != "":
		if _, err := k8slabels.Parse(selector); err != nil {
			return "the labelSelector of the query cannot be read, so every check fails: " + err.Error(), example
		}
	}
	return "", ""
}

const kuratorIsGone = "the address is that of the Prometheus that Kurator installs; fleetwright's has another name, so every check fails unless Kurator's still runs"

// kuratorAddress returns the address of the Prometheus that is there in place of Kurator's, or
// nothing where an address is not that of Kurator's. Its HelmRelease is flagger-<cluster>, Flux puts
// the target namespace before it, and the chart adds -prometheus (kurator-dev/kurator
// pkg/fleet-manager/plugin/render.go, ResourceName; fluxcd/flagger charts/flagger, flagger.fullname).
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

// serviceOf returns the Service at a URL that Flagger asks, which may leave out its own namespace.
func (on *Installed) serviceOf(address string) (name, namespace string) {
	name, namespace = ServiceAt(address)
	return name, cmp.Or(namespace, on.Namespace)
}

// BundledPrometheus is the Service of the Prometheus in Flagger's chart.
const BundledPrometheus = "flagger-prometheus"

// checkMetricsServer reports a Prometheus of the Canary's own that Flagger cannot ask for its metrics.
func checkMetricsServer(r *Rollout) {
	at := schema.Path{"metricsServer"}
	if message, hint := AddressProblem(api.MetricProvider{Type: "prometheus", Address: r.MetricsServer}); message != "" {
		r.Report(diag.BadAddress, at, message, "metricsServer"+strings.TrimPrefix(hint, "address"))
	} else if hint := r.On.kuratorAddress(r.MetricsServer); hint != "" {
		r.Report(diag.KuratorAddress, at, kuratorIsGone, "metricsServer: "+hint)
	}
}

// IsBundled reports whether an address is that of the Prometheus in Flagger's chart, ours or Kurator's.
func (on *Installed) IsBundled(address string) bool {
	name, namespace := on.serviceOf(address)
	return on.Prometheus && (name == BundledPrometheus && namespace == on.Namespace || on.kuratorAddress(address) != "")
}
