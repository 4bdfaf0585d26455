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

// TestCommandsOfThePages runs the console blocks of every page in a copy of the
// repository, a page's after each other, and compares what they print. UPDATE=1
// writes what they print into the pages. Each page has an empty registry.
func TestCommandsOfThePages(t *testing.T) {
	for name, page := range pages.All(t, repository) {
		if len(pages.Blocks(page, "console")) == 0 || slices.Contains(pages.NeedTools, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			address, end := newRegistry()
			defer end()
			env := []string{"REGISTRY=" + address}
			if name == "docs/oci.md" { // which shows the names of commits
				env = append(env, "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z")
			}
			pages.Run(t, repository, name, pages.Clone(t, repository), env...)
		})
	}
}

// TestTwoCommandsSetANewcomerUp runs make demo. make test is what runs this.
func TestTwoCommandsSetANewcomerUp(t *testing.T) {
	page := pages.All(t, repository)["README.md"]
	for _, command := range []string{"make demo", "make test"} {
		if !strings.Contains(page, "- `"+command+"` ") {
			t.Errorf("the README does not say %s", command)
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
			t.Errorf("make demo does not print %q but\n%s", want, demo)
		}
	}
	if got := pages.Shell(t, dir, "make --dry-run test"); got != "go test -timeout 30m  ./...\n" {
		t.Errorf("make test runs %q", got)
	}
}

// TestTargetsAndLinksOfThePages finds what a page names and the repository has
// not.
func TestTargetsAndLinksOfThePages(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	target := regexp.MustCompile("`make ([a-z]+)`")
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for name, page := range pages.All(t, repository) {
		for _, m := range target.FindAllStringSubmatch(page, -1) {
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s: there is no make %s", name, m[1])
			}
		}
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			if _, err := os.Stat(filepath.Join(repository, path.Dir(name), m[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestDiagnosticsPageIsTheCatalogue: UPDATE=1 writes it.
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
		t.Errorf("docs/diagnostics.md is not what fleetwright explain prints (%v): make golden writes it", err)
	}
}

// TestExamplesAreListed: each has a row that says what it shows.
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

// TestSettingsOfTheReadmeAreTheDefaults renders with and without the RenderConfig
// that the README shows.
func TestSettingsOfTheReadmeAreTheDefaults(t *testing.T) {
	configs := slices.DeleteFunc(pages.Blocks(pages.All(t, repository)["README.md"], "yaml"), func(block string) bool {
		return !strings.Contains(block, "\nkind: RenderConfig\n")
	})
	if len(configs) != 1 {
		t.Fatalf("the README has %d RenderConfigs", len(configs))
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
	with := compile(append(files, schema.File{Name: "README.md", Data: []byte(configs[0])}))
	for _, name := range slices.Sorted(maps.Keys(with)) {
		if with[name] != without[name] {
			t.Errorf("with the settings of the README %s is\n%s\nand without\n%s", name, with[name], without[name])
		}
	}
}
