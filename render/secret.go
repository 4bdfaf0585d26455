package render

import (
	"fmt"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// noteSecrets notes the Secrets that an application's sources and charts name. Kurator
// reads them on its own cluster; here they are read on every cluster.
func (c *compiler) noteSecrets(a *application) {
	note := func(ref *api.LocalReference, path ...any) {
		if ref != nil && ref.Name != "" {
			at := schema.Path{"spec", "source"}.With(path...)
			c.Note(diag.SecretsNeeded, manifest.Origin{Doc: a.doc, Path: at}, a.namespace+"/"+ref.Name)
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
	for _, p := range a.policies {
		if p.Helm == nil {
			continue
		}
		for i, v := range p.Helm.ValuesFrom {
			if v.Kind == "Secret" && !v.Optional {
				c.Note(diag.SecretsNeeded, manifest.Origin{Doc: a.doc, Path: p.path.With("helm", "valuesFrom", i, "name")}, a.namespace+"/"+v.Name)
			}
		}
	}
}

// noteSecrets notes the Secrets that a rollout's metrics and alerts name.
func (r *rollout) noteSecrets() {
	for i, m := range r.analysis().Metrics {
		if m.CustomMetric != nil && m.CustomMetric.Provider.SecretRef != nil {
			r.c.Note(diag.SecretsNeeded, r.origin(inMetrics(i, "customMetric", "provider", "secretRef", "name")...), r.namespace+"/"+m.CustomMetric.Provider.SecretRef.Name)
		}
	}
	for _, p := range r.alertProviders() {
		if p.Spec.SecretRef != nil {
			r.c.Note(diag.SecretsNeeded, manifest.Origin{Doc: p.doc, Path: schema.Path{"spec", "secretRef", "name"}}, p.namespace+"/"+p.Spec.SecretRef.Name)
		}
	}
}

func secretsMessage(names []string, _ int) string {
	if len(names) == 1 {
		return fmt.Sprintf("fleetwright renders no Secrets: %s must be on every cluster that gets what names it", names[0])
	}
	return fmt.Sprintf("fleetwright renders no Secrets: %s must be on every cluster that gets what names them", strings.Join(names, ", "))
}
