package plain_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/schema"
)

// powerCanary returns a Canary with annotations, fields of its analysis, metrics and webhooks.
func powerCanary(annotations, analysis, metrics, webhooks string) string {
	return fmt.Sprintf(`apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: shop, namespace: shop, annotations: {%s}}
spec:
  provider: istio
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  service: {port: 8080}
  analysis:
    maxWeight: 50
    stepWeight: 10
    %s
    metrics: [%s]
    webhooks: [%s]
`, annotations, analysis, metrics, webhooks)
}

// running returns a webhook that runs a command in a load tester.
func running(name, command, more string) string {
	return fmt.Sprintf(`{name: %s, url: "http://flagger-loadtester.test/", metadata: {cmd: "%s"}%s}`, name, command, more)
}

// users returns the annotation for a number of requests per second.
func users(rate string) string {
	return `fleetwright.dev/expected-requests-per-second: "` + rate + `"`
}

const (
	toCanary = "http://shop-canary.shop:8080/"
	byRoute  = "http://shop.shop:8080/"
	rate99   = "{name: request-success-rate, interval: 1m, thresholdRange: {min: 99}}"
	five     = "interval: 1m\n    threshold: 5"
)

// TestPowerIsReported checks that too few requests are reported with a hint that is enough, and nothing is reported
// for unknown traffic.
func TestPowerIsReported(t *testing.T) {
	before := ", type: pre-rollout"
	custom := func(name, query, limits string) string {
		return fmt.Sprintf("{name: %s, interval: 1m, query: '%s', thresholdRange: {%s}}", name, query, limits)
	}
	const (
		good = `istio_requests_total{destination_workload="shop",destination_workload_namespace="shop",response_code!~"5.*"}`
		all  = `istio_requests_total{destination_workload="shop",destination_workload_namespace="shop"}`
	)
	for _, tt := range []struct {
		name, canary string
		// want are the codes from FW396 to FW398, each with a part of its message and its hint.
		want []string
	}{
		{"no rate", powerCanary("", five, rate99, ""), nil},
		{"an unknown rate", powerCanary("", five, rate99, running("a", "hey -z 50s -c 2 "+toCanary, "")), nil},
		{"one of two rates is unknown", powerCanary("", five, rate99, running("a", "hey -z 50s -q 1 -c 1 "+toCanary, "")+","+running("b", "wrk -d 50s "+toCanary, "")), nil},
		{"load that does not reach the new version", powerCanary("", five, rate99, running("a", "hey -z 50s -q 1 -c 1 http://shop-primary.shop:8080/", "")), nil},
		{"load that ends", powerCanary("", five, rate99, running("a", "hey -z 1m -q 1 -c 1 "+toCanary, "")), nil},
		{"no threshold", powerCanary("", five, "{name: request-success-rate, interval: 1m, thresholdRange: {}}", running("a", "hey -z 50s -q 1 -c 1 "+toCanary, "")), nil},
		{"enough", powerCanary("", five, rate99, running("a", "hey -z 50s -q 1 -c 2 "+toCanary, "")), nil},
		{"few", powerCanary("", five, rate99, running("a", "hey -z 50s -q 1 -c 1 "+toCanary, "")), []string{"FW396 a check sees 50 requests|hey … -q 2"}},
		{"few requests, with a rate", powerCanary("", five, rate99, running("a", "hey -n 50 -c 5 "+toCanary, "")), []string{"FW396 a check sees 50 requests|hey … -n 100"}},
		{"few requests, by weight", powerCanary("", five, rate99, running("a", "hey -z 50s -q 5 -c 2 "+byRoute, "")), []string{"FW396 a check sees 50 requests|hey … -q 10"}},
		{"a command twice", powerCanary("", five, rate99, running("a", "hey -z 50s -q 1 -c 1 "+toCanary, "")+","+running("b", "hey -z 50s -q 1 -c 1 "+toCanary, "")), []string{"FW396 a check sees 50 requests|hey … -q 2"}},
		{"two loads", powerCanary("", five, rate99, running("a", "hey -z 50s -q 1 -c 1 "+byRoute, "")+","+running("b", "hey -z 50s -q 1 -c 1 "+toCanary, "")), []string{"FW396 a check sees 55 requests|hey … -q 10 in webhook a"}},
		{"users and a load", powerCanary(users("1"), five, rate99, running("a", "hey -z 50s -q 20 -c 1 "+toCanary, "")), nil},
		{"few users", powerCanary(users("8"), five, rate99, ""), []string{"FW396 a check sees 48 requests|interval: 2m5s for the metrics and the analysis"}},
		{"a window in the query", powerCanary(users("8"), five, custom("own", "sum(rate("+good+"[1m]))/sum(rate("+all+"[1m]))*100", "min: 99"), ""), []string{"FW396 a check sees 48 requests|thresholdRange: {min: 95}"}},
		{"a maximum of failures", powerCanary(users("8"), five, custom("own", "1-sum(rate("+good+"[1m]))/sum(rate("+all+"[1m]))", "min: 0, max: 0.01"), ""), []string{"FW396 max: 0.01 needs 100 requests|thresholdRange: {max: 0.05}"}},
		{"no value without failures", powerCanary(users("8"), five, custom("own", "sum(rate("+strings.Replace(good, "!~", "=~", 1)+"[1m]))/sum(rate("+all+"[1m]))", "max: 0.01"), ""), nil},
		{"a threshold of 1", powerCanary("", "interval: 1m\n    threshold: 1", rate99, running("a", "hey -z 50s -q 10 -c 2 "+toCanary, "")), []string{"FW397 the first check rolls back every version: the load starts only with that check|threshold: 2"}},
		{"a threshold of 1, with only request-duration", powerCanary("", "interval: 1m\n    threshold: 1", "{name: request-duration, interval: 1m, thresholdRange: {max: 500}}", running("a", "hey -z 50s -q 10 -c 2 "+toCanary, "")), []string{"FW397 the first check rolls back every version|threshold: 2"}},
		{"load before the first check", powerCanary("", "interval: 1m\n    threshold: 1", rate99, running("a", "hey -z 30m -q 10 -c 2 "+toCanary, before)), nil},
		{"a load tester ends the load", powerCanary("", "interval: 15m\n    threshold: 5", strings.Replace(rate99, "1m", "15m", 1), running("a", "hey -z 3h -q 2 -c 1 "+toCanary, before)), []string{"FW397 rolled back in 100 of 100|send more requests"}},
		{"the other of two metrics is too strict", powerCanary(users("100"), "interval: 1m\n    threshold: 2", "{name: request-success-rate, interval: 1m, thresholdRange: {min: 95}},"+custom("own", "sum(rate("+good+"[1m]))/sum(rate("+all+"[1m]))*100", "min: 99.99"), ""), []string{"FW396 a check sees 600 requests|thresholdRange: {min: 99.5}", "FW397 a good version (0.1% errors)|thresholdRange: {min: 99}"}},
		{"bad versions pass", powerCanary(users("100"), five, "{name: request-success-rate, interval: 1m, thresholdRange: {min: 80}}", ""), []string{"FW398 a version with 10% errors is promoted in 100 of 100|thresholdRange: {min: 95}"}},
		{"conditions without a share", powerCanary(users("8"), "interval: 1m\n    match: [{headers: {a: {exact: b}}}]", rate99, ""), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, d := range powerFindings(tt.canary) {
				got = append(got, fmt.Sprintf("%s %s|%s", d.Code, d.Message, d.Hint))
			}
			matches := slices.EqualFunc(got, tt.want, func(got, want string) bool {
				code, rest, _ := strings.Cut(want, " ")
				message, hint, _ := strings.Cut(rest, "|")
				said, hinted, _ := strings.Cut(got, "|")
				return strings.HasPrefix(said, code) && strings.Contains(said, message) && strings.HasPrefix(hinted, hint)
			})
			if !matches {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func powerFindings(canary string) []diag.Diagnostic {
	docs := schema.LoadRollouts([]schema.File{{Name: "canary.yaml", Data: []byte(canary)}}, plain.IsBeside)
	_, list := render.Compile(docs, render.Options{})
	return slices.DeleteFunc(list, func(d diag.Diagnostic) bool {
		return !slices.Contains([]diag.Code{diag.TooFewRequests, diag.GoodUndone, diag.BadPromoted}, d.Code)
	})
}
