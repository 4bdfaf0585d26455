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

// Summarize reports what was noted.
func Summarize(r *report.Report) {
	r.Summarize(diag.ReplicasLeft, func(_ []string, others int) string {
		return "with every interval Flux would set the replicas in Git again, which Flagger scales, so a patch that leaves them out is added" + hereToo(others)
	})
	r.Summarize(diag.SecretsNeeded, func(names []string, _ int) string {
		return "create these Secrets " + onEach(names, "on every cluster that uses them")
	})
	r.Summarize(diag.ConfigsNeeded, func(names []string, _ int) string {
		return "fleetwright renders no ConfigMaps with values; create these " + onEach(names, "on every cluster that gets what names them")
	})
	r.Summarize(diag.SourcesNeeded, func(names []string, _ int) string {
		return "an existing source is not rendered; create these " + onEach(names, "on every cluster that gets what names them")
	})
	r.Summarize(diag.AccountsNeeded, func(names []string, _ int) string {
		const onClusters = "on every cluster that gets what names them, "
		names, loggingIn := accounts(names)
		var places []string
		if len(names) > 0 {
			places = append(places, onEach(names, onClusters+"with the rights to apply it"))
		}
		if len(loggingIn) > 0 {
			places = append(places, onClusters+"to log in: "+strings.Join(loggingIn, ", "))
		}
		return "fleetwright renders no ServiceAccounts; create these " + strings.Join(places, "; ")
	})
	r.Summarize(diag.TemplatesNeeded, func(names []string, _ int) string {
		return "every check fails without these MetricTemplates, which are not among the inputs; create them on every cluster that runs the rollouts: " + strings.Join(names, ", ")
	})
	r.Summarize(diag.ConfigMissing, func(names []string, _ int) string {
		return "the manifests lack ConfigMaps or Secrets that pods need to start; create them on every cluster: " + strings.Join(names, ", ")
	})
	r.Summarize(diag.HistogramExpected, func(_ []string, others int) string {
		return "without a mesh the pods count their requests: they must expose http_request_duration_seconds, with the status in a label status, status_code or code" + hereToo(others)
	})
	r.Summarize(diag.LongerThanTimeout, sameOr("a good version takes longer to be promoted than the timeout",
		"Flagger takes it for how long pods may not be ready, and ends no rollout for being late"))
	r.Summarize(diag.UndoneByFlux, sameOr("Flux applies what is in Git with every interval, and Flagger copies a new version to the primary later",
		"one that is set on the cluster alone is taken back before"))
}

// byPlace returns the names of objects that must be on the clusters, and of those that must be on the hub.
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

// accounts returns the names of ServiceAccounts without those that controllers on the clusters only log in with,
// and these.
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

// onEach lists names by where the objects must be.
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

// sameOr returns the message of what all notes say where they say the same, and else of
// something general, with what follows from it.
func sameOr(general, consequence string) func(what []string, others int) string {
	return func(what []string, others int) string {
		said := general
		if len(what) == 1 {
			said = what[0]
		}
		return said + ": " + consequence + hereToo(others)
	}
}

// hereToo says that a note holds of other rollouts as well.
func hereToo(others int) string {
	switch others {
	case 0:
		return ""
	case 1:
		return ", here and for one other rollout"
	}
	return fmt.Sprintf(", here and for %d other rollouts", others)
}

// noteReplicas notes that Flux would set replicas that Flagger has changed.
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

// setsReplicas reports whether the manifests set the replicas of the workload. Where they were not
// read, they may, unless a patch of the policy is about them.
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

// noteConfig notes the ConfigMaps and Secrets that the pods need and the manifests lack.
func noteConfig(r *Rollout) {
	for _, id := range r.Judged.MissingConfig() {
		r.c.Note(diag.ConfigMissing, r.Origin("workload", "name"), id.String())
	}
}

// noteSecrets notes the Secrets that a rollout's metrics and alerts name.
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

// NoteTemplates notes the MetricTemplates that a rollout's patches refer to, and that are neither
// rendered nor among the manifests (fluxcd/flagger pkg/controller/scheduler_metrics.go).
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

// notePlan notes what the way of a good version through the rollout meets outside of it.
func notePlan(r *Rollout) {
	if run, ok := r.Judged.Good(); ok && run.Outcome == flagger.Promoted && !r.Judged.SkipAnalysis {
		noteRolloutTimeout(r, run)
		noteUndoneByFlux(r, run)
	}
}

// noteRolloutTimeout notes that a timeout is not one of the whole rollout.
func noteRolloutTimeout(r *Rollout, run flagger.Run) {
	n := r.RolloutPolicy.RolloutTimeoutSeconds
	if n == nil {
		return
	}
	if timeout := time.Duration(*n) * time.Second; run.Duration() > timeout {
		r.c.Note(diag.LongerThanTimeout, r.Origin("rolloutPolicy", "rolloutTimeoutSeconds"),
			fmt.Sprintf("a good version is promoted after %s, and the timeout is %s", diag.Duration(run.Duration()), diag.Duration(timeout)))
	}
}

// noteUndoneByFlux notes that Flux applies what is in Git while a version that is not in Git is rolled out.
func noteUndoneByFlux(r *Rollout, run flagger.Run) {
	for _, p := range r.about {
		k := p.Kustomization
		if k == nil || p.Suspended() || k.Interval.IsNone() || k.Interval.Length() >= run.Copied() {
			continue
		}
		r.c.Note(diag.UndoneByFlux, manifest.Origin{Doc: p.App.Doc, Path: p.Path.With("kustomization", "interval")},
			fmt.Sprintf("Flux applies what is in Git every %s, and Flagger copies a new version to the primary after %s", diag.Duration(k.Interval.Length()), diag.Duration(run.Copied())))
	}
}
