package render

import (
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// checkFlux reports what Flux would reject or does otherwise than the application's document
// reads, and notes the Secrets that Flux needs.
func checkFlux(a *place.Application, to *report.Report) {
	for _, p := range a.Policies {
		checkPatches(p, to)
		checkHelm(p, to)
		checkRetry(p, to)
	}
	checkSource(to, a)
	noteSecrets(a, to)
}

// noteSecrets notes the Secrets that an application's sources and charts name. Kurator
// reads them on its own cluster; here they are read on every cluster.
func noteSecrets(a *place.Application, to *report.Report) {
	note := func(ref *api.LocalReference, path ...any) {
		if ref != nil && ref.Name != "" {
			at := schema.Path{"spec", "source"}.With(path...)
			to.Note(diag.SecretsNeeded, manifest.Origin{Doc: a.Doc, Path: at}, a.Namespace+"/"+ref.Name)
		}
	}
	if g := a.Spec.Source.GitRepository; g != nil {
		note(g.SecretRef, "gitRepository", "secretRef", "name")
		if g.Verify != nil {
			note(&g.Verify.SecretRef, "gitRepository", "verify", "secretRef", "name")
		}
	}
	if h := a.Spec.Source.HelmRepository; h != nil {
		note(h.SecretRef, "helmRepository", "secretRef", "name")
	}
	if o := a.Spec.Source.OCIRepository; o != nil {
		note(o.SecretRef, "ociRepository", "secretRef", "name")
		note(o.CertSecretRef, "ociRepository", "certSecretRef", "name")
		if o.Verify != nil {
			note(o.Verify.SecretRef, "ociRepository", "verify", "secretRef", "name")
		}
	}
	for _, p := range a.Policies {
		if p.Helm == nil {
			continue
		}
		for i, v := range p.Helm.ValuesFrom {
			if v.Kind == "Secret" && !v.Optional {
				to.Note(diag.SecretsNeeded, manifest.Origin{Doc: a.Doc, Path: p.Path.With("helm", "valuesFrom", i, "name")}, a.Namespace+"/"+v.Name)
			}
		}
	}
}
