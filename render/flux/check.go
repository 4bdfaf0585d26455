package flux

import (
	"fmt"
	"path"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/patch"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Check reports what Flux would reject or does otherwise than the application's document
// reads, and notes the Secrets that Flux needs.
func Check(a *place.Application, to *report.Report) {
	for _, p := range a.Policies {
		checkPatches(p, to)
		checkHelm(p, to)
		checkRetry(p, to)
	}
	checkSource(to, a)
	noteSecrets(a, to)
}

// checkRetry reports that a retryInterval is added to a policy.
func checkRetry(p *place.Policy, to *report.Report) {
	k := p.Kustomization
	if k == nil || !k.Interval.IsNone() || k.RetryInterval != "" && !k.RetryInterval.IsNone() {
		return
	}
	to.Add(p.App.Doc.Diagnostic(diag.RetryAdded, p.Path.With("kustomization", "interval"),
		fmt.Sprintf("with an interval of %s and no retryInterval Flux would never try again what failed, so retryInterval: %s is added", k.Interval, retryOfUnpolled), ""))
}

// The longest values that helm-controller's CRD takes (fluxcd/pkg apis/meta,
// ValuesReference).
const (
	maxValuesKey  = 253
	maxTargetPath = 250
)

// checkHelm reports what Flux or Helm would reject in a policy with helm.
func checkHelm(p *place.Policy, to *report.Report) {
	if p.Helm == nil {
		return
	}
	if i := p.Helm.Install; i != nil && i.SkipCRDs && i.CRDs != "" && i.CRDs != "Skip" {
		to.Add(p.App.Doc.Diagnostic(diag.NotAllowed, p.Path.With("helm", "install", "skipCRDs"), "skipCRDs and crds: "+i.CRDs+" say different things", "remove skipCRDs"))
	}
	for i, v := range p.Helm.ValuesFrom {
		at := p.Path.With("helm", "valuesFrom", i)
		for _, f := range []struct {
			name, value string
			most        int
		}{{"valuesKey", v.ValuesKey, maxValuesKey}, {"targetPath", v.TargetPath, maxTargetPath}} {
			if len(f.value) > f.most {
				to.Add(p.App.Doc.Diagnostic(diag.WrongFormat, at.With(f.name), fmt.Sprintf("the value has %d characters, Flux takes at most %d", len(f.value), f.most), ""))
			}
		}
	}
	if p.Helm.Timeout.IsNone() {
		to.Add(p.App.Doc.Diagnostic(diag.OutOfBounds, p.Path.With("helm", "timeout"), "with a timeout of "+string(p.Helm.Timeout)+" nothing is ever installed", "timeout: 5m0s"))
	}
	if p.App.Spec.Source.GitRepository != nil && p.Helm.Chart.Spec.Version != "" && p.Helm.Chart.Spec.Version != "*" {
		to.Add(p.App.Doc.Diagnostic(diag.NoVersionInGit, p.Path.With("helm", "chart", "spec", "version"), "Flux does not look at the version of a chart in a gitRepository, it installs the one that is checked out", "write gitRepository: {ref: {tag: …}}"))
	}
}

// checkPatches reports the components and patches of a policy that kustomize would reject.
func checkPatches(p *place.Policy, to *report.Report) {
	if p.Kustomization == nil {
		return
	}
	for i, component := range p.Kustomization.Components {
		// kustomize-controller keeps a path in the source (SecureJoin), and lets nothing
		// outside of it be read (fluxcd/pkg kustomize, SecureBuild); kustomize loads no
		// directory that is being loaded, or that holds it.
		base := strings.TrimPrefix(path.Join("/", p.Kustomization.Path), "/")
		at := path.Join(base, component)
		why := ""
		switch {
		case at == ".." || strings.HasPrefix(at, "../"):
			why = "is outside of the source"
		case at == "." || strings.HasPrefix(path.Clean(base)+"/", at+"/"):
			why = "is the directory of the policy, or one above it"
		default:
			continue
		}
		to.Add(p.App.Doc.Diagnostic(diag.WrongFormat, p.Path.With("kustomization", "components", i), fmt.Sprintf("the component %s %s, and kustomize-controller refuses it", component, why), "components: [../components/monitoring], relative to the path of the policy"))
	}
	for i, own := range p.Kustomization.Patches {
		if field, message, hint := patch.Check(own); message != "" {
			to.Add(p.App.Doc.Diagnostic(diag.BadPatch, p.Path.With("kustomization", "patches", i).With(field...), message, hint))
		}
	}
}

// checkSource reports the fields of a source that Flux has removed or would reject, and the
// policies that it cannot serve.
func checkSource(to *report.Report, a *place.Application) {
	switch s := a.Spec.Source; {
	case s.GitRepository != nil:
		checkGitRepository(to, a, s.GitRepository)
	case s.HelmRepository != nil:
		checkHelmRepository(to, a, s.HelmRepository)
	case s.OCIRepository != nil:
		checkOCIRepository(to, a, s.OCIRepository)
	}
}

func checkGitRepository(to *report.Report, a *place.Application, g *api.GitRepository) {
	for _, removed := range []struct {
		field string
		set   bool
	}{{"gitImplementation", g.GitImplementation != ""}, {"accessFrom", g.AccessFrom != nil}} {
		if removed.set {
			to.Add(a.Doc.Diagnostic(diag.RemovedByFlux, schema.Path{"spec", "source", "gitRepository", removed.field},
				fmt.Sprintf("Flux has removed %s, it is left out", removed.field), "remove the field"))
		}
	}
}

func checkHelmRepository(to *report.Report, a *place.Application, h *api.HelmRepository) {
	at := schema.Path{"spec", "source", "helmRepository"}
	if h.Type != "" && (h.Type == "oci") != isOCI(h.URL) {
		to.Add(a.Doc.Diagnostic(diag.SourceMismatch, at.With("type"), fmt.Sprintf("a repository of type %s does not have the URL %s", h.Type, h.URL),
			"remove the type: the URL tells it"))
	}
	if h.Provider != "" && !isOCI(h.URL) {
		to.Add(a.Doc.Diagnostic(diag.SourceMismatch, at.With("provider"), "Flux logs in with a provider to registries only, whose URL begins with oci://", "remove the field, or write a secretRef"))
	}
	for i, p := range a.Spec.SyncPolicies {
		if p.Helm != nil && isOCI(h.URL) {
			if why := schema.RefuseChart(p.Helm.Chart.Spec.Chart); why != "" {
				to.Add(a.Doc.Diagnostic(diag.WrongFormat, schema.Path{"spec", "syncPolicies", i, "helm", "chart", "spec", "chart"}, "the chart is one of a registry: "+why, "chart: podinfo"))
			}
		}
		if p.Kustomization != nil {
			to.Add(a.Doc.Diagnostic(diag.SourceMismatch, schema.Path{"spec", "syncPolicies", i, "kustomization"},
				"a helmRepository holds charts, and a Flux Kustomization takes none", "use helm, or a gitRepository or ociRepository"))
		}
	}
}

func checkOCIRepository(to *report.Report, a *place.Application, o *api.OCIRepository) {
	charts := 0
	for i, p := range a.Spec.SyncPolicies {
		if p.Helm == nil {
			continue
		}
		charts++
		at := schema.Path{"spec", "syncPolicies", i, "helm", "chart"}
		if base := path.Base(o.URL); p.Helm.Chart.Spec.Chart != base {
			to.Add(a.Doc.Diagnostic(diag.SourceMismatch, at.With("spec", "chart"),
				fmt.Sprintf("an ociRepository is one chart, and this one is %s, not %s", base, p.Helm.Chart.Spec.Chart),
				fmt.Sprintf("url: %s/%s, or a helmRepository of type oci for several charts", strings.TrimSuffix(o.URL, "/"+base), p.Helm.Chart.Spec.Chart)))
		}
		spec := p.Helm.Chart.Spec
		for _, f := range []struct {
			path schema.Path
			set  bool
			hint string
		}{
			{schema.Path{"spec", "version"}, spec.Version != "" && spec.Version != "*", "ociRepository: {ref: {semver: …}}"},
			{schema.Path{"spec", "interval"}, spec.Interval != "", "ociRepository: {interval: …}"},
			{schema.Path{"spec", "reconcileStrategy"}, spec.ReconcileStrategy != "", "remove the field: every new artifact is installed"},
			{schema.Path{"spec", "valuesFiles"}, len(spec.ValuesFiles) > 0, "copy what they hold into values"},
			{schema.Path{"metadata"}, p.Helm.Chart.Metadata != nil, "remove the field"},
		} {
			if f.set {
				to.Add(a.Doc.Diagnostic(diag.NoHelmChart, at.With(f.path...), "Flux makes no HelmChart for a chart from an ociRepository, so the field has no place", f.hint))
			}
		}
	}
	if charts == 0 {
		return
	}
	for i, p := range a.Spec.SyncPolicies {
		if p.Kustomization != nil {
			to.Add(a.Doc.Diagnostic(diag.SourceMismatch, schema.Path{"spec", "syncPolicies", i, "kustomization"},
				"another policy takes the ociRepository for a chart, and a chart cannot be applied as manifests", "make two Applications of it"))
		}
	}
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
