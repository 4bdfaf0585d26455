package layout_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render/layout"
)

const title = "# fleetwright.dev/v1alpha1 Inventory\n"

// line returns the line of a file in an inventory.
func line(file string) string { return strings.Repeat("0a", 32) + "  " + file + "\n" }

// formerLine returns the line of a file in an inventory of the former layout.
func formerLine(file string) string {
	return fmt.Sprintf("    %q: %q,\n", file, strings.Repeat("0a", 32))
}

func TestInventoryFiles(t *testing.T) {
	former := "{\n  \"apiVersion\": \"fleetwright.dev/v1alpha1\",\n  \"kind\": \"Inventory\",\n  \"versions\": {\n    \"flux\": \"2.3\"\n  },\n  \"files\": {\n" +
		formerLine("a/b.yaml") + strings.Replace(formerLine("sync.yaml"), ",", "", 1) + "  }\n}\n"
	for _, tt := range []struct{ name, data, want string }{
		{"none", "", ""},
		{"only the header", title + "# version flux 2.3\n", ""},
		{"files", title + line("a/b.yaml") + line("sync.yaml"), "a/b.yaml|sync.yaml"},
		{"a name with spaces", title + line("a/b c  d.yaml"), "a/b c  d.yaml"},
		{"line endings of Windows", strings.ReplaceAll(title+line("a/b.yaml"), "\n", "\r\n"), "a/b.yaml"},
		{"without a newline at the end", title + strings.TrimSuffix(line("a/b.yaml"), "\n"), "a/b.yaml"},
		{"the former layout", former, "a/b.yaml|sync.yaml"},
		{"a conflict", title + line("a") + "<<<<<<< HEAD\n" + line("ours") + "=======\n" + line("theirs") + ">>>>>>> branch\n" + line("z"), "a|ours|theirs|z"},
		{"one with a base that neither side contains", title + line("a") + "<<<<<<< HEAD\n" + line("ours") + "||||||| 1234567\n" + line("base") + "=======\n" + line("theirs") + ">>>>>>> branch\n" + line("z"), "a|ours|theirs|z"},
		{"one with a base without a name", title + "<<<<<<<\n" + line("ours") + "|||||||\n" + line("base") + "=======\n" + line("theirs") + ">>>>>>>\n", "ours|theirs"},
		{"one with line endings of Windows", strings.ReplaceAll(title+"<<<<<<< HEAD\n"+line("ours")+"||||||| 1234567\n"+line("base")+"=======\n"+line("theirs")+">>>>>>> branch\n", "\n", "\r\n"), "ours|theirs"},
		{"a base that is a conflict itself, of a merge base that Git merged", title + "<<<<<<< HEAD\n" + line("ours") + "||||||| merged common ancestors\n" +
			"<<<<<<<<< Temporary merge branch 1\n" + line("base/1") + "||||||||| 1234567\n" + line("base/0") + "=========\n" + line("base/2") + ">>>>>>>>> Temporary merge branch 2\n" +
			"=======\n" + line("theirs") + ">>>>>>> branch\n" + line("z"), "ours|theirs|z"},
		{"two conflicts", title + "<<<<<<< HEAD\n||||||| 1\n" + line("base") + "=======\n" + line("a") + ">>>>>>> b\n" + line("b") + "<<<<<<< HEAD\n" + line("c") + "||||||| 1\n" + line("base") + "=======\n>>>>>>> b\n", "a|b|c"},
		{"a conflict of the former layout", strings.Replace(former, "    \"sync", "<<<<<<< HEAD\n"+formerLine("ours")+"||||||| 1\n"+formerLine("base")+"=======\n"+formerLine("theirs")+">>>>>>> b\n    \"sync", 1),
			"a/b.yaml|ours|sync.yaml|theirs"},
		{"patterns", title + "# files a/b-*.yaml\n" + line("sync.yaml"), "a/b-*.yaml|sync.yaml"},
		{"junk", title + "abc  a\n" + strings.Repeat("g", 64) + "  a\n" + line("a")[2:] + line("a")[:66] + "\n" + strings.Replace(line("a"), "  ", " ", 1) + "\"a\": \"b\",\n\"a\"\n\"\n\x00\xff\n" + line("b"), "b"},
		{"a YAML file", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) { wantFiles(t, tt.data, tt.want) })
	}
}

// wantFiles checks that an inventory lists the names, which are separated by |.
func wantFiles(t *testing.T, data, names string) {
	t.Helper()
	got := slices.Sorted(slices.Values(layout.InventoryFiles([]byte(data))))
	if got := strings.Join(slices.Compact(got), "|"); got != names {
		t.Errorf("%v, want %v, of\n%s", got, names, data)
	}
}

// TestInventoriesThatGitMerged makes Git itself stop at a conflict, in each of its styles.
func TestInventoriesThatGitMerged(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, files ...string) string {
		data := title
		for _, f := range files {
			data += line(f)
		}
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	// Both replace one file, and both add the same one next to it.
	base, ours, theirs := write("base", "a", "base", "z"), write("ours", "a", "both", "ours", "z"), write("theirs", "a", "both", "theirs", "z")
	for _, style := range []string{"merge", "diff3", "zdiff3"} {
		args := []string{"merge-file", "-p", ours, base, theirs}
		if style != "merge" {
			args = append([]string{"merge-file", "--" + style}, args[1:]...)
		}
		merged, err := exec.Command("git", args...).Output()
		if !bytes.Contains(merged, []byte("\n<<<<<<< ")) {
			t.Fatalf("git makes no conflict (%v):\n%s", err, merged)
		}
		if !layout.IsInventory(merged) {
			t.Errorf("%s: not recognized as an inventory:\n%s", style, merged)
		}
		wantFiles(t, string(merged), "a|both|ours|theirs|z")
	}
}

func TestInventoryIsReadBack(t *testing.T) {
	data := layout.AppendInventory(nil, map[string]string{"kuma": "2.7.3", "flux": "2.3"}, []string{"c-*.yaml"})
	data = layout.AppendFile(data, "a/b.yaml", sha256.Sum256(nil))
	const want = title + "# version flux 2.3\n# version kuma 2.7.3\n# files c-*.yaml\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a/b.yaml\n"
	if string(data) != want {
		t.Errorf("it is\n%swant\n%s", data, want)
	}
	wantFiles(t, string(data), "a/b.yaml|c-*.yaml")
}

func TestIsInventory(t *testing.T) {
	for data, want := range map[string]bool{
		"":                                      false,
		title:                                   true,
		strings.ReplaceAll(title, "\n", "\r\n"): true,
		title + line("a"):                       true,
		"<<<<<<< HEAD\n" + title + "=======\n" + title + ">>>>>>> b\n":                                         true,
		"<<<<<<< HEAD\n=======\n" + title + line("a") + ">>>>>>> b\n":                                          true,
		"{\n  \"apiVersion\": \"fleetwright.dev/v1alpha1\",\n  \"kind\": \"Inventory\",\n  \"files\": {}\n}\n": true,
		"<<<<<<< HEAD\n{\n  \"apiVersion\": \"fleetwright.dev/v1alpha1\",\n  \"kind\": \"Inventory\",\n":       true,
		"{\"apiVersion\": \"v1\", \"kind\": \"Inventory\"}":                                                    false,
		"{\"apiVersion\": \"fleetwright.dev/v1alpha1\", \"kind\": \"RenderConfig\"}":                           false,
		line("a"):                   false,
		"# Inventory\n":             false,
		"about\n#" + title:          false,
		"[all]\nhost.example.com\n": false, // Ansible has a file of this name
		"x " + title:                false,
	} {
		if got := layout.IsInventory([]byte(data)); got != want {
			t.Errorf("%v, want %v, of\n%s", got, want, data)
		}
	}
	for file, want := range map[string]bool{
		"inventory": true, "inventory.json": true, "apps/default.a/inventory": true, "clusters/a/inventory": true,
		"apps/default.a/inventory.json": false, "inventory.yaml": false, "apps/inventory/a.yaml": false, "sync.yaml": false,
	} {
		if got := layout.IsInventoryFile(file); got != want {
			t.Errorf("IsInventoryFile of %s is %v", file, got)
		}
	}
}

func TestStage(t *testing.T) {
	for file, want := range map[string]string{
		"kustomization.yaml":                          "",
		"sync.yaml":                                   "",
		"infrastructure/helmrelease-kuma.yaml":        "infrastructure",
		"meshes/mesh-a.yaml":                          "meshes",
		"shared/alertprovider-a.b.yaml":               "shared",
		"sync/shared.yaml":                            "sync",
		"sync/default.a.yaml":                         "sync",
		"sync/berlin/cluster.yaml":                    "sync",
		"sync/berlin/default.a.yaml":                  "sync",
		"sources/gitrepository-a.default.yaml":        "sources",
		"apps/default.a/gitrepository-a.yaml":         "apps/default.a",
		"rollouts/default.a/canary-a.yaml":            "rollouts/default.a",
		"clusters/b/mesh/mesh-a.yaml":                 "clusters/b/mesh",
		"clusters/b/shared/namespace-default.yaml":    "clusters/b/shared",
		"clusters/b/namespaces/default.a/a.yaml":      "clusters/b/namespaces/default.a",
		"clusters/sync/apps/default.a/a.yaml":         "clusters/sync/apps/default.a",
		"clusters/b/rollouts/default.a/canary-a.yaml": "clusters/b/rollouts/default.a",
	} {
		if got := layout.Stage(file); got != want {
			t.Errorf("%s is applied with %q, want %q", file, got, want)
		}
	}
}
