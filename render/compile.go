package render

import (
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
)

// Options are what the caller says, beside the documents.
type Options struct {
	// Path of the output directory inside the repository that the clusters sync
	// from, with slashes. It overrides the RenderConfig's.
	Path string
	// DefaultPath is the path where neither Path nor a RenderConfig says one;
	// without it, the output directory is the root of the repository.
	DefaultPath string
	// Topology is pull or hub. It overrides the RenderConfig's.
	Topology string
}

// Compile makes the tree of all clusters. It reports everything there is to say
// about the documents, in order, including what was found when they were loaded.
// Where any of that is an error there is no tree.
func Compile(docs schema.Documents, opts Options) (*Tree, diag.List) {
	_, tree, list := compile(docs, opts, nil)
	return tree, list
}

// A Compiler compiles again and again. What it has encoded it gives again where the same
// is encoded the next time; the trees that it makes are those of the function. The zero
// value has not compiled anything.
type Compiler struct{ encoded memory }

// Compile is the function of that name.
func (m *Compiler) Compile(docs schema.Documents, opts Options) (*Tree, diag.List) {
	_, tree, list := compile(docs, opts, m)
	return tree, list
}

// compile compiles the documents, and returns the run that did with what it made.
func compile(docs schema.Documents, opts Options, keep *Compiler) (*compiler, *Tree, diag.List) {
	to := report.New(&docs)
	c := &compiler{
		Report:         to,
		Input:          place.NewInput(&docs, to),
		keep:           keep,
		blobs:          map[*manifest.Object]*blob{},
		kustomizations: map[string]*blob{},
		stages:         map[stageKey]*stage{},
		alertManifests: map[*place.AlertProvider]*manifest.Object{},
		stacks:         map[*place.Fleet]*stack{},
		rollouts:       map[rolloutKey]*rollout{},
		alerts:         map[*place.Target]map[*place.Application][]manifest.Rendered{},
	}
	c.settings = settings.New(c.RenderConfig, opts.Path, opts.DefaultPath, opts.Topology, to)
	checkCredentials(docs.All, to)
	c.targets = c.Place(&c.settings)
	for _, a := range c.Applications {
		flux.Check(a, to)
	}
	c.placeStacks()
	c.placeRollouts()
	c.checkFeatures()
	c.checkMeshes()
	c.checkAlertProviders()
	c.summarize()
	before := c.diagnostics()
	// What is sound is rendered in any case: one mistake must not hide another.
	tree := c.render()
	c.checkCollisions(tree)
	c.checkOutputs(before)
	list := c.diagnostics()
	if list.HasErrors() {
		return c, nil, list
	}
	c.CheckUnreached(c.targets)
	c.checkEnds()
	c.CheckIgnores()
	if list = c.diagnostics(); list.HasErrors() {
		return c, nil, list
	}
	tree.forget()
	tree.placements = c.placements()
	return c, tree, list
}

// A compiler is one run of Compile.
type compiler struct {
	*report.Report
	*place.Input
	settings settings.Settings
	// keep is what keeps what is encoded, or nil.
	keep *Compiler

	// targets are the clusters that get a directory, by name.
	targets []*place.Target
	// stacks are what the fleets install, and rollouts what is rolled out with that.
	stacks   map[*place.Fleet]*stack
	rollouts map[rolloutKey]*rollout
	// alerts are the AlertProviders that come with each application of a target, once they
	// were asked for.
	alerts map[*place.Target]map[*place.Application][]manifest.Rendered
	// blobs are the manifests that were encoded so far.
	blobs map[*manifest.Object]*blob
	// encodings are what the blobs are yet to hold.
	encodings []encoding
	// stages are those of the sync.yaml files made so far.
	stages map[stageKey]*stage
	// kustomizations are the kustomization.yaml files made so far.
	kustomizations map[string]*blob
	// alertManifests are the AlertProviders rendered so far.
	alertManifests map[*place.AlertProvider]*manifest.Object
	// outputs are the objects made so far, each once, until what is surely right of them
	// is left out.
	outputs []schema.Output
}

// diagnostics returns everything reported that no comment ignores, with the severities of
// the settings.
func (c *compiler) diagnostics() diag.List { return c.List(c.settings.Severities) }

// render makes the tree of everything that was placed.
func (c *compiler) render() *Tree {
	tree := &Tree{}
	switch {
	case !c.settings.Hub:
		layouts, variants := map[string]*clusterLayout{}, variants{}
		for _, t := range c.targets {
			tree.Clusters = append(tree.Clusters, c.renderTarget(t, layouts, variants))
		}
	case len(c.targets) > 0:
		tree.Clusters = append(tree.Clusters, c.renderHub())
	}
	c.encodeAll()
	return tree
}

// checkOutputs checks every object against the schema of what may be written. A failure is
// a mistake of the compiler, not of its user. Where there were errors before, what was
// rendered need not be sound.
func (c *compiler) checkOutputs(before diag.List) {
	if before.HasErrors() {
		return
	}
	for _, bad := range schema.CheckOutput(c.outputs) {
		c.Add(diag.New(diag.Internal, diag.Position{}, "", bad.Error(), "please report this as a mistake of fleetwright"))
	}
}
