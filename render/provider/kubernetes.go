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

// flaggerSystem is where Flagger is installed where no provider has a namespace of its own, as its own
// manifests do (fluxcd/flagger kustomize/base/flagger).
const flaggerSystem = "flagger-system"

// kubernetes is the provider that needs nothing: blue/green by Services alone. The workload's own Service
// stays with the primary, which gets the new version in the end (fluxcd/flagger
// pkg/router/kubernetes_default.go, and pkg/controller/scheduler.go, runBlueGreen).
type kubernetes struct {
	base
	// measured reports whether a rollout has a metric of Flagger's own.
	measured bool
}

// Namespace is where Flagger is installed.
func (k *kubernetes) Namespace() string { return flaggerSystem }

func (k *kubernetes) Namespaces() []*manifest.Object { return k.ownNamespace(flagger.Kubernetes) }

// FlaggerValues have the chart's own Prometheus scrape the pods, which nothing else would.
func (k *kubernetes) FlaggerValues() map[string]any {
	return k.bundledPrometheus(flagger.Kubernetes, flaggerSystem)
}

func (*kubernetes) Route(*rollout.Rollout, *manifest.Object, *flagger.Canary) {}

func (*kubernetes) Made(*rollout.Rollout) []manifest.Identity { return nil }

// Query asks the pods of the new version, as Flagger's own does. That misses the pods of a DaemonSet and finds its
// primary's, knows the labels of one Prometheus alone, and takes an error for a success whose status is in another
// label (fluxcd/flagger pkg/metrics/observers/http.go).
func (k *kubernetes) Query(r *rollout.Rollout, metric string) string {
	query := map[string]string{
		"request-success-rate": templates.KubernetesRequestSuccessRate,
		"request-duration":     templates.KubernetesRequestDuration,
	}[metric]
	on := rules.Installed{Facts: r.On.Facts, Namespace: r.On.FlaggerNamespace}
	labels := on.LabelsAt(cmp.Or(r.MetricsServer, on.PrometheusAddress))
	return strings.NewReplacer("NAMESPACE", labels["namespace"], "POD", labels["pod"], "SUFFIX", podSuffix(r.Workload.Kind)).Replace(query)
}

// podSuffix is a regular expression for what follows the name of a workload in the names of its pods: 5 characters,
// for a Deployment after the hash of the ReplicaSet (k8s.io/apiserver pkg/storage/names).
func podSuffix(kind string) string {
	if kind == "DaemonSet" {
		return "[0-9a-z]{5}"
	}
	return "[0-9a-z]+-[0-9a-z]{5}"
}

// Join refuses what a Canary has no place for, and notes that the pods must count their requests.
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

// Check reports what of a rollout would not work by Services alone.
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
				fmt.Sprintf("the pods lack the annotation %s, so the Prometheus of Flagger's chart finds no metric of them and every check of %s fails", scrape, name),
				fmt.Sprintf("annotations: {%s: \"true\"%s} in the pod template", scrape, scrapedPort(r)))
			return
		}
	}
}

// checkNoWeights reports weights, which nothing moves.
func checkNoWeights(r *rules.Rollout) {
	if a := &r.Analysis; a.Iterations < 1 && !r.SkipAnalysis {
		field := "stepWeight"
		if len(a.StepWeights) > 0 {
			field = "stepWeights"
		}
		r.Report(plainly(r, diag.NotOnKubernetes, diag.RoutedOtherwise), schema.Path{"analysis", field},
			fmt.Sprintf("Flagger moves no weights on kubernetes: it makes %d checks, and gives the new version all traffic at once", r.Canary.Iterations()),
			fmt.Sprintf("analysisTimes: %d, in place of canaryStrategy", r.Canary.Iterations()))
	}
}

// scrapedPort is the annotation with the container's port, where that is a number. Without it each declared port is scraped.
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

// scrape is the annotation of the pods that the Prometheus in Flagger's chart scrapes (charts/flagger/templates/prometheus.yaml).
const scrape = "prometheus.io/scrape"
