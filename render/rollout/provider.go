package rollout

import (
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/rules"
)

// A Provider moves the traffic of rollouts. All that the compiler knows of one stands in its
// file, but for what its router in Flagger reads, which stands beside the others' in features.
type Provider interface {
	rules.Provider
	// Namespace is where the provider is installed, and Flagger with it where it is rendered.
	Namespace() string
	// Namespaces are all that the provider brings, with their labels.
	Namespaces() []*manifest.Object
	// Releases are the charts to install before Flagger, in any order.
	Releases() []*flux.Release
	// FlaggerValues are the values that make Flagger work with the provider.
	FlaggerValues() map[string]any
	// Meshes are what must be there before objects are applied and before a pod
	// is started in a namespace of rolled out workloads. They are in a
	// Kustomization of their own: Flux has the API server try everything that one
	// applies before it applies the first of it (fluxcd/pkg ssa, ApplyAll).
	Meshes() []manifest.Rendered
	// Objects are what the provider's custom resources must say, applied when
	// the releases are ready and the meshes are there.
	Objects() []manifest.Rendered
	// NamespaceMeta is what the namespace of a rolled out workload must carry, or
	// that of the public load tester where there is no rollout.
	NamespaceMeta(r *Rollout) manifest.NamespaceMeta
	// Route adds to a Canary what the provider reads.
	Route(r *Rollout, canary *manifest.Object, spec *flagger.Canary)
	// RolloutObjects are those that a rollout needs beside its Canary.
	RolloutObjects(r *Rollout) []manifest.Rendered
	// PrometheusAddress is the Prometheus that measures rollouts of the provider alone, or nothing where
	// it is that of the installation.
	PrometheusAddress() string
	// Query returns the query behind a metric that Flagger knows by itself but cannot
	// answer with this provider, or nothing.
	Query(r *Rollout, metric string) string
	// ServiceMeta are the annotations of a Service whose port speaks HTTP.
	ServiceMeta(port int32) map[string]string
	// Made are the objects that Flagger makes for a rollout with this provider,
	// beside those that it makes with any.
	Made(r *Rollout) []manifest.Identity
	// Rejected returns what the provider would refuse of what Flagger makes of a Canary, by
	// the paths in the object.
	Rejected(spec *flagger.Canary) []rules.Problem
	// Join is called once for a rollout of the provider, before anything is made for it.
	Join(r *Rollout)
}
