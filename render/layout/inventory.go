package layout

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

const (
	// InventoryFile is the name of the file that lists the files of one owner: a cluster, or an
	// application on it. It has no extension, so Flux ignores it.
	InventoryFile = "inventory"
	// FormerInventoryFile listed all files of a cluster, as JSON, before applications had their own.
	FormerInventoryFile = "inventory.json"
)

// The lines of an inventory that list no file, which sha256sum ignores as comments.
const (
	inventoryTitle   = "# fleetwright.dev/v1alpha1 Inventory"
	inventoryVersion = "# version "
	inventoryPattern = "# files "
)

// The header of the former inventory.
const (
	formerVersion = "fleetwright.dev/v1alpha1"
	formerKind    = "Inventory"
)

// fileLine matches the line of a file: as sha256sum writes it, or as JSON in the former layout.
var fileLine = lazyregexp.New(`^(?:([0-9a-f]{64})  (.+)|"(.+)": "([0-9a-f]{64})",?)$`)

// AppendInventory appends the header of an inventory: the versions of upstream for which the manifests are
// rendered, and patterns for the names of files that no inventory lists.
func AppendInventory(to []byte, versions map[string]string, patterns []string) []byte {
	to = append(to, inventoryTitle+"\n"...)
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		to = fmt.Appendf(to, "%s%s %s\n", inventoryVersion, name, versions[name])
	}
	for _, pattern := range patterns {
		to = fmt.Appendf(to, "%s%s\n", inventoryPattern, pattern)
	}
	return to
}

// FileLine returns the length of a file's line in an inventory.
func FileLine(file string) int { return 2*sha256.Size + len("  ") + len(file) + len("\n") }

// AppendFile appends the line of a file to an inventory. The sum makes the inventory change with each of its
// files: if one branch changes a file and the other removes it with the inventory, Git keeps both the inventory
// and the file, and render finds them.
func AppendFile(to []byte, file string, sum [sha256.Size]byte) []byte {
	to = hex.AppendEncode(to, sum[:])
	to = append(to, "  "...)
	to = append(to, file...)
	return append(to, '\n')
}

// IsInventory reports whether data is an inventory, of this or the former layout, possibly with conflict markers
// of Git.
func IsInventory(data []byte) bool {
	return bytes.HasPrefix(data, []byte(inventoryTitle)) || bytes.Contains(data, []byte("\n"+inventoryTitle)) ||
		bytes.Contains(data, []byte(`"apiVersion": "`+formerVersion+`"`)) && bytes.Contains(data, []byte(`"kind": "`+formerKind+`"`))
}

// InventoryFiles returns the files and patterns in an inventory of this or the former layout. An unfinished
// merge hides none: both sides of a conflict count, and their base does not.
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
		case strings.HasPrefix(text, inventoryPattern):
			files = append(files, strings.TrimPrefix(text, inventoryPattern))
		default:
			if m := fileLine().FindStringSubmatch(text); m != nil {
				files = append(files, m[2]+m[3])
			}
		}
	}
	return files
}

// A Listed file is a file in an inventory with its SHA-256, as text.
type Listed struct{ File, Sum string }

// InventorySums returns the files in an inventory of this or the former layout, without patterns. For a merge
// conflict it returns all sides.
func InventorySums(data []byte) (files []Listed) {
	for line := range bytes.Lines(data) {
		if m := fileLine().FindStringSubmatch(strings.TrimSpace(string(line))); m != nil {
			files = append(files, Listed{m[2] + m[3], m[1] + m[4]})
		}
	}
	return files
}

// FormerInventory returns the inventory of the former layout with the current sums of files, by path. It keeps
// no line of an inventory with conflict markers.
func FormerInventory(cluster string, files map[string][]byte) []byte {
	var inventory struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Cluster    string            `json:"cluster"`
		Versions   map[string]string `json:"versions"`
		Files      map[string]string `json:"files"`
	}
	_ = json.Unmarshal(files[FormerInventoryFile], &inventory)
	inventory.APIVersion, inventory.Kind, inventory.Cluster = formerVersion, formerKind, cluster
	if inventory.Files == nil {
		inventory.Files = map[string]string{}
	}
	for file, content := range files {
		if file != FormerInventoryFile {
			inventory.Files[file] = fmt.Sprintf("%x", sha256.Sum256(content))
		}
	}
	data, err := json.MarshalIndent(inventory, "", "  ")
	if err != nil {
		panic(err) // strings only
	}
	return append(data, '\n')
}

// IsInventoryFile reports whether a file of a cluster's directory is an inventory, by its name.
func IsInventoryFile(file string) bool {
	return path.Base(file) == InventoryFile || file == FormerInventoryFile
}

// SourceFiles returns the patterns for the names of files in SourcesDir, one file for each application.
func SourceFiles() []string {
	return []string{SourcesDir + "/gitrepository-*.yaml", SourcesDir + "/helmrepository-*.yaml", SourcesDir + "/ocirepository-*.yaml"}
}

// SharedFiles returns the patterns for the names of files in SharedDir. These files depend on several
// applications, so no inventory of an application lists them, and the cluster's must not change with them.
func SharedFiles() []string {
	return []string{SharedDir + "/alertprovider-*.yaml", SharedDir + "/namespace-*.yaml"}
}
