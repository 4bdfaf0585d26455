package render

import (
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/render/provider"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/render/rollout"
	"github.com/fleetwright/fleetwright/render/rules"
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
	// Canaries say what the clusters of plain Canaries have.
	Canaries CanaryOptions
	// Expected is the traffic of users to every rollout that does not say its own. Only what Plan tells depends on it.
	Expected rules.Expected
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
		keys: map[*place.Policy]rolloutKey{}, traffic: opts.Expected,
	}
	c.Settings = settings.New(c.RenderConfig, opts.Path, opts.DefaultPath, opts.Topology, to)
	checkCredentials(docs.All, to)
	c.targets = c.Place(&c.Settings)
	c.waves = c.PlaceWaves(c.targets, c.Settings.Hub)
	c.install()
	c.canaries = plain.All(c.Compilation, &docs, opts.Canaries, c.expected())
	return &Run{c, opts.CheckOutput}
}

// Severities are those that the settings give to codes: diagnostics of the caller have them too.
func (r *Run) Severities() map[diag.Code]diag.Severity { return r.c.Settings.Severities }

// Waves returns the order of the clusters, or nil where none is declared.
func (r *Run) Waves() *place.Waves { return r.c.waves }

// Compile is [Compile] with what was built of the sources, which is nil where nobody has tried.
// It may be called once.
func (r *Run) Compile(manifests source.Manifests) (*Tree, schema.Diagnostics) {
	c := r.c
	c.checkApplications(manifests)
	c.noteTemplates()
	c.checkMeshes()
	c.checkCharts()
	flux.CheckClusterSource(c.RenderConfig, &c.Settings, c.Report)
	c.checkAlertProviders()
	for _, r := range c.canaries {
		r.Check()
	}
	rollout.Summarize(c.Report)
	checkOutput := r.checkOutput && !c.diagnostics().HasErrors()
	// What is sound is rendered in any case: one mistake must not hide another.
	e := tree.NewEncoder(c.Report, checkOutput)
	made := c.render(e)
	c.checkCollisions(made, e.Held)
	list := c.diagnostics()
	if !list.HasErrors() {
		c.CheckUnreached(c.targets)
		c.checkEnds()
		c.CheckIgnores(c.followsManifests(manifests))
		list = c.diagnostics()
	}
	if list.HasErrors() {
		return nil, list
	}
	made.Judged = c.judged
	return made, list
}

// judged returns a rollout of a cluster as the rules read it, or nil.
func (c *compiler) judged(cluster, namespace, name string) *rules.Rollout {
	i := slices.IndexFunc(c.targets, func(t *place.Target) bool { return t.Name == cluster })
	if i < 0 {
		return nil
	}
	for _, a := range c.targets[i].Apps {
		for _, r := range c.rolloutsOf(a, c.targets[i]) {
			if r.Namespace == namespace && r.Workload.Name == name {
				return r.Judged
			}
		}
	}
	return nil
}

// checkApplications checks the applications, their sources and their rollouts, also against what was
// built of the sources, which is nil where nobody has tried. It is done with one before the next, so
// that each document is unpacked once.
func (c *compiler) checkApplications(manifests source.Manifests) {
	all, rolledOut := c.index(manifests), c.rolledOut()
	for variants := range c.VariantsByApplication() {
		noted := false
		for _, a := range variants {
			flux.Check(a, &c.Settings, c.Report)
			if manifests != nil && rolledOut[a] {
				c.checkSource(a, manifests, &noted)
			}
			provider.CheckFeatures(c.Compilation, a.Doc)
		}
		if c.waves != nil {
			flux.CheckMoving(variants, c.waves, &c.Settings, c.Report)
		}
		c.checkRollouts(variants, all)
	}
	for _, d := range c.Documents {
		if d.Kind.Name == "Application" && d.Object == nil {
			provider.CheckFeatures(c.Compilation, d)
		}
	}
	c.summarizeSources()
}

// checkRollouts checks the rollouts of an application's variants.
func (c *compiler) checkRollouts(variants []*place.Application, all *built) {
	checked := map[*rollout.Rollout]bool{}
	for _, a := range variants {
		for _, p := range a.Policies {
			for _, t := range p.Targets {
				if r := c.rollout(p, t); r != nil && !checked[r] {
					checked[r] = true
					c.checkRollout(r, all)
				}
			}
		}
	}
}

// checkRollout checks a rollout with the manifests of each policy that has it, and once for those of
// which none were read.
func (c *compiler) checkRollout(r *rollout.Rollout, all *built) {
	var unread []*place.Policy
	for _, p := range r.Policies {
		manifests := c.manifestsOf(p, all)
		r.For([]*place.Policy{p}, func() {
			if manifests != nil {
				r.Check(manifests)
			}
			c.checkWorkloadTwice(r, p, all)
		})
		if manifests == nil {
			unread = append(unread, p)
		}
	}
	if len(unread) > 0 {
		r.For(unread, func() { r.Check(nil) })
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
	// keys are those of the rollouts of policies, whatever the platform.
	keys map[*place.Policy]rolloutKey
	// canaries are the plain ones.
	canaries []*plain.Canary
	// traffic is what users are expected to send to every rollout that does not say it.
	traffic rules.Expected
	// targets are the clusters that get a directory, by name.
	targets []*place.Target
	// waves are the order of the clusters, or nil.
	waves *place.Waves
}

// diagnostics returns everything reported that no comment ignores, with the severities of
// the settings.
func (c *compiler) diagnostics() diag.List { return c.List(c.Settings.Severities) }
