package inputs_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/schema"
)

// directory writes files into a new directory, and changes to it.
func directory(t *testing.T, names ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, name := range names {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("# "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRead(t *testing.T) {
	directory(t,
		"a.yaml", "b/c.yml", "b/d.json", "b/e.txt", "b/Makefile", "b/.hidden.yaml",
		".git/config.yaml", "b/.cache/x.yaml",
		"clusters/eu/fleetwright/sync.yaml", "clusters/eu/fleetwright/inventory.json", "clusters/eu/mine.yaml",
		"team/fleetwright/app.yaml", "lab/fleetwright/a.yaml", "lab/fleetwright/.journal.json",
		"shop/fleetwright/b.yaml", "shop/fleetwright/inventory.json", "b/.#c.yml")
	const inventory = "{\n  \"apiVersion\": \"fleetwright.dev/v1alpha1\",\n  \"kind\": \"Inventory\"\n}\n"
	if err := os.WriteFile("clusters/eu/fleetwright/inventory.json", []byte(inventory), 0o644); err != nil {
		t.Fatal(err)
	}
	// An editor's lock, which is a broken link.
	if err := os.Symlink("somebody@somewhere.1", "b/.#d.json"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("b", "to-b"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("elsewhere", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../team", "elsewhere/team"); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../a.yaml", "b/link.yaml"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..", "b/loop.yaml"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, paths, want string
	}{
		{"a file", "a.yaml", "a.yaml"},
		{"a file of another suffix, named", "b/e.txt", "b/e.txt"},
		{"a directory", "b", "b/c.yml b/d.json b/link.yaml"},
		{"a directory with a link to another", "elsewhere", "elsewhere/team/fleetwright/app.yaml"},
		{"everything but hidden directories and what was rendered", ".",
			"a.yaml b/c.yml b/d.json clusters/eu/mine.yaml elsewhere/team/fleetwright/app.yaml shop/fleetwright/b.yaml shop/fleetwright/inventory.json"},
		{"a link to a directory", "to-b", "to-b/c.yml to-b/d.json to-b/link.yaml"},
		{"a hidden file, named", "b/.hidden.yaml", "b/.hidden.yaml"},
		{"a file by two names", "a.yaml " + here + "/a.yaml", "a.yaml"},
		{"a hidden directory, named", ".git", ".git/config.yaml"},
		{"a file named twice", "a.yaml ./a.yaml b/../a.yaml", "a.yaml"},
		{"a file and its directory", "b/c.yml b", "b/c.yml b/d.json b/link.yaml"},
		{"the standard input, once", "- -", "stdin"},
		{"the standard input among files", "a.yaml -", "a.yaml stdin"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files, err := inputs.Read(strings.Fields(tt.paths), strings.NewReader("# stdin"))
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, f := range files {
				names = append(names, f.Name)
				if want := "# " + strings.Replace(strings.TrimPrefix(strings.TrimPrefix(f.Name, "to-"), "elsewhere/"), "b/link.yaml", "a.yaml", 1); string(f.Data) != want {
					t.Errorf("%s holds %q", f.Name, f.Data)
				}
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("reads %s, want %s", got, tt.want)
			}
		})
	}
}

// TestOutputIsNotRead checks that output directories, also after a merge, are distinguished from others.
func TestOutputIsNotRead(t *testing.T) {
	const (
		title  = "# fleetwright.dev/v1alpha1 Inventory\n"
		line   = "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0  kustomization.yaml\n"
		former = "{\n  \"apiVersion\": \"fleetwright.dev/v1alpha1\",\n  \"kind\": \"Inventory\",\n"
	)
	for _, tt := range []struct {
		name, file, content string
		isOutput            bool
	}{
		{"an inventory", "inventory", title + "# version flux 2.6.0\n" + line, true},
		{"of lines that Git has changed the ends of", "inventory", strings.ReplaceAll(title+line, "\n", "\r\n"), true},
		{"with a conflict", "inventory", title + "<<<<<<< HEAD\n# version flux 2.6.0\n=======\n# version flux 2.7.0\n>>>>>>> main\n" + line, true},
		{"with one from its first line", "inventory", "<<<<<<< HEAD\n" + title + line + "=======\n" + title + ">>>>>>> main\n", true},
		{"the former one", "inventory.json", former + "  \"files\": {}\n}\n", true},
		{"the former one with a conflict", "inventory.json", former + "<<<<<<< HEAD\n  \"files\": {\n=======\n  \"files\": {}\n>>>>>>> main\n}\n", true},
		{"of hosts", "inventory", "[web]\nweb1.example.com\n", false},
		{"of something else, as JSON", "inventory.json", "{\"kind\": \"Inventory\"}\n", false},
		{"a sum of files", "inventory", line, false},
		{"what the KRM function has emitted", "kustomization.yaml", "metadata:\n  annotations:\n    fleetwright.dev/rendered: eu\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			directory(t, "clusters/eu/fleetwright/sync.yaml", "clusters/eu/mine.yaml")
			if err := os.WriteFile(filepath.Join("clusters/eu/fleetwright", tt.file), []byte(tt.content), 0o644); err != nil {
				t.Fatal(err)
			}
			files, err := inputs.Read([]string{"clusters"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			isRead := slices.ContainsFunc(files, func(f schema.File) bool { return f.Name == "clusters/eu/fleetwright/sync.yaml" })
			if isRead == tt.isOutput {
				t.Errorf("its files are read: %t", isRead)
			}
		})
	}
}

func TestReadFails(t *testing.T) {
	directory(t, "a.yaml", "dir/b.yaml")
	if err := os.Symlink("nowhere", "dir/dangling.yaml"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"nowhere":     "nowhere: no such file or directory",
		"a.yaml/b":    "a.yaml/b: not a directory",
		"dir":         "dir/dangling.yaml: no such file or directory",
		"nowhere/a.y": "nowhere/a.y: no such file or directory",
	} {
		files, err := inputs.Read([]string{"a.yaml", path}, nil)
		if err == nil || err.Error() != want || files != nil {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

func TestEverythingThatCannotBeReadIsSaid(t *testing.T) {
	directory(t, "a.yaml")
	_, err := inputs.Read([]string{"b", "a.yaml", "c"}, nil)
	if want := "b: no such file or directory\nc: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestOrderIsThatOfThePaths(t *testing.T) {
	directory(t, "b.yaml", "a.yaml")
	files, err := inputs.Read([]string{"b.yaml", "a.yaml"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	if !slices.Equal(names, []string{"b.yaml", "a.yaml"}) {
		t.Errorf("reads %q", names)
	}
}
