package flux

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/internal/blockyaml"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A KustomizationSpec is the spec of a Flux Kustomization.
type KustomizationSpec struct {
	Interval           api.Duration          `json:"interval"`
	RetryInterval      api.Duration          `json:"retryInterval,omitempty"`
	Timeout            api.Duration          `json:"timeout,omitempty"`
	KubeConfig         *kubeConfig           `json:"kubeConfig,omitempty"`
	SourceRef          sourceRef             `json:"sourceRef"`
	Path               string                `json:"path,omitempty"`
	TargetNamespace    string                `json:"targetNamespace,omitempty"`
	ServiceAccountName string                `json:"serviceAccountName,omitempty"`
	Prune              bool                  `json:"prune"`
	Force              bool                  `json:"force,omitempty"`
	Suspend            bool                  `json:"suspend,omitempty"`
	Wait               bool                  `json:"wait,omitempty"`
	HealthChecks       []api.HealthCheck     `json:"healthChecks,omitempty"`
	HealthCheckExprs   []api.HealthCheckExpr `json:"healthCheckExprs,omitempty"`
	DependsOn          []api.Dependency      `json:"dependsOn,omitempty"`
	CommonMetadata     *api.CommonMetadata   `json:"commonMetadata,omitempty"`
	NamePrefix         string                `json:"namePrefix,omitempty"`
	NameSuffix         string                `json:"nameSuffix,omitempty"`
	Components         []string              `json:"components,omitempty"`
	Images             []kustomize.Image     `json:"images,omitempty"`
	Patches            []kustomize.Patch     `json:"patches,omitempty"`

	IgnoreMissingComponents bool             `json:"ignoreMissingComponents,omitempty"`
	BuildMetadata           []string         `json:"buildMetadata,omitempty"`
	PostBuild               *api.PostBuild   `json:"postBuild,omitempty"`
	Decryption              *api.Decryption  `json:"decryption,omitempty"`
	DeletionPolicy          string           `json:"deletionPolicy,omitempty"`
	Ignore                  []api.IgnoreRule `json:"ignore,omitempty"`
}

// A Health lists the objects that must be ready before a Kustomization is.
type Health struct {
	// Wait for all applied objects.
	Wait bool
	// Gateways must be programmed. With Wait, they are applied objects, and Flux ignores health
	// checks of others (kustomize-controller docs/spec/v1/kustomizations.md, Wait).
	Gateways []api.NamespacedReference
}

// programmed reports whether a Gateway is ready. By Flux's own rules it always is: it has no condition Ready, and no
// status.observedGeneration (kubernetes-sigs/gateway-api apis/v1/gateway_types.go, GatewayConditionProgrammed).
// Flux keeps waiting if an expression fails because a field is missing (fluxcd/cli-utils
// pkg/kstatus/polling/statusreaders/common.go, errResourceToResourceStatus).
var programmed = api.HealthCheckExpr{
	APIVersion: manifest.GatewayV1, Kind: "Gateway",
	Current: "status.conditions.exists(c, c.type == 'Programmed' && c.status == 'True' && c.observedGeneration == metadata.generation)",
}

// A kubeConfig describes how Flux reaches another cluster.
type kubeConfig struct {
	SecretRef api.SecretKey `json:"secretRef"`
}

// newKubeConfig returns how the hub reaches the target, or nil where the cluster's own
// Flux does all.
//
// The Secret of a Cluster is the one that Cluster API creates; its key is value. (Kurator names the
// Secret of the cloud's credentials, which holds no kubeconfig.)
func newKubeConfig(t *place.Target) *kubeConfig {
	switch {
	case t == nil || !t.Remote:
		return nil
	case t.Kubeconfig != nil:
		return &kubeConfig{api.SecretKey{Name: t.Kubeconfig.Name, Key: cmp.Or(t.Kubeconfig.Key, "value")}}
	}
	return &kubeConfig{api.SecretKey{Name: t.Name + "-kubeconfig", Key: "value"}}
}

// retryOfUnpolled is the retryInterval of a policy without an interval. Without it, Flux would
// never retry: the retryInterval defaults to the interval
// (kustomize-controller, GetRetryInterval).
const retryOfUnpolled api.Duration = "2m0s"

// An OwnService holds the labels and annotations that the Service of a rolled out workload needs if the
// application's manifests contain it. Flagger adopts such a Service: it sets the selector and the
// ports, but neither labels nor annotations (fluxcd/flagger pkg/router/kubernetes_default.go, reconcileService).
type OwnService struct {
	Name                string
	Labels, Annotations map[string]string
}

// Patches returns the patches that are added to a policy's own on a target. Its manifests may contain the
// namespaces, and the Service of its workload, which is nil if no rollout runs there.
func Patches(p *place.Policy, namespaces map[string]manifest.NamespaceMeta, service *OwnService) []kustomize.Patch {
	if p.Helm != nil {
		return helmPatches(p, namespaces, service != nil)
	}
	target := p.Kustomization.TargetNamespace
	var patches []kustomize.Patch
	for _, ns := range slices.Sorted(maps.Keys(namespaces)) {
		if target == "" || target == ns {
			patches = append(patches, namespacePatch(ns, namespaces[ns], target == ""))
		}
	}
	if service != nil {
		if name, ok := plainName(p.Kustomization, p.Rollout.Workload.Name); ok {
			patches = append(patches, replicasPatches(p.Rollout, name)...)
		}
		if name, ok := plainName(p.Kustomization, service.Name); ok {
			patches = append(patches, servicePatches(service, name)...)
		}
	}
	return patches
}

// NewKustomization returns the Flux Kustomization of a policy on a target, with patches after the policy's own.
func NewKustomization(p *place.Policy, on *place.Target, patches []kustomize.Patch) manifest.Rendered {
	k := p.Kustomization
	spec := KustomizationSpec{
		Interval: k.Interval, RetryInterval: k.RetryInterval, Timeout: k.Timeout,
		KubeConfig:      newKubeConfig(on),
		SourceRef:       newSourceRef(p.App),
		Path:            k.Path,
		TargetNamespace: k.TargetNamespace,
		Prune:           k.Prune, Force: k.Force, Suspend: k.Suspend,
		DependsOn: p.Dependencies(on), CommonMetadata: k.CommonMetadata, Components: k.Components, Images: k.Images,
		Patches:            slices.Concat(k.Patches, patches),
		ServiceAccountName: k.ServiceAccountName,
		Wait:               k.Wait, HealthChecks: k.HealthChecks, HealthCheckExprs: k.HealthCheckExprs,
		NamePrefix: k.NamePrefix, NameSuffix: k.NameSuffix,
		IgnoreMissingComponents: k.IgnoreMissingComponents, BuildMetadata: k.BuildMetadata,
		PostBuild: k.PostBuild, Decryption: k.Decryption, DeletionPolicy: k.DeletionPolicy, Ignore: k.Ignore,
	}
	if k.RetryInterval.IsNone() {
		spec.RetryInterval = "" // with 0s, Flux would never retry
	}
	if k.Interval.IsNone() && spec.RetryInterval == "" {
		spec.RetryInterval = retryOfUnpolled
	}
	return ofPolicy(p, on, manifest.Object{APIVersion: manifest.KustomizeV1, Kind: "Kustomization", Spec: spec})
}

// ofPolicy returns the object of a policy on a target, with its name.
func ofPolicy(p *place.Policy, on *place.Target, m manifest.Object) manifest.Rendered {
	m.Metadata = manifest.Metadata{Name: on.ObjectName(p.FluxName), Namespace: p.App.Namespace, Labels: appLabel(p.App)}
	return manifest.Rendered{Object: &m, Origin: manifest.Origin{Doc: p.App.Doc, Path: p.Path}}
}

// NewSync returns the Flux Kustomization that applies a directory of the repository. A hub
// applies it to the spoke, unless that is nil.
func NewSync(s *settings.Settings, meta manifest.Metadata, path string, spoke *place.Target, health Health, after []api.NamespacedReference) *manifest.Object {
	source := sourceRef{Kind: s.Source.Kind, Name: s.Source.Name}
	if meta.Namespace != s.Source.Namespace {
		source.Namespace = s.Source.Namespace
	}
	spec := KustomizationSpec{
		Interval: s.Defaults.Interval, RetryInterval: s.Defaults.RetryInterval, Timeout: s.Defaults.Timeout,
		KubeConfig:         newKubeConfig(spoke),
		SourceRef:          source,
		Path:               path,
		ServiceAccountName: s.Defaults.ServiceAccountName,
		Prune:              true,
		Wait:               health.Wait,
		DependsOn:          dependencies(after),
	}
	if len(health.Gateways) > 0 {
		spec.HealthCheckExprs = []api.HealthCheckExpr{programmed}
	}
	if !health.Wait {
		for _, g := range health.Gateways {
			spec.HealthChecks = append(spec.HealthChecks, api.HealthCheck{APIVersion: manifest.GatewayV1, Kind: "Gateway", Name: g.Name, Namespace: g.Namespace})
		}
	}
	return &manifest.Object{APIVersion: manifest.KustomizeV1, Kind: "Kustomization", Metadata: meta, Spec: spec}
}

func dependencies(refs []api.NamespacedReference) (all []api.Dependency) {
	for _, ref := range refs {
		all = append(all, api.Dependency{NamespacedReference: ref})
	}
	return all
}

// replicasPatches returns patches that keep Flux from resetting the replicas that Flagger scales: Flagger scales
// the workload to 0 between rollouts, and Flux would restore the number in Git with every revision. A strategic
// merge patch with a target has no effect if the Deployment does not exist or sets no replicas. The name is that
// in the manifests, because kustomize adds a prefix and a suffix after patching (sigs.k8s.io/kustomize
// api/internal/target/kusttarget_configplugin.go, and api/types/fix.go).
func replicasPatches(r *api.Rollout, name string) []kustomize.Patch {
	if cmp.Or(r.Workload.Kind, "Deployment") != "Deployment" {
		return nil
	}
	return []kustomize.Patch{{
		Target: &kustomize.Selector{Group: "apps", Kind: "Deployment", Name: regexp.QuoteMeta(name)},
		Patch: patchText(manifest.Object{
			APIVersion: manifest.AppsV1, Kind: "Deployment", Metadata: manifest.Metadata{Name: name}, Spec: map[string]any{"replicas": nil},
		}),
	}}
}

// servicePatches returns patches that add the labels and annotations that Flagger does not set to the application's
// own Service. A strategic merge patch with a target has no effect if the Service does not exist.
func servicePatches(s *OwnService, name string) []kustomize.Patch {
	if len(s.Labels) == 0 && len(s.Annotations) == 0 {
		return nil
	}
	return []kustomize.Patch{{
		Target: &kustomize.Selector{Version: manifest.CoreV1, Kind: "Service", Name: regexp.QuoteMeta(name)},
		Patch: patchText(manifest.Object{
			APIVersion: manifest.CoreV1, Kind: "Service",
			Metadata: manifest.Metadata{Name: name, Labels: s.Labels, Annotations: s.Annotations},
		}),
	}}
}

// namespacePatch returns a patch that adds labels to a namespace in the application's manifests. kustomize
// renames every namespace to targetNamespace after patching, so the patch then matches any name.
func namespacePatch(name string, meta manifest.NamespaceMeta, byName bool) kustomize.Patch {
	target := &kustomize.Selector{Kind: "Namespace"}
	if byName {
		target.Name = regexp.QuoteMeta(name)
	}
	for i, label := range meta.Unless {
		if i > 0 {
			target.LabelSelector += ","
		}
		target.LabelSelector += "!" + label
	}
	return kustomize.Patch{
		Target: target,
		Patch: patchText(manifest.Object{
			APIVersion: manifest.CoreV1, Kind: "Namespace",
			Metadata: manifest.Metadata{Name: name, Labels: meta.Labels, Annotations: meta.Annotations},
		}),
	}
}

// patchText returns the text of a typed patch.
func patchText(v any) string {
	text, err := blockyaml.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("cannot encode a patch: %v", err))
	}
	return string(text)
}
