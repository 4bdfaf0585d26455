package schema

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema/api"
)

func load(files ...File) Documents { return Load(files) }

func lines(list diag.List) string {
	var b strings.Builder
	if err := diag.WriteText(&b, list.Sorted()); err != nil {
		panic(err)
	}
	return b.String()
}

// TestDiagnostics reads bad documents, and checks everything that is said about
// them to the letter. Each file of testdata is an archive of the input and of
// "want".
func TestDiagnostics(t *testing.T) {
	names, err := filepath.Glob("testdata/diagnostics/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var files []File
			want := -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want = i
					continue
				}
				files = append(files, File{Name: f.Name, Data: f.Data})
			}
			got := lines(load(files...).Diagnostics)
			if want < 0 || string(archive.Files[want].Data) != got {
				if os.Getenv("UPDATE") != "" {
					archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
					archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(got)})
					if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				t.Errorf("got\n%s\nrun again with UPDATE=1 to take it", got)
			}
		})
	}
}

// TestEncodings that a text archive cannot hold.
func TestEncodings(t *testing.T) {
	const fleet = "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f}\nspec: {clusters: []}\n"
	for name, tt := range map[string]struct{ data, want string }{
		"plain":                        {fleet, ""},
		"CRLF":                         {strings.ReplaceAll(fleet, "\n", "\r\n"), ""},
		"BOM":                          {"\ufeff" + fleet, ""},
		"BOM before a second document": {"# one\n---\n\ufeff# two\n\ufeff" + fleet, ""},
		"BOM before ---":               {"a: b\n\ufeff---\n" + fleet, "f.yaml:1:1: info FW106 skipped 1 document of another kind: no kind\n"},
		"BOM in a document":            {fleet + "\ufeffstatus: {}\n", "f.yaml:5:1: error FW104 byte order mark (U+FEFF) inside a document\n  hint: remove it; if a new document begins here, put --- before it\n"},
		"BOM in a value":               {strings.Replace(fleet, "name: f", "name: \ufefff", 1), "f.yaml:3:18: error FW104 metadata.name: byte order mark (U+FEFF) inside a document\n  hint: remove it; if a new document begins here, put --- before it\n"},
		"BOM in quotes":                {strings.Replace(fleet, "name: f", `name: f, annotations: {a: "`+"\ufeff"+`"}`, 1), ""},
		"JSON":                         {`{"apiVersion":"fleet.kurator.dev/v1alpha1",` + "\n\t" + `"kind":"Fleet","metadata":{"name":"f"},"spec":{"clusters":[]}}`, ""},
		"JSON with pairs":              {`{"apiVersion":"fleet.kurator.dev/v1alpha1","kind":"Fleet","metadata":{"name":"f","annotations":{"a":"\ud83d\ude00 \\ \" \uD83D\uDE00"}},"spec":{"clusters":[]}}`, ""},
		"after a pair":                 {`{"apiVersion":"fleet.kurator.dev/v1alpha1","kind":"Fleet","metadata":{"name":"f","annotations":{"a":"\ud83d\ude00"},"x":1},"spec":{"clusters":[]}}`, "f.yaml:1:117: error FW110 metadata: unknown field \"x\"\n  hint: known fields are annotations, creationTimestamp, deletionGracePeriodSeconds, deletionTimestamp, finalizers, generation, labels, managedFields, name, namespace, ownerReferences, resourceVersion, selfLink, uid\n"},
		"control":                      {strings.Replace(fleet, "name: f", "name: f\x1b", 1), "f.yaml:3:19: error FW104 control character U+001B; YAML does not allow it\n  hint: remove it, or write \\u001b in double quotes\n"},
		"control in a value":           {strings.Replace(fleet, "name: f", `name: f, annotations: {a: "\x7f"}`, 1), "f.yaml:3:38: error FW104 metadata.annotations.a: character U+007F; an API server rejects it\n  hint: remove it\n"},
		"control in a key":             {strings.Replace(fleet, "clusters: []", `clusters: [], plugin: {flagger: {trafficRoutingProvider: kuma, extraArgs: {"a\x7f": 1}}}`, 1), "f.yaml:4:83: error FW104 spec.plugin.flagger.extraArgs: character U+007F; an API server rejects it\n  hint: remove it\n"},
		"no line break":                {strings.TrimSuffix(fleet, "\n"), ""},
		"NUL":                          {strings.Replace(fleet, "name: f", "name: f\x00", 1), "f.yaml:3:19: error FW104 NUL byte; YAML does not allow it\n  hint: remove it; is this a text file?\n"},
		"not UTF-8":                    {strings.Replace(fleet, "name: f", "näme: \xff", 1), "f.yaml:3:18: error FW104 byte 0xff is not valid UTF-8\n  hint: save the file as UTF-8\n"},
		"UTF-16":                       {"\xff\xfea\x00", "f.yaml:1:1: error FW104 the file is UTF-16, not UTF-8\n  hint: save the file as UTF-8\n"},
		"empty":                        {"", ""},
		"only a comment":               {"# nothing\n", ""},
		"empty documents":              {"---\n---\n" + fleet + "---\n...\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			docs := load(File{Name: "f.yaml", Data: []byte(tt.data)})
			if got := lines(docs.Diagnostics); got != tt.want {
				t.Errorf("got\n%s", got)
			}
			if tt.want == "" && strings.Contains(tt.data, "kurator") && (len(docs.All) != 1 || docs.All[0].Object == nil) {
				t.Errorf("the fleet is not read: %v", docs.All)
			}
		})
	}
}

// nested is a document that grows with its depth: each step, a format, stands for
// its own number and for that of the step before.
func nested(depth int, first, step, last string) string {
	var b strings.Builder
	b.WriteString(first)
	for i := range depth {
		fmt.Fprintf(&b, step, i+1, i)
	}
	b.WriteString(last)
	return b.String()
}

// TestSurrogatePairs are read as the characters that they stand for.
func TestSurrogatePairs(t *testing.T) {
	const text = `{"apiVersion":"fleet.kurator.dev/v1alpha1","kind":"Fleet","metadata":{"name":"f","annotations":{"a":"\ud83d\ude00\\\" \uD83D\uDE00"}},"spec":{"clusters":[]}}`
	docs := load(File{Name: "f.json", Data: []byte(text)})
	fleet, ok := docs.All[0].Object.(*api.Fleet)
	if !ok || fleet.Metadata.Annotations["a"] != "\U0001f600\\\" \U0001f600" {
		t.Errorf("it is read as %+v: %s", fleet, lines(docs.Diagnostics))
	}
}

// TestHostileInput ends, soon, with an error and not with a panic.
func TestHostileInput(t *testing.T) {
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		laughs += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	header := "apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {name: a}\n"
	for name, data := range map[string]string{
		"a billion laughs":              header + laughs,
		"an alias to itself":            header + "spec: &a\n  source: *a\n",
		"a merge of itself":             header + "spec: &a\n  <<: *a\n",
		"a merge of itself as metadata": "apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: &m {name: a, <<: *m}\n",
		"a document that is itself":     "&a\napiVersion: apps.kurator.dev/v1alpha1\n<<: *a\n",
		"a list that is its item":       "&l\napiVersion: v1\nkind: List\nitems: [*l]\n",
		"lists of lists":                nested(60, "apiVersion: v1\nkind: List\nx0: &l0 {apiVersion: v1, kind: List, items: []}\n", "x%[1]d: &l%[1]d {apiVersion: v1, kind: List, items: [*l%[2]d, *l%[2]d]}\n", "items: [*l60]\n"),
		"merges of merges":              nested(60, "x0: &m0 {a: b}\n", "x%[1]d: &m%[1]d {<<: [*m%[2]d, *m%[2]d]}\n", "<<: *m60\n"),
		"aliases of aliases":            nested(maxDepth+1, header+"x0: &a0 [x]\n", "x%[1]d: &a%[1]d [*a%[2]d]\n", ""),
		"10 MB of nested lists":         header + "spec: " + strings.Repeat("[", 5_000_000) + strings.Repeat("]", 5_000_000),
		"10 MB of nested mappings":      header + "spec: " + strings.Repeat("{a: ", 2_000_000),
		"a long line":                   header + "spec: " + strings.Repeat("x", 10_000_000),
		"a name of 300":                 strings.Replace(header, "name: a", "name: "+strings.Repeat("a", 300), 1),
		"a path for a name":             strings.Replace(header, "name: a", "name: ../../etc/passwd", 1),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			list := load(File{Name: "f.yaml", Data: []byte(data)}).Diagnostics
			if !list.HasErrors() {
				t.Error("no error")
			}
			for _, d := range list {
				if len(d.String()) > 20_000_000 {
					t.Errorf("a diagnostic of %d bytes", len(d.String()))
				}
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestPositions are those of the values, also through aliases and merges.
func TestPositions(t *testing.T) {
	docs := load(File{Name: "f.yaml", Data: []byte(`
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata:
  name: a
spec:
  source:
    gitRepository: &git {url: https://example.com, interval: 1m}
  syncPolicies:
  - &first
    name: p
    kustomization:
      interval: 1m
      prune: true
  - <<: *first
    name: q
`)})
	if len(docs.Diagnostics) > 0 {
		t.Fatal(lines(docs.Diagnostics))
	}
	d := docs.All[0]
	for _, tt := range []struct {
		path Path
		want string
	}{
		{nil, "f.yaml:2:1"},
		{Path{"metadata", "name"}, "f.yaml:5:9"},
		{Path{"spec", "source", "gitRepository", "url"}, "f.yaml:8:31"},
		{Path{"spec", "syncPolicies"}, "f.yaml:9:3"},
		{Path{"spec", "syncPolicies", 0}, "f.yaml:10:5"},
		{Path{"spec", "syncPolicies", 1, "name"}, "f.yaml:16:11"},
		{Path{"spec", "syncPolicies", 1, "kustomization", "prune"}, "f.yaml:14:14"},
		{Path{"spec", "syncPolicies", 1, "rollout", "port"}, "f.yaml:15:5"},
		{Path{"spec", "syncPolicies", 7}, "f.yaml:9:3"},
		{Path{"status"}, "f.yaml:2:1"},
	} {
		if got := d.Position(tt.path...).String(); got != tt.want {
			t.Errorf("%s is at %s, want %s", tt.path, got, tt.want)
		}
	}
	policies := d.Object.(*api.Application).Spec.SyncPolicies
	if policies[1].Name != "q" || !policies[1].Kustomization.Prune {
		t.Errorf("the merged policy is %+v", policies[1])
	}
}

func TestPathString(t *testing.T) {
	for want, path := range map[string]Path{
		"":                           nil,
		"spec.a[0].b":                {"spec", "a", 0, "b"},
		`metadata.labels["a.b/c"].d`: {"metadata", "labels", "a.b/c", "d"},
		`a[""]`:                      {"a", ""},
	} {
		if got := path.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestKubectlListsAndServerFieldsAreRead(t *testing.T) {
	docs := load(File{Name: "f.yaml", Data: []byte(`
apiVersion: v1
kind: List
items:
- apiVersion: fleet.kurator.dev/v1alpha1
  kind: Fleet
  metadata:
    name: f
    creationTimestamp: null
    generation: 3
    managedFields: [{manager: kubectl}]
    resourceVersion: "1"
    uid: x
    labels:
  spec: {clusters: []}
  status: {phase: Ready}
- apiVersion: v1
  kind: Pod
`)})
	if got, want := lines(docs.Diagnostics), "f.yaml:17:3: info FW106 skipped 1 document of another kind: Pod\n"; got != want {
		t.Errorf("got %s", got)
	}
	if len(docs.All) != 1 || docs.All[0].Name != "f" {
		t.Errorf("read %v", docs.All)
	}
}
