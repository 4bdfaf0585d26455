package schema

import (
	"encoding/json"
	"slices"

	"cuelang.org/go/cue"

	"github.com/fleetwright/fleetwright/schema/api"
)

// Unsure says whether something at or below a path of a rollout is wrong, so that what
// seems to be missing there may not be: stepWieght: 10 is a step.
func (d *Document) Unsure(path Path) bool {
	return inRollout(path) && d.wrong.at[path.String()]
}

// A wrong is what was found wrong in a document.
type wrong struct {
	paths []Path
	// at are the places at or below which something is, as text.
	at map[string]bool
}

func newWrong(paths []Path) wrong {
	w := wrong{paths, map[string]bool{}}
	for _, path := range paths {
		for end := len(path); end > 0 && !w.at[path[:end].String()]; end-- {
			w.at[path[:end].String()] = true
		}
	}
	return w
}

// salvage is the value of an Application without what is wrong in its rollouts, or nil
// where more is wrong, or where nothing of its shape is left without. The rules of a
// rollout look at the rest: a typo must not hide that the steps lead nowhere.
func (d *Document) salvage(object map[string]any, shape cue.Value) map[string]any {
	if d.Kind.Name != "Application" || len(d.wrong.paths) == 0 {
		return nil
	}
	var without []Path
	for _, w := range d.wrong.paths {
		optional := d.optional(w)
		if !inRollout(optional) {
			return nil
		}
		without = append(without, optional)
	}
	data, err := json.Marshal(object)
	if err != nil {
		return nil
	}
	var rest api.Values
	if json.Unmarshal(data, &rest) != nil {
		return nil
	}
	for _, path := range without {
		remove(rest, path)
	}
	if misfit(shape, d.Kind.pieces(rest)) != nil {
		return nil
	}
	return rest
}

// inRollout says whether a path is below a rollout.
func inRollout(path Path) bool {
	return len(path) > 4 && path[0] == "spec" && path[1] == "syncPolicies" && path[3] == "rollout"
}

// optional is the path of the nearest field, at a path or above it, that the kind does
// not require. The items of a list are required: the others must stay where they are.
func (d *Document) optional(path Path) Path {
	root := d.Kind.jsonSchema()
	e := explainer{doc: d, root: root}
	found := 0
	s := e.schema(root)
	for i, element := range path {
		switch name := element.(type) {
		case string:
			if !slices.Contains(s.Required, name) {
				found = i + 1
			}
			if s.Properties[name] != nil {
				s = e.schema(s.Properties[name])
			} else if s.AdditionalProperties != nil {
				s = e.schema(s.AdditionalProperties)
			}
		case int:
			if s.Items != nil {
				s = e.schema(s.Items)
			}
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
