package render

import (
	"fmt"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
)

// An occasion is a place where something holds that is said once for all of them.
type occasion struct {
	at       manifest.Origin
	position diag.Position
	// what is there, to be listed; it may be empty.
	what string
}

// note remembers an occasion to say something, which is said once where it holds
// first: what holds of every rollout of a large fleet would else bury the rest.
func (c *compiler) note(code diag.Code, at manifest.Origin, what string) {
	if c.notes == nil {
		c.notes = map[diag.Code][]occasion{}
	}
	c.notes[code] = append(c.notes[code], occasion{at, at.Position(), what})
}

// sayOnce says what was noted for a code, at the first of its occasions. The message
// is made of what is there, each once and sorted, and of how many other places there
// are. A comment ignores the occasion in its own line alone: of the others nobody has
// said that they are good.
func (c *compiler) sayOnce(code diag.Code, message func(what []string, others int) string) {
	all := c.notes[code]
	slices.SortStableFunc(all, func(a, b occasion) int { return a.position.Compare(b.position) })
	all = slices.CompactFunc(all, func(a, b occasion) bool { return a.position == b.position && a.what == b.what })
	if len(c.docs.Ignores) > 0 {
		ignores := c.ignores()
		all = slices.DeleteFunc(all, func(o occasion) bool {
			d := o.at.Doc.Diagnostic(code, o.at.Path, message([]string{o.what}, 0), "")
			ignored := ignores(d)
			if ignored {
				c.report(d) // for the comment to be of use
			}
			return ignored
		})
	}
	if len(all) == 0 {
		return
	}
	var what []string
	for _, o := range all {
		what = append(what, o.what)
	}
	slices.Sort(what)
	first := all[0].at
	c.report(first.Doc.Diagnostic(code, first.Path, message(slices.Compact(what), len(all)-1), ""))
}

// sayNotes says everything that was noted.
func (c *compiler) sayNotes() {
	c.sayOnce(diag.ReplicasLeft, replicasMessage)
	c.sayOnce(diag.SecretsNeeded, secretsMessage)
	c.sayOnce(diag.LongerThanTimeout, timeoutMessage)
	c.sayOnce(diag.UndoneByFlux, undoneMessage)
}

// hereToo says that a note holds of other rollouts as well.
func hereToo(others int) string {
	switch others {
	case 0:
		return ""
	case 1:
		return ", here and for one other rollout"
	}
	return fmt.Sprintf(", here and for %d other rollouts", others)
}
