package fleetgen

import (
	"fmt"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/schema/api"
)

// publicGate is where everybody's gates are opened and closed.
const publicGate = "http://flagger-loadtester.flagger-loadtester/gate/check"

// rollout is a rollout of the workload with all but a strategy. Every other one has a
// load tester of its own.
func (a application) rollout() *api.Rollout {
	private := a.of()%2 == 0
	checks, failures, deadline, timeout := int32(30+30*(a.of()%3)), int32(2+a.of()%4), int32(600), int32(15)
	success, duration := float64(99), float64(500)
	r := &api.Rollout{
		TestLoader:             private,
		TrafficRoutingProvider: a.provider.name,
		Workload:               api.Workload{APIVersion: "apps/v1", Kind: "Deployment", Name: a.name(), Namespace: a.namespace()},
		ServiceName:            a.name(),
		Port:                   a.port(),
		RolloutPolicy: api.RolloutPolicy{
			RolloutTimeoutSeconds: &deadline,
			TrafficRouting:        &api.TrafficRouting{},
			TrafficAnalysis: &api.TrafficAnalysis{
				CheckIntervalSeconds: &checks,
				CheckFailedTimes:     &failures,
				Metrics: []api.Metric{
					{Name: "request-success-rate", IntervalSeconds: &checks, ThresholdRange: &api.ThresholdRange{Min: &success}},
					{Name: "request-duration", IntervalSeconds: &checks, ThresholdRange: &api.ThresholdRange{Max: &duration}},
				},
				Webhooks: &api.Webhooks{TimeoutSeconds: &timeout, Command: []string{a.load("")}},
			},
		},
	}
	if a.port() < 1024 {
		r.TargetPort = &api.IntOrString{Int: 8080}
	}
	switch a.provider.name {
	case "istio":
		r.RolloutPolicy.TrafficRouting.Gateways = []string{"istio-system/public", "mesh"}
		r.RolloutPolicy.TrafficRouting.Hosts = []string{a.host()}
	case "nginx":
		r.RolloutPolicy.TrafficRouting.Host = a.host()
	case "kuma":
		r.RolloutPolicy.TrafficRouting.Protocol = "http"
	}
	return r
}

// canary is where the new version answers.
func (a application) canary() string {
	return fmt.Sprintf("%s-canary.%s:%d", a.name(), a.namespace(), a.port())
}

// load is a command that sends requests to the new version, with more arguments for hey.
func (a application) load(arguments string) string {
	if a.provider.name == "nginx" {
		return fmt.Sprintf("hey %s-host %s -z 25s -q 10 -c 2 http://ingress-nginx-controller.ingress-nginx/", arguments, a.host())
	}
	return fmt.Sprintf("hey %s-z 25s -q 10 -c 2 http://%s/", arguments, a.canary())
}

// weights moves the traffic by equal steps.
func (a application) weights() *api.Rollout {
	r := a.rollout()
	r.RolloutPolicy.TrafficRouting.CanaryStrategy = &api.CanaryStrategy{MaxWeight: 50, StepWeight: 10}
	return r
}

// stepped moves it by steps of one's own.
func (a application) stepped() *api.Rollout {
	r := a.rollout()
	r.RolloutPolicy.TrafficRouting.CanaryStrategy = &api.CanaryStrategy{StepWeights: []int32{5, 10, 25, 50}}
	return r
}

// promoted also has the primary get it back by steps.
func (a application) promoted() *api.Rollout {
	r := a.weights()
	r.RolloutPolicy.TrafficRouting.CanaryStrategy.StepWeightPromotion = 25
	return r
}

// audience has some requests go to the new version, where the provider can tell them.
func (a application) audience() *api.Rollout {
	if a.provider.name == "kuma" {
		return a.blueGreen()
	}
	r := a.rollout()
	r.RolloutPolicy.TrafficRouting.AnalysisTimes = 10
	insider := api.StringMatch{Exact: "insider"}
	r.RolloutPolicy.TrafficRouting.Match = []api.HTTPMatch{{Headers: map[string]api.StringMatch{"x-user-group": insider}}}
	r.RolloutPolicy.TrafficAnalysis.Webhooks.Command = []string{a.load(`-H "x-user-group: insider" `)}
	return r
}

// blueGreen moves all at once, after some good checks. On nginx the new version gets no
// requests before but the load test's, and only its pods can count those.
func (a application) blueGreen() *api.Rollout {
	r := a.rollout()
	r.RolloutPolicy.TrafficRouting.AnalysisTimes = 10
	if a.provider.name == "nginx" {
		success := float64(99)
		r.RolloutPolicy.TrafficAnalysis.Metrics = []api.Metric{{
			Name:           "pod-success-rate",
			ThresholdRange: &api.ThresholdRange{Min: &success},
			CustomMetric: &api.CustomMetric{
				Provider: api.MetricProvider{Type: "prometheus", Address: a.provider.prometheus},
				Query:    ofPods,
			},
		}}
		r.RolloutPolicy.TrafficAnalysis.Webhooks.Command = []string{fmt.Sprintf("hey -z 50s -q 10 -c 2 http://%s/", a.canary())}
	}
	return r
}

// ofPods is the share of requests that the new version's pods have answered without an
// error, in percent.
const ofPods = `sum(rate(http_requests_total{kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)",status!~"5.*"}[{{ interval }}]))
/
sum(rate(http_requests_total{kubernetes_namespace="{{ namespace }}",kubernetes_pod_name=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}[{{ interval }}]))
* 100
`

// measured asks for a metric of its own, too.
func (a application) measured() *api.Rollout {
	r := a.weights()
	few, window := float64(5), int32(120)
	r.RolloutPolicy.TrafficAnalysis.Metrics = append(r.RolloutPolicy.TrafficAnalysis.Metrics, api.Metric{
		Name:            "not-found",
		IntervalSeconds: &window,
		ThresholdRange:  &api.ThresholdRange{Max: &few},
		CustomMetric: &api.CustomMetric{
			Provider: api.MetricProvider{Type: "prometheus", Address: a.provider.prometheus},
			Query:    a.provider.notFound(a.port()),
		},
	})
	return r
}

// gated waits for people, is tested before, and tells the team.
func (a application) gated() *api.Rollout {
	r := a.weights()
	ready := int32(50)
	r.RolloutPolicy.TrafficAnalysis.PrimaryReadyThreshold = &ready
	r.RolloutPolicy.TrafficAnalysis.CanaryReadyThreshold = &ready
	r.RolloutPolicy.Webhooks = []api.Webhook{
		{Name: "start", Type: "confirm-rollout", URL: publicGate},
		{
			Name:     "acceptance",
			Type:     "pre-rollout",
			Timeout:  "30s",
			Metadata: map[string]string{"type": "bash", "cmd": fmt.Sprintf("curl -sf http://%s/healthz", a.canary())},
		},
		{Name: "promote", Type: "confirm-promotion", URL: publicGate},
	}
	r.RolloutPolicy.Alerts = []api.Alert{{
		Name:        "team",
		Severity:    "warn",
		ProviderRef: api.NamespacedReference{Name: a.name()},
	}}
	return r
}

// mirrored has the new version get copies of requests first, where the provider can
// make them. Kurator has no field for that, so it takes a patch.
func (a application) mirrored() *api.Rollout {
	r := a.blueGreen()
	if a.provider.name == "istio" {
		r.Patches = []kustomize.Patch{{
			Target: &kustomize.Selector{Kind: "Canary"},
			Patch:  `[{"op": "add", "path": "/spec/analysis/mirror", "value": true}]`,
		}}
	}
	return r
}

// skipped brings a new version at once.
func (a application) skipped() *api.Rollout {
	r := a.weights()
	r.RolloutPolicy.SkipTrafficAnalysis = true
	return r
}
