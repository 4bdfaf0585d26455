// Package accept says of values whether CUE surely accepts them, without CUE.
//
// A [Form] is a definition or the rules of a .cue file, in a shape that takes nothing
// at start and is quick to apply. Package schemagen makes forms from the .cue files,
// which stay the one source of what is right. A form never accepts what its file
// refuses. It may fail to accept what its file takes: whatever it does not understand
// is left to CUE.
//
// That is possible because what comes in and goes out is data: a value that is
// accepted has everything that its definition requires, so unifying the two adds
// nothing to it, and a reference means what the value has there.
package accept

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A Form is what a value is to be. What implements it are the types of this package.
type Form interface {
	judge(s *scope, value any) verdict
}

// Accepts says whether the value surely is of the form. Values are what encoding/json
// makes of JSON, with whole numbers as int64 or uint64, or all of them as json.Number.
func Accepts(f Form, value any) bool { return f.judge(nil, value) == accepted }

// A verdict is what is known about a value. Of several the least holds for all.
type verdict int8

const (
	// refused is what no value around it could mend.
	refused verdict = iota
	// unsure leaves it to CUE.
	unsure
	accepted
)

// of is the verdict about what is right or wrong for certain.
func of(right bool) verdict {
	if right {
		return accepted
	}
	return refused
}

// A Kind is the form of all values of one kind.
type Kind int8

// The kinds of values.
const (
	// Any is _.
	Any Kind = iota
	String
	Int
	Number
	Bool
	Null
	// Bottom is _|_, which no value is.
	Bottom
	// Unclear is what only CUE can judge.
	Unclear
)

func (k Kind) judge(_ *scope, value any) verdict {
	switch k {
	case Any:
		return accepted
	case String:
		_, ok := value.(string)
		return of(ok)
	case Int:
		return of(isInt(value))
	case Number:
		return of(isNumber(value))
	case Bool:
		_, ok := value.(bool)
		return of(ok)
	case Null:
		return of(value == nil)
	case Bottom:
		return refused
	}
	return unsure
}

// isInt says whether a value is a whole number. 1.0 is none for CUE.
func isInt(value any) bool {
	switch v := value.(type) {
	case int64, uint64:
		return true
	case json.Number:
		return !strings.ContainsAny(string(v), ".eE")
	}
	return false
}

func isNumber(value any) bool {
	switch value.(type) {
	case int64, uint64, float64, json.Number:
		return true
	}
	return false
}

// An Is is the form of one value: text, an int64 or a bool.
type Is struct{ Value any }

func (f *Is) judge(_ *scope, value any) verdict {
	if isNumber(value) && isNumber(f.Value) {
		same, ok := compare(Equal, value, f.Value)
		if !ok {
			return unsure
		}
		return of(same)
	}
	switch value.(type) {
	case string, bool:
		return of(value == f.Value)
	}
	return refused
}

// An Enum is the form of some texts.
type Enum []string

func (f Enum) judge(_ *scope, value any) verdict {
	text, ok := value.(string)
	return of(ok && slices.Contains(f, text))
}

// A Match is the form of text that a regular expression matches, and that has at most so
// many bytes, unless that is 0: an expression that counts is slow to compile, which
// happens when it is first needed.
type Match struct {
	Expression string
	Most       int

	once     sync.Once
	compiled *regexp.Regexp
}

func (f *Match) judge(_ *scope, value any) verdict {
	text, ok := value.(string)
	return of(ok && f.matches(text))
}

func (f *Match) matches(text string) bool {
	if f.Most > 0 && len(text) > f.Most {
		return false
	}
	f.once.Do(func() { f.compiled = regexp.MustCompile(f.Expression) })
	return f.compiled.MatchString(text)
}

// A Bound is the form of numbers that compare in one way with a limit.
type Bound struct {
	Comparison Comparison
	Limit      int64
}

func (f *Bound) judge(_ *scope, value any) verdict {
	if !isNumber(value) {
		return refused
	}
	within, ok := compare(f.Comparison, value, f.Limit)
	if !ok {
		return unsure
	}
	return of(within)
}

// A Not is the form of all texts but one.
type Not string

func (f Not) judge(_ *scope, value any) verdict {
	text, ok := value.(string)
	return of(ok && text != string(f))
}

// All is the form of what is of several forms.
type All []Form

func (f All) judge(s *scope, value any) verdict {
	least := accepted
	for _, form := range f {
		if least = min(least, form.judge(s, value)); least == refused {
			break
		}
	}
	return least
}

// An Either is the form of what is of one of several forms. A mapping or a list must be
// refused by the others: what two definitions take differently is ambiguous for CUE.
type Either []Form

func (f Either) judge(s *scope, value any) verdict {
	taken, refusals := f.count(s, value)
	if taken > 0 && !isComposite(value) {
		return accepted
	}
	return exactlyOne(taken, refusals, len(f))
}

// count is how many of the forms take a value, and how many refuse it.
func (f Either) count(s *scope, value any) (taken, refusals int) {
	for _, form := range f {
		switch form.judge(s, value) {
		case accepted:
			taken++
		case refused:
			refusals++
		}
	}
	return taken, refusals
}

func exactlyOne(taken, refusals, of int) verdict {
	switch {
	case taken == 1 && refusals == of-1:
		return accepted
	case refusals == of:
		return refused
	}
	return unsure
}

func isComposite(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

// A One is matchN(1, …): the form of scalars that are of one of several forms and of
// no other.
type One []Form

func (f One) judge(s *scope, value any) verdict {
	if isComposite(value) {
		return unsure
	}
	taken, refusals := Either(f).count(s, value)
	return exactlyOne(taken, refusals, len(f))
}

// A List is the form of lists that begin with Items and go on with Rest, or end there
// if that is nil.
type List struct {
	Items []Form
	Rest  Form
}

func (f *List) judge(s *scope, value any) verdict {
	items, ok := value.([]any)
	if !ok || len(items) < len(f.Items) || len(items) > len(f.Items) && f.Rest == nil {
		return refused
	}
	least := accepted
	for i, item := range items {
		form := f.Rest
		if i < len(f.Items) {
			form = f.Items[i]
		}
		if least = min(least, form.judge(s, item)); least == refused {
			break
		}
	}
	return least
}

// A Struct is the form of mappings.
type Struct struct {
	// Fields are sorted by their names.
	Fields []Field
	// Patterns are of the fields whose names they match, beside Fields.
	Patterns []Pattern
	// Open says that there may be fields that neither Fields nor Patterns have.
	Open bool
	// Parts are the guards and what else holds of the mapping as a whole.
	Parts []Form
	// Scope says that something in the struct refers to its fields.
	Scope bool
}

// A Field is a field of a mapping.
type Field struct {
	Name string
	// Required says that it must be there.
	Required bool
	Form     Form
}

// A Pattern is what the fields are whose names are of a form.
type Pattern struct {
	Name Form
	Form Form
}

func (f *Struct) judge(s *scope, value any) verdict {
	fields, ok := value.(map[string]any)
	if !ok {
		return refused
	}
	if f.Scope {
		s = &scope{around: s, value: fields}
	}
	least := f.judgeFields(s, fields)
	for _, part := range f.Parts {
		if least == refused {
			break
		}
		least = min(least, part.judge(s, value))
	}
	return least
}

func (f *Struct) judgeFields(s *scope, fields map[string]any) verdict {
	least := accepted
	found := 0
	for i := range f.Fields {
		field := &f.Fields[i]
		value, ok := fields[field.Name]
		switch {
		case ok:
			found++
			if least = min(least, field.Form.judge(s, value)); least == refused {
				return refused
			}
		case field.Required:
			// Required or not, of alternatives CUE drops none for that.
			least = unsure
		}
	}
	if found == len(fields) && len(f.Patterns) == 0 || f.Open && len(f.Patterns) == 0 {
		return least
	}
	for name, value := range fields {
		known := f.Open || f.has(name)
		for _, p := range f.Patterns {
			if p.Name.judge(nil, name) == accepted {
				known = true
				if least = min(least, p.Form.judge(s, value)); least == refused {
					return refused
				}
			}
		}
		if !known {
			return refused
		}
	}
	return least
}

func (f *Struct) has(name string) bool {
	_, ok := slices.BinarySearchFunc(f.Fields, name, func(field Field, name string) int { return strings.Compare(field.Name, name) })
	return ok
}

// A Guard is the form of mappings that are of the form Then wherever all of the
// clauses hold.
type Guard struct {
	Clauses []Clause
	// Loose says that a condition need not have a value, and does not hold then: the
	// file is not asked whether all is concrete.
	Loose bool
	Then  Form
}

// A guard refuses nothing: it is about the mapping around, not about alternatives.
func (f *Guard) judge(s *scope, value any) verdict {
	least := accepted
	state := each(f.Clauses, s, func(s *scope) {
		if f.Then.judge(s, value) != accepted {
			least = unsure
		}
	})
	if state == known || state == absent && f.Loose {
		return least
	}
	return unsure
}

// A Same is the form of the scalar that an expression has.
type Same struct{ As Expr }

func (f *Same) judge(s *scope, value any) verdict {
	as, state := f.As.value(s)
	if state != known || isComposite(value) || isComposite(as) || isNumber(value) || value != as {
		return unsure
	}
	return accepted
}
