package render

import (
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A release is a chart that fleetwright installs.
type release struct {
	name, namespace string
	chart           settings.Chart
	dependsOn       []*release
	origin          manifest.Origin
}

// chartInterval is how often charts and their releases are looked at. Versions
// are pinned, so there is little to see.
const chartInterval = "1h"

// objects returns the release and the repository of its chart.
func (r *release) objects(t *place.Target) []manifest.Rendered {
	return []manifest.Rendered{r.repository(t), r.helmRelease(t)}
}

// metadata returns the namespace and the name of the objects of a release for a target: on
// the cluster itself in the release's namespace, or on the hub.
func (r *release) metadata(t *place.Target) manifest.Metadata {
	if t.Remote {
		return manifest.Metadata{Name: t.ObjectName(r.name), Namespace: t.Namespace}
	}
	return manifest.Metadata{Name: r.name, Namespace: r.namespace}
}

// repository returns the HelmRepository of the release's chart.
func (r *release) repository(t *place.Target) manifest.Rendered {
	spec := helmRepositorySpec{URL: r.chart.Repository, Interval: chartInterval}
	if isOCI(r.chart.Repository) {
		// Flux does not poll registries: it asks when a chart is needed.
		spec.Type, spec.Interval = "oci", ""
	}
	return manifest.Rendered{Object: &manifest.Object{APIVersion: manifest.SourceV1, Kind: helmRepository, Metadata: r.metadata(t), Spec: spec}, Origin: r.origin}
}

// helmRelease returns the HelmRelease.
func (r *release) helmRelease(t *place.Target) manifest.Rendered {
	meta := r.metadata(t)
	spec := helmReleaseSpec{
		Interval:    chartInterval,
		KubeConfig:  newKubeConfig(t),
		ReleaseName: r.name,
		Chart: &helmChart{Spec: helmChartSpec{
			Chart: r.chart.Name, Version: r.chart.Version,
			SourceRef: sourceRef{Kind: helmRepository, Name: meta.Name},
		}},
		// Helm alone never upgrades CRDs. A first install is tried until it
		// works: on a new cluster much is not there yet.
		Install: &api.HelmInstall{CRDs: "CreateReplace", Remediation: &api.HelmInstallRemediation{Retries: -1}},
		Upgrade: &api.HelmUpgrade{CRDs: "CreateReplace", Remediation: &api.HelmUpgradeRemediation{Retries: 3}},
		Values:  r.chart.Values,
	}
	if t.Remote {
		spec.TargetNamespace, spec.StorageNamespace = r.namespace, r.namespace
	}
	for _, d := range r.dependsOn {
		on := d.metadata(t)
		ref := api.NamespacedReference{Name: on.Name}
		if on.Namespace != meta.Namespace {
			ref.Namespace = on.Namespace
		}
		spec.DependsOn = append(spec.DependsOn, ref)
	}
	return manifest.Rendered{Object: &manifest.Object{APIVersion: manifest.HelmV2, Kind: "HelmRelease", Metadata: meta, Spec: spec}, Origin: r.origin}
}
