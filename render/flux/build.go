package flux

import (
	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/source"
)

// KeyOf returns the key of a policy's build.
func KeyOf(p *place.Policy) source.Key {
	return source.Key{Namespace: p.App.Namespace, Application: p.App.Name, Policy: p.Index(), Variant: p.App.Variant}
}

// NewBuild returns Flux's build of a policy, with patches after the policy's own.
func NewBuild(p *place.Policy, patches []kustomize.Patch) source.Build {
	b := source.Build{
		Key:    KeyOf(p),
		Source: &p.App.Spec.Source, Added: patches,
	}
	if h := p.Helm; h != nil {
		b.Chart = &source.Chart{
			Path: h.Chart.Spec.Chart, Version: h.Chart.Spec.Version, Release: ReleaseName(p), Namespace: p.TargetNamespace(),
			ValuesFiles: h.Chart.Spec.ValuesFiles, Values: h.Values, Incomplete: len(h.ValuesFrom) > 0,
			CommonMetadata: h.CommonMetadata,
		}
		for _, r := range h.PostRenderers {
			if r.Kustomize != nil {
				b.Patches = append(b.Patches, r.Kustomize.Patches...)
				b.Chart.Images = append(b.Chart.Images, r.Kustomize.Images...)
			}
		}
		return b
	}
	k := p.Kustomization
	b.Patches = k.Patches
	b.Kustomization = &source.Kustomization{
		Path: k.Path, TargetNamespace: k.TargetNamespace, CommonMetadata: k.CommonMetadata, Components: k.Components, Images: k.Images,
		NamePrefix: k.NamePrefix, NameSuffix: k.NameSuffix, IgnoreMissingComponents: k.IgnoreMissingComponents,
		PostBuild: k.PostBuild, Decryption: k.Decryption,
	}
	return b
}
