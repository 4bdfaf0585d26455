package layout

import (
	"bytes"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

const (
	// InventoryFile is the name of the file that lists the files of one owner: a cluster, or an
	// application on it. It has no extension, so Flux ignores it.
	InventoryFile = "inventory"
	// FormerInventoryFile listed all files of a cluster, as JSON, before applications had their own.
	FormerInventoryFile = "inventory.json"
)

// The title of an inventory, and how its lines begin: each stands for itself, whatever a merge puts
// around it.
const (
	inventoryTitle   = "# fleetwright.dev/v1alpha1 Inventory"
	inventoryVersion = "version "
	inventoryFile    = "file "
)

// What the former inventory says of itself, and how it names a file.
const (
	formerVersion = `"apiVersion": "fleetwright.dev/v1alpha1"`
	formerKind    = `"kind": "Inventory"`
)

var formerFile = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^"(.+)": "[0-9a-f]{64}",?$`) })

// Inventory returns an inventory of files, or of patterns of their names, sorted, with the versions of
// upstream that they are made for, if any. It has no sums: it would conflict in Git wherever two
// branches change one file, also where that merges.
func Inventory(versions map[string]string, files []string) []byte {
	lines := []string{inventoryTitle}
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		lines = append(lines, inventoryVersion+name+" "+versions[name])
	}
	for _, f := range slices.Sorted(slices.Values(files)) {
		lines = append(lines, inventoryFile+f)
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// IsInventory reports whether data is an inventory, or one of the former layout, possibly with
// conflict markers of Git.
func IsInventory(data []byte) bool {
	return bytes.HasPrefix(data, []byte(inventoryTitle)) || bytes.Contains(data, []byte("\n"+inventoryTitle)) ||
		bytes.Contains(data, []byte(formerVersion)) && bytes.Contains(data, []byte(formerKind))
}

// InventoryFiles returns the files and patterns that an inventory lists, also one of the former layout.
// A merge that stopped half way hides none: both sides of a conflict count, and their base does not.
func InventoryFiles(data []byte) (files []string) {
	base := false
	for line := range bytes.Lines(data) {
		text := strings.TrimSpace(string(line))
		switch {
		case text == "|||||||" || strings.HasPrefix(text, "||||||| "):
			base = true
		case text == "=======": // longer ones end the sides of a conflict in the base
			base = false
		case base:
		case strings.HasPrefix(text, inventoryFile):
			files = append(files, strings.TrimPrefix(text, inventoryFile))
		case strings.HasPrefix(text, `"`):
			if m := formerFile().FindStringSubmatch(text); m != nil {
				files = append(files, m[1])
			}
		}
	}
	return files
}

// IsInventoryFile reports whether a file of a cluster's directory is an inventory, by its name.
func IsInventoryFile(file string) bool {
	return path.Base(file) == InventoryFile || file == FormerInventoryFile
}

// SharedFiles returns the patterns of the names of files in SharedDir. Which are there follows from
// several applications, so no inventory of one of them lists these, and that of the cluster must not
// change with them.
func SharedFiles() []string {
	return []string{SharedDir + "/alertprovider-*.yaml", SharedDir + "/namespace-*.yaml"}
}
