package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/output"
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
	// CheckOutput has every object checked against the schema of what may be written. Those
	// that patches have changed are checked without it.
	CheckOutput bool
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
		checkOutput:    opts.CheckOutput,
		keep:           keep,
		blobs:          map[*manifest]*blob{},
		kustomizations: map[string]*blob{},
		stages:         map[stageKey]*stage{},
		patched:        map[string]origin{},
		alertManifests: map[*alertProvider]*manifest{},
		docs:           &docs,
		list:           slices.Clone(docs.Diagnostics),
	}
	c.index(docs.All)
	c.settings = c.newSettings(opts)
	c.checkCredentials()
	c.place()
	c.sayNotes()
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
	c.checkIgnores()
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
	docs     *schema.Documents
	settings settings
	// checkOutput is that of the options.
	checkOutput bool
	// keep is what keeps what is encoded, or nil.
	keep *Compiler

	// sites are the clusters that get a directory, by name.
	sites []*site
	// blobs are the manifests that were encoded so far.
	blobs map[*manifest]*blob
	// encodings are what the blobs are yet to hold.
	encodings []encoding
	// stages are those of the sync.yaml files made so far.
	stages map[stageKey]*stage
	// kustomizations are the kustomization.yaml files made so far.
	kustomizations map[string]*blob
	// alertManifests are the AlertProviders rendered so far.
	alertManifests map[*alertProvider]*manifest
	// outputs are the objects to be checked, each once, and patched where the patches of
	// some of them are, by their names.
	outputs []output.Object
	patched map[string]origin

	// notes are what is said once, by code.
	notes map[diag.Code][]occasion

	list diag.List
}

func (c *compiler) report(d diag.Diagnostic) { c.list = append(c.list, d) }

// diagnostics is everything reported that no comment ignores, with the severities of
// the settings.
func (c *compiler) diagnostics() diag.List {
	list := c.list.Sorted()
	if len(c.docs.Ignores) > 0 {
		list = slices.DeleteFunc(list, c.ignores())
	}
	for i, d := range list {
		if s, ok := c.settings.severities[d.Code]; ok {
			list[i].Severity = s
		}
	}
	return list
}

// render makes the tree of everything that was placed.
func (c *compiler) render() *Tree {
	tree := &Tree{}
	switch {
	case !c.settings.hub:
		layouts, variants := map[string]*layout{}, variants{}
		for _, s := range c.sites {
			tree.Clusters = append(tree.Clusters, c.renderSite(s, layouts, variants))
		}
	case len(c.sites) > 0:
		tree.Clusters = append(tree.Clusters, c.renderHub())
	}
	c.encodeAll()
	return tree
}

// checkOutputs checks objects against the schema of what may be written. A
// failure is a mistake of the compiler, not of its user, but for what the user's
// patches have made. Where there were errors before, what was rendered need not be
// sound: then only what patches have made of a sound rollout is checked.
func (c *compiler) checkOutputs(before diag.List) {
	outputs := c.outputs
	if before.HasErrors() {
		outputs = slices.DeleteFunc(slices.Clone(outputs), func(o output.Object) bool {
			by, ok := c.patched[o.Name]
			return !ok || by.mayBreak(before)
		})
	}
	for _, bad := range output.Check(outputs) {
		if by, ok := c.patched[bad.Name]; ok {
			c.report(by.doc.Diagnostic(diag.PatchBreaks, by.path, fmt.Sprintf("the patches make %s one that the cluster does not take: %s", bad.Name, bad.Explain()), bad.Hint))
			continue
		}
		c.report(diag.New(diag.Internal, diag.Position{}, "", bad.Error(), "please report this as a mistake of fleetwright"))
	}
}

// mayBreak says whether an error from before is of the rollout that the patches are of,
// so that they may not be what breaks an object.
func (o origin) mayBreak(before diag.List) bool {
	rollout := o.path[:max(slices.Index(o.path, any("patches")), 0)].String()
	return slices.ContainsFunc(before, func(d diag.Diagnostic) bool {
		return d.Severity == diag.Error && d.Position.File == o.doc.Position().File && strings.HasPrefix(d.Path, rollout)
	})
}
