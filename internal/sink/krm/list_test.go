package krm

import (
	"errors"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
)

func mustParse(t testing.TB, text string) *List {
	t.Helper()
	list, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func encoded(t testing.TB, list *List, results []Result) string {
	t.Helper()
	data, err := list.Encode(results)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const header = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n"

// TestItemsKeepTheirText checks comments, the order of fields, quotes and blocks.
func TestItemsKeepTheirText(t *testing.T) {
	for name, text := range map[string]string{
		"comments": header + `items:
# above the item
- apiVersion: v1 # beside
  kind: ConfigMap
  # above metadata
  metadata:
    name: a
    # below the name
  data:
    z: yes
    k: 010
    single: 'quoted'
    double: "quoted"
    block: |
      one
      two
    folded: >-
      one two
    list: # of the list
    - a # one
    # two
    - b
# above the next
- {kind: B, apiVersion: b/v1, metadata: {name: b}}
functionConfig:
  # of the config
  kind: C
  apiVersion: v1
`,
		"anchors": header + `items:
- a: &x {n: 1}
  b: *x
- a: &x {n: 2}
  b: *x
`,
		"v1beta1": strings.Replace(header, "/v1\n", "/v1beta1\n", 1) + "items: []\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got := encoded(t, mustParse(t, text), nil); got != text {
				t.Errorf("it becomes\n%s", got)
			}
		})
	}
}

func TestListsMayBeJSON(t *testing.T) {
	list := mustParse(t, `{"kind": "ResourceList", "apiVersion": "config.kubernetes.io/v1", "items": [{"kind": "A", "n": 1, "s": "1"}], "functionConfig": null}`)
	want := header + `items:
- {"kind": "A", "n": 1, "s": "1"}
results:
- message: 'a: b'
  severity: info
`
	if got := encoded(t, list, []Result{{Message: "a: b", Severity: "info"}}); strings.ReplaceAll(got, `"a: b"`, "'a: b'") != want {
		t.Errorf("it becomes\n%s", got)
	}
}

// TestWhatIsNoListIsRefused checks that the error names the kind of the input, and lists all mistakes.
func TestWhatIsNoListIsRefused(t *testing.T) {
	const hint = "kustomize and kpt pass a ResourceList; to compile documents: fleetwright render - -o -"
	for text, want := range map[string]Mistake{
		"kind: ConfigMap":       {"", "the standard input is a document of kind ConfigMap, not a ResourceList", hint},
		"[]":                    {"", "the standard input is a document without a kind, not a ResourceList", hint},
		"kind: A\n---\nkind: B": {"", "the standard input is 2 documents, not a ResourceList", hint},
		"kind: ResourceList":    {"", "the ResourceList has no apiVersion", "apiVersion: config.kubernetes.io/v1"},
		"{kind: ResourceList, apiVersion: config.kubernetes.io/v2}": {"", "unknown version config.kubernetes.io/v2 of ResourceList", "apiVersion: config.kubernetes.io/v1"},
		header + "items: {}": {"", "items of the ResourceList is not a list", ""},
		header + "items: [{}, 1, [], {}]\nfunctionConfig: a": {"", "functionConfig of the ResourceList is not an object\nitems[1] of the ResourceList is not an object\nitems[2] of the ResourceList is not an object", ""},
		header + "items: [{a: &x 1}, {b: *x}]":               {"", "items[1] of the ResourceList is incomplete: *x is an alias of a node outside it, or of a node that contains it", ""},
		header + "items:\n- a: &x [*x]":                      {"", "items[0] of the ResourceList is incomplete: *x is an alias of a node outside it, or of a node that contains it", ""},
	} {
		var got *diag.Mistake
		if _, err := Parse([]byte(text)); !errors.As(err, &got) || *got != *diag.NewMistake(want.Message, want.Hint) {
			t.Errorf("for %q: error %q, want %q", text, err, want)
		}
	}
	for _, text := range []string{"a: [", header + "items: [*x]", "\x00", header + strings.Repeat("[", 2*maxDepth)} {
		if _, err := Parse([]byte(text)); err != ErrSyntax {
			t.Errorf("for %.80q: error %v", text, err)
		}
	}
}

// TestNullKeysStayNull checks null keys, which the library writes as strings. Keys of other items are
// unchanged.
func TestNullKeysStayNull(t *testing.T) {
	text := header + "items:\n- a: 1 # one\n  : 010\n- b: 2 # two\n"
	want := header + "items:\n- \"a\": 1\n  null: 010\n- b: 2 # two\n"
	if got := encoded(t, mustParse(t, text), nil); got != want {
		t.Errorf("it becomes\n%s", got)
	}
}

// TestWhatOthersSaidStays checks that the results of earlier functions precede ours, and that unknown fields
// are kept.
func TestWhatOthersSaidStays(t *testing.T) {
	const others = "metadata:\n  name: a # of another\nx-extra: [1, 2]\n"
	list := mustParse(t, header+"items: []\nresults:\n- message: theirs\n  severity: info\n"+others)
	const want = header + "items: []\nresults:\n- message: theirs\n  severity: info\n- message: ours\n  severity: error\n" + others
	if got := encoded(t, list, []Result{{Message: "ours", Severity: "error"}}); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := encoded(t, mustParse(t, header+"results: null\n"), nil); strings.Contains(got, "results") {
		t.Errorf("results of nothing:\n%s", got)
	}
	if _, err := Parse([]byte(header + "results: text\n")); err == nil {
		t.Error("results that are no list are taken")
	}
}
