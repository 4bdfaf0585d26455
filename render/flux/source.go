package flux

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A sourceRef names a Flux source.
type sourceRef struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

// A gitRepositorySpec is the spec of a GitRepository of v1, without the fields that Flux has removed
// since v1beta2.
type gitRepositorySpec struct {
	URL                string               `json:"url"`
	Ref                *api.GitReference    `json:"ref,omitempty"`
	Interval           api.Duration         `json:"interval"`
	Timeout            api.SourceTimeout    `json:"timeout,omitempty"`
	SecretRef          *api.LocalReference  `json:"secretRef,omitempty"`
	Provider           string               `json:"provider,omitempty"`
	ServiceAccountName string               `json:"serviceAccountName,omitempty"`
	ProxySecretRef     *api.LocalReference  `json:"proxySecretRef,omitempty"`
	SparseCheckout     []string             `json:"sparseCheckout,omitempty"`
	Verify             *api.GitVerification `json:"verify,omitempty"`
	Ignore             *string              `json:"ignore,omitempty"`
	Include            []api.GitInclude     `json:"include,omitempty"`
	RecurseSubmodules  bool                 `json:"recurseSubmodules,omitempty"`
	Suspend            bool                 `json:"suspend,omitempty"`
}

// A helmRepositorySpec is the spec of a HelmRepository of v1.
type helmRepositorySpec struct {
	Type            string              `json:"type,omitempty"`
	URL             string              `json:"url"`
	Interval        api.Duration        `json:"interval,omitempty"`
	Timeout         api.SourceTimeout   `json:"timeout,omitempty"`
	SecretRef       *api.LocalReference `json:"secretRef,omitempty"`
	CertSecretRef   *api.LocalReference `json:"certSecretRef,omitempty"`
	Insecure        bool                `json:"insecure,omitempty"`
	PassCredentials bool                `json:"passCredentials,omitempty"`
	Provider        string              `json:"provider,omitempty"`
	AccessFrom      *api.AccessFrom     `json:"accessFrom,omitempty"`
	Suspend         bool                `json:"suspend,omitempty"`
}

// chartLayer is the layer of an artifact that contains a chart, which helm-controller needs unchanged
// (fluxcd/flux2 docs of OCIRepository, "Helm OCI").
var chartLayer = api.OCILayerSelector{MediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip", Operation: "copy"}

// newSourceRef returns a reference to the application's source, for objects in the application's namespace.
func newSourceRef(a *place.Application) sourceRef {
	if e := a.Spec.Source.Existing; e != nil {
		ref := sourceRef{Kind: e.Kind, Name: e.Name}
		if e.Namespace != a.Namespace {
			ref.Namespace = e.Namespace
		}
		return ref
	}
	return sourceRef{Kind: a.SourceKind(), Name: a.SourceName}
}

// appLabel is the label by which Kurator, and scripts for it, find an Application's source, Flux
// Kustomizations and HelmReleases (pkg/fleet-manager/application/helper.go,
// buildObjectMetaWithApplication). A name that is too long for a label gets none.
func appLabel(a *place.Application) map[string]string {
	if len(a.Name) > validation.LabelValueMaxLength {
		return nil
	}
	return map[string]string{"apps.kurator.dev/app-name": a.Name}
}

// NewClusterSource returns the OCIRepository that the clusters sync from, without their names in its URL. Flux
// keeps it when it is no longer rendered: without it, a cluster would sync nothing.
func NewClusterSource(s *settings.Settings, config *schema.Document) *manifest.Rendered {
	return &manifest.Rendered{
		Object: &manifest.Object{
			APIVersion: manifest.SourceV1, Kind: place.OCIRepository,
			Metadata: manifest.Metadata{Name: s.Source.Name, Namespace: s.Source.Namespace, Annotations: map[string]string{manifest.FluxPrune: "disabled"}},
			Spec:     newOciRepository(s.Artifact),
		},
		Origin: manifest.Origin{Doc: config, Path: schema.Path{"spec", "ociRepository"}},
	}
}

// IsClusterSource reports whether the source of an application is the one that its clusters sync from.
func IsClusterSource(a *place.Application, s *settings.Settings) bool {
	e, own := a.Spec.Source.Existing, s.Source
	return e != nil && e.Kind == own.Kind && e.Name == own.Name && cmp.Or(e.Namespace, a.Namespace) == own.Namespace
}

// NewSource returns the source of an application, named after it. It must not be an existing one.
func NewSource(a *place.Application) manifest.Rendered {
	m := &manifest.Object{APIVersion: manifest.SourceV1, Kind: a.SourceKind(), Metadata: manifest.Metadata{Name: a.SourceName, Namespace: a.Namespace, Labels: appLabel(a)}}
	field := ""
	switch m.Kind {
	case place.HelmRepository:
		field, m.Spec = "helmRepository", newHelmRepository(a.Spec.Source.HelmRepository)
	case place.OCIRepository:
		o := newOciRepository(a.Spec.Source.OCIRepository)
		if o.LayerSelector == nil && a.Policies[0].Helm != nil {
			o.LayerSelector = &chartLayer
		}
		field, m.Spec = "ociRepository", o
	default:
		field, m.Spec = "gitRepository", newGitRepository(a.Spec.Source.GitRepository)
	}
	return manifest.Rendered{Object: m, Origin: manifest.Origin{Doc: a.Doc, Path: schema.Path{"spec", "source", field}}}
}

func newGitRepository(g *api.GitRepository) gitRepositorySpec {
	spec := gitRepositorySpec{
		URL: g.URL, Ref: g.Ref, Interval: g.Interval, Timeout: g.Timeout, SecretRef: g.SecretRef,
		Provider: g.Provider, ServiceAccountName: g.ServiceAccountName, ProxySecretRef: g.ProxySecretRef, SparseCheckout: g.SparseCheckout,
		Verify: g.Verify, Ignore: g.Ignore, Include: g.Include, RecurseSubmodules: g.RecurseSubmodules, Suspend: g.Suspend,
	}
	if v := g.Verify; v != nil && v.Mode == "head" {
		spec.Verify = &api.GitVerification{Mode: "HEAD", SecretRef: v.SecretRef}
	}
	return spec
}

func newHelmRepository(h *api.HelmRepository) helmRepositorySpec {
	spec := helmRepositorySpec{
		Type: h.Type, URL: h.URL, Interval: h.Interval, Timeout: h.Timeout, SecretRef: h.SecretRef,
		CertSecretRef: h.CertSecretRef, Insecure: h.Insecure,
		PassCredentials: h.PassCredentials, Provider: h.Provider, AccessFrom: h.AccessFrom, Suspend: h.Suspend,
	}
	if isOCI(h.URL) {
		spec.Type = "oci"
	}
	return spec
}

func newOciRepository(o *api.OCIRepository) api.OCIRepository {
	spec := *o
	if v := spec.Verify; v != nil {
		verify := *v
		verify.ChartVerification = *verification(&v.ChartVerification)
		spec.Verify = &verify
	}
	return spec
}

// verification returns a verification with a provider, which its CRD requires although it has a default.
func verification(v *api.ChartVerification) *api.ChartVerification {
	if v == nil {
		return nil
	}
	return &api.ChartVerification{Provider: cmp.Or(v.Provider, "cosign"), SecretRef: v.SecretRef}
}

func isOCI(url string) bool { return strings.HasPrefix(url, "oci://") }

// CanWait reports whether Flux can wait for the application's own Flux Kustomizations and
// HelmReleases: one that is suspended, or whose source is, never becomes ready.
func CanWait(a place.TargetApp) bool {
	s := a.Spec.Source
	suspended := s.HelmRepository != nil && s.HelmRepository.Suspend || s.OCIRepository != nil && s.OCIRepository.Suspend || s.GitRepository != nil && s.GitRepository.Suspend
	return !suspended && !slices.ContainsFunc(a.Policies, (*place.Policy).Suspended)
}
