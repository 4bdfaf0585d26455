package render

import (
	"fmt"
	"path"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A sourceRef names a Flux source.
type sourceRef struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

// The kinds of sources.
const (
	gitRepository  = "GitRepository"
	helmRepository = "HelmRepository"
	ociRepository  = "OCIRepository"
)

// A gitRepositorySpec is that of v1, without the fields that Flux has removed
// since v1beta2.
type gitRepositorySpec struct {
	URL               string               `json:"url"`
	Ref               *api.GitReference    `json:"ref,omitempty"`
	Interval          api.Duration         `json:"interval"`
	Timeout           api.SourceTimeout    `json:"timeout,omitempty"`
	SecretRef         *api.LocalReference  `json:"secretRef,omitempty"`
	Verify            *api.GitVerification `json:"verify,omitempty"`
	Ignore            *string              `json:"ignore,omitempty"`
	Include           []api.GitInclude     `json:"include,omitempty"`
	RecurseSubmodules bool                 `json:"recurseSubmodules,omitempty"`
	Suspend           bool                 `json:"suspend,omitempty"`
}

// A helmRepositorySpec is that of v1.
type helmRepositorySpec struct {
	Type            string              `json:"type,omitempty"`
	URL             string              `json:"url"`
	Interval        api.Duration        `json:"interval,omitempty"`
	Timeout         api.SourceTimeout   `json:"timeout,omitempty"`
	SecretRef       *api.LocalReference `json:"secretRef,omitempty"`
	PassCredentials bool                `json:"passCredentials,omitempty"`
	Provider        string              `json:"provider,omitempty"`
	AccessFrom      *api.AccessFrom     `json:"accessFrom,omitempty"`
	Suspend         bool                `json:"suspend,omitempty"`
}

// chartLayer is the layer of an artifact that holds a chart, which
// helm-controller wants as it is (fluxcd/flux2 docs of OCIRepository, "Helm
// OCI").
var chartLayer = api.OCILayerSelector{MediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip", Operation: "copy"}

// sourceKind returns the kind of the application's source, and its field.
func sourceKind(a *place.Application) (kind, field string) {
	switch s := a.Spec.Source; {
	case s.HelmRepository != nil:
		return helmRepository, "helmRepository"
	case s.OCIRepository != nil:
		return ociRepository, "ociRepository"
	}
	return gitRepository, "gitRepository"
}

// newSourceRef returns a reference to the application's source, for objects in the same
// namespace.
func newSourceRef(a *place.Application) sourceRef {
	kind, _ := sourceKind(a)
	return sourceRef{Kind: kind, Name: a.Name}
}

// sourceSuspended reports whether the source is suspended, so that nothing that needs it
// becomes ready.
func sourceSuspended(a *place.Application) bool {
	switch s := a.Spec.Source; {
	case s.HelmRepository != nil:
		return s.HelmRepository.Suspend
	case s.OCIRepository != nil:
		return s.OCIRepository.Suspend
	case s.GitRepository != nil:
		return s.GitRepository.Suspend
	}
	return false
}

// source returns the source of an application, named after it.
func source(a *place.Application) manifest.Rendered {
	kind, field := sourceKind(a)
	m := &manifest.Object{APIVersion: manifest.SourceV1, Kind: kind, Metadata: manifest.Metadata{Name: a.Name, Namespace: a.Namespace}}
	switch kind {
	case helmRepository:
		m.Spec = newHelmRepository(a)
	case ociRepository:
		m.Spec = newOciRepository(a)
	default:
		m.Spec = newGitRepository(a)
	}
	return manifest.Rendered{Object: m, Origin: manifest.Origin{Doc: a.Doc, Path: schema.Path{"spec", "source", field}}}
}

func newGitRepository(a *place.Application) gitRepositorySpec {
	g := a.Spec.Source.GitRepository
	spec := gitRepositorySpec{
		URL: g.URL, Ref: g.Ref, Interval: g.Interval, Timeout: g.Timeout, SecretRef: g.SecretRef,
		Verify: g.Verify, Ignore: g.Ignore, Include: g.Include, RecurseSubmodules: g.RecurseSubmodules, Suspend: g.Suspend,
	}
	if v := g.Verify; v != nil && v.Mode == "head" {
		spec.Verify = &api.GitVerification{Mode: "HEAD", SecretRef: v.SecretRef}
	}
	return spec
}

func newHelmRepository(a *place.Application) helmRepositorySpec {
	h := a.Spec.Source.HelmRepository
	spec := helmRepositorySpec{
		Type: h.Type, URL: h.URL, Interval: h.Interval, Timeout: h.Timeout, SecretRef: h.SecretRef,
		PassCredentials: h.PassCredentials, Provider: h.Provider, AccessFrom: h.AccessFrom, Suspend: h.Suspend,
	}
	if isOCI(h.URL) {
		spec.Type = "oci"
	}
	return spec
}

func newOciRepository(a *place.Application) api.OCIRepository {
	spec := *a.Spec.Source.OCIRepository
	if v := spec.Verify; v != nil && v.Provider == "" {
		spec.Verify = &api.OCIVerification{Provider: "cosign", SecretRef: v.SecretRef}
	}
	if spec.LayerSelector == nil && a.Spec.SyncPolicies[0].Helm != nil {
		spec.LayerSelector = &chartLayer
	}
	return spec
}

func isOCI(url string) bool { return strings.HasPrefix(url, "oci://") }

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
