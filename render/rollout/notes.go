package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Summarize reports the collected notes.
func Summarize(r *report.Report) {
	r.Summarize(diag.ReplicasLeft, func(_ []string, others int) string {
		return "Flux would reset the replicas that Flagger scales; a patch that omits them was added" + hereToo(others)
	})
	r.Summarize(diag.SecretsNeeded, func(names []string, _ int) string {
		return "create these Secrets " + onEach(names, "on every cluster that uses them")
	})
	r.Summarize(diag.ConfigsNeeded, func(names []string, _ int) string {
		return "create these ConfigMaps, which are not rendered, " + onEach(names, "on every cluster that uses them")
	})
	r.Summarize(diag.SourcesNeeded, func(names []string, _ int) string {
		return "create these sources, which are not rendered, " + onEach(names, "on every cluster that uses them")
	})
	r.Summarize(diag.AccountsNeeded, func(names []string, _ int) string {
		const onClusters = "on every cluster that uses them, "
		names, loggingIn := accounts(names)
		var places []string
		if len(names) > 0 {
			places = append(places, onEach(names, onClusters+"with the rights to apply the objects"))
		}
		if len(loggingIn) > 0 {
			places = append(places, onClusters+"to log in: "+strings.Join(loggingIn, ", "))
		}
		return "create these ServiceAccounts, which are not rendered, " + strings.Join(places, "; ")
	})
	r.Summarize(diag.TemplatesNeeded, func(names []string, _ int) string {
		return "create these MetricTemplates, which are not among the inputs, on every cluster that runs the rollouts; without them every check fails: " + strings.Join(names, ", ")
	})
	r.Summarize(diag.ConfigMissing, func(names []string, _ int) string {
		return "the manifests lack ConfigMaps or Secrets that pods need to start; create them on every cluster: " + strings.Join(names, ", ")
	})
	r.Summarize(diag.HistogramExpected, func(_ []string, others int) string {
		return "the pods must expose the metric http_request_duration_seconds, with the HTTP status in the label status, status_code or code: without a mesh, nothing else counts requests" + hereToo(others)
	})
	r.Summarize(diag.LongerThanTimeout, sameOr("a good version is promoted after the timeout, which does not stop the rollout",
		"it limits only how long pods may stay unready"))
	r.Summarize(diag.UndoneByFlux, sameOr("a version that is set on the cluster, not in Git, is never promoted",
		"Flux resets the workload to Git first"))
}

// byPlace returns the names of objects that must exist on the clusters, and of those that must exist on the hub.
func byPlace(names []string) (onClusters, onHub []string) {
	for _, name := range names {
		if name, ok := strings.CutSuffix(name, report.OnHub); ok {
			onHub = append(onHub, name)
		} else {
			onClusters = append(onClusters, name)
		}
	}
	return onClusters, onHub
}

// accounts separates ServiceAccounts that controllers on the clusters only log in with from the others.
func accounts(names []string) (others, loggingIn []string) {
	for _, name := range names {
		name, logsIn := strings.CutSuffix(name, report.ToLogIn)
		switch {
		case !logsIn:
			others = append(others, name)
		case !slices.Contains(names, name):
			loggingIn = append(loggingIn, name)
		}
	}
	return others, loggingIn
}

// onEach lists names by the place where the objects must exist.
func onEach(names []string, clusters string) string {
	var places []string
	onClusters, onHub := byPlace(names)
	if len(onClusters) > 0 {
		places = append(places, clusters+": "+strings.Join(onClusters, ", "))
	}
	if len(onHub) > 0 {
		places = append(places, "on the hub: "+strings.Join(onHub, ", "))
	}
	return strings.Join(places, "; ")
}

// sameOr returns a function that returns the common text of all notes, or a general text if they differ, and
// then the consequence.
func sameOr(general, consequence string) func(what []string, others int) string {
	return func(what []string, others int) string {
		said := general
		if len(what) == 1 {
			said = what[0]
		}
		return said + ": " + consequence + hereToo(others)
	}
}

// hereToo returns the number of other rollouts to which a note applies, as text.
func hereToo(others int) string {
	switch others {
	case 0:
		return ""
	case 1:
		return " (also for 1 other rollout)"
	}
	return fmt.Sprintf(" (also for %d other rollouts)", others)
}

// noteReplicas notes that Flux would reset replicas that Flagger scales.
func noteReplicas(r *Rollout) {
	for _, p := range r.about {
		interval, field := api.Duration(""), "kustomization"
		switch {
		case p.Kustomization != nil:
			interval = p.Kustomization.Interval
		case p.Helm != nil:
			interval, field = p.Helm.Interval, "helm"
		}
		if r.kind() == "Deployment" && interval != "" && !interval.IsNone() && setsReplicas(r, p) {
			r.c.Note(diag.ReplicasLeft, manifest.Origin{Doc: p.App.Doc, Path: p.Path.With(field, "interval")}, "")
		}
	}
}

// setsReplicas reports whether the manifests set the replicas of the workload. If the manifests are unknown,
// they may, unless a patch of the policy mentions replicas.
func setsReplicas(r *Rollout, policy *place.Policy) bool {
	m := r.Judged.Manifests
	if m == nil {
		k := policy.Kustomization
		return k == nil || !slices.ContainsFunc(k.Patches, func(p kustomize.Patch) bool { return strings.Contains(p.Patch, "replicas") })
	}
	o := m.GetPlain(manifest.Identity{Group: "apps", Kind: r.kind(), Namespace: r.Namespace, Name: r.Workload.Name})
	if o == nil {
		return false
	}
	w := source.Read[source.Workload](o)
	return w != nil && w.Spec.Replicas != nil
}

// noteConfig notes the ConfigMaps and Secrets that the pods need and that the manifests lack.
func noteConfig(r *Rollout) {
	for _, id := range r.Judged.MissingConfig() {
		r.c.Note(diag.ConfigMissing, r.Origin("workload", "name"), id.String())
	}
}

// noteSecrets notes the Secrets that a rollout's metrics and alerts reference.
func noteSecrets(r *Rollout) {
	for i, m := range r.analysis().Metrics {
		if m.CustomMetric != nil && m.CustomMetric.Provider.SecretRef != nil {
			r.c.Note(diag.SecretsNeeded, r.Origin(inMetrics(i, "customMetric", "provider", "secretRef", "name")...), r.Namespace+"/"+m.CustomMetric.Provider.SecretRef.Name)
		}
	}
	for _, p := range r.AlertProviders() {
		if p.Spec.SecretRef != nil {
			r.c.Note(diag.SecretsNeeded, manifest.Origin{Doc: p.Doc, Path: schema.Path{"spec", "secretRef", "name"}}, p.Namespace+"/"+p.Spec.SecretRef.Name)
		}
	}
}

// NoteTemplates notes the MetricTemplates that a rollout's patches reference and that are neither rendered nor
// in the manifests (fluxcd/flagger pkg/controller/scheduler_metrics.go).
func (r *Rollout) NoteTemplates(isRendered func(api.NamespacedReference) bool) {
	for i, m := range r.Judged.Analysis.Metrics {
		if m.TemplateRef == nil {
			continue
		}
		ref := *m.TemplateRef
		ref.Namespace = cmp.Or(ref.Namespace, r.Namespace)
		id := manifest.Identity{Group: "flagger.app", Kind: "MetricTemplate", Namespace: ref.Namespace, Name: ref.Name}
		if set := r.Judged.Manifests; !isRendered(ref) && (set == nil || set.Get(id) == nil) {
			at := origins{r}.origin(r.Judged.ID, schema.Path{"spec", "analysis", "metrics", i, "templateRef", "name"})
			r.c.Note(diag.TemplatesNeeded, at, ref.Namespace+"/"+ref.Name)
		}
	}
}

// notePlan notes settings outside the rollout that affect the rollout of a good version.
func notePlan(r *Rollout) {
	if run, ok := r.Judged.Good(); ok && run.Outcome == flagger.Promoted && !r.Judged.SkipAnalysis {
		noteRolloutTimeout(r, run)
		noteUndoneByFlux(r, run)
	}
}

// noteRolloutTimeout notes that the timeout does not limit the whole rollout.
func noteRolloutTimeout(r *Rollout, run flagger.Run) {
	n := r.RolloutPolicy.RolloutTimeoutSeconds
	if n == nil {
		return
	}
	if timeout := time.Duration(*n) * time.Second; run.Duration() > timeout {
		r.c.Note(diag.LongerThanTimeout, r.Origin("rolloutPolicy", "rolloutTimeoutSeconds"),
			fmt.Sprintf("a good version is promoted after %s, and the timeout of %s does not stop the rollout", diag.Duration(run.Duration()), diag.Duration(timeout)))
	}
}

// noteUndoneByFlux notes that Flux resets a version that is not in Git before it is promoted.
func noteUndoneByFlux(r *Rollout, run flagger.Run) {
	for _, p := range r.about {
		k := p.Kustomization
		if k == nil || p.Suspended() || k.Interval.IsNone() || k.Interval.Length() >= run.Copied() {
			continue
		}
		r.c.Note(diag.UndoneByFlux, manifest.Origin{Doc: p.App.Doc, Path: p.Path.With("kustomization", "interval")},
			fmt.Sprintf("a version that is set on the cluster, not in Git, is never promoted (promotion takes %s, and Flux syncs every %s)", diag.Duration(run.Copied()), diag.Duration(k.Interval.Length())))
	}
}
