// Package report collects the diagnostics of a compilation: each at its position, or one for all positions with
// the same finding.
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
	// ignores holds the comments that ignore diagnostics, and ignored their places.
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

// New returns a report with the diagnostics of loading the documents.
func New(docs *schema.Documents) *Report {
	r := &Report{list: slices.Clone(docs.Diagnostics), notes: map[diag.Code][]note{}, ignores: docs.Ignores, ignored: map[place]bool{}}
	for _, i := range docs.Ignores {
		r.ignored[place{i.Code, i.Position.File, i.Line}] = true
	}
	return r
}

// Add adds a diagnostic.
func (r *Report) Add(d diag.Diagnostic) { r.list = append(r.list, d) }

// AddAt adds a diagnostic about an object that several variants of an Application may share, whichever of them
// is its origin.
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

// CheckIgnores reports the comments that ignore nothing, except for codes that unsure reports. Call it
// only without errors: an error can hide a diagnostic.
func (r *Report) CheckIgnores(unsure func(diag.Code) bool) {
	found := map[place]bool{}
	for _, d := range r.list {
		found[placeOf(d)] = true
	}
	for _, i := range r.ignores {
		if !found[place{i.Code, i.Position.File, i.Line}] && !unsure(i.Code) {
			where := fmt.Sprintf("on line %d", i.Line)
			if i.Position.Unnumbered {
				where = "here"
			}
			r.Add(diag.New(diag.UnusedIgnore, i.Position, "", fmt.Sprintf("no %s is reported %s, so the comment ignores nothing", i.Code, where), "remove the comment"))
		}
	}
}

// A note is one place of a finding that is reported once for all its places.
type note struct {
	at       manifest.Origin
	position diag.Position
	// name is the listed name; it may be "".
	name string
}

// OnHub is the suffix of a required object that must exist on the hub.
const OnHub = " (on the hub)"

// ToLogIn is the suffix of a ServiceAccount that a controller uses only to log in elsewhere.
const ToLogIn = " (to log in)"

// Note records a place for a code. Summarize reports all places of a code at once: a diagnostic for
// every rollout of a large fleet would bury the rest.
func (r *Report) Note(code diag.Code, at manifest.Origin, name string) {
	r.notes[code] = append(r.notes[code], note{at, at.Position(), name})
}

// Summarize reports the notes of a code at the first of their places. The message gets
// the names, unique, sorted and limited to a few, and the number of other places. A comment ignores
// only the note on its own line.
func (r *Report) Summarize(code diag.Code, message func(names []string, others int) string) {
	all := r.notes[code]
	slices.SortStableFunc(all, func(a, b note) int { return a.position.Compare(b.position) })
	all = slices.CompactFunc(all, func(a, b note) bool { return a.position == b.position && a.name == b.name })
	if len(r.ignored) > 0 {
		all = slices.DeleteFunc(all, func(n note) bool {
			d := n.at.Doc.Diagnostic(code, n.at.Path, message([]string{n.name}, 0), "")
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
	var names []string
	for _, n := range all {
		names = append(names, n.name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	first, others := all[0].at, len(all)-1
	d := first.Doc.Diagnostic(code, first.Path, message(few(names), others), "")
	d.On = nil // it is also about the others
	if len(names) > diag.MostNames {
		d = d.WithWhole(message(names, others))
	}
	r.Add(d)
}

// few returns the first of many names; the last one states how many more there are with the same suffix, OnHub
// or ToLogIn.
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
