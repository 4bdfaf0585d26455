package schema

import (
	"encoding/json"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue"

	"github.com/fleetwright/fleetwright/internal/accept"
	"github.com/fleetwright/fleetwright/schema/api"
)

// changes is how many changed values of each kind CUE is asked about.
var changes = flag.Int("changes", 200, "how many changed values of each kind TestAcceptedIsAcceptedByCUE asks CUE about")

// A judged is what values are judged by: of a kind that comes in, or of one that goes
// out, in one form.
type judged struct {
	name string
	file string
	// takes asks CUE.
	takes func(value any) bool
	// samples are good values.
	samples []map[string]any
}

func (j *judged) accepts(value any) bool { return accept.Accepts(formOf(j.file), value) }

// allJudged are all of them, in order, with the documents of the examples and the
// objects of the golden trees.
func allJudged(t testing.TB) []*judged {
	t.Helper()
	var all []*judged
	for _, k := range kinds {
		c := k.check()
		j := &judged{name: k.Name, file: k.file(".cue"), takes: func(value any) bool {
			fields := map[string]bool{}
			addFields(fields, value)
			encoded := cueContext().Encode(value)
			rules, ok := c.rules()
			return c.shapeFor(fields).Unify(encoded).Validate(cue.Concrete(true)) == nil && (!ok || rules.Unify(encoded).Validate() == nil)
		}}
		all = append(all, j)
		for _, d := range examplesOf(k) {
			j.samples = append(j.samples, d.value)
		}
	}
	objects := goldenObjects(t)
	for _, id := range slices.SortedFunc(maps.Keys(outputKinds), func(a, b [2]string) int { return strings.Compare(a[1]+a[0], b[1]+b[0]) }) {
		kind := outputKinds[id]
		forms := []*outputKind{kind}
		for _, f := range slices.Sorted(maps.Keys(kind.forms)) {
			forms = append(forms, kind.forms[f])
		}
		for _, k := range forms {
			all = append(all, &judged{name: k.definition, file: k.file.name, samples: objects[id], takes: func(value any) bool {
				return k.check(k.file.field("objects"), []any{value}) == nil && len(k.checkRules(Output{Value: value})) == 0
			}})
		}
	}
	return all
}

// An exampleDocument is one of an example.
type exampleDocument struct {
	file  string
	value map[string]any
}

// examplesOf are the documents of a kind in the examples.
func examplesOf(k Kind) (all []exampleDocument) {
	names, _ := filepath.Glob("../examples/*/*.yaml")
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			panic(err)
		}
		nodes, _ := parse(File{Name: name, Data: data})
		for _, n := range nodes {
			d := &Document{file: File{Name: name}, node: n, Kind: k}
			if d.Text("apiVersion") != k.APIVersion || d.Text("kind") != k.Name {
				continue
			}
			if value, _ := d.decode(); value != nil {
				all = append(all, exampleDocument{name, value})
			}
		}
	}
	return all
}

// goldenObjects are the objects of the golden trees, each once, by apiVersion and kind.
func goldenObjects(t testing.TB) map[[2]string][]map[string]any {
	t.Helper()
	objects := map[[2]string][]map[string]any{}
	seen := map[string]bool{}
	err := filepath.WalkDir("../testdata/golden", func(name string, e os.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".yaml" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil || seen[string(data)] {
			return err
		}
		seen[string(data)] = true
		nodes, _ := parse(File{Name: name, Data: data})
		for _, n := range nodes {
			value, _ := (&decoder{doc: &Document{node: n}}).value(n, nil).(map[string]any)
			apiVersion, _ := value["apiVersion"].(string)
			kind, _ := value["kind"].(string)
			id := [2]string{apiVersion, kind}
			objects[id] = append(objects[id], value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// TestExamplesAreAccepted without CUE, and all that becomes of them.
func TestExamplesAreAccepted(t *testing.T) {
	for _, k := range kinds {
		for _, d := range examplesOf(k) {
			if !k.accepts(d.value) {
				t.Errorf("%s: the %s is not accepted", d.file, k.Name)
			}
		}
	}
	for id, objects := range goldenObjects(t) {
		kind, ok := outputKinds[id]
		if !ok {
			t.Errorf("there are no %v", id)
			continue
		}
		for _, o := range objects {
			if !kind.accepts(o) && !slices.ContainsFunc(slices.Collect(maps.Values(kind.forms)), func(k *outputKind) bool { return k.accepts(o) }) {
				t.Errorf("%v is not accepted: %v", id, o)
			}
		}
	}
}

// TestAcceptedIsAcceptedByCUE makes values of every form and changes good ones: what is
// accepted CUE takes, and nearly all that CUE takes is accepted.
func TestAcceptedIsAcceptedByCUE(t *testing.T) {
	for _, j := range allJudged(t) {
		t.Run(j.file, func(t *testing.T) {
			t.Parallel()
			m := newMaker(j, rand.New(rand.NewPCG(1, 2)))
			taken, both := 0, 0
			check := func(value any) {
				accepts, takes := j.accepts(value), j.takes(value)
				if takes {
					taken++
				}
				if accepts {
					both++
				}
				if accepts != takes && (accepts || testing.Verbose()) {
					text, _ := json.Marshal(value)
					t.Logf("accepted: %t, CUE takes it: %t: %s", accepts, takes, text)
				}
				if accepts && !takes {
					t.Error("CUE refuses what is accepted")
				}
			}
			values := slices.Clone(j.samples)
			for try := 0; try < 2000 && len(values) < 2*len(j.samples)+20; try++ {
				if value, ok := m.of(formOf(j.file)).(map[string]any); ok && j.accepts(value) {
					values = append(values, value)
				}
			}
			for _, value := range values {
				check(value)
			}
			for asked := 0; asked < *changes; {
				value, ok := m.changed(pick(m, values)).(map[string]any)
				accepts := j.accepts(value)
				if !ok || !accepts && m.IntN(20) > 0 {
					continue
				}
				asked++
				check(value)
				if accepts {
					values = append(values, value)
				}
			}
			t.Logf("%d of %d that CUE takes are accepted", both, taken)
			// What CUE alone takes are its subtleties, such as that 80.0 is at most 80.
			if taken == 0 || float64(both) < 0.95*float64(taken) {
				t.Errorf("%d of %d that CUE takes are accepted", both, taken)
			}
		})
	}
}

// A maker makes values that are nearly right, or are.
type maker struct {
	*rand.Rand
	// texts and names of fields that the CUE has.
	texts, fields []string
}

func newMaker(j *judged, random *rand.Rand) *maker {
	m := &maker{Rand: random, texts: []string{
		"", " ", "\n", "a", "A", "x-1", "0s", "1m", "90s", "1m0s", "0.0h", "5 minutes", "60ms", "1.2.3", "v2.6", "60d", "head", "a.b.c", "-a", "a_b", "/", "[0]",
		"http://a", "https://a.example/b", "oci://ghcr.io/a/b", "ssh://git@a/b", "http://jaeger:9411/api", "a:5000", "request-success-rate", "request-duration",
		"sha256:" + strings.Repeat("0", 64), strings.Repeat("a", 53), strings.Repeat("a", 54), strings.Repeat("a", 63), strings.Repeat("a", 64), "é", "100m", "0", "1", "true", "ghcr.io/fluxcd/flagger-loadtester:0.34.0",
		"a.yaml", "allow-all-a", "kuma-system", "route-all-default", "default", "backend",
	}}
	src := string(mustRead(j.file))
	for _, text := range regexp.MustCompile(`"[^"\\\n]*"`).FindAllString(src, -1) {
		m.texts = append(m.texts, strings.Trim(text, `"`))
	}
	for _, field := range regexp.MustCompile(`["\w./-]+[?!]?:`).FindAllString(src, -1) {
		m.fields = append(m.fields, strings.Trim(field, `"?!:`))
	}
	return m
}

func pick[T any](m *maker, from []T) T { return from[m.IntN(len(from))] }

// of makes a value that may be of a form.
func (m *maker) of(f accept.Form) any {
	switch f := f.(type) {
	case accept.Kind:
		return m.ofKind(f)
	case *accept.Is:
		return f.Value
	case accept.Enum:
		return pick(m, f)
	case *accept.Match:
		// A few names, so that references to them may be right.
		for _, text := range append([]string{"backend", "default"}, pick(m, m.texts), pick(m, m.texts), pick(m, m.texts)) {
			if m.IntN(3) > 0 && accept.Accepts(f, text) {
				return text
			}
		}
		return pick(m, slices.DeleteFunc(append(slices.Clone(m.texts), "a"), func(text string) bool { return !accept.Accepts(f, text) && text != "a" }))
	case *accept.Same:
		return pick(m, []string{"backend", "default", "route-all-default"})
	case *accept.Bound:
		return f.Limit + pick(m, []int64{0, 0, 1, -1})
	case *accept.All:
		return m.ofAll(*f)
	case accept.All:
		return m.ofAll(f)
	case accept.Either:
		return m.of(pick(m, f))
	case accept.One:
		return m.of(pick(m, f))
	case *accept.List:
		items := []any{}
		for _, item := range f.Items {
			items = append(items, m.of(item))
		}
		for f.Rest != nil && m.IntN(3) > 0 && len(items) < 4 {
			items = append(items, m.of(f.Rest))
		}
		return items
	case *accept.Struct:
		return m.ofStruct(f)
	}
	return pick(m, m.texts)
}

func (m *maker) ofKind(k accept.Kind) any {
	switch k {
	case accept.Int:
		return pick(m, []any{int64(0), int64(1), int64(-1), int64(10), int64(100), int64(101), int64(70000)})
	case accept.Number:
		return pick(m, []any{int64(0), int64(99), 1.5, -0.5, 1e21})
	case accept.Bool:
		return m.IntN(2) == 0
	case accept.String:
		return pick(m, m.texts)
	}
	return m.anything(2)
}

// ofAll makes a value of what says most about it.
func (m *maker) ofAll(forms accept.All) any {
	for _, f := range forms {
		if s, ok := f.(*accept.Struct); ok && s.Open {
			continue
		}
		if k, ok := f.(accept.Kind); !ok || k != accept.Int || len(forms) == 1 || m.IntN(4) == 0 {
			return m.of(f)
		}
	}
	return m.of(forms[0])
}

func (m *maker) ofStruct(f *accept.Struct) any {
	object := map[string]any{}
	for _, field := range f.Fields {
		if field.Required && m.IntN(200) > 0 || m.IntN(5) == 0 {
			object[field.Name] = m.of(field.Form)
		}
	}
	for _, p := range f.Patterns {
		name := m.of(p.Name).(string)
		if p.Name == accept.String {
			name = pick(m, m.fields)
		}
		if m.IntN(3) == 0 {
			object[name] = m.of(p.Form)
		}
	}
	return object
}

// anything makes some value, at most so deep.
func (m *maker) anything(depth int) any {
	switch n := m.IntN(12); {
	case n < 4 || depth == 0:
		return pick(m, m.texts)
	case n < 7:
		return pick(m, []any{int64(0), int64(1), int64(-1), int64(101), int64(70000), int64(1) << 40, uint64(1) << 63, 1.5, 1.0, -0.5, 1e21})
	case n == 7:
		return nil
	case n < 10:
		return m.IntN(2) == 0
	case n == 10:
		items := []any{}
		for range m.IntN(3) {
			items = append(items, m.anything(depth-1))
		}
		return items
	}
	object := map[string]any{}
	for range m.IntN(3) {
		object[pick(m, m.fields)] = m.anything(depth - 1)
	}
	return object
}

// changed is a copy of a value with some things in it changed.
func (m *maker) changed(value any) any {
	for range 1 + m.IntN(3) {
		value = m.changedOnce(value)
	}
	return value
}

func (m *maker) changedOnce(value any) any {
	switch v := value.(type) {
	case map[string]any:
		return m.changedObject(v)
	case []any:
		return m.changedList(v)
	}
	if _, ok := value.(string); ok && m.IntN(4) > 0 {
		return pick(m, m.texts)
	}
	return m.anything(1)
}

func (m *maker) changedObject(v map[string]any) any {
	v = maps.Clone(v)
	if v == nil {
		v = map[string]any{}
	}
	keys := slices.Sorted(maps.Keys(v))
	if n := m.IntN(20); n == 0 {
		return m.anything(1)
	} else if n == 1 {
		return map[string]any{}
	} else if n < 5 || len(keys) == 0 {
		v[pick(m, m.fields)] = m.anything(2)
		return v
	}
	key := pick(m, keys)
	switch m.IntN(12) {
	case 0:
		delete(v, key)
	case 1:
		v[pick(m, m.fields)] = v[key]
		delete(v, key)
	case 2:
		v[key] = m.anything(1)
	case 3:
		v[pick(m, m.fields)] = v[key]
	default:
		v[key] = m.changedOnce(v[key])
	}
	return v
}

func (m *maker) changedList(v []any) any {
	v = slices.Clone(v)
	n := m.IntN(16)
	switch {
	case n == 0:
		return []any{}
	case n == 1:
		return m.anything(1)
	case n == 2 || len(v) == 0:
		return append(v, m.anything(2))
	}
	i := m.IntN(len(v))
	switch n {
	case 3:
		return slices.Delete(v, i, i+1)
	case 4:
		return append(v, v[i])
	}
	v[i] = m.changedOnce(v[i])
	return v
}

// FuzzAccepts checks that CUE takes all that is accepted.
func FuzzAccepts(f *testing.F) {
	all := allJudged(f)
	for i, j := range all {
		for _, s := range j.samples[:min(len(j.samples), 5)] {
			data, err := json.Marshal(s)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(byte(i), data)
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		j := all[int(kind)%len(all)]
		var value api.Values
		if json.Unmarshal(data, &value) != nil || value == nil {
			return
		}
		if j.accepts(map[string]any(value)) && !j.takes(map[string]any(value)) {
			t.Errorf("the definition of %s refuses what is accepted", j.name)
		}
	})
}

// TestFormsOfAll: whatever has CUE has a form.
func TestFormsOfAll(t *testing.T) {
	for _, j := range allJudged(t) {
		if formOf(j.file) == nil {
			t.Errorf("%s has none", j.file)
		}
	}
}
