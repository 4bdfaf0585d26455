package layout

import (
	"bytes"
	"encoding/json"
)

// An Inventory is what the last render wrote for a cluster. Prune and check go by it.
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
	InventoryVersion = "fleetwright.dev/v1alpha1"
	InventoryKind    = "Inventory"
)

// ParseInventory reads an inventory. It reports false for anything else.
func ParseInventory(data []byte) (Inventory, bool) {
	var inv Inventory
	dec := json.NewDecoder(bytes.NewReader(data))
	if dec.Decode(&inv) != nil || inv.APIVersion != InventoryVersion || inv.Kind != InventoryKind {
		return Inventory{}, false
	}
	return inv, true
}

// IsInventory reports whether data is an inventory, be it with conflict markers of Git.
func IsInventory(data []byte) bool {
	return bytes.Contains(data, []byte(`"apiVersion": "`+InventoryVersion+`"`)) && bytes.Contains(data, []byte(`"kind": "`+InventoryKind+`"`))
}
