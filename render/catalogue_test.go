package render_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/catalogue"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema"
)

// TestCatalogueExamples compiles the examples of every rule in the catalogue: the bad one gives one diagnostic,
// with the rule's code and at the mark, and the good one gives none except those of the base.
func TestCatalogueExamples(t *testing.T) {
	for _, r := range diag.Rules() {
		t.Run(string(r.Code), func(t *testing.T) {
			e, err := catalogue.Read(string(r.Code))
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains([]diag.Code{diag.Internal, diag.OtherProgram, diag.Stale, diag.Disappears, diag.FormerLayout, diag.StrayManifest, diag.WaitingEdited, diag.SourceDirectory, diag.SourceFails, diag.ValuesRefused, diag.NoDecryptionKey, diag.UnsetVariable}, r.Code) {
				return // no document can cause it
			}
			if e.Bad == "" {
				t.Fatal("the rule has no examples")
			}
			base := baseOf(t, e.Base)
			var usual diag.List
			if base != "" {
				usual = diagnostics([]schema.File{{Name: "example.yaml", Data: []byte(base)}})
			}
			example, line, column := catalogue.CutMark(withExample(t, base, e.Bad))
			var want diag.Position
			if line > 0 {
				want = diag.Position{File: "example.yaml", Line: line, Column: column}
			}
			got := beside(compileExample(t, example), usual, r.Code)
			if len(got) != 1 || got[0].Code != r.Code || got[0].Position != want || got[0].Severity != r.Severity {
				t.Errorf("the bad example: got\n%swant one %s %s at %s in\n%s", text(got), r.Severity, r.Code, want, numbered(example))
			}
			good := withExample(t, base, e.Good)
			if rest := beside(compileExample(t, good), usual, r.Code); len(rest) > 0 {
				t.Errorf("the good example: got\n%sin\n%s", text(rest), numbered(good))
			}
		})
	}
}

// baseOf returns the documents that the examples of a rule change.
func baseOf(t *testing.T, on string) string {
	if on == "none" {
		return ""
	}
	data, err := os.ReadFile("testdata/catalogue/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	base := string(data)
	if on != "" {
		base = withExample(t, base, fmt.Sprintf("# Application spec.syncPolicies[0].rollout\ntrafficRoutingProvider: %s\n---\n# Fleet spec.plugin.flagger\ntrafficRoutingProvider: %s\n", on, on))
	}
	if on == "nginx" {
		base = withExample(t, base, "# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting\nhost: shop.example.com\n")
	}
	if on == "kubernetes" {
		base = withExample(t, base, "# Application spec.syncPolicies[0].rollout.rolloutPolicy\ntrafficRouting:\n  analysisTimes: 5\n---\n"+
			"# Application spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis\nwebhooks:\n  command:\n  - hey -z 50s -q 10 http://shop-canary.shop:8080/\n")
	}
	return base
}

// sourcePart matches the comment of a part that is a file of the source, for the first policy or the one with an
// index. A part with Plain is the file without the patches that fleetwright adds.
var sourcePart = regexp.MustCompile(`^# (Source|Plain)(?:\[(\d+)\])? (\S+)\n`)

// compileExample compiles the documents of an example, with the objects of its sources.
func compileExample(t *testing.T, example string) diag.List {
	t.Helper()
	var documents []string
	manifests := source.Manifests{}
	for part := range strings.SplitSeq(example, "---\n") {
		m := sourcePart.FindStringSubmatch(part)
		if m == nil {
			documents = append(documents, part)
			continue
		}
		index, _ := strconv.Atoi(m[2])
		text, err := sigsyaml.YAMLToJSON([]byte(part))
		if err != nil {
			t.Fatal(err)
		}
		o, err := source.NewObject(text, m[3])
		if err != nil {
			t.Fatal(err)
		}
		key := source.Key{Namespace: "default", Application: "shop", Policy: index}
		if manifests[key] == nil {
			manifests[key] = &source.Built{}
		}
		to := &manifests[key].Objects
		if m[1] == "Plain" {
			to = &manifests[key].Plain
		}
		*to = append(*to, o)
	}
	files := []schema.File{{Name: "example.yaml", Data: []byte(strings.Join(documents, "---\n"))}}
	load := schema.Load
	if strings.HasPrefix(example, "apiVersion: flagger.app/") { // a plain Canary
		load = func(files []schema.File) schema.Documents { return schema.LoadRollouts(files, plain.IsBeside) }
	}
	_, list := render.Begin(load(files), render.Options{}).Compile(manifests)
	return list
}

// beside returns the diagnostics that the base does not have, wherever it has them. It skips notices except the
// rule's own, because any change may affect them.
func beside(list, usual diag.List, code diag.Code) (rest diag.List) {
	for _, d := range list {
		same := func(u diag.Diagnostic) bool { return u.Code == d.Code && u.Path == d.Path && u.Message == d.Message }
		if !slices.ContainsFunc(usual, same) && (d.Severity > diag.Info || d.Code == code) {
			rest = append(rest, d)
		}
	}
	return rest
}

func numbered(text string) string {
	var b strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		n++
		fmt.Fprintf(&b, "%3d %s", n, line)
	}
	return b.String()
}

// place matches the first comment of a part of an example.
var place = regexp.MustCompile(`^# ([A-Z][A-Za-z]*) ([a-zA-Z0-9.\[\]]+)\n`)

// withExample returns the base with the parts of an example.
func withExample(t *testing.T, base, example string) string {
	documents := strings.SplitAfter(base, "---\n")
	if base == "" {
		return example
	}
	for i := range documents {
		documents[i] = strings.TrimSuffix(documents[i], "---\n")
	}
	for part := range strings.SplitSeq(example, "---\n") {
		m := place.FindStringSubmatch(part)
		if m == nil || sourcePart.MatchString(part) {
			documents = append(documents, part)
			continue
		}
		i := slices.IndexFunc(documents, func(d string) bool { return strings.Contains(d, "\nkind: "+m[1]+"\n") })
		if i < 0 {
			t.Fatalf("the base has no %s", m[1])
		}
		documents[i] = withFields(t, documents[i], m[2], strings.TrimPrefix(part, m[0]))
	}
	return strings.Join(documents, "---\n")
}

var keyOf = regexp.MustCompile(`^` + catalogue.Mark + `?([^\s:#]+):`)

// withFields sets fields of the mapping at a path of a document. It edits the text, because an example may be
// invalid YAML.
func withFields(t *testing.T, document, path, fields string) string {
	var root yaml.Node
	if err := yaml.Load([]byte(document), &root); err != nil {
		t.Fatal(err)
	}
	n := &root
	for _, element := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		if n = childOf(n, element); n == nil {
			t.Fatalf("the base has no %s", path)
		}
	}
	set := map[string]bool{}
	for line := range strings.Lines(fields) {
		if m := keyOf.FindStringSubmatch(line); m != nil {
			set[m[1]] = true
		}
	}
	lines := slices.Collect(strings.Lines(document))
	first, indent := n.Line-1, n.Column-1
	last := first + 1
	for last < len(lines) && len(strings.TrimRight(lines[last][:min(indent, len(lines[last]))], " \n")) == 0 {
		last++
	}
	// The first line may begin with the dash of a list.
	lead := lines[first][:indent]
	var kept []string
	keep := true
	for _, line := range lines[first:last] {
		if m := keyOf.FindStringSubmatch(line[indent:]); m != nil {
			keep = !set[m[1]]
		}
		if keep {
			kept = append(kept, line[indent:])
		}
	}
	for line := range strings.Lines(fields) {
		kept = append(kept, line)
	}
	for i := range kept {
		switch {
		case i == 0:
			kept[i] = lead + kept[i]
		case kept[i] != "\n":
			kept[i] = strings.Repeat(" ", indent) + kept[i]
		}
	}
	return strings.Join(slices.Concat(lines[:first], kept, lines[last:]), "")
}

func childOf(n *yaml.Node, element string) *yaml.Node {
	if n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
	if i, err := strconv.Atoi(element); err == nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
		return n.Content[i]
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == element {
			return n.Content[i+1]
		}
	}
	return nil
}
