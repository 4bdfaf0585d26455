// Package pages runs the commands of the repository's documents, for tests.
package pages

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// NeedTools lists the pages whose commands need more than Go, git and make. The conformance module runs them,
// because it installs the tools.
var NeedTools = []string{"docs/ci.md", "docs/container.md", "docs/kustomize.md", "docs/pre-commit.md"}

// leftOut lists the directories at the top that hold no pages.
var leftOut = []string{".git", ".vale", "bin", "dist", "out"}

// All returns the documents of a repository by path, with slashes.
func All(t testing.TB, repository string) map[string]string {
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

// Blocks returns the fenced blocks of a page in a language.
func Blocks(page, language string) (all []string) {
	for _, part := range strings.Split(page, "\n```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		all = append(all, block)
	}
	return all
}

// LocalRegistry is the address of the reader's local registry in pages.
const LocalRegistry = "localhost:5000"

// Run runs the console blocks of a page in order, starting in a directory, and compares their output. Lines
// that begin with "$ " are commands, and lines that begin with "> " continue a command. A command that is
// only a cd affects all later commands. UPDATE=1 writes the output into the page. REGISTRY=ADDRESS in env
// replaces LocalRegistry.
func Run(t testing.TB, repository, page, dir string, env ...string) {
	t.Helper()
	name := filepath.Join(repository, filepath.FromSlash(page))
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	registry := LocalRegistry
	for _, v := range env {
		if address, ok := strings.CutPrefix(v, "REGISTRY="); ok {
			registry = address
		}
	}
	updated, below := string(text), "."
	for _, block := range Blocks(string(text), "console") {
		var got strings.Builder
		for _, command := range commands(block) {
			prompt := "$ "
			for line := range strings.Lines(command) {
				got.WriteString(prompt + line)
				prompt = "> "
			}
			if to, ok := strings.CutPrefix(command, "cd "); ok {
				below = filepath.Join(below, strings.TrimSpace(to))
				continue
			}
			printed := Shell(t, dir, "cd "+below+"\n"+strings.ReplaceAll(command, LocalRegistry, registry), env...)
			got.WriteString(strings.ReplaceAll(printed, registry, LocalRegistry))
		}
		if os.Getenv("UPDATE") != "" {
			updated = strings.Replace(updated, "\n```console\n"+block+"```", "\n```console\n"+got.String()+"```", 1)
		} else if got.String() != block {
			t.Errorf("%s shows\n%s\nbut the output is\n%s", page, block, got.String())
		}
	}
	if updated != string(text) {
		if err := os.WriteFile(name, []byte(updated), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// commands returns the commands of a console block.
func commands(block string) (all []string) {
	goesOn := false
	for line := range strings.Lines(block) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			all = append(all, command)
			goesOn = true
		} else if more, ok := strings.CutPrefix(line, "> "); ok && goesOn {
			all[len(all)-1] += more
		} else {
			goesOn = false
		}
	}
	return all
}

// Clone copies a repository without its history and the output of make, for one test.
func Clone(t testing.TB, repository string) string {
	t.Helper()
	dir := t.TempDir()
	entries, err := os.ReadDir(repository)
	for _, e := range entries {
		from, to := filepath.Join(repository, e.Name()), filepath.Join(dir, e.Name())
		switch {
		case slices.Contains(leftOut, e.Name()):
		case e.IsDir():
			err = errors.Join(err, os.CopyFS(to, os.DirFS(from)))
		default:
			data, readErr := os.ReadFile(from)
			err = errors.Join(err, readErr, os.WriteFile(to, data, 0o644))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Shell runs a command line and returns its output. It finds commands that the command line installs. If the
// command line fails, so does the test; a command that is expected to fail must handle it, as in `fleetwright
// check; echo $?`.
func Shell(t testing.TB, dir, command string, env ...string) string {
	t.Helper()
	bin := filepath.Join(dir, "bin")
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	// make passes its flags to nested makes, and git passes its directories to hooks.
	cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool {
		return strings.HasPrefix(v, "MAKEFLAGS=") || strings.HasPrefix(v, "MAKELEVEL=") || strings.HasPrefix(v, "MFLAGS=") || strings.HasPrefix(v, "GIT_")
	})
	cmd.Env = append(cmd.Env, env...)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.TrimSpace(command), err, output)
	}
	return string(output)
}
