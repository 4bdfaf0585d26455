package render

import (
	"cmp"
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
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/report"
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

// kustomization returns the Flux Kustomization of a policy on a target. Its manifests may
// bring the namespaces, and rolledOut reports whether a rollout of its workload runs there.
func kustomization(p *place.Policy, on *place.Target, namespaces map[string]manifest.NamespaceMeta, rolledOut bool) manifest.Rendered {
	k := p.Kustomization
	spec := kustomizationSpec{
		Interval: k.Interval, RetryInterval: k.RetryInterval, Timeout: k.Timeout,
		KubeConfig:      newKubeConfig(on),
		SourceRef:       newSourceRef(p.App),
		Path:            k.Path,
		TargetNamespace: k.TargetNamespace,
		Prune:           k.Prune, Force: k.Force, Suspend: k.Suspend,
		DependsOn: p.Dependencies(on), CommonMetadata: k.CommonMetadata, Components: k.Components, Images: k.Images,
		Patches: slices.Clone(k.Patches),
	}
	if isZero(k.RetryInterval) {
		spec.RetryInterval = "" // Flux would take it for never
	}
	if isZero(k.Interval) && spec.RetryInterval == "" {
		spec.RetryInterval = retryOfUnpolled
	}
	for _, ns := range slices.Sorted(maps.Keys(namespaces)) {
		if k.TargetNamespace == "" || k.TargetNamespace == ns {
			spec.Patches = append(spec.Patches, namespacePatch(ns, namespaces[ns], k.TargetNamespace == ""))
		}
	}
	if rolledOut {
		spec.Patches = append(spec.Patches, replicasPatches(p.Rollout)...)
	}
	return manifest.Rendered{Object: &manifest.Object{
		APIVersion: manifest.KustomizeV1, Kind: "Kustomization",
		Metadata: manifest.Metadata{Name: on.ObjectName(p.FluxName), Namespace: p.App.Namespace},
		Spec:     spec,
	}, Origin: manifest.Origin{Doc: p.App.Doc, Path: p.Path}}
}

// checkRetry reports that a retryInterval is added to a policy.
func checkRetry(p *place.Policy, to *report.Report) {
	k := p.Kustomization
	if k == nil || !isZero(k.Interval) || k.RetryInterval != "" && !isZero(k.RetryInterval) {
		return
	}
	to.Add(p.App.Doc.Diagnostic(diag.RetryAdded, p.Path.With("kustomization", "interval"),
		fmt.Sprintf("with an interval of %s and no retryInterval Flux would never try again what failed, so retryInterval: %s is added", k.Interval, retryOfUnpolled), ""))
}

// isZero reports whether a duration is zero, however it is written. The schema has
// checked its form.
func isZero(d api.Duration) bool { return d != "" && duration(d) == 0 }

// duration returns how long a duration is. One that cannot be parsed was rejected, and is long.
func duration(d api.Duration) time.Duration {
	parsed, err := time.ParseDuration(string(d))
	if err != nil {
		return time.Hour
	}
	return parsed
}

// replicasPatches keep Flux from resetting the replicas that Flagger scales: Flagger sets the
// workload to no replicas between rollouts, and Flux would set the number in Git
// again with every revision. A strategic merge patch with a target does nothing
// where there is no such Deployment, or none with replicas.
func replicasPatches(r *api.Rollout) []kustomize.Patch {
	if cmp.Or(r.Workload.Kind, "Deployment") != "Deployment" {
		return nil
	}
	return []kustomize.Patch{{
		Target: &kustomize.Selector{Group: "apps", Kind: "Deployment", Name: exactly(r.Workload.Name)},
		Patch: patchText(struct {
			APIVersion string            `json:"apiVersion"`
			Kind       string            `json:"kind"`
			Metadata   manifest.Metadata `json:"metadata"`
			Spec       struct {
				Replicas *int `json:"replicas"`
			} `json:"spec"`
		}{APIVersion: manifest.AppsV1, Kind: "Deployment", Metadata: manifest.Metadata{Name: r.Workload.Name}}),
	}}
}

// namespacePatch returns a patch that puts labels on the namespace that the application's manifests
// bring. kustomize renames every namespace to a targetNamespace after it has
// patched, so there the name is left open.
func namespacePatch(name string, meta manifest.NamespaceMeta, byName bool) kustomize.Patch {
	target := &kustomize.Selector{Kind: "Namespace"}
	if byName {
		target.Name = exactly(name)
	}
	return kustomize.Patch{
		Target: target,
		Patch: patchText(manifest.Object{
			APIVersion: manifest.CoreV1, Kind: "Namespace",
			Metadata: manifest.Metadata{Name: name, Labels: meta.Labels, Annotations: meta.Annotations},
		}),
	}
}

// exactly returns the regular expression of a name: kustomize's selectors are such.
func exactly(name string) string { return regexp.QuoteMeta(name) }

// patchText returns a patch as text, made from a typed value of ours.
func patchText(v any) string {
	text, err := blockyaml.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("cannot encode a patch: %v", err))
	}
	return string(text)
}

// checkPatches reports the components and patches of a policy that kustomize would reject.
func checkPatches(p *place.Policy, to *report.Report) {
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
		to.Add(p.App.Doc.Diagnostic(diag.WrongFormat, p.Path.With("kustomization", "components", i), fmt.Sprintf("the component %s %s, and kustomize-controller refuses it", component, why), "components: [../components/monitoring], relative to the path of the policy"))
	}
	for i, patch := range p.Kustomization.Patches {
		if field, message, hint := checkPatch(patch); message != "" {
			to.Add(p.App.Doc.Diagnostic(diag.BadPatch, p.Path.With("kustomization", "patches", i).With(field...), message, hint))
		}
	}
}
