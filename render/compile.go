package render

import (
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/report"
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
	c := &compiler{
		keep:           keep,
		blobs:          map[*manifest.Object]*blob{},
		kustomizations: map[string]*blob{},
		stages:         map[stageKey]*stage{},
		alertManifests: map[*alertProvider]*manifest.Object{},
		docs:           &docs,
		Report:         report.New(&docs),
	}
	c.index(docs.All)
	c.settings = c.newSettings(opts)
	c.checkCredentials()
	c.place()
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
	c.checkUnreached()
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
	input
	*report.Report
	docs     *schema.Documents
	settings settings
	// keep is what keeps what is encoded, or nil.
	keep *Compiler

	// sites are the clusters that get a directory, by name.
	sites []*site
	// blobs are the manifests that were encoded so far.
	blobs map[*manifest.Object]*blob
	// encodings are what the blobs are yet to hold.
	encodings []encoding
	// stages are those of the sync.yaml files made so far.
	stages map[stageKey]*stage
	// kustomizations are the kustomization.yaml files made so far.
	kustomizations map[string]*blob
	// alertManifests are the AlertProviders rendered so far.
	alertManifests map[*alertProvider]*manifest.Object
	// outputs are the objects made so far, each once, until what is surely right of them
	// is left out.
	outputs []schema.Output
}

// diagnostics returns everything reported that no comment ignores, with the severities of
// the settings.
func (c *compiler) diagnostics() diag.List { return c.List(c.settings.severities) }

// render makes the tree of everything that was placed.
func (c *compiler) render() *Tree {
	tree := &Tree{}
	switch {
	case !c.settings.hub:
		layouts, variants := map[string]*clusterLayout{}, variants{}
		for _, s := range c.sites {
			tree.Clusters = append(tree.Clusters, c.renderSite(s, layouts, variants))
		}
	case len(c.sites) > 0:
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
