package render

// A provider moves the traffic of rollouts. All that the compiler knows of one
// stands in its file; adding one is adding a file, a line to newProvider, and to
// the schemas under schema/output what it renders.
type provider interface {
	// namespace is where the provider and Flagger are installed.
	namespace() string
	// namespaces are all that the provider brings, with their labels.
	namespaces() []*manifest
	// releases are the charts to install before Flagger, in any order.
	releases() []release
	// flaggerValues are the values that make Flagger work with the provider.
	flaggerValues() map[string]any
	// versions of what is installed, for the inventory.
	versions() map[string]string
	// meshes are what must be there before objects are applied and before a pod
	// is started in a namespace of rolled out workloads. They are in a
	// Kustomization of their own: Flux has the API server try everything that one
	// applies before it applies the first of it (fluxcd/pkg ssa, ApplyAll).
	meshes() []rendered
	// objects are what the provider's custom resources must say, applied when
	// the releases are ready and the meshes are there.
	objects() []rendered
	// namespaceMeta is what a namespace of rolled out workloads must carry.
	namespaceMeta() namespaceMeta
	// route adds to a Canary what the provider reads.
	route(r *rollout, canary *manifest, service *canaryService)
	// query is the one behind a metric that Flagger knows by itself but cannot
	// answer with this provider, and the name to give it; ok is false where
	// Flagger can.
	query(r *rollout, metric string) (name, query string, ok bool)
	// serviceMeta are the annotations of a Service whose port speaks HTTP.
	serviceMeta(port int32) map[string]string
	// made are the objects that Flagger makes for a rollout with this provider,
	// beside those that it makes with any.
	made(r *rollout) []identity
	// check says what of a rollout the provider cannot do.
	check(r *rollout)
}

// newProvider is the provider of a fleet. The schema has refused all others.
func (c *compiler) newProvider(name string, f *fleet) provider {
	switch name {
	case "kuma":
		return c.newKuma(f)
	}
	return nil
}

// A namespaceMeta is what a namespace must carry.
type namespaceMeta struct {
	labels, annotations map[string]string
}
