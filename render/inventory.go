package render

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
	entries := make([]entry, 0, len(c.whole.dirs)+len(c.whole.dirs[0].files))
	for _, d := range c.whole.dirs {
		d = c.own(d)
		if d.path != "" {
			entries = append(entries, entry{d.path + "/", d.lines()})
			continue
		}
		for j := range d.files {
			sum := c.sumIn(d, j)
			entries = append(entries, entry{d.files[j].path, inventoryLine(nil, d.files[j].path, hex.EncodeToString(sum[:]))})
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
func (d *dir) inventoryLines() (lines []byte) {
	for _, f := range d.files {
		lines = inventoryLine(lines, f.path, hex.EncodeToString(f.blob.sum[:]))
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
