// Package report collects the diagnostics of a compilation: each where it was found, or
// one for all places where the same holds.
package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
)

// A Report is the diagnostics of one compilation.
type Report struct {
	list  diag.List
	notes map[diag.Code][]note
	// ignores are the comments that ignore diagnostics, and ignored their places.
	ignores []schema.Ignore
	ignored map[place]bool
}

// A place is a line on which a comment ignores a code.
type place struct {
	code diag.Code
	file string
	line int
}

func placeOf(d diag.Diagnostic) place { return place{d.Code, d.Position.File, d.Position.Line} }

// New returns a report of what was found while the documents were loaded.
func New(docs *schema.Documents) *Report {
	r := &Report{list: slices.Clone(docs.Diagnostics), notes: map[diag.Code][]note{}, ignores: docs.Ignores, ignored: map[place]bool{}}
	for _, i := range docs.Ignores {
		r.ignored[place{i.Code, i.Position.File, i.Line}] = true
	}
	return r
}

// Add adds a diagnostic.
func (r *Report) Add(d diag.Diagnostic) { r.list = append(r.list, d) }

// AddAt adds a diagnostic about an object that several variants of an Application may share, whichever of
// them its origin is.
func (r *Report) AddAt(at manifest.Origin, code diag.Code, message, hint string) {
	d := at.Doc.Diagnostic(code, at.Path, message, hint)
	d.On = nil
	r.Add(d)
}

// List returns the diagnostics that no comment ignores, sorted, with the given severities. A comment
// is in use even where its code is off.
func (r *Report) List(severities map[diag.Code]diag.Severity) diag.List {
	list := r.list.Scoped().Sorted()
	if len(r.ignored) > 0 {
		list = slices.DeleteFunc(list, func(d diag.Diagnostic) bool { return r.ignored[placeOf(d)] })
	}
	return list.With(severities)
}

// CheckIgnores reports the comments that ignore nothing, but for codes of which nobody can tell. It may
// be called only where there are no errors: an error can keep a diagnostic from being found.
func (r *Report) CheckIgnores(unsure func(diag.Code) bool) {
	found := map[place]bool{}
	for _, d := range r.list {
		found[placeOf(d)] = true
	}
	for _, i := range r.ignores {
		if !found[place{i.Code, i.Position.File, i.Line}] && !unsure(i.Code) {
			where := fmt.Sprintf("in line %d", i.Line)
			if i.Position.Unnumbered {
				where = "where the comment stands"
			}
			r.Add(diag.New(diag.UnusedIgnore, i.Position, "", fmt.Sprintf("there is no %s to ignore %s", i.Code, where), "remove the comment"))
		}
	}
}

// A note is one of the places where something holds that is reported once for all of them.
type note struct {
	at       manifest.Origin
	position diag.Position
	// what holds there, to be listed; it may be empty.
	what string
}

// OnHub ends what must be on the hub, of what is noted as needed on clusters.
const OnHub = " (on the hub)"

// ToLogIn is behind the name of a ServiceAccount with which a controller on a cluster only logs in elsewhere.
const ToLogIn = " (to log in)"

// Note keeps a place where something holds. Summarize reports all of a code at once: what
// holds for every rollout of a large fleet would bury the rest.
func (r *Report) Note(code diag.Code, at manifest.Origin, what string) {
	r.notes[code] = append(r.notes[code], note{at, at.Position(), what})
}

// Summarize reports the notes of a code at the first of their places. The message is made
// of what holds, each once and sorted and the first few of many, and of the number of other
// places. A comment ignores the note in its own line alone: of the others nobody has said
// that they are good.
func (r *Report) Summarize(code diag.Code, message func(what []string, others int) string) {
	all := r.notes[code]
	slices.SortStableFunc(all, func(a, b note) int { return a.position.Compare(b.position) })
	all = slices.CompactFunc(all, func(a, b note) bool { return a.position == b.position && a.what == b.what })
	if len(r.ignored) > 0 {
		all = slices.DeleteFunc(all, func(n note) bool {
			d := n.at.Doc.Diagnostic(code, n.at.Path, message([]string{n.what}, 0), "")
			ignored := r.ignored[placeOf(d)]
			if ignored {
				r.Add(d) // so that CheckIgnores finds the comment in use
			}
			return ignored
		})
	}
	if len(all) == 0 {
		return
	}
	var what []string
	for _, n := range all {
		what = append(what, n.what)
	}
	slices.Sort(what)
	what = slices.Compact(what)
	first, others := all[0].at, len(all)-1
	d := first.Doc.Diagnostic(code, first.Path, message(few(what), others), "")
	d.On = nil // it is about the others as well
	if len(what) > diag.MostNames {
		d = d.WithWhole(message(what, others))
	}
	r.Add(d)
}

// few returns the first of many names, of which the last one says how many more there are: of those that
// end alike, OnHub or ToLogIn.
func few(names []string) (all []string) {
	for _, end := range []string{"", OnHub, ToLogIn} {
		var of []string
		for _, name := range names {
			if endOf(name) == end {
				of = append(of, strings.TrimSuffix(name, end))
			}
		}
		if last := diag.MostNames - 1; len(of) > diag.MostNames {
			of = append(of[:last], diag.Some(of[last:], 1))
		}
		for _, name := range of {
			all = append(all, name+end)
		}
	}
	return all
}

func endOf(name string) string {
	for _, end := range []string{OnHub, ToLogIn} {
		if strings.HasSuffix(name, end) {
			return end
		}
	}
	return ""
}
