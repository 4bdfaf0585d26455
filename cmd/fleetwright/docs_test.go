package main

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/pages"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// TestCommandsOfThePages runs the console blocks of every page in a copy of the repository, in order, and
// compares their output. UPDATE=1 writes the output into the pages. Each page has an empty registry.
func TestCommandsOfThePages(t *testing.T) {
	for name, page := range pages.All(t, repository) {
		if len(pages.Blocks(page, "console")) == 0 || slices.Contains(pages.NeedTools, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			address, end := newRegistry()
			defer end()
			env := []string{"REGISTRY=" + address}
			if name == "docs/oci.md" { // which shows commit names
				env = append(env, "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z")
			}
			pages.Run(t, repository, name, pages.Clone(t, repository), env...)
		})
	}
}

// TestTwoCommandsSetANewcomerUp runs make demo. make test runs this test.
func TestTwoCommandsSetANewcomerUp(t *testing.T) {
	page := pages.All(t, repository)["README.md"]
	for _, command := range []string{"make demo", "make test"} {
		if !strings.Contains(page, "- `"+command+"` ") {
			t.Errorf("the README lacks %s", command)
		}
	}
	dir := pages.Clone(t, repository)
	demo := pages.Shell(t, dir, "make demo")
	for _, want := range []string{
		"\nkurator-member1/fleetwright/sync.yaml\n",
		"\nkind: Canary\n",
		"out/demo: 2 clusters, 64 files, 64 written, 0 unchanged, 0 removed\n",
	} {
		if !strings.Contains("\n"+demo, want) {
			t.Errorf("the output of make demo lacks %q:\n%s", want, demo)
		}
	}
	if got := pages.Shell(t, dir, "make --dry-run test"); got != "go test -timeout 30m  ./...\n" {
		t.Errorf("make test runs %q", got)
	}
}

// TestPicturesOfThePages compares the pictures of the pages with the ones that the commands draw. UPDATE=1 draws them
// again.
func TestPicturesOfThePages(t *testing.T) {
	for name, args := range map[string][]string{"plan.svg": {"plan", "kuma-rollout"}, "fleet.svg": {"fleet", "waves"}} {
		picture := filepath.Join(repository, "docs", "images", name)
		var drawn, reported strings.Builder
		if code := run([]string{args[0], filepath.Join(repository, "examples", args[1]), "--format", "svg"}, strings.NewReader(""), &drawn, &reported); code != exitOK {
			t.Fatal(reported.String())
		}
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(picture, []byte(drawn.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if stored, err := os.ReadFile(picture); err != nil || string(stored) != drawn.String() {
			t.Errorf("docs/images/%s is not what %s draws of examples/%s: %v", name, args[0], args[1], err)
		}
	}
}

// TestTargetsAndLinksOfThePages finds make targets and links in pages that do not exist.
func TestTargetsAndLinksOfThePages(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	target := regexp.MustCompile("`make ([a-z]+)`")
	link := regexp.MustCompile(`\]\(([^)#:]*)(?:#([^){]*))?\)`)
	all := pages.All(t, repository)
	headings := map[string][]string{}
	for name, page := range all {
		headings[name] = anchors(page)
	}
	for name, page := range all {
		for _, m := range target.FindAllStringSubmatch(page, -1) {
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s: no target make %s", name, m[1])
			}
		}
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			to := path.Join(path.Dir(name), m[1])
			if m[1] == "" {
				to = name
			}
			if _, err := os.Stat(filepath.Join(repository, to)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if m[2] != "" && !slices.Contains(headings[to], m[2]) {
				t.Errorf("%s: %s has no heading #%s", name, to, m[2])
			}
		}
	}
}

// anchors returns GitHub's anchors for the headings of a page.
func anchors(page string) (all []string) {
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	mark := regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		all = append(all, strings.ReplaceAll(strings.ToLower(mark.ReplaceAllString(m[1], "")), " ", "-"))
	}
	return all
}

// TestDiagnosticsPageIsTheCatalogue compares docs/diagnostics.md with the catalogue. UPDATE=1 writes the
// page.
func TestDiagnosticsPageIsTheCatalogue(t *testing.T) {
	var page, stderr strings.Builder
	if code := run([]string{"explain", "--format", "markdown"}, strings.NewReader(""), &page, &stderr); code != exitOK {
		t.Fatal(stderr.String())
	}
	name := filepath.Join(repository, "docs/diagnostics.md")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != page.String() {
		t.Errorf("docs/diagnostics.md differs from the output of fleetwright explain (%v); update it with make golden", err)
	}
}

// TestExamplesAreListed checks that examples/README.md has a row for each example.
func TestExamplesAreListed(t *testing.T) {
	list, err := os.ReadFile(filepath.Join(repository, "examples/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	directories, err := filepath.Glob(filepath.Join(repository, "examples/*/application.yaml"))
	if err != nil || len(directories) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, d := range directories {
		name := filepath.Base(filepath.Dir(d))
		if row := fmt.Sprintf("\n| [%s](%s) | ", name, name); !strings.Contains(string(list), row) {
			t.Errorf("examples/README.md does not list %s", name)
		}
	}
}

// TestDocumentedSettingsAreTheDefaults renders with and without the RenderConfig of docs/inputs.md.
func TestDocumentedSettingsAreTheDefaults(t *testing.T) {
	configs := slices.DeleteFunc(pages.Blocks(pages.All(t, repository)["docs/inputs.md"], "yaml"), func(block string) bool {
		return !strings.Contains(block, "\nkind: RenderConfig\n")
	})
	if len(configs) != 1 {
		t.Fatalf("docs/inputs.md has %d RenderConfigs", len(configs))
	}
	var files []schema.File
	for _, name := range []string{"application.yaml", "fleet.yaml"} {
		data, err := os.ReadFile(filepath.Join(repository, "examples/kuma-rollout", name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, schema.File{Name: name, Data: data})
	}
	compile := func(files []schema.File) map[string]string {
		tree, list := render.Compile(schema.Load(files), render.Options{})
		if tree == nil {
			t.Fatal(list)
		}
		all := map[string]string{}
		for _, c := range tree.Clusters {
			for f := range c.Files() {
				all[c.Name+"/"+f.Path] = string(f.Content)
			}
		}
		return all
	}
	without := compile(files)
	with := compile(append(files, schema.File{Name: "inputs.md", Data: []byte(configs[0])}))
	for _, name := range slices.Sorted(maps.Keys(with)) {
		if with[name] != without[name] {
			t.Errorf("with the settings of docs/inputs.md, %s is\n%s\nwithout them\n%s", name, with[name], without[name])
		}
	}
}
