package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// pages are the documents of the repository, by their paths in it.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(repository, func(name string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(repository, name)
		switch {
		case err != nil:
			return err
		case e.IsDir() && slices.Contains(leftOut, rel):
			return fs.SkipDir
		case filepath.Ext(name) == ".md":
			data, err := os.ReadFile(name)
			all[filepath.ToSlash(rel)] = string(data)
			return err
		}
		return nil
	})
	if err != nil || all["README.md"] == "" {
		t.Fatalf("no pages: %v", err)
	}
	return all
}

// blocks are the fenced blocks of a page in a language.
func blocks(page, language string) (all []string) {
	for _, part := range strings.Split(page, "\n```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		all = append(all, block)
	}
	return all
}

// TestCommandsOfThePages runs the console blocks of every page in a copy of the
// repository, a page's after each other, and compares what they print.
func TestCommandsOfThePages(t *testing.T) {
	for name, page := range pages(t) {
		consoles := blocks(page, "console")
		if len(consoles) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := clone(t)
			for _, block := range consoles {
				var got strings.Builder
				for line := range strings.Lines(block) {
					if command, ok := strings.CutPrefix(line, "$ "); ok {
						got.WriteString(line)
						got.WriteString(shell(t, dir, command))
					}
				}
				if got.String() != block {
					t.Errorf("the page says\n%s\nand it is\n%s", block, got.String())
				}
			}
		})
	}
}

// TestTwoCommandsSetANewcomerUp runs make demo. make test is what runs this.
func TestTwoCommandsSetANewcomerUp(t *testing.T) {
	page := pages(t)["README.md"]
	for _, command := range []string{"make demo", "make test"} {
		if !strings.Contains(page, "- `"+command+"` ") {
			t.Errorf("the README does not say %s", command)
		}
	}
	dir := clone(t)
	demo := shell(t, dir, "make demo")
	for _, want := range []string{
		"\nkurator-member1/fleetwright/sync.yaml\n",
		"\nkind: Canary\n",
		"out/demo: 2 clusters, 56 files, 56 written, 0 unchanged, 0 removed\n",
	} {
		if !strings.Contains("\n"+demo, want) {
			t.Errorf("make demo does not print %q but\n%s", want, demo)
		}
	}
	if got := shell(t, dir, "make --dry-run test"); got != "go test  ./...\n" {
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
	for name, page := range pages(t) {
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
	configs := slices.DeleteFunc(blocks(pages(t)["README.md"], "yaml"), func(block string) bool {
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

// clone copies what is in the repository, but for its history and what make has
// left.
func clone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files := os.DirFS(repository)
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		to := filepath.Join(dir, e.Name())
		switch {
		case slices.Contains(leftOut, e.Name()):
		case e.IsDir():
			below, _ := fs.Sub(files, e.Name())
			err = errors.Join(err, os.CopyFS(to, below))
		default:
			data, readErr := fs.ReadFile(files, e.Name())
			err = errors.Join(err, readErr, os.WriteFile(to, data, 0o644))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// leftOut are the directories at the top that a fresh clone has not.
var leftOut = []string{".git", "bin", "out"}

// shell runs a command line and returns all that it prints. Commands that it
// installs are found.
func shell(t *testing.T, dir, command string) string {
	t.Helper()
	bin := filepath.Join(dir, "bin")
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	// make tells the makes below it of its own flags.
	cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool {
		return strings.HasPrefix(v, "MAKEFLAGS=") || strings.HasPrefix(v, "MAKELEVEL=") || strings.HasPrefix(v, "MFLAGS=")
	})
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.TrimSpace(command), err, output)
	}
	return string(output)
}
