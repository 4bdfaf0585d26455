package schema

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v4"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// samples are documents to begin with: the examples, and the test data.
func samples(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	examples, _ := filepath.Glob("../examples/*/*.yaml")
	for _, name := range examples {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	archives, _ := filepath.Glob("testdata/diagnostics/*.txtar")
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if f.Name != "want" {
				all = append(all, f.Data)
			}
		}
	}
	if len(all) < 10 {
		t.Fatal("no samples")
	}
	return all
}

// FuzzLoad checks that nothing makes Load panic, that it says the same twice, and
// that CUE and the explanation always agree: what is rejected is explained.
func FuzzLoad(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		docs := Load([]File{{Name: "f.yaml", Data: data}})
		if took := time.Since(start); took > time.Minute {
			t.Errorf("it took %v", took)
		}
		for _, d := range docs.Diagnostics {
			if d.Code == diag.Internal {
				t.Errorf("%v", d)
			}
		}
		for _, d := range docs.All {
			if d.Object == nil && !docs.Diagnostics.HasErrors() {
				t.Errorf("%s %s has no object, and there is no error", d.Kind.Name, d.Name)
			}
		}
		again := Load([]File{{Name: "f.yaml", Data: data}})
		if !reflect.DeepEqual(docs.Diagnostics, again.Diagnostics) {
			t.Errorf("once it says\n%s\nand then\n%s", lines(docs.Diagnostics), lines(again.Diagnostics))
		}
	})
}

// FuzzScalars checks that Kubernetes reads in a plain scalar, as a value and as a
// key, what we read in it. How structures are parsed is left out: Kubernetes'
// parser is older, and differs in corners such as {a:}.
func FuzzScalars(f *testing.F) {
	for _, s := range []string{
		"yes", "No", "ON", "y", "n", "true", "False", "~", "null", "", "0o17", "010", "08", "1_000", "0x1F", "0b11", "12:30", "190:20:30", "2001-01-01", "2001-01-01T10:00:00Z",
		".5", "1e3", "1.0", "+1", "-0", "1e999", "18446744073709551615", "9223372036854775808", "99999999999999999999", "=", "<<", ".inf", "'it''s'", `"\u00e9"`, "!!str 1", "!!int \"2\"", "- a", "a b", "é",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "{}[]#:&*?|>\n\r\t,%@`") {
			t.Skip()
		}
		if strings.HasPrefix(strings.TrimLeft(s, " -+"), "0b") {
			t.Skip("Kubernetes takes 0b+1 for a number")
		}
		for _, document := range []string{"k: " + s + "\n", s + ": v\n"} {
			nodes, list := parse(File{Name: "f.yaml", Data: []byte(document)})
			if list.HasErrors() || len(nodes) != 1 || nodes[0].Kind != yaml.MappingNode || isMerge(nodes[0].Content[0]) {
				continue
			}
			dec := decoder{doc: &Document{file: File{Name: "f.yaml"}, node: nodes[0]}}
			value := dec.value(nodes[0], nil)
			theirs, err := sigsyaml.YAMLToJSON([]byte(document))
			if dec.list.HasErrors() || err != nil {
				continue
			}
			ours, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			var a, b any
			if json.Unmarshal(ours, &a) != nil || json.Unmarshal(theirs, &b) != nil || !reflect.DeepEqual(a, b) {
				t.Errorf("in %q we read %s, Kubernetes %s", document, ours, theirs)
			}
		}
	})
}

// TestShapeAndExplanationAgree changes a good document in thousands of ways.
func TestShapeAndExplanationAgree(t *testing.T) {
	values := []any{nil, true, "text", "", "1m", 0, -1, 10, 1.5, 1e9, []any{}, []any{"x"}, []any{1}, map[string]any{}, map[string]any{"name": "a"}, "kuma", "Deployment"}
	random := rand.New(rand.NewPCG(7, 7))
	for _, sample := range samples(t)[:4] {
		nodes, _ := parse(File{Name: "f.yaml", Data: sample})
		for _, n := range nodes {
			d := &Document{file: File{Name: "f.yaml"}, node: n}
			good, ok := (&decoder{doc: d}).value(n, nil).(map[string]any)
			if !ok {
				continue
			}
			for range 300 {
				data, err := json.Marshal(mutate(random, good, values))
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range Load([]File{{Name: "f.yaml", Data: data}}).Diagnostics {
					if d.Code == diag.Internal {
						t.Errorf("%v\n%s", d, data)
					}
				}
			}
		}
	}
}

// mutate is a copy of a value with one thing below it changed.
func mutate(random *rand.Rand, value any, values []any) any {
	switch v := value.(type) {
	case map[string]any:
		m := map[string]any{}
		var keys []string
		for key := range v {
			keys = append(keys, key)
			m[key] = v[key]
		}
		if len(keys) == 0 || random.IntN(8) == 0 {
			m["unknown"] = values[random.IntN(len(values))]
			return m
		}
		// Maps have no order: choose by name.
		key := keys[0]
		for _, k := range keys {
			if k < key {
				key = k
			}
		}
		for range random.IntN(len(keys)) {
			next := ""
			for _, k := range keys {
				if k > key && (next == "" || k < next) {
					next = k
				}
			}
			key = next
		}
		switch random.IntN(6) {
		case 0:
			delete(m, key)
		case 1:
			m[key] = values[random.IntN(len(values))]
		default:
			m[key] = mutate(random, m[key], values)
		}
		return m
	case []any:
		if len(v) == 0 {
			return values[random.IntN(len(values))]
		}
		items := append([]any(nil), v...)
		i := random.IntN(len(items))
		items[i] = mutate(random, items[i], values)
		return items
	}
	return values[random.IntN(len(values))]
}
