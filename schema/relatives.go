package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// otherTools are the kinds of other tools with the role of an Application. People put them among the
// inputs, because fleetwright renders some of them.
var otherTools = []struct{ group, kind, called, instead string }{
	{"flagger.app", "Canary", "a Flagger Canary", "to render it, write it as the rollout of a sync policy: syncPolicies: [{kustomization: {…}, rollout: {…}}]; fleetwright check and plan accept the Canary itself"},
	{"flagger.app", "MetricTemplate", "a Flagger MetricTemplate", "to render it, write it as the customMetric of a metric: metrics: [{name: …, customMetric: {provider: {…}, query: …}}]; fleetwright check and plan accept the MetricTemplate itself"},
	{"kustomize.toolkit.fluxcd.io", "Kustomization", "a Flux Kustomization", "write it as a sync policy, with the same fields: syncPolicies: [{kustomization: {path: …, interval: …, prune: true}}]"},
	{"helm.toolkit.fluxcd.io", "HelmRelease", "a Flux HelmRelease", "write it as a sync policy, with the same fields: syncPolicies: [{helm: {chart: {…}, interval: …}}]"},
	{"source.toolkit.fluxcd.io", "GitRepository", "a Flux GitRepository", "write it as the source of an Application, with the same fields: source: {gitRepository: {…}}"},
	{"source.toolkit.fluxcd.io", "HelmRepository", "a Flux HelmRepository", "write it as the source of an Application, with the same fields: source: {helmRepository: {…}}"},
	{"source.toolkit.fluxcd.io", "OCIRepository", "a Flux OCIRepository", "write it as the source of an Application, with the same fields: source: {ociRepository: {…}}"},
	{"source.toolkit.fluxcd.io", "Bucket", "a Flux Bucket", "use a gitRepository, a helmRepository or an ociRepository as the source of an Application"},
	{"argoproj.io", "Application", "an Argo CD Application", "write a Kurator Application, with apiVersion: apps.kurator.dev/v1alpha1; repoURL and targetRevision become source: {gitRepository: {url: …, ref: {…}}}, and path that of a sync policy"},
	{"argoproj.io", "ApplicationSet", "an Argo CD ApplicationSet", "write a Kurator Application, with apiVersion: apps.kurator.dev/v1alpha1, whose destination: {fleet: …} selects the clusters"},
	{"argoproj.io", "Rollout", "an Argo Rollout", "Flagger rolls out a Deployment: write the rollout of a sync policy, from which its Canary is rendered"},
}

// kindOfOthers returns the index of a kind among those of other tools, or -1.
func kindOfOthers(apiVersion, kind string) int {
	group, _, _ := strings.Cut(apiVersion, "/")
	return slices.IndexFunc(otherTools, func(t struct{ group, kind, called, instead string }) bool {
		return t.group == group && t.kind == kind
	})
}

// A relative is a document of another tool: the index of its kind, and its diagnostic.
type relative struct {
	kind int
	said diag.Diagnostic
}

// addRelatives reports the documents of other tools, each kind once, at the first of them.
func (d *Documents) addRelatives() {
	for i := range otherTools {
		var first diag.Diagnostic
		n := 0
		for _, r := range d.relatives {
			if r.kind != i {
				continue
			}
			if n++; n == 1 {
				first = r.said
			}
		}
		if n > 1 {
			first.Message = strings.Replace(first.Message, " is skipped", fmt.Sprintf(" is skipped, with %d more of its kind", n-1), 1)
		}
		if n > 0 {
			d.Diagnostics = append(d.Diagnostics, first)
		}
	}
}

// OtherTools returns the diagnostics about documents of other tools, or nil if there are none.
func (d *Documents) OtherTools() (said Diagnostics) {
	for _, of := range d.Diagnostics {
		if of.Code == diag.OtherTool {
			said = append(said, of)
		}
	}
	return said
}
