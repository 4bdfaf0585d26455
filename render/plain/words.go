package plain

import (
	"strconv"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

// words replaces the fields of an Application in the rules' texts by a Canary's fields. The first match counts.
var words = strings.NewReplacer(
	"use protocol http, http2 or grpc, or a customMetric", "appProtocol: http in service, or a MetricTemplate",
	"trafficAnalysis: {mirror: true} and trafficRouting: {analysisTimes: 10}", "analysis: {mirror: true, iterations: 10}",
	"trafficRouting: {canaryStrategy: {stepWeight: 10}}", "stepWeight: 10",
	"canaryStrategy: {stepWeight: 10}", "stepWeight: 10",
	"canaryStrategy", "stepWeight",
	"analysisTimes", "iterations",
	"trafficAnalysis", "analysis",
	"serviceMatch", "service.match",
	"serviceName: with", "service: {name: …} with",
	"trafficRoutingProvider", "provider",
	"a customMetric", "a MetricTemplate",
	"customMetric: {", "templateRef to a MetricTemplate with spec: {",
	"testLoader: true, and no url", "a load tester in another namespace",
	"checkIntervalSeconds", "interval",
	"rolloutTimeoutSeconds", "progressDeadlineSeconds",
	"the load tester's image has no", "Flagger's load tester image has no",
	"correct the path of the policy", "correct targetRef",
	"the application's manifests have no", "the manifests next to the Canary have no",
)

// Texts whose values change, too.
var (
	seconds  = lazyregexp.New(`\b(checkInterval|interval|backendTimeout|timeout)Seconds: ([0-9]+)`)
	commands = lazyregexp.New(`webhooks: \{command: \[(.*?)\]\} in trafficAnalysis`)
)

// inCanary returns a message or a hint with the fields of a Canary.
func inCanary(text string) string {
	text = commands().ReplaceAllString(text, "webhooks: [{name: load-test, url: http://flagger-loadtester.test/, metadata: {cmd: $1}}]")
	text = seconds().ReplaceAllStringFunc(text, func(found string) string {
		m := seconds().FindStringSubmatch(found)
		n, _ := strconv.Atoi(m[2])
		return strings.Replace(m[1], "checkI", "i", 1) + ": " + diag.Duration(time.Duration(n)*time.Second)
	})
	return words.Replace(text)
}
