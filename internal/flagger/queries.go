package flagger

import "strings"

// DefaultMetricsServer is the Prometheus that Flagger queries if its chart sets none (fluxcd/flagger
// charts/flagger/values.yaml).
const DefaultMetricsServer = "http://prometheus:9090"

// A Selector is the way in which Flagger's built-in queries select the requests to the new version.
type Selector int

const (
	// ByWorkload: the label holds the name of the target.
	ByWorkload Selector = iota
	// ByPod: the label matches the names of the target's pods.
	ByPod
	// ByService: the label holds the name of the canary's Service, or the router's name for it.
	ByService
	// ByTargetService: like ByService, but the query uses the name of the target instead of the Service's.
	ByTargetService
	// ByIngress: the label holds the name of the Ingress.
	ByIngress
	// ByRevision: the label holds the revision of Knative.
	ByRevision
)

// Queries are the built-in queries of request-success-rate and request-duration.
type Queries struct {
	// file is their source in fluxcd/flagger pkg/metrics/observers.
	file string
	// Rate and Duration are the metrics in Prometheus, and Label is the label that selects the new version.
	Rate, Duration, Label string
	By                    Selector
	// DeploymentOnly reports whether the queries find only Deployments.
	DeploymentOnly bool
}

// Flagger's built-in queries, one row for each observer.
var (
	apisixQueries  = Queries{"apisix.go", "apisix_http_status", "apisix_http_latency_bucket", "route", ByTargetService, false}
	appMeshQueries = Queries{"appmesh.go", "envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_time_bucket", "kubernetes_pod_name", ByPod, true}
	contourQueries = Queries{"contour.go", "envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_time_bucket", "envoy_cluster_name", ByService, false}
	glooQueries    = Queries{"gloo.go", "envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_time_bucket", "envoy_cluster_name", ByTargetService, false}
	istioQueries   = Queries{"istio.go", "istio_requests_total", "istio_request_duration_milliseconds_bucket", "destination_workload", ByWorkload, false}
	knativeQueries = Queries{"knative.go", "envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_time_bucket", "envoy_cluster_name", ByRevision, false}
	kumaQueries    = Queries{"kuma.go", "envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_time_bucket", "service", ByTargetService, false}
	linkerdQueries = Queries{"linkerd.go", "response_total", "response_latency_ms_bucket", "deployment", ByWorkload, true}
	nginxQueries   = Queries{"nginx.go", "nginx_ingress_controller_requests", "nginx_ingress_controller_response_duration_seconds_sum", "ingress", ByIngress, false}
	osmQueries     = Queries{"osm.go", "osm_request_total", "osm_request_duration_ms_bucket", "destination_name", ByWorkload, true}
	podQueries     = Queries{"http.go", "http_request_duration_seconds_count", "http_request_duration_seconds_bucket", "kubernetes_pod_name", ByPod, true}
	skipperQueries = Queries{"skipper.go", "skipper_response_duration_seconds_bucket", "skipper_serve_route_duration_seconds_sum", "route", ByService, false}
	traefikQueries = Queries{"traefik.go", "traefik_service_request_duration_seconds_bucket", "traefik_service_request_duration_seconds_bucket", "service", ByTargetService, false}
)

// Queries returns the built-in queries for the Canary, if meshProvider is the provider of Flagger itself. With
// linkerd, Linkerd's queries serve all providers. For a Service as target, Flagger appends :service to the
// provider's name. The factory recognizes a few providers by this prefix, and uses Istio's queries for every other
// (pkg/controller/scheduler_metrics.go, runBuiltinMetricChecks; pkg/metrics/observers/factory.go, Observer).
func (c *Canary) Queries(meshProvider string) *Queries {
	r, linkerd := c.Router(), c.Provider != meshProvider && strings.Contains(meshProvider, Linkerd)
	if c.TargetRef.Kind == "Service" && !c.TargetRef.IsKnative() && (linkerd || !r.prefix && r.Provider != AppMesh) {
		return &istioQueries
	}
	if linkerd {
		return &linkerdQueries
	}
	return r.queries
}

// CountsInPods reports whether the pods count the requests themselves.
func (q *Queries) CountsInPods() bool { return q == &podQueries }

// AreIstios reports whether the queries read the metrics of Istio's sidecars.
func (q *Queries) AreIstios() bool { return q == &istioQueries }

// Metric returns the Prometheus metric of a built-in metric.
func (q *Queries) Metric(name string) string {
	if name == "request-duration" {
		return q.Duration
	}
	return q.Rate
}
