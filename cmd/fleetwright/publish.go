package main

import (
	"context"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/internal/sink/oci"
	"github.com/fleetwright/fleetwright/internal/sources"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

type publishFlags struct {
	clusters   clusterFlags
	shard      shardFlag
	sources    sourceFlag
	tags       []string
	from       onceFlag
	allowPrune bool
	sign       bool
	signKey    onceFlag
	insecure   bool
	diagnosticFlags
}

func newPublishCmd(a *app) *cobra.Command {
	var flags publishFlags
	cmd := &cobra.Command{
		Use:               "publish PATH... oci://REGISTRY/PATH",
		Short:             "Compile and push an OCI artifact for every cluster",
		ValidArgsFunction: documentFiles,
		RunE:              func(_ *cobra.Command, args []string) error { return a.publish(args, flags) },
	}
	cmd.Flags().StringArrayVar(&flags.tags, "tag", nil, "add `TAG` to the artifacts, in addition to latest and the commit; repeatable")
	cmd.Flags().Var(&flags.from, "from", "roll back: push nothing, and move latest to the artifact of `TAG`")
	cmd.Flags().BoolVar(&flags.allowPrune, "allow-prune", false, "allow the run to remove more than half of a cluster's files, or an Application that is still among the inputs")
	cmd.Flags().BoolVar(&flags.sign, "sign", false, "sign the artifacts with cosign before any tag moves")
	cmd.Flags().Var(&flags.signKey, "sign-key", "sign with the cosign `KEY`, a file or the URL of a key service; implies --sign")
	flags.clusters.add(cmd, "publish only")
	flags.shard.add(cmd, "publish")
	flags.sources.add(cmd)
	addInsecure(cmd, &flags.insecure)
	flags.diagnosticFlags.add(cmd)
	completeFlag(cmd, "tag", cobra.NoFileCompletions)
	completeFlag(cmd, "from", cobra.NoFileCompletions)
	return cmd
}

// addInsecure adds the flag of the commands that reach a registry.
func addInsecure(cmd *cobra.Command, insecure *bool) {
	cmd.Flags().BoolVar(insecure, "insecure", false, "use plain HTTP for a registry on this machine")
}

const noCommit = "name files and directories of a Git repository: artifacts are tagged with their commit"

// publish compiles the inputs and publishes the clusters that are chosen, or rolls these back.
func (a *app) publish(args []string, flags publishFlags) error {
	paths := slices.DeleteFunc(slices.Clone(args), oci.IsURL)
	if len(args)-len(paths) != 1 {
		return &usageError{"name one registry and the path of the artifacts", "fleetwright publish PATH... oci://registry.example.com/fleet"}
	}
	url := strings.TrimRight(args[slices.IndexFunc(args, oci.IsURL)], "/")
	if err := flags.check(paths); err != nil {
		return err
	}
	fleet, err := a.openFleet(url, flags.insecure)
	if err != nil {
		return err
	}
	opts := oci.PublishOptions{Tags: flags.tags, AllowPrune: flags.allowPrune}
	if flags.sign || flags.signKey.given {
		said := newDoor(a.stderr)
		defer said.Flush()
		if opts.Sign, err = oci.Cosign(flags.signKey.text, flags.insecure, said); err != nil {
			return err
		}
	}
	shown := a.newProgress()
	opts.Progress = func(what string) func(done, total int) {
		shown.clear()
		shown.start(what)
		return shown.counter(what)
	}
	if len(paths) == 0 {
		return a.rollback(fleet, url, flags.clusters.names, flags.from.text, opts, shown)
	}
	var files []schema.File
	if flags.from.given {
		files, err = a.read(paths)
	} else {
		files, opts.Revision, err = readCommitted(context.Background(), paths)
	}
	if err != nil {
		return err
	}
	chosen, err := a.compileArtifacts(files, paths, flags)
	if err != nil {
		return err
	}
	now := flags.shard.ofClusters(chosen.now)
	if flags.from.given {
		return a.rollback(fleet, url, namesOf(now.Clusters), flags.from.text, opts, shown)
	}
	if other := syncedFrom(now, url); other != "" && !flags.insecure { // no cluster reaches this machine
		a.print("%s: clusters sync from elsewhere, such as %s (spec.ociRepository.url)\n", url, other)
	}
	ctx, stop := interruptible()
	defer stop()
	sum, err := fleet.Publish(ctx, now, opts)
	shown.clear()
	if err != nil {
		return err
	}
	a.print("%s: %s at %s, %d published, %d unchanged\n", url, diag.Plural(len(now.Clusters), "cluster"), opts.Revision.Commit, len(sum.Published), len(sum.Unchanged))
	a.printWaiting(url, chosen)
	if !chosen.some {
		if removed := fleet.Removed(ctx, namesOf(chosen.all.Clusters)); len(removed) > 0 {
			a.print("%s: no longer among the inputs, but still published: %s\n  hint: once these clusters are gone, delete their repositories from the registry\n", url, diag.Some(removed, diag.MostNames))
		}
	}
	return nil
}

// syncedFrom returns the URL that a cluster's rendered source has, if that is not of the artifact which is published.
func syncedFrom(tree *render.Tree, url string) string {
	for _, c := range tree.Clusters {
		for f := range c.Files() {
			if f.Path != layout.SourceFile {
				continue
			}
			var source struct{ Spec struct{ URL string } }
			if err := yaml.Unmarshal(f.Content, &source); err == nil && source.Spec.URL != url+"/"+c.Name {
				return source.Spec.URL
			}
			return ""
		}
	}
	return ""
}

// interruptible returns a context that the first signal ends; a second one ends the process.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// rollback makes clusters sync the artifact of a tag.
func (a *app) rollback(fleet *oci.Fleet, url string, clusters []string, from string, opts oci.PublishOptions, shown *progress) error {
	ctx, stop := interruptible()
	defer stop()
	sum, err := fleet.Rollback(ctx, clusters, from, opts)
	shown.clear()
	if err != nil {
		return err
	}
	a.print("%s: %s at %s, %d moved, %d unchanged\n", url, diag.Plural(len(clusters), "cluster"), from, len(sum.Published), len(sum.Unchanged))
	return nil
}

func (f publishFlags) check(paths []string) error {
	switch {
	case f.from.given && strings.TrimSpace(f.from.text) == "":
		return &usageError{"--from names no tag", "name the tag or the commit to go back to"}
	case f.signKey.given && strings.TrimSpace(f.signKey.text) == "":
		return &usageError{"--sign-key names no key", "name a key file, or omit it: --sign signs without a key"}
	case f.from.given && len(paths) == 0 && len(f.clusters.names) == 0:
		return &usageError{"no clusters given", "name the inputs, or clusters with --cluster"}
	case f.from.given && (f.sign || f.signKey.given):
		return &usageError{"--from pushes nothing and signs nothing", "omit --sign"}
	case f.from.given && len(paths) == 0 && (f.clusters.selector.given || f.clusters.through.given || f.shard.given):
		return &usageError{"--cluster-selector, --through and --shard need the inputs", "name the inputs as well"}
	case len(paths) == 0 && !f.from.given:
		return &usageError{errNoPath.message, "name the files or directories that hold the Applications and Fleets"}
	case slices.ContainsFunc(paths, isStream) && !f.from.given:
		return &usageError{"the standard input has no commit", noCommit}
	}
	for _, tag := range f.tags {
		if err := oci.CheckTag(tag); err != nil {
			return err
		}
	}
	if f.shard.given {
		if _, _, err := f.shard.parse(); err != nil {
			return err
		}
	}
	_, err := f.clusters.parse()
	return err
}

// compileArtifacts compiles files, prints the diagnostics, and returns the clusters that are chosen.
func (a *app) compileArtifacts(files []schema.File, paths []string, flags publishFlags) (*choice, error) {
	p, err := a.newPrinter(flags.diagnosticFlags, files, a.stderr)
	if err != nil {
		return nil, err
	}
	from := &origin{paths: paths, sourceFlag: flags.sources}
	tree, list, err := a.compile(files, render.Options{}, from)
	if err != nil {
		return nil, err
	}
	list, line, err := p.print(list, &watched{})
	if err != nil {
		return nil, err
	}
	if list.HasErrors() {
		if line != "" {
			a.print("%s; nothing was published\n", line)
		}
		return nil, errReported
	}
	if err := checkArtifacts(tree); err != nil {
		return nil, err
	}
	chosen, err := flags.clusters.of(tree)
	if err != nil {
		return nil, err
	}
	return chosen, chosen.checkNamed(flags.clusters.names)
}

// checkArtifacts rejects manifests that look for each other elsewhere than in an artifact.
func checkArtifacts(tree *render.Tree) error {
	if tree.OwnArtifacts {
		return nil
	}
	return &usageError{"the manifests are rendered for one source with all clusters, but each artifact holds one cluster",
		"in a RenderConfig write spec: {sourceRef: {kind: OCIRepository}}, without spec.path"}
}

// openFleet opens the registry at a URL.
func (a *app) openFleet(url string, insecure bool) (*oci.Fleet, error) {
	return oci.Open(url, oci.Options{Insecure: insecure, UserAgent: "fleetwright/" + a.version.String()})
}

// readCommitted reads inputs that must be unchanged since the last commit of one repository.
func readCommitted(ctx context.Context, paths []string) ([]schema.File, oci.Revision, error) {
	files, places, err := inputs.ReadPlaces(paths)
	if err != nil {
		return nil, oci.Revision{}, err
	}
	repository, err := git.Find(paths[0])
	if err != nil {
		return nil, oci.Revision{}, err
	}
	for _, path := range slices.Concat(places.Dirs, places.Files) {
		if path != repository.Root && !repository.Holds(path) {
			return nil, oci.Revision{}, &usageError{path + " is not in the repository of " + paths[0], "publish files of one commit"}
		}
	}
	if len(files) != len(places.Files) {
		return nil, oci.Revision{}, &usageError{"a pipe has no commit", noCommit}
	}
	history, err := repository.History(ctx)
	if err != nil {
		return nil, oci.Revision{}, err
	}
	contents := map[string][]byte{}
	for i, real := range places.Files {
		contents[real] = files[i].Data
	}
	if err := history.CheckCommitted(ctx, inputs.IsManifest, places.Dirs, contents); err != nil {
		return nil, oci.Revision{}, err
	}
	remotes, err := repository.Remotes(ctx)
	if err != nil {
		return nil, oci.Revision{}, err
	}
	source := ""
	for _, r := range remotes {
		if r.Name == "origin" || len(remotes) == 1 {
			source = sources.HTTPS(r.URL)
		}
	}
	return files, oci.Revision{
		Commit: history.Commit, Source: source,
		Follows:    func(commit string) *diag.Mistake { return history.Follows(ctx, commit) },
		MayPrecede: func(commit string) *diag.Mistake { return history.MayPrecede(ctx, commit) },
	}, nil
}
