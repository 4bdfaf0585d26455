package disk

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
)

// A plan is what is to be done for one cluster.
type plan struct {
	name string
	// cluster is nil where the tree has no such cluster any more.
	cluster *render.Cluster
	// part reports whether the cluster's files are some of those in its inventory.
	part bool
	// base is <cluster>/fleetwright.
	base string
	// missing are the directories above and with base that are not there.
	missing []string
	// there is how many of the last run's files exist.
	there int
	// changed are the files to write, by their numbers in the cluster, in order; the
	// inventory is the last.
	changed []int
	// fresh are the directories below base that are not there and come to be, but for
	// those below one of them.
	fresh map[string]bool
	// removed are the paths to remove, in order.
	removed []string
	// foreign are the files in the way that fleetwright has not written.
	foreign []string
	// mixed reports whether a part has met files of another render.
	mixed bool
	// interrupted reports whether an earlier run was cut off.
	interrupted bool
	// staging reports whether what stands beside the places of the changed files is ours.
	staging bool
}

// idle reports whether there is nothing to do.
func (p *plan) idle() bool { return len(p.changed) == 0 && len(p.removed) == 0 && !p.interrupted }

// at is the name of a file below the output directory.
func (p *plan) at(file string) string { return p.base + "/" + file }

// path is that of the changed file of a number.
func (p *plan) path(number int) string {
	if number == p.cluster.Len() {
		return layout.InventoryFile
	}
	return p.cluster.Path(number)
}

// changes are the files to write.
func (p *plan) changes() iter.Seq[render.File] {
	return func(yield func(render.File) bool) {
		for _, i := range p.changed {
			if i == p.cluster.Len() {
				yield(p.cluster.Inventory())
				return
			}
			if !yield(p.cluster.File(i)) {
				return
			}
		}
	}
}

// planAll compares all clusters, and finds those that the tree does not have any more.
func planAll(w workers, rendered *render.Tree, opts Options) ([]*plan, error) {
	clusters := map[string]*render.Cluster{}
	for _, c := range rendered.Clusters {
		clusters[c.Name] = c
	}
	if !opts.KeepOthers {
		if err := addGone(w[0], clusters); err != nil {
			return nil, err
		}
	}
	var plans []*plan
	for _, name := range slices.Sorted(maps.Keys(clusters)) {
		plans = append(plans, &plan{name: name, cluster: clusters[name], part: opts.Part, base: path.Join(name, layout.Dir)})
	}
	if err := each(w, plans, (*plan).make); err != nil {
		return nil, err
	}
	var foreign, mixed []string
	for _, p := range plans {
		foreign = append(foreign, p.foreign...)
		if p.mixed {
			mixed = append(mixed, p.name)
		}
	}
	if len(mixed) > 0 {
		return nil, diag.NewMistake(
			fmt.Sprintf("holds another render of %s, which a shard would be mixed with", diag.Some(mixed, 5)),
			"render the shards into a new directory, and put them together there",
		)
	}
	if len(foreign) > 0 {
		return nil, diag.NewMistake(
			fmt.Sprintf("not written by fleetwright, and in its way: %s", strings.Join(foreign, ", ")),
			"move or delete what is not fleetwright's; if it is, the inventory was lost: delete the directory and render again",
		)
	}
	return plans, nil
}

// addGone adds the clusters of earlier runs that the tree does not have any more.
func addGone(files files, clusters map[string]*render.Cluster) error {
	entries, err := files.ReadDir(".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, ok := clusters[e.Name()]; ok || !e.IsDir() {
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

// make compares what is there with what shall be.
func (p *plan) make(files files) error {
	for _, dir := range []string{p.name, p.base} {
		if there, err := isDir(files, dir); err != nil {
			return err
		} else if !there {
			p.missing = append(p.missing, dir)
		}
	}
	own, err := p.readOwnership(files)
	if err != nil {
		return err
	}
	p.interrupted = own.interrupted
	if p.part && (p.cluster == nil || own.hasInventory && !own.current) {
		p.mixed = true
		return nil
	}
	p.fresh = map[string]bool{}
	if p.cluster != nil {
		i := 0
		for f := range p.cluster.Files() {
			if err := p.compare(files, own, i, f); err != nil {
				return err
			}
			i++
		}
		if !own.current {
			p.changed = append(p.changed, i) // the inventory
		}
	}
	if err := p.findRemoved(files, own); err != nil {
		return err
	}
	if p.cluster == nil && own.hasInventory {
		p.removed = append(p.removed, layout.InventoryFile)
	}
	return nil
}

// compare compares the file of a number.
func (p *plan) compare(files files, own *ownership, number int, f render.File) error {
	there, same := false, false
	if p.freshAbove(f.Path) == "" {
		var err error
		if there, same, err = isSame(files, p.at(f.Path), f.Content); err != nil {
			return err
		}
		if !there {
			if err := p.findFresh(files, f.Path); err != nil {
				return err
			}
		}
	}
	switch {
	case there && own.has(f.Path):
		p.there++
	case there && !same:
		p.foreign = append(p.foreign, p.at(f.Path))
		return nil
	}
	if !same {
		p.changed = append(p.changed, number)
	}
	return nil
}

// findFresh finds the topmost directory that is to come to be with a file, if one is.
func (p *plan) findFresh(files files, file string) error {
	for i, c := range file {
		if c != '/' {
			continue
		}
		if there, err := isDir(files, p.at(file[:i])); err != nil {
			return err
		} else if !there {
			p.fresh[file[:i]] = true
			return nil
		}
	}
	return nil
}

// freshAbove is the directory that comes to be with a file, or nothing.
func (p *plan) freshAbove(file string) string {
	if len(p.fresh) == 0 {
		return ""
	}
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		if p.fresh[dir] {
			return dir
		}
	}
	return ""
}

// findRemoved finds what fleetwright has written and the tree does not have any more.
// Of a part that is what other shards may have, and must be as they have it.
func (p *plan) findRemoved(files files, own *ownership) error {
	if len(own.paths) == 0 {
		return nil
	}
	wanted := p.wantedPaths()
	var whole map[string]string
	if p.part {
		whole = p.wholeSums()
	}
	for _, f := range slices.Sorted(maps.Keys(own.paths)) {
		if wanted[f] {
			continue
		}
		at := p.at(f)
		if there, err := isRegular(files, at); err != nil {
			return err
		} else if !there {
			continue
		}
		p.there++
		if !p.part {
			p.removed = append(p.removed, f)
			continue
		}
		data, err := files.ReadFile(at)
		if err != nil {
			return err
		}
		p.mixed = p.mixed || whole[f] != fmt.Sprintf("%x", sha256.Sum256(data))
	}
	return nil
}

// wantedPaths are those of the cluster's files in the tree.
func (p *plan) wantedPaths() map[string]bool {
	wanted := map[string]bool{}
	if p.cluster != nil {
		for f := range p.cluster.Paths() {
			wanted[f] = true
		}
	}
	return wanted
}

// wholeSums are those of the files that all shards of the cluster have, by path.
func (p *plan) wholeSums() map[string]string {
	whole, _ := layout.ParseInventory(p.cluster.Inventory().Content)
	return whole.Files
}
