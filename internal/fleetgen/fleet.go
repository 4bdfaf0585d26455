package fleetgen

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/schema/api"
)

// A provider moves the traffic of the rollouts of a fleet.
type provider struct {
	// name of the provider, and of its fleet.
	name string
	// prometheus is where its own metrics are.
	prometheus string
	// missing is the query of a metric of one's own: the share of requests for what is
	// not there, in percent. %d is the port.
	missing string
}

// providers are all there are, in the order in which Applications are dealt to them.
var providers = []provider{
	{
		name:       "kuma",
		prometheus: "http://prometheus-server.mesh-observability:80",
		missing: `sum(rate(envoy_cluster_upstream_rq{kuma_io_services=~".*,{{ service }}-canary_{{ namespace }}_svc_%[1]d,.*",envoy_response_code="404"}[{{ interval }}]))
/
sum(rate(envoy_cluster_upstream_rq{kuma_io_services=~".*,{{ service }}-canary_{{ namespace }}_svc_%[1]d,.*"}[{{ interval }}]))
* 100
`,
	},
	{
		name:       "istio",
		prometheus: "http://prometheus.istio-system:9090",
		missing: `sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="{{ namespace }}",destination_workload="{{ target }}",response_code="404"}[{{ interval }}]))
/
sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="{{ namespace }}",destination_workload="{{ target }}"}[{{ interval }}]))
* 100
`,
	},
	{
		name:       "nginx",
		prometheus: "http://flagger-prometheus.ingress-nginx:9090",
		missing: `sum(rate(nginx_ingress_controller_requests{namespace="{{ namespace }}",ingress="{{ ingress }}",canary!="",status="404"}[{{ interval }}]))
/
sum(rate(nginx_ingress_controller_requests{namespace="{{ namespace }}",ingress="{{ ingress }}",canary!=""}[{{ interval }}]))
* 100
`,
	},
}

// notFound is the query for a service at a port.
func (p provider) notFound(port int32) string {
	if !strings.Contains(p.missing, "%") {
		return p.missing
	}
	return fmt.Sprintf(p.missing, port)
}

// fleet is the provider's Fleet, and its clusters.
func (p provider) fleet(clusters int) []any {
	fleet := api.Fleet{
		TypeMeta: typeMeta("Fleet"),
		Metadata: api.ObjectMeta{Name: p.name, Namespace: Namespace},
		Spec: api.FleetSpec{
			Plugin: &api.Plugin{Flagger: &api.FlaggerPlugin{
				TrafficRoutingProvider: p.name,
				PublicTestloader:       true,
			}},
		},
	}
	var documents []any
	for i := range clusters {
		name := fmt.Sprintf("%s-%s-%04d", p.name, regions[i%len(regions)], i)
		fleet.Spec.Clusters = append(fleet.Spec.Clusters, api.ClusterReference{Kind: "AttachedCluster", Name: name})
		documents = append(documents, cluster(name, i))
	}
	return append([]any{fleet}, documents...)
}

var regions = []string{"eu", "us", "ap"}

// waves is in how many parts a fleet takes something new.
const waves = 4

// cluster is the document of the nth cluster of a fleet. The first is in production in
// the first region, so that something is there to select in a fleet of one.
func cluster(name string, n int) api.AttachedCluster {
	stage := "production"
	if n%5 == 4 {
		stage = "staging"
	}
	return api.AttachedCluster{
		TypeMeta: typeMeta("AttachedCluster"),
		Metadata: api.ObjectMeta{
			Name:      name,
			Namespace: Namespace,
			Labels: map[string]api.LabelValue{
				"region": api.LabelValue(regions[n%len(regions)]),
				"stage":  api.LabelValue(stage),
				"wave":   api.LabelValue(strconv.Itoa(n % waves)),
			},
		},
		Spec: api.AttachedClusterSpec{Kubeconfig: &api.SecretKey{Name: name, Key: "kubeconfig"}},
	}
}
