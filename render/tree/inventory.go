package tree

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/render/layout"
)

// noFile is in the place of the files in the JSON of an inventory that has none yet.
const noFile = "\x00"

// inventory is the JSON of the cluster's. That of its files is put together from what
// the clusters share: as a map it would be the most of what many clusters cost.
func (c *Cluster) inventory() []byte {
	inv := layout.Inventory{APIVersion: layout.InventoryVersion, Kind: layout.InventoryKind, Cluster: c.Name, Versions: c.versions, Files: map[string]string{noFile: ""}}
	content, err := json.MarshalIndent(inv, "", "  ")
	if err != nil {
		panic(err) // strings only
	}
	before, after, _ := bytes.Cut(content, bytes.TrimSuffix(inventoryLine(nil, noFile, ""), []byte(",\n")))
	lines := c.inventoryLines()
	size := len(before) + len(after) + 1
	for _, l := range lines {
		size += len(l)
	}
	out := append(make([]byte, 0, size), before...)
	for _, l := range lines {
		out = append(out, l...)
	}
	out = bytes.TrimSuffix(out, []byte(",\n"))
	return append(append(out, after...), '\n')
}

// inventoryLines are the lines of all files, sorted by path: those of a directory stand
// together, but for the top one, whose files are among the directories.
func (c *Cluster) inventoryLines() [][]byte {
	type entry struct {
		path  string
		lines []byte
	}
	entries := make([]entry, 0, len(c.whole.Dirs)+len(c.whole.Dirs[0].Files))
	for _, d := range c.whole.Dirs {
		d = c.own(d)
		if d.Path != "" {
			entries = append(entries, entry{d.Path + "/", d.lines()})
			continue
		}
		for j := range d.Files {
			sum := c.sumIn(d, j)
			entries = append(entries, entry{d.Files[j].path, inventoryLine(nil, d.Files[j].path, hex.EncodeToString(sum[:]))})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	lines := make([][]byte, len(entries))
	for i, e := range entries {
		lines[i] = e.lines
	}
	return lines
}

// inventoryLines are those of the directory's files.
func (d *Dir) inventoryLines() (lines []byte) {
	for _, f := range d.Files {
		lines = inventoryLine(lines, f.path, hex.EncodeToString(f.Blob.Sum[:]))
	}
	return lines
}

// inventoryLine appends a line of the JSON of an inventory, with its comma.
func inventoryLine(to []byte, path, sum string) []byte {
	name, err := json.Marshal(path)
	if err != nil {
		panic(err) // a string
	}
	to = append(append(append(to, "    "...), name...), `: "`...)
	return append(append(to, sum...), "\",\n"...)
}
