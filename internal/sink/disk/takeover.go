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

// A directory of the former layout is taken over in two commits. In the present layout other Flux
// Kustomizations apply some objects, and the former ones would delete these, unless they carry prune:
// disabled on the cluster. So the first commit adds that annotation, and the second, which writes the
// present layout, may follow only when the cluster has synced the first.

// takeOver replaces the tree's cluster by the first commit, unless that is written and synced.
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
	// Of a cluster that goes, what was kept before is released.
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
			return diag.NewMistake(fmt.Sprintf("%s is of the former layout, and cannot be read: %v", j.at(f), err), "restore it from Git")
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

// formerFiles returns the files of the former layout that are there, with their inventory, by path. It
// returns none for the present layout, even if a merge has brought the former inventory back, or a run
// that was writing the second commit was cut off.
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
		return nil, diag.NewMistake(j.at(layout.SyncFile)+" is missing, without which Flux deletes what it applies", "restore it from Git")
	}
	return former, nil
}
