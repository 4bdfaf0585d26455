package disk

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/tree"
)

// Two commits replace a directory with the former layout. In the present layout other Flux
// Kustomizations apply some of the objects. The former ones would delete these objects unless they have
// the annotation prune: disabled on the cluster. The first commit adds the annotation. The second one
// writes the present layout, and may follow only after the cluster has synced the first.

// takeOver replaces the tree's cluster by the first commit until that is written and synced.
func (j *job) takeOver(files files, synced bool) error {
	former, err := j.formerFiles(files)
	if err != nil || former == nil || j.part {
		return err
	}
	if j.cluster != nil && len(j.cluster.Waiting()) > 0 {
		j.waiting, j.stuck = true, true
		j.cluster = tree.NewFiles(j.name, former)
		return nil
	}
	// A removed cluster releases the objects that it kept before.
	wanted, stages := map[string]bool{}, tree.Stages(nil)
	if j.cluster != nil {
		wanted, stages = pathsOf(j.cluster), j.cluster.Stages()
	}
	moves, changed := false, false
	for _, f := range slices.Sorted(maps.Keys(former)) {
		if wanted[f] && f != layout.SyncFile || !layout.IsManifest(f) {
			continue
		}
		kept, some, err := stages.Keep(f, former[f])
		if err != nil {
			return diag.NewMistake(fmt.Sprintf("%s has the former layout and cannot be read: %v", j.at(f), err), "restore it from Git")
		}
		moves = moves || some
		changed = changed || !bytes.Equal(kept, former[f])
		former[f] = kept
	}
	if !changed && (!moves || synced) {
		return nil
	}
	if changed {
		former[layout.FormerInventoryFile] = layout.FormerInventory(j.name, former)
	}
	j.waiting = true
	j.cluster = tree.NewFiles(j.name, former)
	return nil
}

// formerFiles returns the existing files of the former layout, with their inventory, by path. It returns
// none for the present layout, even if a merge has restored the former inventory, or a run was interrupted
// while it wrote the second commit.
func (j *job) formerFiles(files files) (map[string][]byte, error) {
	if there, err := isDir(files, j.base); !there {
		return nil, err
	}
	present, err := readRegular(files, j.at(layout.InventoryFile))
	if err != nil || layout.IsInventory(present) {
		return nil, err
	}
	data, err := readRegular(files, j.at(layout.FormerInventoryFile))
	if err != nil || !layout.IsInventory(data) {
		return nil, err
	}
	own := &ownership{paths: map[string]bool{}}
	if err := own.add(j.at(layout.FormerInventoryFile), layout.InventoryFiles(data)); err != nil {
		return nil, err
	}
	if err := j.readJournal(files, own); err != nil || own.paths[layout.InventoryFile] {
		return nil, err
	}
	former := map[string][]byte{layout.FormerInventoryFile: data}
	for f := range own.paths {
		content, err := readRegular(files, j.at(f))
		if err != nil {
			return nil, err
		}
		if content != nil {
			former[f] = content
		}
	}
	if own.paths[layout.SyncFile] && former[layout.SyncFile] == nil {
		return nil, diag.NewMistake(j.at(layout.SyncFile)+" is missing; without it Flux deletes the objects that it applies", "restore it from Git")
	}
	return former, nil
}
