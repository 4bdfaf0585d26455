package render

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// An Inventory is what the last render wrote for a cluster: what prune and check
// go by.
type Inventory struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Cluster is the name of the cluster.
	Cluster string `json:"cluster"`
	// Versions are those of upstream that the manifests are made for.
	Versions map[string]string `json:"versions"`
	// Files are the SHA-256 sums of all files but the inventory, by path.
	Files map[string]string `json:"files"`
}

const (
	inventoryVersion = "fleetwright.dev/v1alpha1"
	inventoryKind    = "Inventory"
)

// An inventoryTemplate is the inventory of the clusters of a layout. Its JSON is as
// long as that of a map of all their files, so it is made once, with the places of
// what differs.
type inventoryTemplate struct {
	// text is the JSON from the end of the cluster's name on, with noSum for the files
	// that each cluster has its own of.
	before, text []byte
	own          []ownSum
}

// An ownSum is where the sum of a file stands that each cluster has its own of.
type ownSum struct {
	path string
	at   int
}

// noSum is in the place of a sum that is not known yet.
var noSum = string(bytes.Repeat([]byte{'0'}, hex.EncodedLen(sha256.Size)))

// newInventoryTemplate makes the inventory of clusters with these directories.
func newInventoryTemplate(dirs []*dir, versions map[string]string) *inventoryTemplate {
	inv := Inventory{APIVersion: inventoryVersion, Kind: inventoryKind, Versions: versions, Files: map[string]string{}}
	var own []string
	for _, d := range dirs {
		for _, f := range d.files {
			inv.Files[f.path] = noSum
			if f.blob != nil {
				inv.Files[f.path] = hex.EncodeToString(f.blob.sum[:])
			}
			if f.blob == nil || d.path == infrastructure {
				own = append(own, f.path)
			}
		}
	}
	text := marshalInventory(inv)
	t := &inventoryTemplate{}
	name := []byte(`"cluster": "`)
	end := bytes.Index(text, name) + len(name)
	t.before, t.text = text[:end:end], text[end:]
	for _, path := range own {
		key := append(encodeJSON(path), `: "`...)
		t.own = append(t.own, ownSum{path, bytes.Index(t.text, key) + len(key)})
	}
	slices.SortFunc(t.own, func(a, b ownSum) int { return cmp.Compare(a.at, b.at) })
	return t
}

// content is the inventory of a cluster of the layout.
func (t *inventoryTemplate) content(c *Cluster) []byte {
	name := encodeJSON(c.Name)
	name = name[1 : len(name)-1]
	out := slices.Concat(t.before, name, t.text)
	text := out[len(t.before)+len(name):]
	for _, own := range t.own {
		sum := c.sumOf(own.path)
		hex.Encode(text[own.at:], sum[:])
	}
	return out
}

// sumOf is the sum of a file that the cluster has its own of.
func (c *Cluster) sumOf(path string) [sha256.Size]byte {
	if path == SyncFile {
		return c.syncSum()
	}
	for d := range c.own(c.dirs) {
		for _, f := range d.files {
			if d.path == infrastructure && f.path == path {
				return f.blob.sum
			}
		}
	}
	panic("render: the clusters of a layout have no " + path)
}

func marshalInventory(inv Inventory) []byte {
	content, err := json.MarshalIndent(inv, "", "  ")
	if err != nil {
		panic(err) // strings only
	}
	return append(content, '\n')
}

func encodeJSON(text string) []byte {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string
	}
	return encoded
}

// ParseInventory reads an inventory. It reports false for anything else.
func ParseInventory(data []byte) (Inventory, bool) {
	var inv Inventory
	dec := json.NewDecoder(bytes.NewReader(data))
	if dec.Decode(&inv) != nil || inv.APIVersion != inventoryVersion || inv.Kind != inventoryKind {
		return Inventory{}, false
	}
	return inv, true
}

// IsInventory says whether data is an inventory, be it one that a merge of Git
// has left conflict markers in.
func IsInventory(data []byte) bool {
	return bytes.Contains(data, []byte(`"apiVersion": "`+inventoryVersion+`"`)) && bytes.Contains(data, []byte(`"kind": "`+inventoryKind+`"`))
}
