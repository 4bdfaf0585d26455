package flux

import (
	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/source"
)

// NewBuild returns what Flux builds for a policy, with patches behind the policy's own.
func NewBuild(p *place.Policy, patches []kustomize.Patch) source.Build {
	b := source.Build{
		Key:    source.Key{Namespace: p.App.Namespace, Application: p.App.Name, Policy: p.Index()},
		Source: &p.App.Spec.Source, Added: patches,
	}
	if h := p.Helm; h != nil {
		b.Chart = &source.Chart{
			Path: h.Chart.Spec.Chart, Version: h.Chart.Spec.Version, Release: ReleaseName(p), Namespace: p.TargetNamespace(),
			ValuesFiles: h.Chart.Spec.ValuesFiles, Values: h.Values, Incomplete: len(h.ValuesFrom) > 0,
		}
		return b
	}
	k := p.Kustomization
	b.Patches = k.Patches
	b.Kustomization = &source.Kustomization{
		Path: k.Path, TargetNamespace: k.TargetNamespace, CommonMetadata: k.CommonMetadata, Components: k.Components, Images: k.Images,
	}
	return b
}
