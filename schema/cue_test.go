package schema

import (
	"encoding/json"
	"flag"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// changes is how many changed documents of each kind TestCUEAgrees compares.
var changes = flag.Int("changes", 300, "how many changed documents of each kind TestCUEAgrees compares")

// A beyond is what the validator rejects and CUE cannot, with a document that only the
// validator rejects.
type beyond struct {
	name     string
	says     *regexp.Regexp
	document string
}

var beyondCUE = []beyond{
	{"the format of a text", regexp.MustCompile(` is not .*: .*; .* rejects it$`),
		application("source: {gitRepository: {url: 'https://a b', interval: 1m}}, syncPolicies: []")},
	{"a duration of more than 64 bits", regexp.MustCompile(`^\S+ is too long; the maximum is`),
		application("source: {gitRepository: {url: 'https://a.b', interval: 9999999999h}}, syncPolicies: []")},
	{"the length of a name", regexp.MustCompile(`^the name has \d+ characters`),
		"{apiVersion: kuma.io/v1alpha1, kind: Mesh, metadata: {name: " + strings.Repeat("a", 64) + "}}"},
	{"the key of a label", regexp.MustCompile(`is not a valid label or annotation key`),
		"{apiVersion: kuma.io/v1alpha1, kind: Mesh, metadata: {name: a, labels: {a b: c}}}"},
	{"the key of an annotation that is no text", regexp.MustCompile(`^kustomize cannot build the annotation`),
		"{apiVersion: kuma.io/v1alpha1, kind: Mesh, metadata: {name: a, annotations: {'1': c}}}"},
	{"how many overrides there are", regexp.MustCompile(`^there are \d+ overrides`),
		application("source: {gitRepository: {url: 'https://a.b', interval: 1m}}, syncPolicies: [], overrides: [" + strings.Repeat("{clusterSelector: {}, source: {}}, ", MaxOverrides+1) + "]")},
	{"the size of all annotations", regexp.MustCompile(`^the annotations have \d+ bytes`),
		"{apiVersion: kuma.io/v1alpha1, kind: Mesh, metadata: {name: a, annotations: {a: " + strings.Repeat("b", maxAnnotations) + "}}}"},
	{"the port of an address", regexp.MustCompile(`^a tcp backend needs an address with a port$`),
		mesh("logging: {backends: [{name: a, type: tcp, conf: {address: a}}]}")},
	{"the port of a URL", regexp.MustCompile(`^a zipkin backend needs a URL with a port$`),
		mesh("tracing: {backends: [{name: a, type: zipkin, conf: {url: http://a}}]}")},
	{"how long a certificate lives", regexp.MustCompile(`is not a valid lifetime of a certificate`),
		mesh("mtls: {backends: [{name: a, type: builtin, conf: {caCert: {expiration: 1x}}}]}")},
}

func application(spec string) string {
	return "{apiVersion: apps.kurator.dev/v1alpha1, kind: Application, metadata: {name: a}, spec: {" + spec + "}}"
}

func mesh(spec string) string {
	return "{apiVersion: kuma.io/v1alpha1, kind: Mesh, metadata: {name: a}, spec: {" + spec + "}}"
}

var cueContext = sync.OnceValue(func() *cue.Context { return cuecontext.New() })

// definitions are the CUE definitions of the kinds, by their names.
var definitions = sync.OnceValue(func() map[string]cue.Value {
	all := map[string]cue.Value{}
	for _, k := range kinds {
		file := cueContext().CompileBytes(k.CUE(), cue.Filename(k.Name))
		all[k.Name] = file.LookupPath(cue.ParsePath("#" + k.Name))
		if !all[k.Name].Exists() {
			panic("the CUE of " + k.Name + " does not define it")
		}
	}
	return all
})

// CompareWithCUE compares what the validator and CUE decide about the documents of a file,
// and reports whether both take all of them. What cannot be decoded only the validator
// judges.
func CompareWithCUE(t *testing.T, f File) (both bool) {
	both = true
	nodes, _ := parse(f)
	for _, n := range nodes {
		l := loaded{kinds: kinds}
		if l.add(&Document{file: f, node: n}); len(l.All) != 1 {
			both = false
			continue
		}
		d := l.All[0]
		value, _ := d.decode()
		if value == nil {
			both = false
			continue
		}
		refused := refusalOfCUE(d, value)
		list := d.check(value)
		ours := slices.DeleteFunc(slices.Clone(list), func(d diag.Diagnostic) bool {
			return slices.ContainsFunc(beyondCUE, func(b beyond) bool { return b.says.MatchString(d.Message) })
		})
		if refused != nil && len(list) == 0 || refused == nil && len(ours) > 0 {
			text, _ := json.Marshal(value)
			t.Errorf("%s: CUE: %v\nthe validator: %v\n%s", f.Name, refused, list, text)
		}
		both = both && refused == nil && len(list) == 0
	}
	return both
}

func refusalOfCUE(d *Document, value map[string]any) error {
	return definitions()[d.Kind.Name].Unify(cueContext().Encode(value)).Validate(cue.Concrete(true))
}

// refusedByCUE reports whether CUE rejects the one document of a file.
func refusedByCUE(t *testing.T, data []byte) bool {
	t.Helper()
	l := loaded{kinds: kinds}
	nodes, list := parse(File{Data: data})
	if len(nodes) == 1 {
		l.add(&Document{node: nodes[0]})
	}
	if len(l.All) != 1 {
		t.Fatalf("%s is not a document: %v", data, list)
	}
	value, _ := l.All[0].decode()
	return refusalOfCUE(l.All[0], value) != nil
}

// TestWhatCUECannotSay is rejected by the validator alone, and with its own message.
func TestWhatCUECannotSay(t *testing.T) {
	for _, b := range beyondCUE {
		f := File{Name: b.name, Data: []byte(b.document)}
		list := Load([]File{f}).Diagnostics
		if len(list) != 1 || !b.says.MatchString(list[0].Message) {
			t.Errorf("%s: %v", b.name, list)
		}
		if refusedByCUE(t, f.Data) {
			t.Errorf("CUE refuses it too: %s", b.name)
		}
	}
}

// TestCUEAgrees with the validator about the documents of the repository, and about changed
// ones.
func TestCUEAgrees(t *testing.T) {
	taken := map[string][]any{}
	for _, f := range documents(t) {
		CompareWithCUE(t, f)
		nodes, _ := parse(f)
		for _, n := range nodes {
			d := &Document{file: f, node: n}
			if d.Kind, _, _ = match(kinds, d.Text("apiVersion"), d.Text("kind")); d.Kind.Name != "" {
				if value, _ := d.decode(); value != nil {
					taken[d.Kind.Name] = append(taken[d.Kind.Name], value)
				}
			}
		}
	}
	for _, k := range kinds {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			m := newMaker(k, rand.New(rand.NewPCG(1, 2)))
			values, both := taken[k.Name], 0
			for range *changes {
				value := m.of(k.shape())
				if len(values) > 0 && m.IntN(4) > 0 {
					value = m.changed(pick(m, values))
				}
				object, ok := value.(map[string]any)
				if !ok {
					continue
				}
				object = maps.Clone(object)
				object["apiVersion"], object["kind"] = k.APIVersion, k.Name
				text, err := json.Marshal(object)
				if err != nil {
					t.Fatal(err)
				}
				if CompareWithCUE(t, File{Name: "changed.json", Data: text}) {
					both++
					values = append(values, object)
				}
			}
			if both < *changes/50 {
				t.Errorf("both take %d of %d documents", both, *changes)
			}
		})
	}
}

// TestCUEAgreesAboutUnknownFields in every mapping of good documents.
func TestCUEAgreesAboutUnknownFields(t *testing.T) {
	for _, f := range documents(t) {
		if !CompareWithCUE(t, f) {
			continue
		}
		nodes, _ := parse(f)
		for _, n := range nodes {
			var walk func(document, value any)
			walk = func(document, value any) {
				switch v := value.(type) {
				case map[string]any:
					for _, name := range slices.Sorted(maps.Keys(v)) {
						walk(document, v[name])
					}
					v["unknownField"] = true
					text, err := json.Marshal(document)
					if err != nil {
						t.Fatal(err)
					}
					CompareWithCUE(t, File{Name: f.Name, Data: text})
					delete(v, "unknownField")
				case []any:
					for _, item := range v {
						walk(document, item)
					}
				}
			}
			value := (&decoder{doc: &Document{file: f, node: n}}).value(n, nil)
			walk(value, value)
		}
	}
}

// FuzzCUEAgrees compares what the validator and CUE decide.
func FuzzCUEAgrees(f *testing.F) {
	for _, d := range documents(f) {
		f.Add(d.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { CompareWithCUE(t, File{Name: "f.yaml", Data: data}) })
}

// documents are those of the examples, the test data and the scripts.
func documents(t testing.TB) (all []File) {
	for i, data := range samples(t) {
		all = append(all, File{Name: "sample " + string(rune('a'+i%26)), Data: data})
	}
	names, _ := filepath.Glob("../testdata/script/*.txtar")
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if filepath.Ext(f.Name) == ".yaml" {
				all = append(all, File{Name: name + "/" + f.Name, Data: f.Data})
			}
		}
	}
	return all
}

// A maker makes values that are nearly right, or are.
type maker struct {
	*rand.Rand
	// texts and names of fields that the CUE has.
	texts, fields []string
}

func newMaker(k Kind, random *rand.Rand) *maker {
	m := &maker{Rand: random, texts: []string{
		"", " ", "\n", "a", "A", "x-1", "0s", "1m", "90s", "1m0s", "0.0h", "5 minutes", "60ms", "1.2.3", "v2.6", "60d", "head", "a.b.c", "-a", "a_b", "/", "[0]",
		"http://a", "https://a.example/b", "oci://ghcr.io/a/b", "ssh://git@a/b", "http://jaeger:9411/api", "a:5000", "request-success-rate", "request-duration",
		"sha256:" + strings.Repeat("0", 64), strings.Repeat("a", 53), strings.Repeat("a", 54), strings.Repeat("a", 63), strings.Repeat("a", 64), "é", "100m", "0", "1", "true", "ghcr.io/fluxcd/flagger-loadtester:0.34.0",
		"a.yaml", "allow-all-a", "kuma-system", "route-all-default", "default", "backend",
	}}
	src := string(k.CUE())
	for _, text := range regexp.MustCompile(`"[^"\\\n]*"`).FindAllString(src, -1) {
		m.texts = append(m.texts, strings.Trim(text, `"`))
	}
	for _, field := range regexp.MustCompile(`["\w./-]+[?!]?:`).FindAllString(src, -1) {
		m.fields = append(m.fields, strings.Trim(field, `"?!:`))
	}
	return m
}

func pick[T any](m *maker, from []T) T { return from[m.IntN(len(from))] }

// of makes a value that may be of a shape.
func (m *maker) of(s *Shape) any {
	if len(s.Either) > 0 {
		s = pick(m, s.Either)
	}
	switch s.Type {
	case Mapping:
		return m.ofMapping(s)
	case List:
		items := []any{}
		for m.IntN(3) > 0 && len(items) < 4 {
			items = append(items, m.of(s.Items))
		}
		return items
	case Text:
		if len(s.Enum) > 0 {
			return pick(m, s.Enum)
		}
		for range 20 {
			if text := pick(m, m.texts); s.Pattern == "" || s.fits(text) {
				return text
			}
		}
		return "a"
	case Boolean:
		return m.IntN(2) == 0
	case Integer:
		return pick(m, []any{int64(0), int64(1), int64(-1), int64(10), int64(100), int64(101), int64(70000)})
	case Number:
		return pick(m, []any{int64(0), int64(99), 1.5, -0.5, 1e21})
	}
	return m.anything(2)
}

func (m *maker) ofMapping(s *Shape) any {
	object := map[string]any{}
	for _, f := range s.fields() {
		if f.Required && m.IntN(200) > 0 || m.IntN(5) == 0 {
			object[f.Name] = m.of(f.Shape)
		}
	}
	for s.Items != nil && m.IntN(3) == 0 {
		object[pick(m, m.fields)] = m.of(s.Items)
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
