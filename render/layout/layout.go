// Package layout names the directories and files of a rendered tree, and the Flux
// Kustomizations that apply them. docs/layout.md describes the whole.
package layout

import (
	"path"
	"strings"
)

// Dir is the directory of a cluster that fleetwright owns: DIR/<cluster>/Dir.
const Dir = "fleetwright"

// SyncFile is the name of the file with the Flux Kustomizations that apply all others.
const SyncFile = "sync.yaml"

// KustomizationFile is the name of the file that tells kustomize and Flux what to apply.
const KustomizationFile = "kustomization.yaml"

// RenderedAnnotation is on every object that a KRM function emits, and names the cluster
// that it is for: so what it has emitted is known again.
const RenderedAnnotation = "fleetwright.dev/rendered"

// InventoryFile is the name of the file that lists all others.
const InventoryFile = "inventory.json"

// JournalFile is the name of the file that lists, during a run and after an interrupted one, the
// paths that are fleetwright's.
const JournalFile = ".journal.json"

// StagedSuffix ends the names of what is staged.
const StagedSuffix = ".staged"

// Staged returns the path at which a file or a directory is written before it is renamed into
// place: .<name>.staged, which neither Flux nor kustomize reads.
func Staged(name string) string {
	dir, base := path.Split(name)
	return dir + "." + base + StagedSuffix
}

// Journals returns the names of the files by which an interrupted run marks the directory that it
// writes.
func Journals() []string { return []string{JournalFile, Staged(JournalFile)} }

// The directories of a cluster, and the names of the Flux Kustomizations that
// apply them, in the order in which they depend on each other.
const (
	Infrastructure = "infrastructure"
	MeshesDir      = "meshes"
	MeshDir        = "mesh"

	AppPrefix     = "app-"
	RolloutPrefix = "rollout-"

	// On a hub, the API server's objects are apart from those of helm-controller on the hub.
	ReleasesDir   = "releases"
	LoadTesterDir = "loadtester"
	// SourcesDir holds the sources of all applications of a hub's clusters.
	SourcesDir = "sources"
)

// IsSyncName reports whether a Flux Kustomization in sync.yaml has, or may have, this name.
func IsSyncName(name string, hub bool) bool {
	for _, own := range []string{Infrastructure, MeshesDir, MeshDir} {
		if name == own || hub && strings.HasPrefix(name, own+"-") {
			return true
		}
	}
	if hub && (name == SourcesDir || strings.HasPrefix(name, ReleasesDir+"-") || strings.HasPrefix(name, LoadTesterDir+"-")) {
		return true
	}
	return strings.HasPrefix(name, AppPrefix) || strings.HasPrefix(name, RolloutPrefix)
}
