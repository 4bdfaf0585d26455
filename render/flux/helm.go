// Package flux creates the Flux objects of policies and charts, and reports fields that Flux would reject or ignore.
package flux

import (
	"cmp"
	"maps"
	"regexp"
	"slices"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema/api"
	"github.com/fleetwright/fleetwright/schema/output"
)

// A helmReleaseSpec is the spec of a HelmRelease of v2.
type helmReleaseSpec struct {
	Interval           api.Duration          `json:"interval"`
	Timeout            api.Duration          `json:"timeout,omitempty"`
	Suspend            bool                  `json:"suspend,omitempty"`
	KubeConfig         *kubeConfig           `json:"kubeConfig,omitempty"`
	ReleaseName        string                `json:"releaseName"`
	TargetNamespace    string                `json:"targetNamespace,omitempty"`
	StorageNamespace   string                `json:"storageNamespace,omitempty"`
	Chart              *helmChart            `json:"chart,omitempty"`
	ChartRef           *sourceRef            `json:"chartRef,omitempty"`
	DependsOn          []api.Dependency      `json:"dependsOn,omitempty"`
	MaxHistory         *int32                `json:"maxHistory,omitempty"`
	ServiceAccountName string                `json:"serviceAccountName,omitempty"`
	PersistentClient   *bool                 `json:"persistentClient,omitempty"`
	Install            *api.HelmInstall      `json:"install,omitempty"`
	Upgrade            *api.HelmUpgrade      `json:"upgrade,omitempty"`
	Rollback           *api.HelmRollback     `json:"rollback,omitempty"`
	Uninstall          *api.HelmUninstall    `json:"uninstall,omitempty"`
	ValuesFrom         []api.ValuesReference `json:"valuesFrom,omitempty"`
	Values             api.Values            `json:"values,omitempty"`
	PostRenderers      []api.PostRenderer    `json:"postRenderers,omitempty"`
	PostRenderStrategy string                `json:"postRenderStrategy,omitempty"`
	CommonMetadata     *api.CommonMetadata   `json:"commonMetadata,omitempty"`
	DriftDetection     *api.DriftDetection   `json:"driftDetection,omitempty"`
	Test               *api.HelmTest         `json:"test,omitempty"`
	WaitStrategy       *api.WaitStrategy     `json:"waitStrategy,omitempty"`
	HealthCheckExprs   []api.HealthCheckExpr `json:"healthCheckExprs,omitempty"`
}

type helmChart struct {
	Metadata *api.CommonMetadata `json:"metadata,omitempty"`
	Spec     helmChartSpec       `json:"spec"`
}

type helmChartSpec struct {
	Chart                    string                 `json:"chart"`
	Version                  string                 `json:"version,omitempty"`
	SourceRef                sourceRef              `json:"sourceRef"`
	Interval                 api.Duration           `json:"interval,omitempty"`
	ReconcileStrategy        string                 `json:"reconcileStrategy,omitempty"`
	ValuesFiles              []string               `json:"valuesFiles,omitempty"`
	IgnoreMissingValuesFiles bool                   `json:"ignoreMissingValuesFiles,omitempty"`
	Verify                   *api.ChartVerification `json:"verify,omitempty"`
}

// defaultMaxHistory is Kurator's, which Flux had until v2 (pkg/apis/apps/v1alpha1/helm_release.go).
var defaultMaxHistory int32 = 10

// maxRelease is the maximum length of the name of a Helm release.
const maxRelease = 53

// ReleaseName returns the name of Helm's release. Flux's default derives from the name
// of the HelmRelease and its namespace.
func ReleaseName(p *place.Policy) string {
	return cmp.Or(p.Helm.ReleaseName, layout.Shorten(p.FluxName, maxRelease))
}

// NewHelmRelease returns the HelmRelease of a policy on a target, with patches of its chart's
// objects.
func NewHelmRelease(p *place.Policy, on *place.Target, patches []kustomize.Patch) manifest.Rendered {
	h := p.Helm
	spec := helmReleaseSpec{
		Interval: h.Interval, Timeout: h.Timeout, Suspend: h.Suspend,
		KubeConfig:  newKubeConfig(on),
		ReleaseName: ReleaseName(p), TargetNamespace: h.TargetNamespace,
		DependsOn:          p.Dependencies(on),
		MaxHistory:         cmp.Or(h.MaxHistory, &defaultMaxHistory),
		ServiceAccountName: h.ServiceAccountName, PersistentClient: h.PersistentClient,
		Install: h.Install, Upgrade: h.Upgrade, Rollback: h.Rollback, Uninstall: h.Uninstall,
		ValuesFrom: h.ValuesFrom, Values: h.Values,
		StorageNamespace: h.StorageNamespace, CommonMetadata: h.CommonMetadata,
		DriftDetection: driftDetection(p), Test: h.Test, WaitStrategy: h.WaitStrategy, HealthCheckExprs: h.HealthCheckExprs,
		PostRenderers: h.PostRenderers, PostRenderStrategy: h.PostRenderStrategy,
	}
	if spec.Install != nil && spec.Install.SkipCRDs {
		install := *spec.Install
		install.SkipCRDs, install.CRDs = false, "Skip"
		spec.Install = &install
	}
	if ref := newSourceRef(p.App); isOneArtifact(ref.Kind) {
		spec.ChartRef = &ref
	} else {
		chart := h.Chart.Spec
		spec.Chart = &helmChart{h.Chart.Metadata, helmChartSpec{
			Chart: chart.Chart, Version: chart.Version, SourceRef: ref,
			Interval: chart.Interval, ReconcileStrategy: chart.ReconcileStrategy, ValuesFiles: chart.ValuesFiles,
			IgnoreMissingValuesFiles: chart.IgnoreMissingValuesFiles, Verify: verification(chart.Verify),
		}}
	}
	if len(patches) > 0 {
		spec.PostRenderers = append(slices.Clip(spec.PostRenderers), api.PostRenderer{Kustomize: &api.PostRendererKustomize{Patches: patches}})
	}
	return ofPolicy(p, on, manifest.Object{APIVersion: manifest.HelmV2, Kind: "HelmRelease", Spec: spec, Form: output.Policy})
}

// isOneArtifact reports whether a source of a kind holds one chart, which the release refers to directly
// (helm-controller api/v2, HelmReleaseSpec.ChartRef).
func isOneArtifact(kind string) bool {
	return kind == place.OCIRepository || kind == place.ExternalArtifact
}

// helmPatches returns the patches of the objects of a policy's chart. A workload that is
// rolled out leaves its Service to Flagger: with every upgrade Helm would point the Service at
// the pods of the workload again, which are none between rollouts and the untested ones
// during one (fluxcd/flagger#1407).
func helmPatches(p *place.Policy, namespaces map[string]manifest.NamespaceMeta, rolledOut bool) []kustomize.Patch {
	var patches []kustomize.Patch
	for _, ns := range slices.Sorted(maps.Keys(namespaces)) {
		patches = append(patches, namespacePatch(ns, namespaces[ns], true))
	}
	if !rolledOut {
		return patches
	}
	patches = append(patches, replicasPatches(p.Rollout, p.Rollout.Workload.Name)...)
	return append(patches, kustomize.Patch{
		Target: &kustomize.Selector{Version: manifest.CoreV1, Kind: "Service", Name: regexp.QuoteMeta(p.Rollout.ServiceName)},
		Patch: patchText(struct {
			Delete string `json:"$patch"`
			manifest.Object
		}{"delete", manifest.Object{APIVersion: manifest.CoreV1, Kind: "Service", Metadata: manifest.Metadata{Name: p.Rollout.ServiceName}}}),
	})
}
