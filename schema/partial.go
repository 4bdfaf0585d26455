package schema

import (
	"cmp"
	"maps"
	"slices"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// Unsure reports whether a value at or below a path of a rollout is wrong, so that a field that
// seems to be missing there may only be misspelt: stepWieght: 10 is a step.
func (d *Document) Unsure(path Path) bool {
	return inRollout(path) && d.wrong.at[path.String()]
}

// Wrong reports whether something at or below a path was reported while the document was loaded.
func (d *Document) Wrong(path Path) bool { return d.wrong.at[path.String()] }

// A wrong holds the wrong places of a document.
type wrong struct {
	paths []Path
	// at holds the places at or below which a value is wrong, as text, and the places of texts that
	// their readers reject.
	at map[string]bool
	// unread are the places of the values that are missing or wrong, as text.
	unread map[string]bool
}

// add adds a path with a mistake, and the path of the value that cannot be read because of it.
func (w *wrong) add(path, unread Path) {
	if w.unread == nil {
		w.unread = map[string]bool{}
	}
	w.paths = append(w.paths, slices.Clone(path))
	for end := len(path); end > 0 && !w.at[path[:end].String()]; end-- {
		w.mark(path[:end])
	}
	w.unread[unread.String()] = true
}

// with returns the wrong places of both.
func (w wrong) with(other wrong) wrong {
	if len(other.at) == 0 {
		return w
	}
	made := wrong{slices.Concat(w.paths, other.paths), maps.Clone(w.at), maps.Clone(w.unread)}
	if made.at == nil {
		made.at = map[string]bool{}
	}
	if made.unread == nil {
		made.unread = map[string]bool{}
	}
	maps.Copy(made.at, other.at)
	maps.Copy(made.unread, other.unread)
	return made
}

// mark suppresses further diagnostics about a place.
func (w *wrong) mark(path Path) {
	if w.at == nil {
		w.at = map[string]bool{}
	}
	w.at[path.String()] = true
}

// hides reports whether a value is or is below one that cannot be read.
func (w *wrong) hides(path Path) bool {
	for end := len(path); end >= 0 && len(w.unread) > 0; end-- {
		if w.unread[path[:end].String()] {
			return true
		}
	}
	return false
}

// removeWrong removes everything wrong from an Application's or a Canary's value, and reports whether the rules of
// its rollouts can judge the rest: a typo must not hide that the steps lead nowhere. A mistake in the source
// or in a policy also removes the source, because its build is unknown then.
func (d *Document) removeWrong(object map[string]any) bool {
	var without []Path
	switch d.Kind.Name {
	case "Application":
	case "Canary":
		for _, w := range d.wrong.paths {
			optional := d.optional(w)
			if len(optional) < 2 {
				return false
			}
			without = append(without, optional)
		}
		for _, path := range without {
			remove(object, path)
		}
		return true
	default:
		return false
	}
	for _, w := range d.wrong.paths {
		optional := d.optional(w)
		switch {
		case inRollout(optional):
			without = append(without, optional)
		case d.isAside(w, optional):
			if len(optional) > 4 || !inSource(w) { // or a required field of a policy
				w = optional
			}
			without = append(without, w[:min(len(w), 5)], Path{"spec", "source", "gitRepository"}, Path{"spec", "source", "helmRepository"}, Path{"spec", "source", "ociRepository"}, Path{"spec", "source", "existing"})
		default:
			return false
		}
	}
	for _, path := range without {
		remove(object, path)
	}
	return true
}

// isAside reports whether no rule of a rollout depends on the mistake at a path, where the optional
// field is the nearest: labels, the source, and fields of a policy that decide neither what is
// installed nor where.
func (d *Document) isAside(path, optional Path) bool {
	if len(path) == 0 {
		return false
	}
	name, _ := path[len(path)-1].(string)
	switch {
	case len(path) > 2 && path[0] == "metadata":
		return len(optional) > 1 && (path[1] == "labels" || path[1] == "annotations")
	case len(path) == 2 && path[0] == "spec":
		return diag.Nearest(name, []string{"destination", "source", "syncPolicies"}) == ""
	case len(path) > 2 && path[1] == "source":
		return len(optional) > 2
	case len(path) == 4 && path[3] == "kustomization":
		return !d.wrong.unread[path.String()] // interval or prune is missing
	case !inSource(path):
		return false
	}
	name, _ = path[4].(string)
	return (len(optional) > 4 || name == "interval" || name == "prune") && name != "namespace" && diag.Nearest(name, []string{"targetNamespace"}) == ""
}

// inSource reports whether a path is in the source, or in a policy's kustomization or helm.
func inSource(path Path) bool {
	return len(path) > 2 && path[0] == "spec" && path[1] == "source" ||
		len(path) > 4 && path[0] == "spec" && path[1] == "syncPolicies" && (path[3] == "kustomization" || path[3] == "helm")
}

func inRollout(path Path) bool {
	return len(path) > 4 && path[0] == "spec" && path[1] == "syncPolicies" && path[3] == "rollout"
}

// optional returns the path of the nearest field, at a path or above it, that the kind does
// not require. The items of a list are required: the others must stay where they are.
func (d *Document) optional(path Path) Path {
	found := 0
	s := d.Kind.shape()
	for i, element := range path {
		below, required := s.Items, true
		if name, ok := element.(string); ok {
			below, required = s.below(name)
		}
		if !required {
			found = i + 1
		}
		s = cmp.Or(below, anything)
	}
	return path[:found]
}

func remove(value any, path Path) {
	switch e := path[0].(type) {
	case string:
		fields, _ := value.(map[string]any)
		if len(path) == 1 {
			delete(fields, e)
		} else {
			remove(fields[e], path[1:])
		}
	case int:
		// An item as a whole stays, because the others are identified by their indices.
		if items, _ := value.([]any); e < len(items) && len(path) > 1 {
			remove(items[e], path[1:])
		}
	}
}
