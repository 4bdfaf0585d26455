package render

import (
	"fmt"
	"maps"
	"slices"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema/api"
	"github.com/fleetwright/fleetwright/schema/output"
)

// A helmReleaseSpec is that of v2.
type helmReleaseSpec struct {
	Interval           api.Duration              `json:"interval"`
	Timeout            api.Duration              `json:"timeout,omitempty"`
	Suspend            bool                      `json:"suspend,omitempty"`
	KubeConfig         *kubeConfig               `json:"kubeConfig,omitempty"`
	ReleaseName        string                    `json:"releaseName"`
	TargetNamespace    string                    `json:"targetNamespace,omitempty"`
	StorageNamespace   string                    `json:"storageNamespace,omitempty"`
	Chart              *helmChart                `json:"chart,omitempty"`
	ChartRef           *sourceRef                `json:"chartRef,omitempty"`
	DependsOn          []api.NamespacedReference `json:"dependsOn,omitempty"`
	MaxHistory         *int32                    `json:"maxHistory,omitempty"`
	ServiceAccountName string                    `json:"serviceAccountName,omitempty"`
	PersistentClient   *bool                     `json:"persistentClient,omitempty"`
	Install            *api.HelmInstall          `json:"install,omitempty"`
	Upgrade            *api.HelmUpgrade          `json:"upgrade,omitempty"`
	Rollback           *api.HelmRollback         `json:"rollback,omitempty"`
	Uninstall          *api.HelmUninstall        `json:"uninstall,omitempty"`
	ValuesFrom         []api.ValuesReference     `json:"valuesFrom,omitempty"`
	Values             api.Values                `json:"values,omitempty"`
	PostRenderers      []postRenderer            `json:"postRenderers,omitempty"`
}

type helmChart struct {
	Metadata *api.CommonMetadata `json:"metadata,omitempty"`
	Spec     helmChartSpec       `json:"spec"`
}

type helmChartSpec struct {
	Chart             string       `json:"chart"`
	Version           string       `json:"version,omitempty"`
	SourceRef         sourceRef    `json:"sourceRef"`
	Interval          api.Duration `json:"interval,omitempty"`
	ReconcileStrategy string       `json:"reconcileStrategy,omitempty"`
	ValuesFiles       []string     `json:"valuesFiles,omitempty"`
}

// A postRenderer changes what a chart has made before it is applied.
type postRenderer struct {
	Kustomize struct {
		Patches []kustomize.Patch `json:"patches"`
	} `json:"kustomize"`
}

// defaultMaxHistory is Kurator's, which Flux had until v2
// (pkg/apis/apps/v1alpha1/helm_release.go).
const defaultMaxHistory int32 = 10

// The longest values that helm-controller's CRD takes (fluxcd/pkg apis/meta,
// ValuesReference).
const (
	maxValuesKey  = 253
	maxTargetPath = 250
)

// maxRelease is the longest name that Helm takes for a release.
const maxRelease = 53

// releaseName is the name of Helm's release. Flux' default derives from the name
// of the HelmRelease and its namespace.
func (p *policy) releaseName() string {
	if name := p.Helm.ReleaseName; name != "" {
		return name
	}
	return shorten(p.name, maxRelease)
}

// helmRelease is the one of a policy on a cluster.
func (p sitePolicy) helmRelease(c *compiler, injected map[string]namespaceMeta) rendered {
	h := p.Helm
	spec := helmReleaseSpec{
		Interval: h.Interval, Timeout: h.Timeout, Suspend: h.Suspend,
		KubeConfig:  p.site.kubeConfig(),
		ReleaseName: p.releaseName(), TargetNamespace: h.TargetNamespace,
		DependsOn:          p.dependencies(),
		MaxHistory:         h.MaxHistory,
		ServiceAccountName: h.ServiceAccountName, PersistentClient: h.PersistentClient,
		Install: h.Install, Upgrade: h.Upgrade, Rollback: h.Rollback, Uninstall: h.Uninstall,
		ValuesFrom: h.ValuesFrom, Values: h.Values,
	}
	if spec.MaxHistory == nil {
		n := defaultMaxHistory
		spec.MaxHistory = &n
	}
	if spec.Install != nil && spec.Install.SkipCRDs {
		install := *spec.Install
		install.SkipCRDs, install.CRDs = false, "Skip"
		spec.Install = &install
	}
	if ref := p.app.sourceRef(); ref.Kind == ociRepository {
		spec.ChartRef = &ref
	} else {
		chart := h.Chart.Spec
		spec.Chart = &helmChart{h.Chart.Metadata, helmChartSpec{
			Chart: chart.Chart, Version: chart.Version, SourceRef: ref,
			Interval: chart.Interval, ReconcileStrategy: chart.ReconcileStrategy, ValuesFiles: chart.ValuesFiles,
		}}
	}
	if patches := p.rolloutPatches(c, injected); len(patches) > 0 {
		var r postRenderer
		r.Kustomize.Patches = patches
		spec.PostRenderers = []postRenderer{r}
	}
	return rendered{&manifest{
		APIVersion: helmV2, Kind: "HelmRelease",
		Metadata: metadata{Name: p.site.objectName(p.name), Namespace: p.app.namespace},
		Spec:     spec,
		form:     output.Policy,
	}, origin{p.app.doc, p.path}}
}

// rolloutPatches are those of a chart whose workload is rolled out. The chart's
// Service is left to Flagger: with every upgrade Helm would point it at the pods
// of the workload again, which are none between rollouts and the untested ones
// during one (fluxcd/flagger#1407).
func (p sitePolicy) rolloutPatches(c *compiler, injected map[string]namespaceMeta) []kustomize.Patch {
	var patches []kustomize.Patch
	for _, ns := range slices.Sorted(maps.Keys(injected)) {
		patches = append(patches, c.namespacePatch(ns, injected[ns], true))
	}
	if p.rollout == nil {
		return patches
	}
	if p.rollout.kind() == "Deployment" {
		patches = append(patches, c.replicasPatch(p.rollout.Workload.Name))
	}
	return append(patches, kustomize.Patch{
		Target: &kustomize.Selector{Version: coreV1, Kind: "Service", Name: exactly(p.rollout.ServiceName)},
		Patch: c.patch(struct {
			Delete string `json:"$patch"`
			manifest
		}{"delete", manifest{APIVersion: coreV1, Kind: "Service", Metadata: metadata{Name: p.rollout.ServiceName}}}),
	})
}

// checkHelm says what of a policy with helm Flux or Helm would refuse.
func (c *compiler) checkHelm(p *policy) {
	if p.Helm == nil {
		return
	}
	if i := p.Helm.Install; i != nil && i.SkipCRDs && i.CRDs != "" && i.CRDs != "Skip" {
		c.report(p.app.doc.Diagnostic(diag.NotAllowed, p.path.With("helm", "install", "skipCRDs"), "skipCRDs and crds: "+i.CRDs+" say different things", "remove skipCRDs"))
	}
	for i, v := range p.Helm.ValuesFrom {
		at := p.path.With("helm", "valuesFrom", i)
		for _, f := range []struct {
			name, value string
			most        int
		}{{"valuesKey", v.ValuesKey, maxValuesKey}, {"targetPath", v.TargetPath, maxTargetPath}} {
			if len(f.value) > f.most {
				c.report(p.app.doc.Diagnostic(diag.WrongFormat, at.With(f.name), fmt.Sprintf("the value has %d characters, Flux takes at most %d", len(f.value), f.most), ""))
			}
		}
	}
	if isZero(p.Helm.Timeout) {
		c.report(p.app.doc.Diagnostic(diag.OutOfBounds, p.path.With("helm", "timeout"), "with a timeout of "+string(p.Helm.Timeout)+" nothing is ever installed", "timeout: 5m0s"))
	}
	if p.app.Spec.Source.GitRepository != nil && p.Helm.Chart.Spec.Version != "" && p.Helm.Chart.Spec.Version != "*" {
		c.report(p.app.doc.Diagnostic(diag.NoVersionInGit, p.path.With("helm", "chart", "spec", "version"), "Flux does not look at the version of a chart in a gitRepository, it installs the one that is checked out", "write gitRepository: {ref: {tag: …}}"))
	}
}

// A release is a chart that fleetwright installs.
type release struct {
	name, namespace string
	chart           chart
	dependsOn       []*release
	origin          origin
}

// chartInterval is how often charts and their releases are looked at. Versions
// are pinned, so there is little to see.
const chartInterval = "1h"

// objects are the release and the repository of its chart.
func (r *release) objects(s *site) []rendered { return []rendered{r.repository(s), r.release(s)} }

// place is where the objects of a release are for a cluster, and what they are
// called there: on the cluster itself in the release's namespace, or on the hub.
func (r *release) place(s *site) metadata {
	if s.remote {
		return metadata{Name: s.objectName(r.name), Namespace: s.namespace}
	}
	return metadata{Name: r.name, Namespace: r.namespace}
}

func (r *release) repository(s *site) rendered {
	spec := helmRepositorySpec{URL: r.chart.Repository, Interval: chartInterval}
	if r.chart.isOCI() {
		// Flux does not poll registries: it asks when a chart is needed.
		spec.Type, spec.Interval = "oci", ""
	}
	return rendered{&manifest{APIVersion: sourceV1, Kind: helmRepository, Metadata: r.place(s), Spec: spec}, r.origin}
}

func (r *release) release(s *site) rendered {
	place := r.place(s)
	spec := helmReleaseSpec{
		Interval:    chartInterval,
		KubeConfig:  s.kubeConfig(),
		ReleaseName: r.name,
		Chart: &helmChart{Spec: helmChartSpec{
			Chart: r.chart.Name, Version: r.chart.Version,
			SourceRef: sourceRef{Kind: helmRepository, Name: place.Name},
		}},
		// Helm alone never upgrades CRDs. A first install is tried until it
		// works: on a new cluster much is not there yet.
		Install: &api.HelmInstall{CRDs: "CreateReplace", Remediation: &api.HelmInstallRemediation{Retries: -1}},
		Upgrade: &api.HelmUpgrade{CRDs: "CreateReplace", Remediation: &api.HelmUpgradeRemediation{Retries: 3}},
		Values:  r.chart.Values,
	}
	if s.remote {
		spec.TargetNamespace, spec.StorageNamespace = r.namespace, r.namespace
	}
	for _, d := range r.dependsOn {
		on := d.place(s)
		ref := api.NamespacedReference{Name: on.Name}
		if on.Namespace != place.Namespace {
			ref.Namespace = on.Namespace
		}
		spec.DependsOn = append(spec.DependsOn, ref)
	}
	return rendered{&manifest{APIVersion: helmV2, Kind: "HelmRelease", Metadata: place, Spec: spec}, r.origin}
}
