package flux

import (
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A Release is a chart that fleetwright installs.
type Release struct {
	Name, Namespace string
	Chart           settings.Chart
	DependsOn       []*Release
	Origin          manifest.Origin
	// Kept reports whether Flux keeps the release when it is no longer rendered.
	Kept bool
}

// chartInterval is the interval at which Flux looks at charts and their releases. Versions
// are pinned, so they seldom change.
const chartInterval = "1h"

// chartTimeout is how long Helm waits for a release, as in Kurator (pkg/fleet-manager/manifests/plugin.tpl):
// with Flux' default of 5 minutes, an install on a slow cluster would count as failed, be uninstalled and start
// again.
const chartTimeout = "15m"

// Objects returns the release and the repository of its chart.
func (r *Release) Objects(t *place.Target) []manifest.Rendered {
	return []manifest.Rendered{r.Repository(t), r.HelmRelease(t)}
}

// metadata returns the namespace and the name of the objects of a release for a target: on
// the cluster itself in the release's namespace, or on the hub.
func (r *Release) metadata(t *place.Target) manifest.Metadata {
	meta := manifest.Metadata{Name: r.Name, Namespace: r.Namespace}
	if t.Remote {
		meta = manifest.Metadata{Name: t.ObjectName(r.Name), Namespace: t.Namespace}
	}
	if r.Kept {
		meta.Annotations = map[string]string{manifest.FluxPrune: "disabled"}
	}
	return meta
}

// Repository returns the HelmRepository of the release's chart.
func (r *Release) Repository(t *place.Target) manifest.Rendered {
	spec := helmRepositorySpec{URL: r.Chart.Repository, Interval: chartInterval}
	if isOCI(r.Chart.Repository) {
		// Flux does not poll registries: it asks when a chart is needed.
		spec.Type, spec.Interval = "oci", ""
	}
	return manifest.Rendered{Object: &manifest.Object{APIVersion: manifest.SourceV1, Kind: place.HelmRepository, Metadata: r.metadata(t), Spec: spec}, Origin: r.Origin}
}

// HelmRelease returns the HelmRelease of the chart.
func (r *Release) HelmRelease(t *place.Target) manifest.Rendered {
	meta := r.metadata(t)
	spec := helmReleaseSpec{
		Interval:    chartInterval,
		Timeout:     chartTimeout,
		KubeConfig:  newKubeConfig(t),
		ReleaseName: r.Name,
		Chart: &helmChart{Spec: helmChartSpec{
			Chart: r.Chart.Name, Version: r.Chart.Version,
			SourceRef: sourceRef{Kind: place.HelmRepository, Name: meta.Name},
		}},
		// By default, Helm never upgrades CRDs. The first install is retried until it works, because a new
		// cluster may lack components at first.
		Install: &api.HelmInstall{CRDs: "CreateReplace", Remediation: &api.HelmInstallRemediation{Retries: -1}},
		Upgrade: &api.HelmUpgrade{CRDs: "CreateReplace", Remediation: &api.HelmUpgradeRemediation{Retries: 3}},
		Values:  r.Chart.Values,
	}
	if t.Remote {
		spec.TargetNamespace, spec.StorageNamespace = r.Namespace, r.Namespace
	}
	for _, d := range r.DependsOn {
		on := d.metadata(t)
		ref := api.NamespacedReference{Name: on.Name}
		if on.Namespace != meta.Namespace {
			ref.Namespace = on.Namespace
		}
		spec.DependsOn = append(spec.DependsOn, api.Dependency{NamespacedReference: ref})
	}
	return manifest.Rendered{Object: &manifest.Object{APIVersion: manifest.HelmV2, Kind: "HelmRelease", Metadata: meta, Spec: spec}, Origin: r.Origin}
}
