package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/internal/sink/diff"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/internal/sink/oci"
	"github.com/fleetwright/fleetwright/internal/sink/plan"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/tree"
	"github.com/fleetwright/fleetwright/schema"
)

// A choice is the part of a tree that a run writes or compares.
type choice struct {
	// all holds the chosen clusters, now the clusters that are written, and later the clusters behind
	// these waves.
	all, now, later *render.Tree
	// wave is the number of the last wave that is written, and through its name; without waves -1 and "".
	wave    int
	through string
	// some reports whether clusters are chosen by their names or labels.
	some bool
}

// inWaves returns the choice of a tree's clusters by their waves.
func (f clusterFlags) inWaves(tree *render.Tree) (*choice, error) {
	c := &choice{all: tree, now: tree, later: tree.With(nil), wave: -1, some: f.given()}
	wave, err := f.wave(tree.Waves)
	if err != nil || tree.Waves == nil {
		return c, err
	}
	c.wave, c.through = wave, tree.Waves.Names[wave]
	c.now, c.later = tree.Through(wave)
	return c, nil
}

// wave returns the number of the last wave that is written.
func (f clusterFlags) wave(waves *place.Waves) (int, error) {
	switch {
	case waves == nil && f.through.given:
		return 0, &usageError{fmt.Sprintf("--through %s names a wave, but no waves are declared", f.through.text),
			"declare them in a RenderConfig: spec: {waves: [{name: " + f.through.text + ", clusterSelector: {matchLabels: {stage: canary}}}, {name: rest}]}"}
	case waves == nil:
		return 0, nil
	}
	name := waves.Through
	if f.through.given {
		name = f.through.text
	}
	i := waves.Last(name)
	if i < 0 {
		return 0, &usageError{fmt.Sprintf("unknown wave %q", name), diag.DidYouMean(name, waves.Names, "the waves are "+diag.Some(waves.Names, diag.MostNames))}
	}
	return i, nil
}

// waiting returns the clusters that are behind the waves, on a hub those that it applies to.
func (c *choice) waiting() []string {
	return c.later.Names()
}

// options returns the options to write the choice.
func (c *choice) options() disk.Options {
	behind := map[string]bool{}
	for _, cluster := range c.later.Clusters {
		behind[cluster.Name] = cluster.Waiting() == nil
	}
	return disk.Options{KeepOthers: c.some, Behind: behind}
}

// writes reports whether a run concerns a file in the directory of a cluster.
func (c *choice) writes(cluster, file string) bool {
	for _, part := range c.now.Clusters {
		if part.Name == cluster {
			return !part.Leaves(file)
		}
	}
	return !c.some && !slices.ContainsFunc(c.later.Clusters, func(part *render.Cluster) bool { return part.Name == cluster })
}

// last is the name of the last wave.
func (c *choice) last() string { return c.all.Waves.Names[c.all.Waves.Last("")] }

// lastOf is the name of the last wave that one of some clusters is in.
func lastOf(waves *place.Waves, clusters []string) string {
	last := 0
	for _, cluster := range clusters {
		last = max(last, waves.Number(cluster))
	}
	return waves.Names[last]
}

// checkNamed rejects clusters that are named and behind the waves.
func (c *choice) checkNamed(names []string) error {
	if c.all.Waves == nil {
		return nil
	}
	return checkBehind(c.all.Waves, c.wave, names, "to write it all the same, add --through ")
}

// checkBehind rejects clusters that are named and behind the wave of a number. The wave to name completes the hint.
func checkBehind(waves *place.Waves, wave int, names []string, hint string) error {
	var messages, waiting []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		if waves.Waits(name, wave) {
			waiting = append(waiting, name)
			messages = append(messages, fmt.Sprintf("the cluster %s is in the wave %s, behind through: %s", name, waves.Names[waves.Number(name)], waves.Names[wave]))
		}
	}
	if len(messages) == 0 {
		return nil
	}
	return usageErrors(messages, hint+quoted(lastOf(waves, waiting)))
}

// whole returns the tree for a stream, which cannot keep the files of omitted clusters.
func (c *choice) whole(f clusterFlags) (*render.Tree, error) {
	waiting := c.waiting()
	if len(waiting) == 0 {
		return c.now, nil
	}
	isHub := slices.ContainsFunc(c.later.Clusters, func(part *render.Cluster) bool { return part.Waiting() != nil })
	hint := "write all waves with --through " + quoted(c.last())
	switch {
	case isHub: // whose clusters are not chosen with it
	case f.given() && !f.through.given:
		return c.all, nil
	case f.given():
		hint = "write them, too, with --through " + quoted(lastOf(c.all.Waves, waiting)) + ", or choose others"
	default:
		hint = "choose clusters with --cluster or --cluster-selector, or " + hint
	}
	return nil, &usageError{fmt.Sprintf("a stream would omit the clusters behind through: %s: %s", c.through, diag.Some(waiting, 5)), hint}
}

// printWaiting reports which clusters keep what they have.
func (a *app) printWaiting(out string, c *choice) {
	if waiting := c.waiting(); len(waiting) > 0 {
		keep := "keep what they have"
		if len(waiting) == 1 {
			keep = "keeps what it has"
		}
		done := "written"
		if oci.IsURL(out) {
			done = "published"
		}
		a.print("%s: %s through %s; behind it %s %s: %s\n", out, done, c.through, diag.Plural(len(waiting), "cluster"), keep, diag.Some(waiting, 5))
	}
}

// waveNames completes by the waves of a line.
func waveNames(_ *cobra.Command, paths []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	files, _ := inputs.Read(slices.DeleteFunc(slices.Clone(paths), isStream), nil) // the command reports errors when it runs
	for _, d := range schema.Load(files).All {
		for i := range d.Len("spec", "waves") {
			if name := d.Text("spec", "waves", i, "name"); name != "" && d.Kind.Name == "RenderConfig" {
				names = append(names, name)
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// lost returns the waiting clusters whose files are missing although Git has them at HEAD, each with the command
// that restores them. A cluster that is not in Git either is new.
func (c *choice) lost(out string) map[string]string {
	missing := map[string][]string{}
	for _, part := range c.later.Clusters {
		root := path.Join(filepath.ToSlash(out), part.Name, layout.Dir)
		dirs := map[string][]string{part.Name: {root}}
		if waiting := part.Waiting(); waiting != nil {
			dirs = map[string][]string{}
			for _, name := range waiting {
				dirs[name] = []string{path.Join(root, layout.ClustersDir, name), path.Join(root, layout.SyncDir, name)}
			}
		}
		for name, of := range dirs {
			if !slices.ContainsFunc(of, func(dir string) bool { _, err := os.Lstat(dir); return err == nil }) {
				missing[name] = of
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	dir, err := git.Real(out)
	root, ok := git.Around(dir)
	if err != nil || !ok {
		return nil
	}
	repository, err := git.Find(root)
	if err != nil {
		return nil
	}
	rel, err := filepath.Rel(repository.Root, dir)
	if err != nil {
		return nil
	}
	ctx := context.Background()
	files, _ := repository.Listing(ctx, repository.Tree(ctx, "HEAD"), filepath.ToSlash(rel))
	lost := map[string]string{}
	for _, f := range files {
		if name, ok := renderedFor(".", f.Name); ok && missing[name] != nil {
			lost[name] = "git checkout HEAD -- " + quotedAll(missing[name])
		}
	}
	return lost
}

// quotedAll returns words as arguments of a command line.
func quotedAll(words []string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = quoted(w)
	}
	return strings.Join(all, " ")
}

// editedIn reports the clusters that wait whose files are not as they were rendered.
func editedIn(out string, c *choice) (list diag.List, err error) {
	if len(c.later.Clusters) == 0 {
		return nil, nil
	}
	for name, restore := range c.lost(out) {
		at := diag.Position{File: path.Join(filepath.ToSlash(out), name)}
		list = append(list, diag.New(diag.WaitingEdited, at, "",
			fmt.Sprintf("all files of the cluster %s are missing, and render does not write them while the cluster waits (through: %s)", name, c.through), "restore them: "+restore))
	}
	hint := "restore %s"
	if dir, err := git.Real(out); err == nil {
		if _, ok := git.Around(dir); ok {
			hint = "restore from the commit that rendered it, such as git checkout HEAD -- %s"
		}
	}
	all, err := disk.CheckWaiting(out, c.later)
	for _, e := range all {
		list = append(list, strays(out, e.Stray)...)
		if len(e.Files) == 0 {
			continue
		}
		restore := make([]string, min(len(e.Names), mostRestored))
		for i := range restore {
			restore[i] = path.Join(filepath.ToSlash(out), e.Dir, e.Names[i])
		}
		rest := ""
		if more := len(e.Names) - len(restore); more > 0 {
			rest = fmt.Sprintf(" and %d more", more)
		}
		at := diag.Position{File: path.Join(filepath.ToSlash(out), e.Dir, e.First)}
		list = append(list, diag.New(diag.WaitingEdited, at, "",
			fmt.Sprintf("%s not as rendered, and render does not repair cluster %s, which waits (through: %s): %s", are(len(e.Files), "file"), e.Name, c.through, diag.Some(e.Files, 3)),
			fmt.Sprintf(hint, quotedAll(restore)+rest)+"; or render the cluster now with --through "+quoted(lastOf(c.all.Waves, []string{e.Name}))))
	}
	return list.Sorted(), err
}

// mostRestored is how many files the hint names that restores them.
const mostRestored = 3

// order returns the waves of a choice, and the changes and losses that wait.
func (c *choice) order(later []render.Change, losses []tree.Loss) diff.Order {
	return diff.Order{Waves: c.all.Waves, Through: c.wave, Clusters: c.all.Names(), Later: later, Losses: losses, WaveOf: c.all.WaveOf(), Now: time.Now()}
}

// compareTrees reports how the tree of the inputs differs from an earlier one, which had other waves or none.
func (f clusterFlags) compareTrees(tree, old *render.Tree, before *place.Waves) (*diff.Report, error) {
	changes := tree.Changes(old)
	if tree.Waves == nil {
		_, err := f.wave(nil)
		return diff.New(tree, changes, tree.LossesOf(changes), promoted(before, promotedClusters(before, tree, old, nil))...), err
	}
	chosen, err := f.inWaves(tree)
	if err != nil {
		return nil, err
	}
	waveOf := tree.WaveOf()
	var now, later []render.Change
	for _, c := range changes {
		if waveOf(c.Cluster, c.Path) > chosen.wave {
			later = append(later, c)
		} else {
			now = append(now, c)
		}
	}
	notes, names := chosen.moved(before), promotedClusters(before, tree, old, chosen)
	if len(notes) == 0 {
		notes = promoted(before, names)
	}
	report := diff.New(tree, now, tree.LossesOf(now), notes...)
	order := chosen.order(later, tree.LossesOf(later))
	order.Inputs, order.Promoted = true, names
	report.AddWaves(order)
	return report, nil
}

// promoted notes the clusters that waited and are written now, whether they are in another wave or the waves are others.
func promoted(before *place.Waves, names []string) []diff.Note {
	if len(names) == 0 {
		return nil
	}
	return []diff.Note{{About: "waves", Text: "the changes that waited behind through: " + before.Through + " are written (diff -o DIR shows them)", Clusters: names}}
}

// promotedClusters returns the clusters that waited in an earlier tree and are written now.
func promotedClusters(before *place.Waves, tree, old *render.Tree, c *choice) (names []string) {
	if before == nil || before.Through == "" {
		return nil
	}
	was := before.Last(before.Through)
	had := old.Names()
	for _, name := range tree.Names() {
		if slices.Contains(had, name) && before.Waits(name, was) && (c == nil || !tree.Waves.Waits(name, c.wave)) {
			names = append(names, name)
		}
	}
	return names
}

// moved describes how through has moved since other waves were declared, or none.
func (c *choice) moved(before *place.Waves) []diff.Note {
	waves := c.all.Waves
	was := waves.Last("")
	if before != nil {
		was = waves.Last(before.Through)
	}
	switch note := (diff.Note{About: "waves"}); {
	case was < 0 || was == c.wave:
		return nil
	case was < c.wave:
		note.Text = fmt.Sprintf("through raised from %s to %s: the waiting changes of clusters in %s are written; diff -o DIR shows them", waves.Names[was], c.through, strings.Join(waves.Names[was+1:c.wave+1], ", "))
		return []diff.Note{note}
	default:
		note.Text = fmt.Sprintf("through lowered from %s to %s: the clusters of %s keep what they have", waves.Names[was], c.through, strings.Join(waves.Names[c.wave+1:was+1], ", "))
		return []diff.Note{note}
	}
}

// planned returns the waves of clusters, and the clusters that are planned: --through omits the clusters of
// later waves. Clusters behind spec.through are planned, too.
func (f clusterFlags) planned(order *place.Waves, clusters []*render.Cluster, rollouts []render.Rollout) ([]plan.Wave, []*render.Cluster, error) {
	through, err := f.wave(order)
	if err != nil || order == nil {
		return nil, clusters, err
	}
	last := len(order.Names) - 1
	if f.through.given {
		if err := checkBehind(order, through, f.names, "to plan it, too, use --through "); err != nil {
			return nil, nil, err
		}
		last = through
		clusters = slices.DeleteFunc(slices.Clone(clusters), func(c *render.Cluster) bool { return order.Waits(c.Name, through) })
	}
	return plan.NewWaves(order, through, last, namesOf(clusters), rolloutsOn(clusters, rollouts)), clusters, nil
}
