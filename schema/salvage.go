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
	// at are the places at or below which something is, as text.
	at map[string]bool
	// unread are the places of the values that are missing or not what they are to be, as
	// text.
	unread map[string]bool
}

// add adds a path at which something is wrong, and that of the value that cannot be read
// because of it.
func (w *wrong) add(path, unread Path) {
	if w.at == nil {
		w.at, w.unread = map[string]bool{}, map[string]bool{}
	}
	w.paths = append(w.paths, slices.Clone(path))
	for end := len(path); end > 0 && !w.at[path[:end].String()]; end-- {
		w.at[path[:end].String()] = true
	}
	w.unread[unread.String()] = true
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

// salvage removes what is wrong in the rollouts of an Application's value, and reports
// whether no more is wrong. The rules of a rollout look at the rest: a typo must not hide
// that the steps lead nowhere.
func (d *Document) salvage(object map[string]any) bool {
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

// inRollout reports whether a path is below a rollout.
func inRollout(path Path) bool {
	return len(path) > 4 && path[0] == "spec" && path[1] == "syncPolicies" && path[3] == "rollout"
}

// optional returns the path of the nearest field, at a path or above it, that the kind does
// not require. The items of a list are required: the others must stay where they are.
func (d *Document) optional(path Path) Path {
	found := 0
	s := d.Kind.shape
	for i, element := range path {
		if name, ok := element.(string); !ok {
			s = s.Items
		} else if below, required := s.below(name); !required {
			found = i + 1
			s = cmp.Or(below, &anything)
		} else {
			s = below
		}
	}
	return path[:found]
}

// remove removes the field at a path.
func remove(object map[string]any, path Path) {
	last := len(path) - 1
	var at any = object
	for _, element := range path[:last] {
		switch e := element.(type) {
		case string:
			fields, _ := at.(map[string]any)
			at = fields[e]
		case int:
			items, _ := at.([]any)
			if e >= len(items) {
				return
			}
			at = items[e]
		}
	}
	if fields, ok := at.(map[string]any); ok {
		delete(fields, path[last].(string))
	}
}
