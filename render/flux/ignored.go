package flux

import (
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// ignored reports a field that Flux ignores because of another, if both are set.
func (f fields) ignored(set bool, at schema.Path, field, why, hint string) {
	if set {
		f.add(diag.FieldIgnored, at.With(field), "Flux ignores "+field+" "+why, hint)
	}
}

// rejected reports a field that Flux rejects because of another.
func (f fields) refused(set bool, at schema.Path, message, hint string) {
	if set {
		f.add(diag.RefusedBeside, at, message, hint)
	}
}

// checkKustomizationFields reports the fields of a policy that Flux ignores (kustomize-controller
// internal/controller/kustomization_controller.go, checkHealth).
func (c checker) checkKustomizationFields(at schema.Path, k *api.Kustomization) {
	c.ignored(k.Wait && len(k.HealthChecks) > 0, at, "healthChecks", "next to wait: true, which waits for everything that the policy applies", "remove one of the two")
	c.ignored(!k.Wait && len(k.HealthChecks) == 0 && len(k.HealthCheckExprs) > 0, at, "healthCheckExprs", "without wait and healthChecks", "add wait: true, or healthChecks")
}

// checkHelmFields reports the fields of a policy that Flux ignores or rejects (helm-controller
// docs/spec/v2/helmreleases.md; internal/reconcile/atomic_release.go).
func (c checker) checkHelmFields(at schema.Path, h *api.HelmRelease) {
	legacy := h.WaitStrategy != nil && h.WaitStrategy.Name == "legacy"
	c.ignored(legacy && len(h.HealthCheckExprs) > 0, at, "healthCheckExprs", "next to waitStrategy: {name: legacy}, Helm's own wait", "waitStrategy: {name: poller}")
	const retried, remedy = "next to strategy: {name: RetryOnFailure}, which undoes nothing", "remove one of the two"
	if i := h.Install; i != nil {
		c.ignored(retries(i.Strategy) && i.Remediation != nil, at.With("install"), "remediation", retried, remedy)
	}
	if u := h.Upgrade; u != nil {
		c.ignored(retries(u.Strategy) && u.Remediation != nil, at.With("upgrade"), "remediation", retried, remedy)
	}
	if d := h.DriftDetection; d != nil {
		c.ignored(!detects(h) && len(d.Ignore) > 0, at.With("driftDetection"), "ignore", "without drift detection", "mode: enabled, or warn")
	}
	if t := h.Test; t != nil && !t.Enable {
		c.ignored(len(t.Filters) > 0, at.With("test"), "filters", "without tests", "enable: true")
	}
	if v := h.Chart.Spec.Verify; v != nil {
		at := at.With("chart", "spec", "verify")
		repository := c.Spec.Source.HelmRepository
		isRegistry := isOneArtifact(c.SourceKind()) || c.SourceKind() == place.HelmRepository && (repository == nil || isOCI(repository.URL))
		c.refused(!isRegistry, at,
			"Flux verifies only charts of registries, whose URL begins with oci://, and never installs others that have verify", "remove verify, or use a helmRepository with an oci:// URL")
		c.checkVerification(at, v)
	}
}

func retries(s *api.HelmStrategy) bool { return s != nil && s.Name == "RetryOnFailure" }

// checkVerification reports that a provider has no keys (source-controller internal/controller, both
// helmchart_controller.go and ocirepository_controller.go).
func (f fields) checkVerification(at schema.Path, v *api.ChartVerification) {
	f.refused(v.Provider == "notation" && v.SecretRef == nil, at.With("provider"), "notation without a secretRef has no trust policy, so Flux fetches nothing",
		"secretRef: {name: "+f.name+"-notation}, a Secret with trustpolicy.json and certificates")
}

// checkSourceFields reports the fields of a source that Flux ignores or rejects (source-controller
// internal/controller, the file of each kind).
func (c checker) checkSourceFields() {
	at := schema.Path{"spec", "source"}
	if g := c.Spec.Source.GitRepository; g != nil {
		at := at.With("gitRepository")
		c.refused(g.Provider == "github" && g.SecretRef == nil, at.With("provider"), "provider github without a secretRef has no GitHub App to log in with, so Flux fetches nothing",
			"secretRef: {name: "+c.Name+"-github}, a Secret with the keys githubAppID, githubAppInstallationID and githubAppPrivateKey")
		byTag := g.Ref != nil && (g.Ref.Tag != "" || g.Ref.SemVer != "" || g.Ref.Name != "")
		if v := g.Verify; v != nil {
			c.refused((v.Mode == "Tag" || v.Mode == "TagAndHEAD") && !byTag, at.With("verify", "mode"), fmt.Sprintf("mode %s verifies a tag, but ref names none, so Flux fetches nothing", v.Mode), "mode: HEAD, or ref: {tag: …}")
		}
	}
	if h := c.Spec.Source.HelmRepository; h != nil {
		c.ignored(h.Insecure && !isOCI(h.URL), at.With("helmRepository"), "insecure", "because the URL does not begin with oci://", "remove insecure")
	}
}
