package render

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/internal/blockyaml"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A kustomizationSpec is that of a Flux Kustomization.
type kustomizationSpec struct {
	Interval           api.Duration              `json:"interval"`
	RetryInterval      api.Duration              `json:"retryInterval,omitempty"`
	Timeout            api.Duration              `json:"timeout,omitempty"`
	KubeConfig         *kubeConfig               `json:"kubeConfig,omitempty"`
	SourceRef          sourceRef                 `json:"sourceRef"`
	Path               string                    `json:"path,omitempty"`
	TargetNamespace    string                    `json:"targetNamespace,omitempty"`
	ServiceAccountName string                    `json:"serviceAccountName,omitempty"`
	Prune              bool                      `json:"prune"`
	Force              bool                      `json:"force,omitempty"`
	Suspend            bool                      `json:"suspend,omitempty"`
	Wait               bool                      `json:"wait,omitempty"`
	DependsOn          []api.NamespacedReference `json:"dependsOn,omitempty"`
	CommonMetadata     *api.CommonMetadata       `json:"commonMetadata,omitempty"`
	Components         []string                  `json:"components,omitempty"`
	Images             []kustomize.Image         `json:"images,omitempty"`
	Patches            []kustomize.Patch         `json:"patches,omitempty"`
}

// retryOfUnpolled is how soon Flux tries again what failed where there is no
// interval. Without it, Flux never would: a failure is retried after the
// retryInterval, which is the interval unless set (kustomize-controller,
// GetRetryInterval).
const retryOfUnpolled api.Duration = "2m0s"

// kustomization is the one of a policy on a cluster. The namespaces are those of
// the application that its own manifests may bring.
func (p sitePolicy) kustomization(c *compiler, injected map[string]manifest.NamespaceMeta) manifest.Rendered {
	k := p.Kustomization
	spec := kustomizationSpec{
		Interval: k.Interval, RetryInterval: k.RetryInterval, Timeout: k.Timeout,
		KubeConfig:      p.site.kubeConfig(),
		SourceRef:       p.app.sourceRef(),
		Path:            k.Path,
		TargetNamespace: k.TargetNamespace,
		Prune:           k.Prune, Force: k.Force, Suspend: k.Suspend,
		DependsOn: p.dependencies(), CommonMetadata: k.CommonMetadata, Components: k.Components, Images: k.Images,
		Patches: slices.Clone(k.Patches),
	}
	if isZero(k.RetryInterval) {
		spec.RetryInterval = "" // Flux would take it for never
	}
	if isZero(k.Interval) && spec.RetryInterval == "" {
		spec.RetryInterval = retryOfUnpolled
	}
	for _, ns := range slices.Sorted(maps.Keys(injected)) {
		if k.TargetNamespace == "" || k.TargetNamespace == ns {
			spec.Patches = append(spec.Patches, c.namespacePatch(ns, injected[ns], k.TargetNamespace == ""))
		}
	}
	if r := p.rollout; r != nil && r.kind() == "Deployment" {
		spec.Patches = append(spec.Patches, c.replicasPatch(r.Workload.Name))
	}
	return manifest.Rendered{Object: &manifest.Object{
		APIVersion: manifest.KustomizeV1, Kind: "Kustomization",
		Metadata: manifest.Metadata{Name: p.site.objectName(p.name), Namespace: p.app.namespace},
		Spec:     spec,
	}, Origin: manifest.Origin{Doc: p.app.doc, Path: p.path}}
}

// checkRetry says that a failure is tried again though the policy does not ask for it.
func (c *compiler) checkRetry(p *policy) {
	k := p.Kustomization
	if k == nil || !isZero(k.Interval) || k.RetryInterval != "" && !isZero(k.RetryInterval) {
		return
	}
	c.Add(p.app.doc.Diagnostic(diag.RetryAdded, p.path.With("kustomization", "interval"),
		fmt.Sprintf("with an interval of %s and no retryInterval Flux would never try again what failed, so retryInterval: %s is added", k.Interval, retryOfUnpolled), ""))
}

// noteReplicas notes that Flux would set replicas that Flagger has changed.
func (r *rollout) noteReplicas() {
	p := r.policy
	interval, field := api.Duration(""), "kustomization"
	switch {
	case p.Kustomization != nil:
		interval = p.Kustomization.Interval
		for _, patch := range p.Kustomization.Patches {
			if strings.Contains(patch.Patch, "replicas") {
				return
			}
		}
	case p.Helm != nil:
		interval, field = p.Helm.Interval, "helm"
	}
	if r.kind() == "Deployment" && interval != "" && !isZero(interval) {
		r.c.Note(diag.ReplicasLeft, manifest.Origin{Doc: p.app.doc, Path: p.path.With(field, "interval")}, "")
	}
}

func replicasMessage(_ []string, others int) string {
	return "with every interval Flux would set the replicas in Git again, which Flagger scales, so a patch that leaves them out is added" + hereToo(others)
}

// isZero says whether a duration is none, however it is written. The schema has
// checked its form.
func isZero(d api.Duration) bool { return d != "" && duration(d) == 0 }

// duration is how long a duration is. What is none has been refused, and is long.
func duration(d api.Duration) time.Duration {
	parsed, err := time.ParseDuration(string(d))
	if err != nil {
		return time.Hour
	}
	return parsed
}

// replicasPatch keeps Flux from resetting what Flagger scales: Flagger sets the
// workload to no replicas between rollouts, and Flux would set the number in Git
// again with every revision. A strategic merge patch with a target does nothing
// where there is no such Deployment, or none with replicas.
func (c *compiler) replicasPatch(deployment string) kustomize.Patch {
	return kustomize.Patch{
		Target: &kustomize.Selector{Group: "apps", Kind: "Deployment", Name: exactly(deployment)},
		Patch: c.patch(struct {
			APIVersion string            `json:"apiVersion"`
			Kind       string            `json:"kind"`
			Metadata   manifest.Metadata `json:"metadata"`
			Spec       struct {
				Replicas *int `json:"replicas"`
			} `json:"spec"`
		}{APIVersion: manifest.AppsV1, Kind: "Deployment", Metadata: manifest.Metadata{Name: deployment}}),
	}
}

// namespacePatch puts labels on the namespace that the application's manifests
// bring. kustomize renames every namespace to a targetNamespace after it has
// patched, so there the name is left open.
func (c *compiler) namespacePatch(name string, meta manifest.NamespaceMeta, byName bool) kustomize.Patch {
	target := &kustomize.Selector{Kind: "Namespace"}
	if byName {
		target.Name = exactly(name)
	}
	return kustomize.Patch{
		Target: target,
		Patch: c.patch(manifest.Object{
			APIVersion: manifest.CoreV1, Kind: "Namespace",
			Metadata: manifest.Metadata{Name: name, Labels: meta.Labels, Annotations: meta.Annotations},
		}),
	}
}

// exactly is a name as kustomize's selectors read one: as a regular expression.
func exactly(name string) string { return regexp.QuoteMeta(name) }

// patch is a patch as text, made from a typed value.
func (c *compiler) patch(v any) string {
	text, err := blockyaml.Marshal(v)
	if err != nil {
		c.Add(diag.New(diag.Internal, diag.Position{}, "", fmt.Sprintf("cannot encode a patch: %v", err), ""))
	}
	return string(text)
}

// checkPatches says which components and patches of a policy kustomize would refuse.
func (c *compiler) checkPatches(p *policy) {
	if p.Kustomization == nil {
		return
	}
	for i, component := range p.Kustomization.Components {
		// kustomize-controller keeps a path in the source (SecureJoin), and lets nothing
		// outside of it be read (fluxcd/pkg kustomize, SecureBuild); kustomize loads no
		// directory that is being loaded, or that holds it.
		base := strings.TrimPrefix(path.Join("/", p.Kustomization.Path), "/")
		at := path.Join(base, component)
		why := ""
		switch {
		case at == ".." || strings.HasPrefix(at, "../"):
			why = "is outside of the source"
		case at == "." || strings.HasPrefix(path.Clean(base)+"/", at+"/"):
			why = "is the directory of the policy, or one above it"
		default:
			continue
		}
		c.Add(p.app.doc.Diagnostic(diag.WrongFormat, p.path.With("kustomization", "components", i), fmt.Sprintf("the component %s %s, and kustomize-controller refuses it", component, why), "components: [../components/monitoring], relative to the path of the policy"))
	}
	for i, patch := range p.Kustomization.Patches {
		if field, message, hint := checkPatch(patch); message != "" {
			c.Add(p.app.doc.Diagnostic(diag.BadPatch, p.path.With("kustomization", "patches", i).With(field...), message, hint))
		}
	}
}
