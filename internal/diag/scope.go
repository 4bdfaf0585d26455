package diag

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Scope is some of the clusters of an Application.
type Scope struct {
	// Clusters by name, and Of how many the Application has.
	Clusters []string
	Of       int
	// Within are the numbers of clusters on which parts of the document hold, by their paths.
	Within map[string]int
}

// of returns on how many clusters a path of the document holds.
func (s *Scope) of(path string) int {
	n, longest := s.Of, 0
	for part, clusters := range s.Within {
		if isBelow := path == part || strings.HasPrefix(path, part+"."); isBelow && len(part) > longest {
			n, longest = clusters, len(part)
		}
	}
	return n
}

// A finding is what was found, on which clusters.
type finding struct {
	Diagnostic
	clusters   map[string]bool
	everywhere bool
}

// mostValues is how many findings there are about one value that clusters have otherwise.
const mostValues = 3

// Scoped returns the list with each finding once. One that does not hold wherever its line does names the
// clusters. Of many about one text with variables, the first tells on which others there are more.
func (l List) Scoped() List {
	if !slices.ContainsFunc(l, func(d Diagnostic) bool { return d.On != nil }) {
		return l
	}
	var all []*finding
	known, same := map[Diagnostic]*finding{}, map[Diagnostic][]*finding{}
	for _, d := range l {
		key := Diagnostic{Position: d.Position, Severity: d.Severity, Code: d.Code, Path: d.Path, Message: d.Message}
		f, ok := known[key]
		if !ok {
			f = &finding{Diagnostic: d, clusters: map[string]bool{}}
			known[key] = f
			all = append(all, f)
			if key.Message = ""; d.Resolved {
				same[key] = append(same[key], f)
			}
		}
		if d.On == nil {
			f.everywhere = true
			continue
		}
		f.On = d.On
		for _, name := range d.On.Clusters {
			f.clusters[name] = true
		}
	}
	others := map[*finding]bool{}
	for _, found := range same {
		if len(found) <= mostValues {
			continue
		}
		names := map[string]bool{}
		for _, f := range found[1:] {
			others[f] = true
			maps.Copy(names, f.clusters)
		}
		found[0].Message += "; so it is with other values on " + Some(slices.Sorted(maps.Keys(names)), few)
	}
	var list List
	for _, f := range all {
		if !others[f] {
			list = append(list, f.named())
		}
	}
	return list
}

// few is how many clusters a message names.
const few = 3

// named returns the finding with the names of its clusters in the message.
func (f *finding) named() Diagnostic {
	d, on := f.Diagnostic, f.On
	d.On, d.Resolved = nil, false
	if f.Resolved {
		d.Hint = "" // it would take the variable away
	}
	if f.everywhere || len(f.clusters) >= on.of(d.Path) {
		return d
	}
	names := slices.Sorted(maps.Keys(f.clusters))
	whole := cmp.Or(d.Whole, d.Message)
	d.Message = fmt.Sprintf("on %s: %s", Some(names, few), d.Message)
	if d.Whole != "" || len(names) > few {
		d.Whole = fmt.Sprintf("on %s: %s", strings.Join(names, ", "), whole)
	}
	return d
}
