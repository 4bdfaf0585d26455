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

// The groups of the kinds that are dangerous to change.
const (
	kustomizeGroup = "kustomize.toolkit.fluxcd.io"
	helmGroup      = "helm.toolkit.fluxcd.io"
	flaggerGroup   = "flagger.app"
	kumaGroup      = "kuma.io"
	sourceGroup    = "source.toolkit.fluxcd.io"
)

// A danger is a change that does more on the clusters than its line says.
type danger struct {
	group, kind string
	// fields that change, with what is below them; none for the deletion of the object.
	fields []string
	// unless reports whether an object is not in danger. It may be nil.
	unless func(object map[string]any) bool
	// effect is what happens. It is lower case and ends without a full stop.
	effect string
}

// dangers are what Flux, Flagger, Kuma and Kubernetes do with a change.
var dangers = []danger{
	// Kubernetes deletes what is in a namespace; Flux leaves what says so
	// (kustomize-controller docs/spec/v1/kustomizations.md, Controlling the deletion).
	{"", "Namespace", nil, tree.IsKept, "Flux deletes it, and everything in it"},
	// kustomize-controller docs/spec/v1/kustomizations.md, Controlling the apply behavior.
	{"", "Namespace", []string{"metadata.labels", "metadata.annotations"}, isUpdated, "Flux does not update a Namespace that exists, unless the application's manifests bring it: set this with kubectl label namespace"},
	{"apps", "Deployment", nil, tree.IsKept, "Flux deletes it, and its pods"},
	// The finalizer of a Kustomization deletes its inventory (kustomize-controller
	// internal/controller/kustomization_controller.go, finalize), that of a HelmRelease uninstalls.
	{kustomizeGroup, "Kustomization", nil, tree.LeavesAll, "Flux deletes everything that it has applied"},
	{helmGroup, "HelmRelease", nil, isLeft, "Flux uninstalls the release"},
	// The primary belongs to the Canary, and the target was scaled to 0 (flagger
	// pkg/canary/deployment_controller.go; docs/gitbook/usage/how-it-works.md, Canary finalizers).
	{flaggerGroup, "Canary", nil, reverts, "Kubernetes deletes the primary with it, and the target stays at 0 replicas unless its source says how many: set revertOnDeletion, and render, before you remove a rollout"},
	// Flagger logs that they conflict (flagger pkg/controller/controller.go, NewController).
	{flaggerGroup, "Canary", []string{"spec.service.name"}, nil, "Flagger makes Services and routes of the new name, and leaves those of the old one: delete them"},
	// Without a TrafficRoute for it, a service has a listener without a route
	// (kuma 2.6 and newer, pkg/xds/generator/outbound_proxy_generator.go).
	{kumaGroup, "TrafficRoute", nil, tree.IsKept, "while there is another TrafficRoute, Kuma routes no service that none of them names"},
	{kumaGroup, "Mesh", nil, tree.IsKept, "every sidecar of it loses its configuration"},

	// What the API server lets nobody change (kubernetes pkg/apis/apps/validation,
	// pkg/apis/core/validation).
	{"apps", "Deployment", []string{"spec.selector"}, nil, "the field is immutable: the API server refuses it, and Flux fails until the Deployment is deleted"},
	{"", "Service", []string{"spec.clusterIP", "spec.clusterIPs"}, nil, "the field is immutable: the API server refuses it, and Flux fails until the Service is deleted"},
	// Objects that Flux no longer finds in what it applies are deleted
	// (kustomize-controller docs/spec/v1/kustomizations.md, Prune).
	{kustomizeGroup, "Kustomization", []string{"spec.targetNamespace"}, tree.PrunesNothing, "Flux applies everything to the new namespace, and deletes it from the old one"},
	{kustomizeGroup, "Kustomization", []string{"spec.path", "spec.sourceRef"}, tree.PrunesNothing, "Flux deletes all that it does not find there"},
	{kustomizeGroup, "Kustomization", []string{"spec.namePrefix", "spec.nameSuffix"}, tree.PrunesNothing, "Flux applies everything under other names, and deletes it under the old ones"},
	{sourceGroup, "GitRepository", []string{"spec.url"}, nil, "Flux fetches another repository, and a Kustomization with prune deletes all that it does not find there"},
	{sourceGroup, "OCIRepository", []string{"spec.url"}, nil, "Flux fetches another artifact, and a Kustomization with prune deletes all that it does not find there"},
	{sourceGroup, "OCIRepository", []string{"spec.ref", "spec.verify", "spec.provider", "spec.secretRef", "spec.serviceAccountName", "spec.certSecretRef", "spec.proxySecretRef", "spec.insecure"}, isOfApplication,
		"the cluster syncs from it: if Flux cannot fetch and verify an artifact like this, it gets no later change either"},
	// A HelmRelease is upgraded to the chart that its source has (helm-controller
	// docs/spec/v2/helmreleases.md, Chart template).
	{sourceGroup, "HelmRepository", []string{"spec.url"}, nil, "Flux upgrades its releases to the charts of another repository"},
	{kustomizeGroup, "Kustomization", []string{"spec.kubeConfig"}, nil, "Flux may apply it to another cluster"},
	{helmGroup, "HelmRelease", []string{"spec.kubeConfig"}, nil, "Flux may install it on another cluster"},
	// helm-controller docs/spec/v2/helmreleases.md, Release name, Target namespace,
	// Storage namespace; internal/action/diff.go, ReleaseTargetChanged.
	{helmGroup, "HelmRelease", []string{"spec.releaseName", "spec.targetNamespace", "spec.storageNamespace"}, nil, "Flux uninstalls the release, and installs it anew"},
	{helmGroup, "HelmRelease", []string{"spec.chart.spec.chart"}, isUpdatedInPlace, "Flux uninstalls the release, and installs it anew"},
}

// isUpdated reports whether Flux applies an object also where it exists.
func isUpdated(object map[string]any) bool {
	return tree.TextAt(object, "metadata", "annotations", manifest.FluxSSA) != "IfNotPresent"
}

// isUpdatedInPlace reports whether Flux upgrades a release to a chart of another name.
func isUpdatedInPlace(object map[string]any) bool {
	return tree.TextAt(object, "spec", "upgrade", "chartNameChangeStrategy") == "InPlaceUpdate"
}

// isOfApplication reports whether a source is not the one that the cluster syncs from, which Flux keeps.
func isOfApplication(object map[string]any) bool { return !tree.IsKept(object) }

// isLeft reports whether Flux leaves the release of a HelmRelease that is no longer applied.
func isLeft(object map[string]any) bool { return tree.IsSuspended(object) || tree.IsKept(object) }

// reverts reports whether Flagger gives the traffic back to the target.
func reverts(object map[string]any) bool {
	return tree.ValueAt(object, "spec", "revertOnDeletion") == true
}

// dangerOf returns the danger of a field or of the deletion. A nil value stands for any object.
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

// dangerOfDeletion is what deleting the object does. What a Flux Kustomization for a directory has
// applied is said of that.
func dangerOfDeletion(ch *Change) string {
	if ch.isSync() {
		return ""
	}
	return dangerOf(ch.Object, ch.old.value(), "")
}

// dangerOfField is what changing a field does.
func dangerOfField(ch *Change, f Field) string {
	if f.Path == "spec.suspend" {
		return dangerOfSuspension(ch.Object, f.New == true)
	}
	if ch.isRollout() && f.Path == "spec.provider" {
		return dangerOfProvider(ch.new, f)
	}
	if ch.isSync() && !strings.HasPrefix(f.Path, "spec.kubeConfig") {
		return "" // where these are found follows from where the output is
	}
	return dangerOf(ch.Object, ch.new.value(), f.Path)
}

// dangerOfProvider is what another provider does to a rollout. Flagger makes the new route with the next check,
// at 100 % for the primary, and goes on with an analysis by its weights; it leaves the old route (fluxcd/flagger
// pkg/controller/scheduler.go, advanceCanary). One HTTPRoute of a Service switches off the splits of a mesh of
// Kuma (seen on 2.7.3 and 2.13.10).
func dangerOfProvider(canary *document, f Field) string {
	effect := "a running analysis loses its weights: change the rollout while none runs"
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
		return who + " leaves it as it is, and does nothing with later changes, until it is resumed"
	}
	return who + " makes up for all changes since it was suspended"
}

// isRenamed reports whether a created object is a deleted one of its directory with another name.
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

// dangerOfRenaming is what another name does.
func dangerOfRenaming(ch *Change) string {
	switch {
	case ch.Object.Group() == helmGroup:
		return "Flux uninstalls the release, and installs it anew"
	case tree.LeavesAll(ch.old.value()):
		return ""
	}
	return "Flux deletes everything that the old one has applied, and the new one applies it again"
}

// isMoved reports whether another Flux Kustomization applies an object than before.
func (ch *Change) isMoved() bool {
	return ch.oldPath() != "" && layout.Stage(ch.oldPath()) != layout.Stage(ch.Path)
}

// isTakenOver reports whether an object moves that was elsewhere in trees of the former layout.
func (ch *Change) isTakenOver() bool {
	return ch.isMoved() && (ch.isSync() || ch.dir == layout.SharedDir)
}

// dangerOfMoving is what another Flux Kustomization does to an object.
func dangerOfMoving(ch *Change) string {
	if !ch.isMoved() || tree.IsKept(ch.old.value()) || !ch.isTakenOver() && dangerOf(ch.Object, ch.old.value(), "") == "" {
		return ""
	}
	return "another Flux Kustomization applies it, and the old one may delete it before"
}
