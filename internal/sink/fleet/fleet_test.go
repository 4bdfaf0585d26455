package fleet

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/fleetgen"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema"
)

// fleetOf returns the fleet of documents.
func fleetOf(t *testing.T, files []schema.File) *Fleet {
	t.Helper()
	members, list := render.Begin(schema.Load(files), render.Options{}).Fleet(nil)
	if list.HasErrors() {
		t.Fatal(list)
	}
	return New(members, nil)
}

// generated returns a generated fleet of a size.
func generated(t *testing.T, size fleetgen.Size) *Fleet {
	t.Helper()
	files, err := fleetgen.Files(size)
	if err != nil {
		t.Fatal(err)
	}
	return fleetOf(t, files)
}

// example returns the fleet of a directory, with unusual names.
func example(t *testing.T, directory string) *Fleet {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("../../..", directory, "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v", directory, err)
	}
	var files []schema.File
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, schema.File{Name: name, Data: data})
	}
	return fleetOf(t, files)
}

// TestTextFits checks that no line exceeds the width, even with long names.
func TestTextFits(t *testing.T) {
	for name, f := range map[string]*Fleet{
		"odd names": example(t, "conformance/testdata/page"), "overrides": example(t, "examples/overrides"),
		"a hub": example(t, "examples/hub"), "many": generated(t, fleetgen.Size{Applications: 60, Clusters: 100, Overrides: true}),
	} {
		for _, width := range []int{20, 40, 60, 80, 120} {
			var b bytes.Buffer
			if err := writeText(&b, f, Options{Width: width}); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				if got := displaywidth.String(strings.TrimSuffix(line, "\n")); got > width {
					t.Errorf("%s: in %d columns a line has %d: %s", name, width, got, line)
				}
			}
		}
	}
}

// TestSameFleetSameBytes checks every format.
func TestSameFleetSameBytes(t *testing.T) {
	for _, format := range Formats {
		var first string
		for range 3 {
			var b bytes.Buffer
			if err := format.Value(&b, generated(t, fleetgen.Size{Applications: 24, Clusters: 7, Overrides: true}), Options{}); err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = b.String()
			} else if b.String() != first {
				t.Errorf("%s differs from run to run", format.Name)
			}
		}
	}
}

// TestPagesOfManyClustersStaySmall checks that a page has at most 300 KB, and a flowchart at most 50,000
// characters, which is GitHub's limit.
func TestPagesOfManyClustersStaySmall(t *testing.T) {
	f := generated(t, fleetgen.Size{Applications: 60, Clusters: 100, Overrides: true})
	for format, most := range map[string]int{"html": 300_000, "mermaid": 50_000} {
		write, _ := Formats.Get(format)
		var b bytes.Buffer
		if err := write(&b, f, Options{}); err != nil || b.Len() > most {
			t.Errorf("%s has %d bytes, want at most %d: %v", format, b.Len(), most, err)
		}
	}
}

// TestLanes checks that overlapping lanes have different columns, and that others share a column.
func TestLanes(t *testing.T) {
	nodes := []node{{Name: "a"}, {Name: "b", after: []int{0}}, {Name: "c", after: []int{0, 1}}, {Name: "d"}, {Name: "e", after: []int{3}}}
	of, columns := lanes(nodes)
	if got, want := fmt.Sprint(of, columns), "map[0:{0 0 2} 1:{1 1 2} 3:{0 3 4}] 2"; got != want {
		t.Errorf("they are %s, want %s", got, want)
	}
	var drawn []string
	for i, n := range nodes {
		mark, _ := marks(i, n, of, columns)
		drawn = append(drawn, mark+" "+n.Name)
	}
	want := "┌───● a\n├─┬─● b\n└─┴─● c\n┌───● d\n└───● e"
	if got := strings.Join(drawn, "\n"); got != want {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
}

// TestLabelsAreText checks that names contain no Mermaid syntax.
func TestLabelsAreText(t *testing.T) {
	for text, want := range map[string]string{
		`a"]; click x "javascript:1"`: `"a#34;#93;#59; click x #34;javascript:1#34;"`,
		"`**a**` <b> #quot; {}":       `"#96;#42;#42;a#42;#42;#96; #60;b#62; #35;quot#59; #123;#125;"`,
		"shop/web-app 1.x":            `"shop/web-app 1.x"`,
		"a\nb":                        `"a#92;nb"`,
	} {
		if got := label(text); got != want {
			t.Errorf("the label of %q is %s, want %s", text, got, want)
		}
	}
}

// cluster returns a cluster with placements and a platform of one stage.
func cluster(name string, placements ...*render.Placement) *render.Member {
	return &render.Member{Name: name, Fleets: []string{"default/f"}, Base: &platform, Placements: placements}
}

var platform = render.Base{
	Provider:   "kuma",
	Components: []render.Component{{Name: "flagger", Version: "1.44.0"}, {Name: "kuma", Version: "2.13.10", Installed: true}},
	Stages:     []render.Stage{{Name: "infrastructure", Components: []string{"flagger"}}, {Name: "shared", After: "infrastructure"}},
}

// placed returns an application with a policy for each workload, whose rollout takes so many checks.
func placed(application string, checks map[string]int) *render.Placement {
	p := &render.Placement{Application: application, Version: place.Version{Kind: "tag", Value: "1.0.0"}, After: []string{"infrastructure"}}
	for _, workload := range slices.Sorted(maps.Keys(checks)) {
		policy := render.PlacedPolicy{Name: workload, Kind: "Kustomization"}
		if n := checks[workload]; n > 0 {
			policy.Rollout = &render.Rollout{Application: application, Policy: workload, Namespace: "shop", Name: workload, Plan: flagger.New(flagger.Canary{Provider: flagger.Kuma, Analysis: flagger.Analysis{Interval: "1m", Iterations: n}}, flagger.Newest)}
		}
		p.Policies = append(p.Policies, policy)
	}
	return p
}

// written returns a fleet in a format.
func written(t *testing.T, format string, members ...*render.Member) string {
	t.Helper()
	write, _ := Formats.Get(format)
	var b bytes.Buffer
	if err := write(&b, New(members, nil), Options{Width: 100}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestRolloutsAreNamed checks that the rollouts of one application are told apart, and that a difference names the one
// that differs.
func TestRolloutsAreNamed(t *testing.T) {
	usual := placed("default/shop", map[string]int{"back": 2, "front": 2})
	text := written(t, "text", cluster("a", usual), cluster("b", usual), cluster("c", placed("default/shop", map[string]int{"back": 2, "front": 9})))
	for _, want := range []string{
		"back: blue/green on kuma, 6m    a, b", "front: blue/green on kuma, 6m\n",
		"default/shop on c: rollout front: blue/green on kuma, 13m, not blue/green on kuma, 6m\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not contain %q:\n%s", want, text)
		}
	}
}

// TestEveryFormatHasEveryApplication checks an application that few clusters get, and many that share a step.
func TestEveryFormatHasEveryApplication(t *testing.T) {
	var all []*render.Placement
	for i := range 9 {
		all = append(all, placed(fmt.Sprintf("default/app-%d", i), map[string]int{"web": 2 + i}))
	}
	members := []*render.Member{cluster("a", append(all, placed("default/rare", map[string]int{"rare": 0}))...), cluster("b", all...), cluster("c", all...)}
	for _, format := range []string{"text", "markdown", "svg", "html", "mermaid", "json"} {
		text := written(t, format, members...)
		for i := range 9 {
			if name := fmt.Sprintf("default/app-%d", i); !strings.Contains(text, name) {
				t.Errorf("%s lacks %s:\n%s", format, name, text)
			}
		}
		if !strings.Contains(text, "default/rare") {
			t.Errorf("%s lacks default/rare:\n%s", format, text)
		}
	}
	for _, format := range []string{"svg", "mermaid"} {
		if text := written(t, format, members...); !strings.Contains(text, "12m") {
			t.Errorf("%s does not show how long the rollout of app-8 takes:\n%s", format, text)
		}
	}
	if order := New(members, nil).Parts[0].Order(); !slices.ContainsFunc(order, func(n node) bool {
		return strings.Contains(strings.Join(n.Each, "\n"), "default/rare: tag 1.0.0; only on a")
	}) {
		t.Errorf("no step states that only a gets default/rare: %+v", order)
	}
}

// TestOrderWithoutApplications checks that the platform is shown alone, too, and each component at its stage.
func TestOrderWithoutApplications(t *testing.T) {
	text := written(t, "text", cluster("a"))
	for _, want := range []string{"provider kuma; already installed: kuma 2.13.10\n", "ORDER ON EACH CLUSTER\n┌─● infrastructure  flagger 1.44.0\n└─● shared\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not contain %q:\n%s", want, text)
		}
	}
}

// TestTablesOfOddNames checks that tables of wide letters and of odd blanks fit, and that breaking their cells ends.
func TestTablesOfOddNames(t *testing.T) {
	odd := placed("default/shop", map[string]int{"web": 2})
	var members []*render.Member
	for i, branch := range []string{"機能追加支払い画面改善", "a\u00a0b\u0085c", strings.Repeat("🙂", 30)} {
		p := *odd
		p.Version = place.Version{Kind: "branch", Value: branch}
		members = append(members, cluster(fmt.Sprintf("a-cluster-with-quite-a-long-name-%d", i), &p))
	}
	for width := 10; width < 120; width++ {
		var b bytes.Buffer
		if err := writeText(&b, New(members, nil), Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if got := displaywidth.String(strings.TrimSuffix(line, "\n")); got > width {
				t.Errorf("in %d columns a line has %d: %s", width, got, line)
			}
		}
	}
}

// TestDifferencesOfRollouts checks how the rollouts of an application are compared.
func TestDifferencesOfRollouts(t *testing.T) {
	in := func(namespace string, p *render.Placement) *render.Placement {
		for i := range p.Policies {
			r := *p.Policies[i].Rollout
			r.Namespace = namespace
			p.Policies[i].Rollout = &r
		}
		return p
	}
	both := func(a, b *render.Placement) *render.Placement {
		a.Policies = append(a.Policies, b.Policies...)
		return a
	}
	web := func(checks int) *render.Placement { return placed("default/shop", map[string]int{"web": checks}) }
	for name, tt := range map[string]struct {
		usual, p *render.Placement
		want     string
	}{
		"one":            {web(2), web(9), "rollout: blue/green on kuma, 13m, not blue/green on kuma, 6m"},
		"one more":       {web(2), placed("default/shop", map[string]int{"web": 2, "api": 2}), "rollout api: blue/green on kuma, 6m"},
		"one fewer":      {placed("default/shop", map[string]int{"web": 2, "api": 2}), web(2), "rollout api: none, not blue/green on kuma, 6m"},
		"two namespaces": {both(in("a", web(2)), in("b", web(2))), both(in("a", web(2)), in("b", web(9))), "rollout b/web: blue/green on kuma, 13m, not blue/green on kuma, 6m"},
		"equal":          {web(2), web(2), ""},
	} {
		if got := strings.Join(rolloutDifferences(tt.usual, tt.p), "; "); got != tt.want {
			t.Errorf("%s: it is %q, want %q", name, got, tt.want)
		}
	}
}
