package mutant

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
)

// A Document is one document of the inputs.
type Document = map[string]any

// A Mutant is a set of inputs with the changes made to its sample, in order.
type Mutant struct {
	Sample    string
	Documents []Document
	Changes   []Change
	// Base identifies the mutant that the last change was made to.
	Base *Mutant
}

// A Change sets or removes a field of a document.
type Change struct {
	// Field is the name of the field in docs/fields.md, and At is its path in the document.
	Field, At, Value string
	// another reports whether the value differs from the previous one.
	another bool
}

func (c Change) String() string { return c.At + ": " + c.Value }

// Sum returns a hash that identifies the mutant.
func (m Mutant) Sum() [sha256.Size]byte { return sum(m.Documents) }

func sum(v any) [sha256.Size]byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return sha256.Sum256(data)
}

// A Maker makes mutants. The same seed gives the same mutants.
type Maker struct {
	random *rand.Rand
	// bases are the inputs to mutate: samples, and accepted mutants.
	bases []Mutant
	// samples is the number of samples among the bases.
	samples int
	fields  []*field
	shapes  map[string]*shape
	// covered counts, by field, the accepted mutants whose value differs from their sample's, and tried
	// counts the changes of a field.
	covered, tried map[string]int
}

// New returns a Maker for samples by name.
func New(seed uint64, samples map[string][]Document) *Maker {
	m := &Maker{
		random: rand.New(rand.NewPCG(seed, seed)), shapes: shapes(),
		covered: map[string]int{}, tried: map[string]int{},
	}
	for _, kind := range slices.Sorted(maps.Keys(m.shapes)) {
		m.fields = append(m.fields, fieldsOf(kind, m.shapes[kind])...)
	}
	for _, name := range slices.Sorted(maps.Keys(samples)) {
		m.bases = append(m.bases, Mutant{Sample: name, Documents: samples[name]})
	}
	m.samples = len(m.bases)
	return m
}

// Samples returns the unchanged samples.
func (m *Maker) Samples() []Mutant { return m.bases[:m.samples] }

// Next makes a mutant.
func (m *Maker) Next() Mutant {
	for {
		// Of some random fields, choose the one that the fewest accepted mutants change.
		f := pick(m.random, m.fields)
		for range 8 {
			if other := pick(m.random, m.fields); m.weight(other) < m.weight(f) {
				f = other
			}
		}
		base := m.base(f)
		next := Mutant{Sample: base.Sample, Documents: clone(base.Documents).([]Document), Changes: slices.Clone(base.Changes), Base: &base}
		if !m.change(&next, f) {
			continue
		}
		m.tried[f.name]++
		return next
	}
}

// base chooses the inputs to mutate: among some random ones, those in which the field can be set most
// directly.
func (m *Maker) base(f *field) (best Mutant) {
	depth := -1
	for range 12 {
		base := m.bases[m.random.IntN(m.samples)]
		if m.random.IntN(2) == 0 {
			base = pick(m.random, m.bases)
		}
		for _, d := range base.Documents {
			if n := reached(d, f.steps[:len(f.steps)-1]); d["kind"] == f.kind && n > depth {
				best, depth = base, n
			}
		}
	}
	return best
}

// reached returns how many of the steps exist in a value.
func reached(v any, steps []step) (n int) {
	if len(steps) == 0 {
		return 0
	}
	switch v := v.(type) {
	case map[string]any:
		if steps[0].kind == ofObject {
			if inner, ok := v[steps[0].field]; ok {
				n = 1 + reached(inner, steps[1:])
			}
			return n
		}
		for _, item := range v {
			n = max(n, 1+reached(item, steps[1:]))
		}
	case []any:
		for _, item := range v {
			n = max(n, 1+reached(item, steps[1:]))
		}
	}
	return n
}

// weight returns a lower number for a field that needs more attempts.
func (m *Maker) weight(f *field) int {
	return m.covered[f.name]*20 + m.tried[f.name]
}

// Accept tells the Maker that a mutant was accepted, so that it becomes a base for others.
func (m *Maker) Accept(a Mutant) {
	if len(a.Changes) < 6 {
		m.bases = append(m.bases, a)
	}
	for _, c := range a.Changes {
		if c.another {
			m.covered[c.Field]++
		}
	}
}

// Fields returns the names of all fields.
func (m *Maker) Fields() (all []string) {
	for _, f := range m.fields {
		all = append(all, f.name)
	}
	return all
}

// Uncovered returns the fields that no accepted mutant has changed.
func (m *Maker) Uncovered() []string {
	return slices.DeleteFunc(m.Fields(), func(f string) bool { return m.covered[f] > 0 })
}

// Tried returns how often a field was changed.
func (m *Maker) Tried(field string) int { return m.tried[field] }

// change changes a field in one of the documents of its kind. It reports whether such a document exists.
func (m *Maker) change(next *Mutant, f *field) bool {
	var of []any
	for _, d := range next.Documents {
		if d["kind"] == f.kind {
			of = append(of, d)
		}
	}
	if len(of) == 0 {
		return false
	}
	document := of[m.most(of, f.steps)]
	var old, made any
	at := f.kind
	m.put(document, &at, f.steps, m.shapes[f.kind], func(now any) any {
		if old = now; now != nil && m.random.IntN(10) == 0 {
			return nil // remove the field
		}
		made = value(m.random, f.shape, now)
		return made
	})
	// A name that is also used elsewhere is renamed there: an alert's provider, a cluster of a fleet.
	if old, ok := old.(string); ok && old != "" && made != nil && m.random.IntN(2) == 0 {
		rename(next.Documents, old, made)
	}
	shown, err := json.Marshal(made)
	if err != nil {
		panic(err)
	}
	next.Changes = append(next.Changes, Change{f.name, at, shortened(string(shown)), made != nil && !reflect.DeepEqual(old, made)})
	return true
}

// shortened returns a text cut to a readable length.
func shortened(text string) string {
	if len(text) <= 300 {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(text[:60], ""), len(text))
}

// put sets a value at a path below another value, and returns that value with the change. It creates missing
// parents with their required fields.
func (m *Maker) put(v any, at *string, steps []step, s *shape, make func(now any) any) any {
	if len(steps) == 0 {
		return make(v)
	}
	set := func(object map[string]any, name string, inner *shape) any {
		if made := m.put(object[name], at, steps[1:], inner, make); made != nil {
			object[name] = made
		} else {
			delete(object, name)
		}
		return object
	}
	switch steps[0].kind {
	case ofObject:
		*at += "." + steps[0].field
		o, ok := v.(map[string]any)
		if !ok {
			o = object(m.random, s)
		}
		return set(o, steps[0].field, s.Properties[steps[0].field])
	case ofMap:
		o, ok := v.(map[string]any)
		if !ok {
			o = map[string]any{}
		}
		name := key(m.random)
		if keys := slices.Sorted(maps.Keys(o)); len(keys) > 0 && m.random.IntN(3) > 0 {
			name = pick(m.random, keys)
		}
		*at += fmt.Sprintf("[%q]", shortened(name))
		return set(o, name, s.values)
	}
	list, _ := v.([]any)
	i := len(list)
	if i == 0 || m.random.IntN(10) == 0 {
		list = append(list, nil)
	} else {
		i = m.most(list, steps[1:])
	}
	*at += fmt.Sprintf("[%d]", i)
	if list[i] = m.put(list[i], at, steps[1:], s.Items, make); list[i] == nil {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// most chooses one of several values, preferring those in which many of the steps exist.
func (m *Maker) most(all []any, steps []step) int {
	best := m.random.IntN(len(all))
	for range m.random.IntN(2 * len(all)) {
		if i := m.random.IntN(len(all)); reached(all[i], steps) > reached(all[best], steps) {
			best = i
		}
	}
	return best
}

// rename replaces a string wherever it occurs as a value.
func rename(v any, from string, to any) {
	switch v := v.(type) {
	case []Document:
		for _, d := range v {
			rename(d, from, to)
		}
	case map[string]any:
		for k, item := range v {
			if item == from {
				v[k] = to
			} else {
				rename(item, from, to)
			}
		}
	case []any:
		for i, item := range v {
			if item == from {
				v[i] = to
			} else {
				rename(item, from, to)
			}
		}
	}
}

func clone(v any) any {
	switch v := v.(type) {
	case []Document:
		all := make([]Document, len(v))
		for i, d := range v {
			all[i] = clone(d).(map[string]any)
		}
		return all
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, item := range v {
			m[k] = clone(item)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = clone(item)
		}
		return list
	}
	return v
}
