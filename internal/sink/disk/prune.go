package disk

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/tree"
)

// checkPrune rejects the removal of too many files, or of anything that is still among the inputs.
func checkPrune(files files, jobs []*job, rendered *render.Tree) error {
	losses, err := findLosses(files, jobs, rendered)
	if err != nil {
		return err
	}
	emptied, err := checkEmptied(files, jobs)
	if err != nil {
		return err
	}
	switch {
	case len(losses) == 0 && emptied == nil:
		return nil
	case len(losses) == 0:
		return emptied
	}
	const what, correct = "what is still among the inputs", "correct these lines"
	message, hint := "would remove "+what, correct
	if emptied != nil {
		message, hint = emptied.Message+", and "+what, checkInputs+", and "+correct
	}
	all := []error{diag.NewMistake(message, hint+allowPrune)}
	for _, l := range losses {
		text := l.String()
		if !l.Position.IsZero() {
			text = l.Position.String() + ": " + text
		}
		all = append(all, errors.New(text))
	}
	return errors.Join(all...)
}

// Parts of the hints for rejections that --allow-prune lifts.
const (
	checkInputs = "check that all inputs were named"
	allowPrune  = "; if this is meant, add --allow-prune"
)

// A shrinkage holds the possible losses of a removal of files.
type shrinkage struct {
	rendered *render.Tree
	// applications are the Applications among the inputs that lose files.
	applications map[string]bool
	// releases reports whether the release of a component is among the files.
	releases bool
	// vanished are the releases whose files somebody else has removed. Flux keeps them until it syncs this
	// write.
	vanished []render.Change
}

// shrinkageOf returns the possible losses of the files that jobs remove.
func shrinkageOf(jobs []*job, rendered *render.Tree) shrinkage {
	s := shrinkage{rendered: rendered, applications: map[string]bool{}}
	for _, j := range jobs {
		for _, f := range j.vanished {
			s.vanished = append(s.vanished, render.Change{Cluster: j.name, Path: f, Old: []byte{}})
		}
		for _, f := range j.removed {
			s.releases = s.releases || tree.IsRelease(f)
			if app := rendered.Application(f); app != "" {
				s.applications[app] = true
			}
		}
	}
	return s
}

// isNone reports whether nothing may be lost.
func (s shrinkage) isNone() bool {
	return len(s.applications) == 0 && !s.releases && len(s.vanished) == 0
}

// losses returns the losses of changes, which are sorted by cluster and path.
func (s shrinkage) losses(changes []render.Change) []tree.Loss {
	all := append(slices.Clip(changes), s.vanished...)
	slices.SortStableFunc(all, func(a, b render.Change) int { return cmp.Compare(a.Cluster, b.Cluster) })
	return s.rendered.LossesOf(all)
}

// concerns reports whether the content of a file is needed to find losses.
func (s shrinkage) concerns(file string) bool {
	return s.applications[s.rendered.Application(file)] || s.releases && tree.IsRelease(file)
}

// findLosses finds the Applications that would disappear from clusters although they are still among the
// inputs, and the components that would be uninstalled. It reads files only if releases or files of an
// Application are removed.
func findLosses(files files, jobs []*job, rendered *render.Tree) ([]tree.Loss, error) {
	shrinks := shrinkageOf(jobs, rendered)
	if shrinks.isNone() {
		return nil, nil
	}
	changes, err := changesOf(files, jobs, shrinks.concerns)
	return shrinks.losses(changes), err
}

// checkEmptied rejects a run that empties a cluster, or removes most of its files.
func checkEmptied(files files, jobs []*job) (*diag.Mistake, error) {
	var emptied, halved []string
	for _, j := range jobs {
		removed, there := len(j.removed), j.there
		switch {
		case j.cluster == nil && !j.known && !j.interrupted: // left by the merge of a branch that removed the cluster
		case j.cluster == nil && there > 0:
			emptied = append(emptied, j.name)
		case removed*2 > there:
			kept, err := keptBy(files, j)
			if err != nil {
				return nil, err
			}
			if removed -= kept; removed*2 > there {
				halved = append(halved, fmt.Sprintf("%s (%d of %d files)", j.name, removed, there))
			}
		}
	}
	if len(emptied)+len(halved) == 0 {
		return nil, nil
	}
	var parts []string
	if len(emptied) > 0 {
		parts = append(parts, "would remove all files of "+diag.Some(emptied, 5))
	}
	if len(halved) > 0 {
		parts = append(parts, "would remove more than half of "+diag.Some(halved, 5))
	}
	return diag.NewMistake(strings.Join(parts, ", and "), checkInputs+allowPrune), nil
}

// keptBy counts the removed files of components whose objects Flux keeps, with the kustomization.yaml that
// lists them: a component that is handed over is not lost.
func keptBy(files files, j *job) (kept int, err error) {
	keeps := map[string]bool{}
	for _, f := range j.removed {
		if !tree.IsOfComponent(f) || path.Base(f) == layout.KustomizationFile {
			continue
		}
		there, err := isRegular(files, j.at(f))
		if !there && err == nil {
			continue
		}
		data, err := files.ReadFile(j.at(f))
		if err != nil {
			return 0, err
		}
		if tree.IsKeptFile(data) {
			kept++
			keeps[path.Dir(f)] = true
		}
	}
	for _, f := range j.removed {
		if path.Base(f) == layout.KustomizationFile && keeps[path.Dir(f)] {
			kept++
		}
	}
	return kept, nil
}
