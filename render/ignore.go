package render

import (
	"fmt"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// A place is where a comment ignores a code.
type place struct {
	code diag.Code
	file string
	line int
}

func placeOf(d diag.Diagnostic) place { return place{d.Code, d.Position.File, d.Position.Line} }

// ignores says which diagnostics the comments mean.
func (c *compiler) ignores() func(diag.Diagnostic) bool {
	places := map[place]bool{}
	for _, i := range c.docs.Ignores {
		places[place{i.Code, i.Position.File, i.Line}] = true
	}
	return func(d diag.Diagnostic) bool { return places[placeOf(d)] }
}

// checkIgnores says which comments ignore nothing. Where there are errors nobody can
// tell: they keep other diagnostics from being found.
func (c *compiler) checkIgnores() {
	said := map[place]bool{}
	for _, d := range c.list {
		said[placeOf(d)] = true
	}
	for _, i := range c.docs.Ignores {
		if !said[place{i.Code, i.Position.File, i.Line}] {
			where := fmt.Sprintf("in line %d", i.Line)
			if i.Position.Unnumbered {
				where = "where the comment stands"
			}
			c.report(diag.New(diag.UnusedIgnore, i.Position, "", fmt.Sprintf("there is no %s to ignore %s", i.Code, where), "remove the comment"))
		}
	}
}
