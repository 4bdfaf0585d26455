package disk

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/tree"
)

// checkPrune refuses to remove too much, and what is still among the inputs.
func checkPrune(files files, jobs []*job, rendered *render.Tree) error {
	losses, err := findLosses(files, jobs, rendered)
	if err != nil {
		return err
	}
	emptied := checkEmptied(jobs)
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

// Parts of the hints of what is refused unless pruning is allowed.
const (
	checkInputs = "check that all inputs were named"
	allowPrune  = "; if this is meant, add --allow-prune"
)

// shrinking are the Applications among the inputs of which some files are removed.
func shrinking(jobs []*job, rendered *render.Tree) map[string]bool {
	all := map[string]bool{}
	for _, j := range jobs {
		for _, f := range j.removed {
			if app := rendered.Application(f); app != "" {
				all[app] = true
			}
		}
	}
	return all
}

// findLosses finds what the jobs would take from clusters of Applications that are still among
// the inputs. It reads files only where some of an Application's are removed.
func findLosses(files files, jobs []*job, rendered *render.Tree) ([]tree.Loss, error) {
	shrinking := shrinking(jobs, rendered)
	if len(shrinking) == 0 {
		return nil, nil
	}
	changes, err := changesOf(files, jobs, func(f string) bool { return shrinking[rendered.Application(f)] })
	return rendered.LossesOf(changes), err
}

// checkEmptied refuses to empty a cluster, or to remove most of its files.
func checkEmptied(jobs []*job) *diag.Mistake {
	var emptied, halved []string
	for _, j := range jobs {
		removed, there := len(j.removed), j.there
		switch {
		case j.cluster == nil && !j.known && !j.interrupted: // a merge has left it of what a branch has removed
		case j.cluster == nil && there > 0:
			emptied = append(emptied, j.name)
		case removed*2 > there:
			halved = append(halved, fmt.Sprintf("%s (%d of %d files)", j.name, removed, there))
		}
	}
	if len(emptied)+len(halved) == 0 {
		return nil
	}
	var parts []string
	if len(emptied) > 0 {
		parts = append(parts, "would remove everything of "+diag.Some(emptied, 5))
	}
	if len(halved) > 0 {
		parts = append(parts, "would remove more than half of "+diag.Some(halved, 5))
	}
	return diag.NewMistake(strings.Join(parts, ", and "), checkInputs+allowPrune)
}
