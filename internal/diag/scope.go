package diag

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Scope is a subset of the clusters of an Application.
type Scope struct {
	// Clusters are the names, and Of is the number of clusters of the Application.
	Clusters []string
	Of       int
	// Within are the numbers of clusters that have the parts of the document, by path.
	Within map[string]int
}

// of returns the number of clusters that have a path of the document.
func (s *Scope) of(path string) int {
	n, longest := s.Of, 0
	for part, clusters := range s.Within {
		if isBelow := path == part || strings.HasPrefix(path, part+"."); isBelow && len(part) > longest {
			n, longest = clusters, len(part)
		}
	}
	return n
}

// A finding is a diagnostic with its clusters.
type finding struct {
	Diagnostic
	clusters   map[string]bool
	everywhere bool
}

// mostValues limits the findings about one text whose value differs by cluster.
const mostValues = 3

// Scoped returns the list with each finding once. A finding that is not about all clusters of its line names the
// clusters. If one text with variables has many findings, the first names the other clusters.
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
		found[0].Message += "; the same with other values on " + Some(slices.Sorted(maps.Keys(names)), few)
	}
	var list List
	for _, f := range all {
		if !others[f] {
			list = append(list, f.named())
		}
	}
	return list
}

// few is the number of clusters that a message names.
const few = 3

// named returns the finding, with the names of its clusters in the message.
func (f *finding) named() Diagnostic {
	d, on := f.Diagnostic, f.On
	d.On, d.Resolved = nil, false
	if f.Resolved {
		d.Hint = "" // the hint would replace the variable
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
