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

// Options holds the settings of the caller, in addition to the documents.
type Options struct {
	// Program is the release of the program, for a RenderConfig that requires one. It is empty for a build from
	// a commit. The output does not depend on it.
	Program string
	// AnyProgram ignores the release that a RenderConfig requires, for a comparison before an upgrade.
	AnyProgram bool
	// Path is the output directory within the repository that the clusters sync from, with slashes. It overrides
	// the RenderConfig's path.
	Path string
	// DefaultPath is the path if neither Path nor a RenderConfig sets one. If it is empty too, the output
	// directory is the root of the repository.
	DefaultPath string
	// Topology is pull or hub. It overrides the RenderConfig's topology.
	Topology string
	// CheckOutput validates every object against the output schema. Objects that patches changed are always
	// validated.
	CheckOutput bool
	// Canaries describes the clusters of plain Canaries.
	Canaries CanaryOptions
	// Expected is the traffic of users to every rollout that does not set its own. Only Plan depends on it.
	Expected rules.Expected
}

// Compile returns the tree of all clusters and all diagnostics of the documents, in order, including those of
// loading. If one is an error, the tree is nil.
func Compile(docs schema.Documents, opts Options) (*Tree, schema.Diagnostics) {
	return Begin(docs, opts).Compile(nil)
}

// A Run compiles documents in two steps. In between, the caller may read the sources of the Applications, which
// are then checked as well. They never change the rendered tree.
type Run struct {
	c *compiler
	// checkOutput is CheckOutput of the options.
	checkOutput bool
}

// Begin places the documents' Applications and creates their rollouts.
func Begin(docs schema.Documents, opts Options) *Run {
	to := report.New(&docs)
	c := &compiler{
		Compilation:   &rollout.Compilation{Report: to, Input: place.NewInput(&docs, to)},
		installations: map[*place.Platform]*rollout.Installation{}, rollouts: map[rolloutKey]*rollout.Rollout{},
		keys: map[*place.Policy]rolloutKey{}, traffic: opts.Expected,
		stages: map[stagesKey][]renderedStage{}, waits: map[string][]string{},
	}
	c.Settings = settings.New(c.RenderConfig, opts.Path, opts.DefaultPath, opts.Topology, to)
	if !opts.AnyProgram {
		settings.CheckProgram(c.RenderConfig, opts.Program, to)
	}
	checkCredentials(docs.All, to)
	c.targets = c.Place(&c.Settings)
	c.waves = c.PlaceWaves(c.targets, c.Settings.Hub)
	c.install()
	c.canaries = plain.All(c.Compilation, &docs, opts.Canaries, c.expected())
	return &Run{c, opts.CheckOutput}
}

// Severities returns the severities that the settings give to codes, which also apply to diagnostics of the
// caller.
func (r *Run) Severities() map[diag.Code]diag.Severity { return r.c.Settings.Severities }

// Waves returns the order of the clusters, or nil if none is declared.
func (r *Run) Waves() *place.Waves { return r.c.waves }

// Compile is [Compile] with the manifests built from the sources, or nil if they were not built. It may be
// called only once.
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
	// Documents without errors are rendered in any case: one mistake must not hide another.
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

// checkApplications checks the applications, their sources and their rollouts, also against the manifests built
// from the sources, or nil if they were not built. It finishes one application before the next, so that each
// document is unpacked only once.
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

// checkRollout checks a rollout against the manifests of each of its policies, and once for all policies without
// manifests.
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

// noteTemplates notes the referenced MetricTemplates that no rollout renders.
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
	// installations holds the installations of platforms, and rollouts the rollouts on them.
	installations map[*place.Platform]*rollout.Installation
	rollouts      map[rolloutKey]*rollout.Rollout
	// keys holds the rollout keys of policies without their platform.
	keys map[*place.Policy]rolloutKey
	// canaries holds the plain Canaries.
	canaries []*plain.Canary
	// traffic is the expected traffic of users to every rollout that does not set its own.
	traffic rules.Expected
	// targets holds the clusters that get a directory, by name.
	targets []*place.Target
	// waves is the order of the clusters, or nil.
	waves *place.Waves
	// stages holds the stages before the applications, and waits the names of the stages that an application
	// waits for, by its contentKey. Rendering fills both.
	stages map[stagesKey][]renderedStage
	waits  map[string][]string
}

// diagnostics returns all reported diagnostics that no comment ignores, with the severities of the settings.
func (c *compiler) diagnostics() diag.List { return c.List(c.Settings.Severities) }
