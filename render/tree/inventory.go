package tree

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/fleetwright/fleetwright/render/layout"
)

// Inventory is the file that lists all others, those of other shards too. It is written last. It is
// put together from lines that clusters share: as a map it would be most of what they cost.
func (c *Cluster) Inventory() File {
	if c.whole == noFiles {
		return File{}
	}
	inv := layout.Inventory{APIVersion: layout.InventoryVersion, Kind: layout.InventoryKind, Cluster: c.Name, Versions: c.versions, Files: map[string]string{}}
	empty, err := json.MarshalIndent(inv, "", "  ")
	if err != nil {
		panic(err) // strings only
	}
	parts := append([][]byte{bytes.TrimSuffix(empty, []byte("}\n}")), []byte("\n")}, c.inventoryLines()...)
	last := &parts[len(parts)-1]
	*last = bytes.TrimSuffix(*last, []byte(",\n"))
	content := bytes.Join(append(parts, []byte("\n  }\n}\n")), nil)
	return File{Path: layout.InventoryFile, Content: content, Sum: sha256.Sum256(content), For: c.Name}
}

// inventoryLines returns the lines of all files, sorted by path: those of a directory stand
// together, but for the top one, whose files are among the directories.
func (c *Cluster) inventoryLines() [][]byte {
	type entry struct {
		path  string
		lines []byte
	}
	var entries []entry
	for _, d := range c.whole.Dirs {
		if d = c.own(d); d.Path != "" {
			entries = append(entries, entry{d.Path + "/", d.lines()})
			continue
		}
		for _, f := range d.files {
			entries = append(entries, entry{f.path, inventoryLine(f.path, c.sum(&f))})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.path, b.path) })
	lines := make([][]byte, len(entries))
	for i, e := range entries {
		lines[i] = e.lines
	}
	return lines
}

// inventoryLine returns a line of the JSON of an inventory, with its comma.
func inventoryLine(path string, sum [sha256.Size]byte) []byte {
	name, err := json.Marshal(path)
	if err != nil {
		panic(err) // a string
	}
	return fmt.Appendf(nil, "    %s: \"%x\",\n", name, sum)
}
