package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/shell"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/tree"
)

// Groups of the kinds whose changes can be dangerous.
const (
	kustomizeGroup = "kustomize.toolkit.fluxcd.io"
	helmGroup      = "helm.toolkit.fluxcd.io"
	flaggerGroup   = "flagger.app"
	kumaGroup      = "kuma.io"
	sourceGroup    = "source.toolkit.fluxcd.io"
)

// A danger is a change with more effect on the clusters than its line shows.
type danger struct {
	group, kind string
	// fields whose change is dangerous, with all fields below them; nil for the deletion of the object.
	fields []string
	// unless reports whether an object is safe. It may be nil.
	unless func(object map[string]any) bool
	// effect on the clusters, in lower case, without a full stop at the end.
	effect string
}

// dangers are the effects of changes in Flux, Flagger, Kuma and Kubernetes.
var dangers = []danger{
	// Kubernetes deletes all objects in a namespace; Flux keeps annotated objects
	// (kustomize-controller docs/spec/v1/kustomizations.md, Controlling the deletion).
	{"", "Namespace", nil, tree.IsKept, "Flux deletes it, and everything in it"},
	// kustomize-controller docs/spec/v1/kustomizations.md, Controlling the apply behavior.
	{"", "Namespace", []string{"metadata.labels", "metadata.annotations"}, isUpdated, "Flux updates an existing Namespace only if the application's own manifests contain it: otherwise use kubectl label namespace"},
	{"apps", "Deployment", nil, tree.IsKept, "Flux deletes it, and its pods"},
	// The finalizer of a Kustomization deletes its inventory (kustomize-controller
	// internal/controller/kustomization_controller.go, finalize); the finalizer of a HelmRelease uninstalls.
	{kustomizeGroup, "Kustomization", nil, tree.LeavesAll, "Flux deletes all objects that it has applied"},
	{helmGroup, "HelmRelease", nil, isLeft, "Flux uninstalls the release"},
	// The primary belongs to the Canary, and the target was scaled to 0 (flagger
	// pkg/canary/deployment_controller.go; docs/gitbook/usage/how-it-works.md, Canary finalizers).
	{flaggerGroup, "Canary", nil, reverts, "Kubernetes also deletes the primary, and the target stays at 0 replicas unless its manifest sets replicas: set revertOnDeletion and render before you remove a rollout"},
	// Flagger logs a conflict (flagger pkg/controller/controller.go, NewController).
	{flaggerGroup, "Canary", []string{"spec.service.name"}, nil, "Flagger creates Services and routes with the new name, and keeps the old ones: delete them"},
	// Without a TrafficRoute, a service has a listener without a route
	// (kuma 2.6 and newer, pkg/xds/generator/outbound_proxy_generator.go).
	{kumaGroup, "TrafficRoute", nil, tree.IsKept, "as long as another TrafficRoute exists, Kuma routes only services that a TrafficRoute names"},
	{kumaGroup, "Mesh", nil, tree.IsKept, "every sidecar of this Mesh loses its configuration"},

	// Fields that the API server does not allow to change (kubernetes pkg/apis/apps/validation,
	// pkg/apis/core/validation).
	{"apps", "Deployment", []string{"spec.selector"}, nil, "the field is immutable: the API server rejects it, and Flux fails until the Deployment is deleted"},
	{"", "Service", []string{"spec.clusterIP", "spec.clusterIPs"}, nil, "the field is immutable: the API server rejects it, and Flux fails until the Service is deleted"},
	// Flux deletes objects that are no longer among those that it applies
	// (kustomize-controller docs/spec/v1/kustomizations.md, Prune).
	{kustomizeGroup, "Kustomization", []string{"spec.targetNamespace"}, tree.PrunesNothing, "Flux applies all objects to the new namespace, and deletes them from the old one"},
	{kustomizeGroup, "Kustomization", []string{"spec.path", "spec.sourceRef"}, tree.PrunesNothing, "Flux deletes all objects that the new place does not contain"},
	{kustomizeGroup, "Kustomization", []string{"spec.namePrefix", "spec.nameSuffix"}, tree.PrunesNothing, "Flux applies all objects with new names, and deletes the old ones"},
	{sourceGroup, "GitRepository", []string{"spec.url"}, nil, "Flux fetches another repository, and a Kustomization with prune deletes all objects that it does not contain"},
	{sourceGroup, "OCIRepository", []string{"spec.url"}, nil, "Flux fetches another artifact, and a Kustomization with prune deletes all objects that it does not contain"},
	{sourceGroup, "OCIRepository", []string{"spec.ref", "spec.verify", "spec.provider", "spec.secretRef", "spec.serviceAccountName", "spec.certSecretRef", "spec.proxySecretRef", "spec.insecure"}, isOfApplication,
		"the cluster syncs from this source: if Flux cannot fetch and verify such an artifact, no later change arrives either"},
	// Flux upgrades a HelmRelease to the chart in its source (helm-controller
	// docs/spec/v2/helmreleases.md, Chart template).
	{sourceGroup, "HelmRepository", []string{"spec.url"}, nil, "Flux upgrades its releases to the charts of another repository"},
	{kustomizeGroup, "Kustomization", []string{"spec.kubeConfig"}, nil, "Flux may apply it to another cluster"},
	{helmGroup, "HelmRelease", []string{"spec.kubeConfig"}, nil, "Flux may install it on another cluster"},
	// helm-controller docs/spec/v2/helmreleases.md, Release name, Target namespace,
	// Storage namespace; internal/action/diff.go, ReleaseTargetChanged.
	{helmGroup, "HelmRelease", []string{"spec.releaseName", "spec.targetNamespace", "spec.storageNamespace"}, nil, reinstalls},
	{helmGroup, "HelmRelease", []string{"spec.chart.spec.chart"}, isUpdatedInPlace, reinstalls},
}

// reinstalls is the effect of another name of a release or a chart.
const reinstalls = "Flux uninstalls the release, and installs it again"

// isUpdated reports whether Flux updates an object that exists.
func isUpdated(object map[string]any) bool {
	return tree.TextAt(object, "metadata", "annotations", manifest.FluxSSA) != "IfNotPresent"
}

// isUpdatedInPlace reports whether Flux upgrades a release to a chart of another name.
func isUpdatedInPlace(object map[string]any) bool {
	return tree.TextAt(object, "spec", "upgrade", "chartNameChangeStrategy") == "InPlaceUpdate"
}

// isOfApplication reports whether a source belongs to an application. Flux keeps the other one, from which the
// cluster syncs.
func isOfApplication(object map[string]any) bool { return !tree.IsKept(object) }

// isLeft reports whether Flux keeps the release of a HelmRelease that it no longer applies.
func isLeft(object map[string]any) bool { return tree.IsSuspended(object) || tree.IsKept(object) }

// reverts reports whether Flagger returns the traffic to the target.
func reverts(object map[string]any) bool {
	return tree.ValueAt(object, "spec", "revertOnDeletion") == true
}

// dangerOf returns the effect of changing a field, or of the deletion, or "". A nil value stands for any object.
func dangerOf(o Object, value map[string]any, field string) string {
	for _, d := range dangers {
		if d.group != o.Group() || d.kind != o.Kind || (field == "") != (d.fields == nil) || value != nil && d.unless != nil && d.unless(value) {
			continue
		}
		below := func(f string) bool {
			return field == f || strings.HasPrefix(field, f+".") || strings.HasPrefix(field, f+"[")
		}
		if field == "" || slices.ContainsFunc(d.fields, below) {
			return d.effect
		}
	}
	return ""
}

// dangerOfDeletion returns the effect of deleting the object, or "". Notes on a directory describe the effect of
// deleting its Flux Kustomization.
func dangerOfDeletion(ch *Change) string {
	if ch.isSync() {
		return ""
	}
	return dangerOf(ch.Object, ch.old.value(), "")
}

// dangerOfField returns the effect of changing a field, or "".
func dangerOfField(ch *Change, f Field) string {
	if f.Path == "spec.suspend" {
		return dangerOfSuspension(ch.Object, f.New == true)
	}
	if ch.isRollout() && f.Path == "spec.provider" {
		return dangerOfProvider(ch.new, f)
	}
	if ch.isSync() && !strings.HasPrefix(f.Path, "spec.kubeConfig") {
		return "" // their paths follow from the path of the output
	}
	return dangerOf(ch.Object, ch.new.value(), f.Path)
}

// dangerOfProvider returns the effect of another provider. Flagger creates the new route at the next check, with
// 100 % for the primary, and continues an analysis by its weights; it keeps the old route (fluxcd/flagger
// pkg/controller/scheduler.go, advanceCanary). One HTTPRoute of a Service disables all splits of a mesh of
// Kuma (measured on 2.7.3 and 2.13.10).
func dangerOfProvider(canary *document, f Field) string {
	effect := "a running analysis loses its weights: change the rollout while no analysis runs"
	if f.Old != flagger.Kuma || f.New != flagger.GatewayAPI {
		return effect
	}
	if hasServiceParent(canary.value()) {
		effect = "one HTTPRoute disables every TrafficRoute split of its mesh, and a running analysis loses its weights: change all rollouts of the mesh in one commit, while no analysis runs"
	}
	return effect + "; then run on each cluster, before the TrafficRoute for all traffic is removed: kubectl delete trafficroutes.kuma.io " + shell.Quote(serviceOf(canary))
}

// hasServiceParent reports whether the HTTPRoute of a Canary routes the callers of a Service in a mesh.
func hasServiceParent(canary map[string]any) bool {
	refs, _ := tree.ValueAt(canary, "spec", "service", "gatewayRefs").([]any)
	return slices.ContainsFunc(refs, func(item any) bool {
		ref, _ := item.(map[string]any)
		return tree.TextAt(ref, "kind") == "Service"
	})
}

func dangerOfSuspension(o Object, suspended bool) string {
	who := "Flux"
	if o.Group() == flaggerGroup {
		who = "Flagger"
	}
	if suspended {
		return who + " ignores later changes until you resume it"
	}
	return who + " applies all changes since it was suspended"
}

// isRenamed reports whether a created object equals a deleted one of the same directory, except for its name.
func isRenamed(deleted, created *Change) bool {
	was, is := deleted.Object, created.Object
	if was.Kind != is.Kind || was.Group() != is.Group() || deleted.Root != created.Root || !slices.Equal(deleted.Clusters, created.Clusters) {
		return false
	}
	same := func(field ...string) bool {
		return fmt.Sprint(tree.ValueAt(deleted.old.value(), field...)) == fmt.Sprint(tree.ValueAt(created.new.value(), field...))
	}
	switch is.Group() {
	case kustomizeGroup:
		return same("spec", "path") && same("spec", "targetNamespace")
	case helmGroup:
		return same("spec", "chart", "spec", "chart") && same("spec", "chartRef", "kind")
	}
	return false
}

// dangerOfRenaming returns the effect of another name, or "".
func dangerOfRenaming(ch *Change) string {
	switch {
	case ch.Object.Group() == helmGroup:
		return reinstalls
	case tree.LeavesAll(ch.old.value()):
		return ""
	}
	return "Flux deletes all objects of the old Kustomization, and the new one applies them again"
}

// isMoved reports whether an object moves to another Flux Kustomization.
func (ch *Change) isMoved() bool {
	return ch.oldPath() != "" && layout.Stage(ch.oldPath()) != layout.Stage(ch.Path)
}

// isTakenOver reports whether an object moves because the former layout had it elsewhere.
func (ch *Change) isTakenOver() bool {
	return ch.isMoved() && (ch.isSync() || ch.dir == layout.SharedDir)
}

// dangerOfMoving returns the effect of moving to another Flux Kustomization, or "".
func dangerOfMoving(ch *Change) string {
	if !ch.isMoved() || tree.IsKept(ch.old.value()) || !ch.isTakenOver() && dangerOf(ch.Object, ch.old.value(), "") == "" {
		return ""
	}
	return "another Flux Kustomization applies it, and the old one may delete it first"
}
