package rules

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
)

var autoscalerName = schema.Path{"autoscalerRef", "name"}

// autoscalers are the kinds that Flagger accepts as autoscalers (pkg/canary/factory.go), with the version that
// it reads.
var autoscalers = []struct{ group, version, kind string }{
	{"autoscaling", "v2", "HorizontalPodAutoscaler"},
	{"keda.sh", "v1alpha1", ScaledObject},
}

// A scaler is an autoscaler of the workload.
type scaler struct {
	*source.Object
	// ref is the autoscalerRef that names it; named reports whether the Canary has it.
	ref   string
	named bool
}

// checkAutoscalers reports autoscalers of the workload that the Canary does not name, and one that it names but
// does not exist.
func checkAutoscalers(r *Rollout) {
	if r.Manifests == nil {
		return
	}
	ref := r.AutoscalerRef
	var names []string
	var scalers []scaler
	known := false
	for _, k := range autoscalers {
		for found := range r.Manifests.Find(k.group, k.kind) {
			if found.ID.Namespace != r.ID.Namespace {
				continue
			}
			names = append(names, found.ID.Name)
			named := ref != nil && ref.Kind == found.Kind && ref.Name == found.Name
			known = known || named
			a := source.Read[source.Autoscaler](found.Object)
			if a == nil {
				continue
			}
			switch kind, name := cmp.Or(a.Spec.ScaleTargetRef.Kind, "Deployment"), a.Spec.ScaleTargetRef.Name; {
			case kind == r.TargetRef.Kind && name == r.TargetRef.Name:
				whole := fmt.Sprintf("autoscalerRef: {apiVersion: %s/%s, kind: %s, name: %s}", k.group, k.version, found.Kind, found.Name)
				scalers = append(scalers, scaler{found.Object, whole, named})
			case named:
				r.Report(diag.AutoscalerNotNamed, autoscalerName,
					fmt.Sprintf("%s scales %s %s, not %s %s", called(found.Object), kind, name, r.TargetRef.Kind, r.TargetRef.Name), "name: the autoscaler of the workload")
			}
		}
	}
	switch {
	case len(scalers) > 0:
		checkScalers(r, scalers)
	case ref != nil && !known:
		checkNoAutoscaler(r, names)
	}
}

// checkScalers reports the workload's autoscaler if the Canary does not name it, and all additional ones:
// Kubernetes ignores all autoscalers of a workload with several (k8s.io/kubernetes
// pkg/controller/podautoscaler/horizontal.go, AmbiguousSelector).
func checkScalers(r *Rollout, scalers []scaler) {
	ref, at := r.AutoscalerRef, autoscalerName
	if ref == nil {
		at = at[:1]
	}
	rank := func(s scaler) int {
		switch {
		case s.named:
			return 0
		case s.Name == r.TargetRef.Name:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(scalers, func(a, b scaler) int { return rank(a) - rank(b) })
	switch first := scalers[0]; {
	case ref == nil:
		r.Report(diag.AutoscalerNotNamed, at,
			called(first.Object)+" scales the workload, but autoscalerRef is not set; the pods that serve users are never scaled", first.ref)
	case !first.named:
		r.Report(diag.AutoscalerNotNamed, at,
			fmt.Sprintf("%s scales the workload, but autoscalerRef names %s %s", called(first.Object), ref.Kind, ref.Name), first.ref)
	}
	for _, s := range scalers[1:] {
		r.Report(diag.AutoscalerNotNamed, at,
			fmt.Sprintf("%s and %s both scale the workload, so Kubernetes ignores both", called(s.Object), called(scalers[0].Object)),
			"delete one of the two, or correct its scaleTargetRef")
	}
}

// checkNoAutoscaler reports an autoscaler that the manifests do not have: without it Flagger does not start the
// rollout (pkg/canary/hpa_reconciler.go, reconcilePrimaryHpa).
func checkNoAutoscaler(r *Rollout, names []string) {
	ref, set := r.AutoscalerRef, r.Manifests
	for _, k := range autoscalers {
		id := manifest.Identity{Group: k.group, Kind: k.kind, Namespace: r.ID.Namespace, Name: ref.Name}
		if k.kind != ref.Kind || !set.Lacks(id) || appliesMore(set) {
			continue
		}
		r.Report(diag.NoAutoscaler, autoscalerName,
			fmt.Sprintf("no %s %s in namespace %s; without it Flagger never starts the rollout", ref.Kind, ref.Name, r.ID.Namespace),
			diag.DidYouMean(ref.Name, names, "add its manifest, or remove autoscalerRef"))
	}
}
