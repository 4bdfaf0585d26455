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

// TestItemsKeepTheirText: comments, the order of fields, quotes and blocks.
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

// TestWhatIsNoListIsRefused: with the kind of what it is, and all mistakes at once.
func TestWhatIsNoListIsRefused(t *testing.T) {
	const hint = "kustomize and kpt give a ResourceList; fleetwright render - -o - compiles documents"
	for text, want := range map[string]Mistake{
		"kind: ConfigMap":       {"", "the standard input is not a ResourceList, but of kind ConfigMap", hint},
		"[]":                    {"", "the standard input is not a ResourceList, but a document without a kind", hint},
		"kind: A\n---\nkind: B": {"", "the standard input is not a ResourceList, but 2 documents", hint},
		"kind: ResourceList":    {"", "the ResourceList has no apiVersion", "apiVersion: config.kubernetes.io/v1"},
		"{kind: ResourceList, apiVersion: config.kubernetes.io/v2}": {"", "config.kubernetes.io/v2 is not a version of ResourceList that fleetwright knows", "apiVersion: config.kubernetes.io/v1"},
		header + "items: {}": {"", "items of the ResourceList is not a list", ""},
		header + "items: [{}, 1, [], {}]\nfunctionConfig: a": {"", "functionConfig of the ResourceList is not an object\nitems[1] of the ResourceList is not an object\nitems[2] of the ResourceList is not an object", ""},
		header + "items: [{a: &x 1}, {b: *x}]":               {"", "items[1] of the ResourceList is not whole: *x is an alias of what is not in it, or of what contains it", ""},
		header + "items:\n- a: &x [*x]":                      {"", "items[0] of the ResourceList is not whole: *x is an alias of what is not in it, or of what contains it", ""},
	} {
		var got *diag.Mistake
		if _, err := Parse([]byte(text)); !errors.As(err, &got) || *got != *diag.NewMistake(want.Message, want.Hint) {
			t.Errorf("of %q it says %q, want %q", text, err, want)
		}
	}
	for _, text := range []string{"a: [", header + "items: [*x]", "\x00", header + strings.Repeat("[", 2*maxDepth)} {
		if _, err := Parse([]byte(text)); err != ErrSyntax {
			t.Errorf("of %.80q it says %v", text, err)
		}
	}
}

// TestNullKeysStayNull: the library writes them as text. The other items keep theirs.
func TestNullKeysStayNull(t *testing.T) {
	text := header + "items:\n- a: 1 # one\n  : 010\n- b: 2 # two\n"
	want := header + "items:\n- \"a\": 1\n  null: 010\n- b: 2 # two\n"
	if got := encoded(t, mustParse(t, text), nil); got != want {
		t.Errorf("it becomes\n%s", got)
	}
}

// TestWhatOthersSaidStays: the results of earlier functions stand before ours, and fields that
// nothing here reads are kept.
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
