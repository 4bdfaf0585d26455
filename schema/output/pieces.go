package output

import (
	"maps"
	"slices"

	"cuelang.org/go/cue"
)

// maxWidth is how many items of a list, or fields of free names, CUE is given at once. It
// looks each of them up among the others one by one, so its time grows with their square.
const maxWidth = 100

// isWide reports whether CUE must not be given a value as a whole.
func isWide(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for _, field := range v {
			if isWide(field) {
				return true
			}
		}
		return len(v) > maxWidth
	case []any:
		return len(v) > maxWidth || slices.ContainsFunc(v, isWide)
	}
	return false
}

// pieces divides a value so that every item of every list, and every field, is in one piece,
// with its parents. Fields with known names are in all pieces.
func pieces(value any, known map[string]bool) []any {
	switch v := value.(type) {
	case map[string]any:
		return piecesOfMapping(v, known)
	case []any:
		return piecesOfList(v, known)
	}
	return []any{value}
}

func piecesOfMapping(fields map[string]any, known map[string]bool) (all []any) {
	var names, others []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if known[name] {
			names = append(names, name)
		} else {
			others = append(others, name)
		}
	}
	var more []any
	// with adds the fields of more names to others, each with its first piece.
	with := func(around map[string]any, names []string) map[string]any {
		first, later := maps.Clone(around), map[string][]any{}
		for _, name := range names {
			of := pieces(fields[name], known)
			first[name], later[name] = of[0], of[1:]
		}
		for _, name := range names {
			for _, piece := range later[name] {
				one := maps.Clone(first)
				one[name] = piece
				more = append(more, one)
			}
		}
		return first
	}
	always := with(map[string]any{}, names)
	for chunk := range slices.Chunk(others, maxWidth) {
		all = append(all, with(always, chunk))
	}
	if len(all) == 0 {
		all = []any{always}
	}
	return append(all, more...)
}

func piecesOfList(items []any, known map[string]bool) (all []any) {
	first := make([]any, len(items))
	var more []any
	for i, item := range items {
		of := pieces(item, known)
		first[i] = of[0]
		for _, piece := range of[1:] {
			more = append(more, []any{piece})
		}
	}
	for chunk := range slices.Chunk(first, maxWidth) {
		all = append(all, chunk)
	}
	if len(all) == 0 {
		all = []any{first}
	}
	return append(all, more...)
}

// addNames adds the names of all fields in a definition.
func addNames(known map[string]bool, definition cue.Value) {
	switch definition.IncompleteKind() {
	case cue.ListKind:
		addNames(known, definition.LookupPath(cue.MakePath(cue.AnyIndex)))
	case cue.StructKind:
		addNames(known, definition.LookupPath(cue.MakePath(cue.AnyString)))
		fields, err := definition.Fields(cue.Optional(true))
		for err == nil && fields.Next() {
			known[fields.Selector().Unquoted()] = true
			addNames(known, fields.Value())
		}
	}
}
