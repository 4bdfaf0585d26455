package provider

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/templates"
)

// flaggerSystem is the namespace of Flagger for providers that have no namespace, as in Flagger's
// manifests (fluxcd/flagger kustomize/base/flagger).
const flaggerSystem = "flagger-system"

// kubernetes is the provider that needs no other component: blue/green with Services. The workload's Service
// always selects the primary, which gets the new version at the end (fluxcd/flagger
// pkg/router/kubernetes_default.go, and pkg/controller/scheduler.go, runBlueGreen).
type kubernetes struct {
	base
	// measured reports whether a rollout uses a built-in metric.
	measured bool
}

// Namespace returns the namespace of Flagger.
func (k *kubernetes) Namespace() string { return flaggerSystem }

func (k *kubernetes) Namespaces() []*manifest.Object { return k.ownNamespace(flagger.Kubernetes) }

// FlaggerValues makes the chart's own Prometheus scrape the pods, because nothing else does.
func (k *kubernetes) FlaggerValues() map[string]any {
	return k.bundledPrometheus(flagger.Kubernetes, flaggerSystem)
}

func (*kubernetes) Route(*rollout.Rollout, *manifest.Object, *flagger.Canary) {}

func (*kubernetes) Made(*rollout.Rollout) []manifest.Identity { return nil }

// Query measures the pods of the new version, like Flagger's own query. That one misses the pods of a DaemonSet
// and matches those of its primary, expects the labels of one Prometheus setup, and counts errors as successes
// if the status is in another label (fluxcd/flagger pkg/metrics/observers/http.go).
func (k *kubernetes) Query(r *rollout.Rollout, metric string) string {
	query := map[string]string{
		"request-success-rate": templates.KubernetesRequestSuccessRate,
		"request-duration":     templates.KubernetesRequestDuration,
	}[metric]
	on := rules.Installed{Facts: r.On.Facts, Namespace: r.On.FlaggerNamespace}
	labels := on.LabelsAt(cmp.Or(r.MetricsServer, on.PrometheusAddress))
	return strings.NewReplacer("NAMESPACE", labels["namespace"], "POD", labels["pod"], "SUFFIX", podSuffix(r.Workload.Kind)).Replace(query)
}

// podSuffix returns a regular expression for the part of a pod's name after the workload's name: 5 characters,
// and for a Deployment the hash of the ReplicaSet before them (k8s.io/apiserver pkg/storage/names).
func podSuffix(kind string) string {
	if kind == "DaemonSet" {
		return "[0-9a-z]{5}"
	}
	return "[0-9a-z]+-[0-9a-z]{5}"
}

// Join reports unsupported fields, and notes that the pods must export request metrics.
func (k *kubernetes) Join(r *rollout.Rollout) {
	checkMatchFields(r)
	a := r.RolloutPolicy.TrafficAnalysis
	if a == nil || r.RolloutPolicy.SkipTrafficAnalysis {
		return
	}
	for i, m := range a.Metrics {
		if m.CustomMetric == nil && rules.IsBuiltin(m.Name) {
			k.measured = true
			k.c.Note(diag.HistogramExpected, r.Origin("rolloutPolicy", "trafficAnalysis", "metrics", i, "name"), "")
			return
		}
	}
}

// Check reports problems of a rollout on Services.
func (k *kubernetes) Check(r *rules.Rollout) {
	checkPlain(r)
	checkNoWeights(r)
	for i, m := range r.Analysis.Metrics {
		name, at := r.Builtin(m), rules.InMetrics(i, "name")
		if !rules.IsBuiltin(name) || r.SkipAnalysis {
			continue
		}
		k.checkBundled(r, at, name)
		if pod := r.Pod(); pod != nil && pod.Metadata.Annotations[scrape] != "true" && r.On.IsBundled(cmp.Or(r.MetricsServer, r.On.PrometheusAddress)) {
			r.Report(diag.PodsNotScraped, schema.Path{"targetRef", "name"},
				fmt.Sprintf("the pods lack the annotation %s, so Flagger's Prometheus does not scrape them and every check of %s fails", scrape, name),
				fmt.Sprintf("annotations: {%s: \"true\"%s} in the pod template", scrape, scrapedPort(r)))
			return
		}
	}
}

// checkNoWeights reports weights, which Services cannot apply.
func checkNoWeights(r *rules.Rollout) {
	if a := &r.Analysis; a.Iterations < 1 && !r.SkipAnalysis {
		field := "stepWeight"
		if len(a.StepWeights) > 0 {
			field = "stepWeights"
		}
		r.Report(plainly(r, diag.NotOnKubernetes, diag.RoutedOtherwise), schema.Path{"analysis", field},
			fmt.Sprintf("Flagger ignores weights on kubernetes: it runs %d checks, then gives the new version all traffic at once", r.Canary.Iterations()),
			fmt.Sprintf("analysisTimes: %d, instead of canaryStrategy", r.Canary.Iterations()))
	}
}

// scrapedPort returns the annotation with the container's port, if that is a number. Without it, every declared
// port is scraped.
func scrapedPort(r *rules.Rollout) string {
	port := intstr.FromInt32(r.Service.Port)
	if t := r.Service.TargetPort; t != nil {
		port = *t
	}
	if port.Type == intstr.String {
		return ""
	}
	return fmt.Sprintf(", prometheus.io/port: \"%d\"", port.IntVal)
}

// scrape is the annotation by which the Prometheus in Flagger's chart finds pods to scrape
// (charts/flagger/templates/prometheus.yaml).
const scrape = "prometheus.io/scrape"
