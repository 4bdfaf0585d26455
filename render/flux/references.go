package flux

import (
	"cmp"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// noteReferences notes the Secrets, ConfigMaps and ServiceAccounts that Flux reads for an application.
// Kurator reads them on its own cluster; here every cluster's Flux does, or a hub's for all.
func (c checker) noteReferences() {
	s := schema.Path{"spec", "source"}
	if g := c.Spec.Source.GitRepository; g != nil {
		at := s.With("gitRepository")
		c.noteSecret(at.With("secretRef"), g.SecretRef)
		c.noteSecret(at.With("proxySecretRef"), g.ProxySecretRef)
		c.noteAccount(at.With("serviceAccountName"), g.ServiceAccountName, true)
		if g.Verify != nil {
			c.noteSecret(at.With("verify", "secretRef"), &g.Verify.SecretRef)
		}
	}
	if h := c.Spec.Source.HelmRepository; h != nil {
		c.noteSecret(s.With("helmRepository", "secretRef"), h.SecretRef)
		c.noteSecret(s.With("helmRepository", "certSecretRef"), h.CertSecretRef)
	}
	if o := c.Spec.Source.OCIRepository; o != nil {
		c.noteArtifact(s.With("ociRepository"), o)
	}
	if e := c.Spec.Source.Existing; e != nil && !IsClusterSource(c.Application, c.settings) {
		what := e.Kind + " " + cmp.Or(e.Namespace, c.Namespace) + "/" + e.Name
		if c.settings.Hub {
			what += report.OnHub
		}
		c.to.Note(diag.SourcesNeeded, manifest.Origin{Doc: c.Doc, Path: s.With("existing", "name")}, what)
	}
	for _, p := range c.Policies {
		if p.Kustomization != nil {
			c.noteKustomization(p.Path.With("kustomization"), p.Kustomization)
		}
		if p.Helm != nil {
			c.noteHelm(p.Path.With("helm"), p.Helm)
		}
	}
}

func (f fields) noteArtifact(at schema.Path, o *api.OCIRepository) {
	f.noteSecret(at.With("secretRef"), o.SecretRef)
	f.noteSecret(at.With("certSecretRef"), o.CertSecretRef)
	f.noteSecret(at.With("proxySecretRef"), o.ProxySecretRef)
	f.noteAccount(at.With("serviceAccountName"), o.ServiceAccountName, true)
	if o.Verify != nil {
		f.noteSecret(at.With("verify", "secretRef"), o.Verify.SecretRef)
		f.noteSecret(at.With("verify", "trustedRootSecretRef"), o.Verify.TrustedRootSecretRef)
	}
}

func (c checker) noteKustomization(at schema.Path, k *api.Kustomization) {
	c.noteAccount(at.With("serviceAccountName"), k.ServiceAccountName, false)
	if d := k.Decryption; d != nil {
		c.noteSecret(at.With("decryption", "secretRef"), d.SecretRef)
		c.noteAccount(at.With("decryption", "serviceAccountName"), d.ServiceAccountName, true)
	}
	if k.PostBuild == nil {
		return
	}
	for i, from := range k.PostBuild.SubstituteFrom {
		c.noteValues(at.With("postBuild", "substituteFrom", i), from.Kind, from.Name, from.Optional)
	}
}

func (c checker) noteHelm(at schema.Path, h *api.HelmRelease) {
	c.noteAccount(at.With("serviceAccountName"), h.ServiceAccountName, false)
	if v := h.Chart.Spec.Verify; v != nil {
		c.noteSecret(at.With("chart", "spec", "verify", "secretRef"), v.SecretRef)
	}
	for i, from := range h.ValuesFrom {
		c.noteValues(at.With("valuesFrom", i), from.Kind, from.Name, from.Optional)
	}
}

func (c checker) noteValues(at schema.Path, kind, name string, optional bool) {
	switch {
	case optional:
	case kind == "Secret":
		c.noteSecret(at, &api.LocalReference{Name: name})
	case kind == "ConfigMap":
		c.note(diag.ConfigsNeeded, at.With("name"), name, true)
	}
}

func (f fields) noteSecret(at schema.Path, ref *api.LocalReference) {
	if ref != nil && ref.Name != "" {
		f.note(diag.SecretsNeeded, at.With("name"), ref.Name, true)
	}
}

// noteAccount notes a ServiceAccount. An account with which a controller logs in is on the controller's cluster,
// and one that it impersonates on the target cluster (fluxcd/pkg runtime/client, impersonation.go).
func (f fields) noteAccount(at schema.Path, name string, ofController bool) {
	if name != "" {
		f.note(diag.AccountsNeeded, at, name, ofController)
	}
}

// note notes an object in the namespace of the objects. With a hub, the objects that a controller reads are on the hub.
func (f fields) note(code diag.Code, at schema.Path, name string, ofController bool) {
	what := f.namespace + "/" + name
	switch {
	case ofController && f.settings.Hub:
		what += report.OnHub
	case ofController && code == diag.AccountsNeeded:
		what += report.ToLogIn
	}
	f.to.Note(code, manifest.Origin{Doc: f.doc, Path: at}, what)
}
