package diff

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/tree"
)

// A Field that changes. Old is nil for a new field, New for a removed one.
type Field struct {
	// Path of the field, such as spec.analysis.metrics[latency].thresholdRange.max.
	// Items of a list are identified by name, or by index if they have no unique names.
	Path string `json:"path"`
	// Old and New are JSON values.
	Old any `json:"old"`
	New any `json:"new"`
}

// compare returns the fields in which two values differ, by path.
func compare(path string, old, new any) (fields []Field) {
	if reflect.DeepEqual(old, new) {
		return nil
	}
	was, wasMap := old.(map[string]any)
	is, isMap := new.(map[string]any)
	if wasMap && isMap {
		all := map[string]any{}
		maps.Copy(all, was)
		maps.Copy(all, is)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			fields = append(fields, compare(join(path, name), was[name], is[name])...)
		}
		return fields
	}
	before, wasList := old.([]any)
	after, isList := new.([]any)
	if wasList && isList {
		if fields, ok := compareItems(path, before, after); ok {
			return fields
		}
	}
	return []Field{{path, old, new}}
}

// compareItems compares lists of objects by name, or lists of the same length by index.
func compareItems(path string, old, new []any) (fields []Field, ok bool) {
	was, names, named := byName(old)
	is, newNames, newNamed := byName(new)
	if named && newNamed {
		added := slices.DeleteFunc(slices.Clone(newNames), func(name string) bool { return was[name] != nil })
		for _, name := range slices.Concat(names, added) {
			fields = append(fields, compare(path+"["+name+"]", was[name], is[name])...)
		}
		if len(added) == 0 && len(names) == len(newNames) && !slices.Equal(names, newNames) {
			fields = append(fields, Field{path + ", in order", texts(names), texts(newNames)})
		}
		return fields, true
	}
	isNoObject := func(item any) bool { return !isObject(item) }
	if len(old) != len(new) || slices.ContainsFunc(old, isNoObject) || slices.ContainsFunc(new, isNoObject) {
		return nil, false
	}
	for i := range old {
		fields = append(fields, compare(fmt.Sprintf("%s[%d]", path, i), old[i], new[i])...)
	}
	return fields, true
}

func isObject(value any) bool {
	_, ok := value.(map[string]any)
	return ok
}

// byName returns the items of a list by name, if all have unique names.
func byName(list []any) (items map[string]any, names []string, ok bool) {
	items = map[string]any{}
	for _, item := range list {
		object, _ := item.(map[string]any)
		name := tree.TextAt(object, "name")
		if name == "" || items[name] != nil {
			return nil, nil, false
		}
		items[name] = item
		names = append(names, name)
	}
	return items, names, true
}

func texts(list []string) (all []any) {
	for _, s := range list {
		all = append(all, s)
	}
	return all
}

func join(path, name string) string {
	if strings.ContainsAny(name, "./[] ") || name == "" {
		return path + "[" + name + "]"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// isKeeping reports whether only the annotation changes that makes Flux keep the object.
func (f Field) isKeeping() bool {
	const annotations = "metadata.annotations"
	was, _ := f.Old.(map[string]any)
	return f.New == nil && (f.Path == join(annotations, manifest.FluxPrune) || f.Path == annotations && len(was) == 1 && was[manifest.FluxPrune] != nil)
}

// longestValue limits the characters of a value in a note.
const longestValue = 48

// inWords returns the change of a field in words, without the kind's usual prefix: "stepWeight 10 → 20".
func (f Field) inWords(kind string) string {
	path := strings.TrimPrefix(f.Path, "spec.")
	if kind == "Canary" {
		path = strings.TrimPrefix(path, "analysis.")
	}
	old, short := shown(f.Old)
	new, short2 := shown(f.New)
	switch {
	case short && short2 && (f.Old != nil || f.New != nil):
		return path + " " + old + " → " + new
	case f.Old == nil:
		return path + " added"
	case f.New == nil:
		return path + " removed"
	}
	return path + " changed"
}

// shown returns a value in words, and reports whether it fits into a note.
func shown(v any) (text string, short bool) {
	switch v := v.(type) {
	case nil:
		return "none", true
	case map[string]any:
		return "", false
	case string:
		text = v
		if v == "" || strings.ContainsAny(v, " \t") {
			text = fmt.Sprintf("%q", v)
		}
	case []any:
		if slices.ContainsFunc(v, isObject) {
			return "", false
		}
		data, _ := json.Marshal(v)
		text = strings.ReplaceAll(string(data), ",", ", ")
	default:
		text = fmt.Sprint(v)
	}
	return text, utf8.RuneCountInString(text) <= longestValue && !strings.Contains(text, "\n")
}
