package schema

import (
	"cmp"
	"slices"
)

// Unsure reports whether something at or below a path of a rollout is wrong, so that what
// seems to be missing there may not be: stepWieght: 10 is a step.
func (d *Document) Unsure(path Path) bool {
	return inRollout(path) && d.wrong.at[path.String()]
}

// A wrong is what was found wrong in a document.
type wrong struct {
	paths []Path
	// at are the places at or below which something is, as text, and those of texts that their
	// readers refuse.
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

// mark has nothing more said of a place.
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

// removeWrong removes everything wrong in the rollouts of an Application's value, and
// reports whether that was all that is wrong. The rules of a rollout then check the rest: a
// typo must not hide that the steps lead nowhere.
func (d *Document) removeWrong(object map[string]any) bool {
	if d.Kind.Name != "Application" {
		return false
	}
	var without []Path
	for _, w := range d.wrong.paths {
		optional := d.optional(w)
		if !inRollout(optional) {
			return false
		}
		without = append(without, optional)
	}
	for _, path := range without {
		remove(object, path)
	}
	return true
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
		if items, _ := value.([]any); e < len(items) {
			remove(items[e], path[1:])
		}
	}
}
