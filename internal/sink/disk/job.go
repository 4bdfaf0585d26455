package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/tree"
)

// A job is the work for one cluster.
type job struct {
	name string
	// cluster is the cluster to write, nil if the tree no longer has it.
	cluster *render.Cluster
	// part reports whether the cluster is a shard.
	part bool
	// base is <cluster>/fleetwright.
	base string
	// missing are the directories down to and including base that do not exist.
	missing []string
	// known reports whether the directory has the inventory of its cluster.
	known bool
	// there is the number of the last run's files that exist.
	there int
	// changed are the indexes of the cluster's files to write, in order.
	changed []int
	// fresh are the topmost directories below base that do not exist yet.
	fresh map[string]bool
	// removed are the paths to remove, in order.
	removed []string
	// vanished are the releases that the inventory lists but somebody else has removed, in order.
	vanished []string
	// needed are the sources of a hub that the tree no longer has but waiting clusters still name, in order.
	needed []string
	// foreign are files of others at paths that fleetwright needs.
	foreign []string
	// stray are manifests of others in directories that Flux applies, in order.
	stray []string
	// mixed reports whether the directory of a shard has files of another render.
	mixed bool
	// interrupted reports whether an earlier run was interrupted.
	interrupted bool
	// waiting reports whether the directory keeps the former layout until its cluster has synced it.
	waiting bool
	// stuck reports whether the former layout cannot be replaced because clusters of the hub still wait.
	stuck bool
	// staging reports whether the staged files next to the changed ones are fleetwright's.
	staging bool
}

// idle reports whether the job has no work.
func (j *job) idle() bool { return len(j.changed) == 0 && len(j.removed) == 0 && !j.interrupted }

// at returns the name of a file below the output directory.
func (j *job) at(file string) string { return j.base + "/" + file }

// changes returns the files to write.
func (j *job) changes() iter.Seq[render.File] {
	return func(yield func(render.File) bool) {
		for _, i := range j.changed {
			if !yield(j.cluster.File(i)) {
				return
			}
		}
	}
}

// compareAll compares all clusters, including those that the tree no longer has.
func compareAll(w workers, rendered *render.Tree, opts Options) ([]*job, error) {
	clusters := map[string]*render.Cluster{}
	for _, c := range rendered.Clusters {
		clusters[c.Name] = c
	}
	if !opts.KeepOthers {
		if err := addGone(w[0], clusters, opts.Behind); err != nil {
			return nil, err
		}
	}
	var jobs []*job
	for _, name := range slices.Sorted(maps.Keys(clusters)) {
		jobs = append(jobs, &job{name: name, cluster: clusters[name], part: opts.Part, base: path.Join(name, layout.Dir)})
	}
	if err := each(w, jobs, func(j *job, files files) error { return j.make(files, opts.Synced) }); err != nil {
		return nil, err
	}
	var foreign, mixed []string
	for _, j := range jobs {
		foreign = append(foreign, j.foreign...)
		if j.mixed {
			mixed = append(mixed, j.name)
		}
	}
	if len(mixed) > 0 {
		return nil, diag.NewMistake(
			fmt.Sprintf("the directory holds another render of %s; this shard would be mixed with it", diag.Some(mixed, 5)),
			"render all shards into a new directory",
		)
	}
	if len(foreign) > 0 {
		return nil, diag.NewMistake(
			fmt.Sprintf("files that fleetwright did not write are in the way: %s", diag.Some(foreign, diag.MostNames)),
			"move or delete them; if fleetwright wrote them and the inventory was lost, delete the directory and render again",
		)
	}
	return jobs, checkMoved(jobs, rendered, opts.Behind)
}

// addGone adds the clusters of earlier runs that the tree no longer has.
func addGone(files files, clusters map[string]*render.Cluster, behind map[string]bool) error {
	entries, err := files.ReadDir(".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, ok := clusters[e.Name()]; ok || !e.IsDir() || behind[e.Name()] {
			continue
		}
		written, err := isWritten(files, path.Join(e.Name(), layout.Dir))
		if err != nil {
			return err
		}
		if written {
			clusters[e.Name()] = nil
		}
	}
	return nil
}

// make compares the directory of the cluster with the tree.
func (j *job) make(files files, synced bool) error {
	for _, dir := range []string{j.name, j.base} {
		if there, err := isDir(files, dir); err != nil {
			return err
		} else if !there {
			j.missing = append(j.missing, dir)
		}
	}
	if err := j.takeOver(files, synced); err != nil {
		return err
	}
	own, err := j.readOwnership(files)
	if err != nil {
		return err
	}
	j.interrupted = own.interrupted
	_, present := own.inventories[layout.InventoryFile]
	_, former := own.inventories[layout.FormerInventoryFile]
	j.known = present || former
	if j.part && (j.cluster == nil || slices.Contains(slices.Collect(maps.Values(own.inventories)), false)) {
		j.mixed = true
		return nil
	}
	j.fresh = map[string]bool{}
	if j.cluster != nil {
		for i := range j.cluster.Len() {
			if err := j.compare(files, own, i); err != nil {
				return err
			}
		}
	}
	if err := j.findRemoved(files, own); err != nil {
		return err
	}
	if j.part {
		if err := j.findMixed(files, own); err != nil {
			return err
		}
	}
	return j.findStray(files)
}

// findStray finds manifests of others in the directories that Flux lists itself, and below them.
func (j *job) findStray(files files) error {
	if j.cluster == nil {
		return nil
	}
	ours, listed := map[string]bool{}, map[string]bool{}
	for f := range j.cluster.Whole().Paths() {
		if dir := layout.Stage(f); layout.IsListed(dir) && !j.leaves(f) {
			ours[f], listed[dir] = true, true
		}
	}
	for _, f := range slices.Concat(j.removed, j.needed) {
		ours[f] = true
	}
	var look func(dir string) error
	look = func(dir string) error {
		entries, err := j.readDir(files, dir)
		for _, e := range entries {
			f := path.Join(dir, e.Name())
			switch extension := path.Ext(f); {
			case err != nil || strings.HasPrefix(e.Name(), ".") || j.leaves(f) || j.leaves(f+"/"):
			case e.IsDir():
				err = look(f)
			case (extension == ".yaml" || extension == ".yml") && !ours[f]:
				j.stray = append(j.stray, f)
			}
		}
		return err
	}
	for _, dir := range slices.Sorted(maps.Keys(listed)) {
		if err := look(dir); err != nil {
			return err
		}
	}
	return nil
}

// compare compares the file at an index of the cluster's files.
func (j *job) compare(files files, own *ownership, number int) error {
	file := j.cluster.Path(number)
	same, isInventory := own.inventories[file]
	there := isInventory
	if !there && j.freshAbove(file) == "" {
		var err error
		same, err = files.Has(j.at(file), j.cluster.Content(number))
		if there = !errors.Is(err, fs.ErrNotExist); !there {
			err = j.findFresh(files, file)
		}
		if err != nil {
			return err
		}
	}
	if there && !same && !isInventory && !own.has(file) {
		isOurs, err := j.isLeftByMerge(files, j.cluster.File(number))
		if err != nil {
			return err
		}
		if !isOurs {
			j.foreign = append(j.foreign, j.at(file))
			return nil
		}
	}
	if there {
		j.there++
	}
	if !same {
		j.changed = append(j.changed, number)
	}
	return nil
}

// isLeftByMerge reports whether an unlisted file at the path of an application's file holds an object of
// the same kind. Git moves files into directories that the other branch has renamed, and people resolve the
// conflict of an inventory in favour of one side and the conflict of a file in favour of the other.
func (j *job) isLeftByMerge(files files, f render.File) (bool, error) {
	if f.App == "" {
		return false, nil
	}
	data, err := files.ReadFile(j.at(f.Path))
	if err != nil {
		return false, err
	}
	lines := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		lines[strings.TrimRight(line, "\r\n")] = true
	}
	for _, o := range f.Objects() {
		if !lines["apiVersion: "+o.APIVersion] || !lines["kind: "+o.Kind] {
			return false, nil
		}
	}
	isList := len(f.Objects()) == 0
	return !isList || path.Base(f.Path) == layout.KustomizationFile && lines["kind: Kustomization"] && lines["resources:"], nil
}

// findFresh finds the topmost directory that must be created for a file, if any.
func (j *job) findFresh(files files, file string) error {
	for i, c := range file {
		if c != '/' {
			continue
		}
		if there, err := isDir(files, j.at(file[:i])); err != nil {
			return err
		} else if !there {
			j.fresh[file[:i]] = true
			return nil
		}
	}
	return nil
}

// freshAbove returns the new directory above a file, or "".
func (j *job) freshAbove(file string) string {
	if len(j.fresh) == 0 {
		return ""
	}
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		if j.fresh[dir] {
			return dir
		}
	}
	return ""
}

// findRemoved finds the files that fleetwright has written and the tree no longer has.
func (j *job) findRemoved(files files, own *ownership) error {
	wanted := map[string]bool{}
	if j.cluster != nil && (len(own.paths) > 0 || len(own.inventories) > 0) {
		wanted = pathsOf(j.cluster.Whole())
	}
	gone := maps.Clone(own.paths)
	for f, current := range own.inventories {
		if !current {
			gone[f] = true
		}
	}
	maps.DeleteFunc(gone, func(f string, _ bool) bool { return (wanted[f] || j.leaves(f)) && !own.begun[f] })
	needed, err := j.neededSources(files, gone)
	if err != nil {
		return err
	}
	for _, f := range slices.Sorted(maps.Keys(gone)) {
		if needed[f] {
			j.needed = append(j.needed, f)
			continue
		}
		there, err := isRegular(files, j.at(f))
		if err != nil {
			return err
		}
		switch {
		case there:
			j.there++
			j.removed = append(j.removed, f)
		case tree.IsRelease(f):
			j.vanished = append(j.vanished, f)
		}
	}
	return nil
}

// findMixed finds whether a shard would be mixed with another render that was interrupted: that one has files
// which this render lacks, or other content in the files of other shards.
func (j *job) findMixed(files files, own *ownership) error {
	j.mixed = j.mixed || len(j.removed) > 0
	whole, ours := j.cluster.Whole(), pathsOf(j.cluster)
	for i := range whole.Len() {
		f := whole.Path(i)
		if ours[f] || j.leaves(f) {
			continue
		}
		same, err := files.Has(j.at(f), whole.Content(i))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case !same && own.paths[f]:
			j.mixed = true
		}
	}
	return nil
}

// pathsOf returns the paths of the files of a cluster.
func pathsOf(cluster *render.Cluster) map[string]bool {
	all := map[string]bool{}
	for f := range cluster.Paths() {
		all[f] = true
	}
	return all
}
