package render

import (
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/provider"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/render/tree"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
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
func Compile(docs schema.Documents, opts Options) (*Tree, schema.Diagnostics) {
	return Begin(docs, opts).Compile(nil)
}

// A Run compiles documents in two steps. Between them the caller may read what the sources of
// the Applications hold, which is then checked, too, and changes nothing of what is rendered.
type Run struct {
	c *compiler
	// checkOutput is that of the options.
	checkOutput bool
}

// Begin places the documents' Applications and makes their rollouts.
func Begin(docs schema.Documents, opts Options) *Run {
	to := report.New(&docs)
	c := &compiler{
		Compilation:   &rollout.Compilation{Report: to, Input: place.NewInput(&docs, to)},
		installations: map[*place.Platform]*rollout.Installation{}, rollouts: map[rolloutKey]*rollout.Rollout{},
	}
	c.Settings = settings.New(c.RenderConfig, opts.Path, opts.DefaultPath, opts.Topology, to)
	checkCredentials(docs.All, to)
	c.targets = c.Place(&c.Settings)
	c.install()
	return &Run{c, opts.CheckOutput}
}

// Compile is [Compile] with what was built of the sources, which is nil where nobody has tried.
// It may be called once.
func (r *Run) Compile(manifests source.Manifests) (*Tree, schema.Diagnostics) {
	c := r.c
	for _, a := range c.Applications {
		flux.Check(a, c.Report)
	}
	c.checkSources(manifests)
	c.checkRollouts(manifests)
	c.noteTemplates()
	provider.CheckFeatures(c.Compilation)
	c.checkMeshes()
	c.checkCharts()
	c.checkAlertProviders()
	rollout.Summarize(c.Report)
	checkOutput := r.checkOutput && !c.diagnostics().HasErrors()
	// What is sound is rendered in any case: one mistake must not hide another.
	e := tree.NewEncoder(c.Report)
	made := c.render(e)
	c.checkCollisions(made, e.Held)
	if checkOutput {
		e.CheckOutputs()
	}
	list := c.diagnostics()
	if !list.HasErrors() {
		c.CheckUnreached(c.targets)
		c.checkEnds()
		c.CheckIgnores(c.followsManifests(manifests))
		list = c.diagnostics()
	}
	if list.HasErrors() {
		made = nil
	}
	return made, list
}

// checkRollouts checks all rollouts, also against what was built of the sources.
func (c *compiler) checkRollouts(manifests source.Manifests) {
	all := c.index(manifests)
	checked := map[*rollout.Rollout]bool{}
	for _, a := range c.Applications {
		for _, p := range a.Policies {
			for _, t := range p.Targets {
				if r := c.rollout(p, t); r != nil && !checked[r] {
					checked[r] = true
					r.Check(c.manifestsOf(r, all))
					c.checkWorkloadTwice(r, all)
				}
			}
		}
	}
}

// noteTemplates notes the MetricTemplates that are referred to and that no rollout renders.
func (c *compiler) noteTemplates() {
	rendered := map[api.NamespacedReference]bool{}
	for _, r := range c.rollouts {
		for ref := range r.Judged.Templates {
			rendered[ref] = true
		}
	}
	for _, r := range c.rollouts {
		r.NoteTemplates(func(ref api.NamespacedReference) bool { return rendered[ref] })
	}
}

// A compiler is one run of Compile.
type compiler struct {
	*rollout.Compilation
	// installations are what platforms have, and rollouts those that run with that.
	installations map[*place.Platform]*rollout.Installation
	rollouts      map[rolloutKey]*rollout.Rollout
	// targets are the clusters that get a directory, by name.
	targets []*place.Target
}

// diagnostics returns everything reported that no comment ignores, with the severities of
// the settings.
func (c *compiler) diagnostics() diag.List { return c.List(c.Settings.Severities) }
