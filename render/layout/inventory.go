package layout

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

const (
	// InventoryFile is the name of the file that lists the files of one owner: a cluster, or an
	// application on it. It has no extension, so Flux ignores it.
	InventoryFile = "inventory"
	// FormerInventoryFile listed all files of a cluster, as JSON, before applications had their own.
	FormerInventoryFile = "inventory.json"
)

// The first line of an inventory, the lines of the versions compiled for, and what two lines of
// the former one are. sha256sum ignores lines that begin with #.
const (
	inventoryTitle   = "# fleetwright.dev/v1alpha1 Inventory"
	inventoryVersion = "# version "
	formerVersion    = `"apiVersion": "fleetwright.dev/v1alpha1"`
	formerKind       = `"kind": "Inventory"`
)

// AppendInventory appends the head of an inventory, with the versions of upstream by name.
func AppendInventory(to []byte, versions map[string]string) []byte {
	to = append(to, inventoryTitle+"\n"...)
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		to = fmt.Appendf(to, "%s%s %s\n", inventoryVersion, name, versions[name])
	}
	return to
}

// AppendFile appends the line of a file to an inventory, as sha256sum writes it.
func AppendFile(to []byte, file string, sum [sha256.Size]byte) []byte {
	to = hex.AppendEncode(to, sum[:])
	to = append(to, "  "...)
	to = append(to, file...)
	return append(to, '\n')
}

// Sum returns the SHA-256 sum of a file as an inventory has it.
func Sum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// IsInventory reports whether data is an inventory, or one of the former layout, possibly with
// conflict markers of Git.
func IsInventory(data []byte) bool {
	return bytes.HasPrefix(data, []byte(inventoryTitle)) || bytes.Contains(data, []byte("\n"+inventoryTitle)) ||
		bytes.Contains(data, []byte(formerVersion)) && bytes.Contains(data, []byte(formerKind))
}

// InventoryFiles returns the files that an inventory lists, with their SHA-256 sums in hex. Each line
// stands for itself, so a merge that stopped half way hides none: of a conflict both sides count, and
// not what they come from. Lines of an inventory of the former layout are read as well.
func InventoryFiles(data []byte) map[string]string {
	files, base := map[string]string{}, false
	for line := range bytes.Lines(data) {
		switch {
		case bytes.HasPrefix(line, []byte("||||||| ")):
			base = true
		case bytes.HasPrefix(line, []byte("=======")):
			base = false
		case !base:
			if file, sum, ok := parseLine(string(bytes.TrimSpace(line))); ok {
				files[file] = sum
			}
		}
	}
	return files
}

// parseLine parses the line of a file: <sum>  <file>, formerly "<file>": "<sum>",.
func parseLine(line string) (file, sum string, ok bool) {
	if strings.HasPrefix(line, `"`) {
		file, sum, _ = strings.Cut(strings.Trim(line, `",`), `": "`)
	} else {
		sum, file, _ = strings.Cut(line, "  ")
	}
	decoded, err := hex.DecodeString(sum)
	return file, sum, err == nil && len(decoded) == sha256.Size && file != ""
}

// IsInventoryFile reports whether a file of a cluster's directory is an inventory, by its name.
func IsInventoryFile(file string) bool {
	return path.Base(file) == InventoryFile || file == FormerInventoryFile
}
