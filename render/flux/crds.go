package flux

import (
	"sync"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema/api"
)

// CRDs are the CRDs of a release in Git, which Flux applies from there.
type CRDs struct {
	Name    string
	Release settings.Chart
	Origin  manifest.Origin
}

// crdsPath is the directory of the CRDs of Gateway API's standard channel
// (kubernetes-sigs/gateway-api config/crd/kustomization.yaml).
const crdsPath = "./config/crd"

// Objects returns the source of the CRDs for a target, and the Flux Kustomization that applies them. It never
// replaces existing CRDs, and never prunes them, because that would delete every route.
func (c *CRDs) Objects(s *settings.Settings, on *place.Target) []manifest.Rendered {
	meta := manifest.Metadata{Name: on.ObjectName(c.Name), Namespace: s.Source.Namespace}
	if on.Remote {
		meta.Namespace = on.Namespace
	}
	return []manifest.Rendered{
		{Origin: c.Origin, Object: &manifest.Object{APIVersion: manifest.SourceV1, Kind: place.GitRepository, Metadata: meta, Spec: gitRepositorySpec{
			URL: c.Release.Repository, Ref: &api.GitReference{Tag: "v" + c.Release.Version}, Interval: chartInterval, Ignore: new("/*\n!/config/crd\n"),
		}}},
		{Origin: c.Origin, Object: &manifest.Object{APIVersion: manifest.KustomizeV1, Kind: "Kustomization", Metadata: meta, Spec: KustomizationSpec{
			Interval: s.Defaults.Interval, RetryInterval: s.Defaults.RetryInterval, Timeout: s.Defaults.Timeout,
			KubeConfig: newKubeConfig(on), SourceRef: sourceRef{Kind: place.GitRepository, Name: meta.Name}, Path: crdsPath,
			ServiceAccountName: s.Defaults.ServiceAccountName,
			Wait:               true,
			Patches:            crdPatches(),
		}}},
	}
}

// crdPatches keep Flux from replacing CRDs of another owner, and from pruning them. They remove the policy that
// Gateway API's releases contain since 1.5.0: next to CRDs of another owner it would reject updates of these
// (kubernetes-sigs/gateway-api config/crd/standard, safe-upgrades.gateway.networking.k8s.io).
var crdPatches = sync.OnceValue(func() []kustomize.Patch {
	const policy, crd = "ValidatingAdmissionPolicy", "CustomResourceDefinition"
	return []kustomize.Patch{
		{
			Target: &kustomize.Selector{Kind: crd},
			Patch: patchText(manifest.Object{
				APIVersion: "apiextensions.k8s.io/v1", Kind: crd,
				Metadata: manifest.Metadata{Name: "any", Annotations: map[string]string{manifest.FluxPrune: "disabled", manifest.FluxSSA: "IfNotPresent"}},
			}),
		},
		{
			Target: &kustomize.Selector{Kind: policy + ".*"},
			Patch: patchText(map[string]any{
				"$patch": "delete", "apiVersion": "admissionregistration.k8s.io/v1", "kind": policy, "metadata": map[string]any{"name": "any"},
			}),
		},
	}
})
