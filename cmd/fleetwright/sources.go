package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/internal/sources"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
)

// sourceFlag names directories that stand for sources, each as URL=DIR.
type sourceFlag struct{ texts []string }

func (f *sourceFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.texts, "source", nil, "read the manifests of the source URL from DIR: `URL=DIR`; repeatable")
	completeFlag(cmd, "source", sourceURLs)
}

// parse returns the directories, and the errors of invalid flags.
func (f sourceFlag) parse() (given []sources.Given, err error) {
	var errs []error
	for _, text := range f.texts {
		g, err := sources.ParseGiven(text)
		if err == nil && slices.ContainsFunc(given, g.SameSource) {
			err = &usageError{fmt.Sprintf("--source %s is set twice", g.URL), "name one directory for each source"}
		}
		errs = append(errs, err)
		given = append(given, g)
	}
	return given, errors.Join(errs...)
}

// sourceURLs completes by the URLs of the sources of the Applications of a line.
func sourceURLs(_ *cobra.Command, paths []string, begun string) (urls []cobra.Completion, _ cobra.ShellCompDirective) {
	if strings.Contains(begun, "=") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	files, _ := inputs.Read(slices.DeleteFunc(slices.Clone(paths), isStream), nil) // the command reports errors when it runs
	for _, d := range schema.Load(files).All {
		for _, kind := range []string{"gitRepository", "helmRepository", "ociRepository"} {
			if url := d.Text("spec", "source", kind, "url"); url != "" {
				urls = append(urls, url+"=")
			}
		}
	}
	slices.Sort(urls)
	return slices.Compact(urls), cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}

// An origin is the place of documents, and remembers the sources that were read.
type origin struct {
	// paths of the inputs, at a Git revision or, without one, as they are.
	paths    []string
	revision string
	// function reports whether the inputs are those of a KRM function.
	function bool
	sourceFlag
	// canaries describes the clusters of plain Canaries, or is nil if the command does not read these.
	canaries *canaryFlags

	// places are where manifests were read on disk, and built the directories that were built.
	places inputs.Places
	built  []string

	// severities are the severities that the documents set for codes.
	severities map[diag.Code]diag.Severity
}

// compile compiles files, and checks their rollouts against the manifests of their sources.
func (o *origin) compile(files []schema.File, opts render.Options) (*render.Tree, diag.List, error) {
	run, manifests, problems, err := o.begin(files, opts)
	if err != nil {
		return nil, nil, err
	}
	o.severities = run.Severities()
	tree, list := run.Compile(manifests)
	if len(problems) > 0 {
		return nil, append(list, problems...).Sorted(), nil
	}
	return tree, list, nil
}

// begin begins to compile files, and builds the sources of their rollouts.
func (o *origin) begin(files []schema.File, opts render.Options) (*render.Run, source.Manifests, diag.List, error) {
	docs, run := o.load(files, opts)
	manifests, problems, err := o.build(run, docs)
	return run, manifests, problems, err
}

// load loads files, and begins to compile them.
func (o *origin) load(files []schema.File, opts render.Options) (schema.Documents, *render.Run) {
	if o.canaries == nil {
		docs := schema.Load(files)
		return docs, render.Begin(docs, opts)
	}
	whole, namespaces := inputs.Kustomized(files)
	docs := schema.LoadRollouts(whole, plain.IsBeside)
	docs.Rollouts = docs.Rollouts || len(whole) < len(files) // the others are patches of Canaries
	opts.Canaries = o.canaries.CanaryOptions
	opts.Canaries.Namespaces = namespaces
	return docs, render.Begin(docs, opts)
}

// plan plans the rollouts of files, checked in the same way.
func (o *origin) plan(files []schema.File, opts render.Options) ([]*render.Cluster, []render.Rollout, *render.Run, diag.List, error) {
	run, manifests, problems, err := o.begin(files, opts)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	clusters, rollouts, list := run.Plan(manifests)
	if problems.HasErrors() {
		rollouts = nil
	}
	return clusters, rollouts, run, append(list, problems...).Sorted(), nil
}

// build builds the sources of all rollouts. It returns the mistakes in the directories
// that the documents, or else the flags, name for them.
func (o *origin) build(run *render.Run, docs schema.Documents) (source.Manifests, diag.List, error) {
	given, err := o.parse()
	if err != nil {
		return nil, nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	defer end()
	finder := sources.NewFinder(ctx, sources.Options{Inputs: o.paths, Revision: o.revision, Given: given, Function: o.function})
	defer finder.Close()
	finder.Configure(docs.All)
	o.places, o.built = inputs.Places{}, nil
	builds := run.Builds()
	if problems, _ := finder.Problems(); len(problems) > 0 || len(builds) == 0 {
		return nil, problems, nil
	}
	manifests := sources.Build(ctx, builds, finder.Files)
	o.places, o.built = finder.Places(), finder.Built()
	problems, err := finder.Problems()
	return manifests, problems, err
}

// with returns places and the places of the manifests that were read.
func (o *origin) with(places inputs.Places) inputs.Places {
	return inputs.Places{Dirs: slices.Concat(places.Dirs, o.places.Dirs), Names: slices.Concat(places.Names, o.places.Names)}
}

// readsFiles reports whether manifests on disk were read, which may change as inputs do.
func (o *origin) readsFiles() bool { return len(o.places.Names) > 0 }
