package conformance

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/config"
	_ "github.com/prometheus/prometheus/discovery/kubernetes" // registers kubernetes_sd_configs
	_ "github.com/prometheus/prometheus/discovery/xds"        // registers kuma_sd_configs
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// chartJobs are the keys of scrapeConfigs in the values of Prometheus's chart, since version 28
// (prometheus-community/helm-charts charts/prometheus/values.yaml, equal in 28.0.0 and 29.27.0).
const chartJobs = "prometheus kubernetes-api-servers kubernetes-nodes kubernetes-nodes-cadvisor kubernetes-service-endpoints " +
	"kubernetes-service-endpoints-slow prometheus-pushgateway kubernetes-services kubernetes-pods kubernetes-pods-slow"

// TestPrometheusTakesItsConfiguration loads the configuration that each version of the chart creates from the
// rendered values (charts/prometheus/templates/cm.yaml) with Prometheus's own loader.
func TestPrometheusTakesItsConfiguration(t *testing.T) {
	for version, ownJobs := range map[string]bool{
		"": false, "25.0.0": false, "25.30.2": false, "26.1.0": false, "27.52.0": false,
		"28.0.0": true, "28.16.0": true, "29.x": true, "29.27.0": true, "31.0.0": true, ">=27": true,
	} {
		t.Run(version, func(t *testing.T) {
			values := prometheusValues(t, version)
			server, _ := values["server"].(map[string]any)
			main, _ := values["serverFiles"].(map[string]any)["prometheus.yml"].(map[string]any)
			var jobs []any
			if ownJobs {
				own, _ := values["scrapeConfigs"].(map[string]any)
				for _, name := range strings.Fields(chartJobs) {
					if job, _ := own[name].(map[string]any); job["enabled"] != false {
						jobs = append(jobs, map[string]any{"job_name": name})
					}
				}
			}
			listed, _ := main["scrape_configs"].([]any)
			text, err := yaml.Marshal(map[string]any{"global": server["global"], "scrape_configs": append(jobs, listed...)})
			if err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(string(text), slog.Default())
			if err != nil {
				t.Fatalf("Prometheus rejects the configuration: %v\n%s", err, text)
			}
			if got := len(c.ScrapeConfigs); got != 3 {
				t.Errorf("the configuration has %d jobs, want the 3 rendered ones:\n%s", got, text)
			}
		})
	}
}

// prometheusValues returns the values of the HelmRelease prometheus with a version of its chart.
func prometheusValues(t *testing.T, version string) map[string]any {
	t.Helper()
	files := []schema.File{{Name: "fleet.yaml", Data: []byte(`
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: f}
spec: {clusters: [{kind: AttachedCluster, name: one}], plugin: {flagger: {trafficRoutingProvider: kuma}}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: one}, spec: {kubeconfig: {name: one}}}
`)}}
	if version != "" {
		files = append(files, schema.File{Name: "config.yaml", Data: []byte("{apiVersion: fleetwright.dev/v1alpha1, kind: RenderConfig, spec: {charts: {prometheus: {version: '" + version + "'}}}}\n")})
	}
	out, list := render.Compile(schema.Load(files), render.Options{})
	if out == nil {
		t.Fatal(list)
	}
	for f := range out.Clusters[0].Files() {
		if f.Path == layout.Infrastructure+"/helmrelease-prometheus.yaml" {
			var release struct {
				Spec struct {
					Values map[string]any `json:"values"`
				} `json:"spec"`
			}
			if err := yaml.Unmarshal(f.Content, &release); err != nil {
				t.Fatal(err)
			}
			return release.Spec.Values
		}
	}
	t.Fatal("no HelmRelease prometheus")
	return nil
}
