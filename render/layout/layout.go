// Package layout names the directories and files of a rendered tree, and the Flux Kustomizations that apply
// them. docs/layout.md describes the layout.
package layout

import (
	"path"
	"strings"
)

// Dir is the directory of a cluster that fleetwright owns: DIR/<cluster>/Dir.
const Dir = "fleetwright"

// SyncFile is the name of the file with the Flux Kustomizations of the cluster's own directories.
const SyncFile = "sync.yaml"

// SourceFile is the name of the file with the source that the cluster syncs from, if that is rendered.
const SourceFile = "source.yaml"

// KustomizationFile is the name of the file that tells kustomize and Flux what to apply.
const KustomizationFile = "kustomization.yaml"

// RenderedAnnotation is on every object that a KRM function emits, with the cluster's name, to recognize the
// function's earlier output.
const RenderedAnnotation = "fleetwright.dev/rendered"

// JournalFile is the name of the file that lists fleetwright's paths during a run and after an interrupted one.
const JournalFile = ".journal.json"

// StagedSuffix is the suffix of staged files and directories.
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
	GatewayAPIDir  = "gateway-api"
	Infrastructure = "infrastructure"
	MeshesDir      = "meshes"
	MeshDir        = "mesh"
	// GatewaysDir contains no objects: its Flux Kustomization waits for Gateways that are not rendered.
	GatewaysDir = "gateways"
	// SharedDir holds the objects that several applications may use.
	SharedDir = "shared"

	// SyncDir holds the Flux Kustomizations of applications, a file for each.
	SyncDir       = "sync"
	AppPrefix     = "app-"
	RolloutPrefix = "rollout-"

	// On a hub, the objects for the API server and for helm-controller on the hub are separate.
	ReleasesDir   = "releases"
	LoadTesterDir = "loadtester"
	// SourcesDir holds the sources of all applications of a hub's clusters.
	SourcesDir = "sources"
	// NamespacesDir holds the namespaces of applications of a hub's clusters.
	NamespacesDir    = "namespaces"
	NamespacesPrefix = NamespacesDir + "-"
)

// The directories with a directory for each application.
const (
	AppsDir     = "apps"
	RolloutsDir = "rollouts"
)

// ClustersDir holds the directories of a hub's clusters.
const ClustersDir = "clusters"

// ClusterSyncFile is the name of the file in SyncDir with the Flux Kustomizations of one of a hub's
// clusters. File names of applications have another dot before the extension.
const ClusterSyncFile = "cluster.yaml"

// ReadmeFile is a file for people in a directory that Flux lists itself. It may be the only file, and Git keeps
// no empty directories. Flux ignores it, and applies nothing if there is no other file (fluxcd/pkg
// kustomize/kustomize_generator.go, generateKustomization, 1.17 to 1.41).
const ReadmeFile = "README.md"

// IsListed reports whether Flux itself lists the manifests of a directory: one without a kustomization.yaml.
func IsListed(dir string) bool {
	if _, below, ok := Spoke(dir); ok {
		dir = below
	}
	top, _, _ := strings.Cut(dir, "/")
	return top == SyncDir || top == SharedDir || top == GatewaysDir || top == SourcesDir || top == NamespacesDir
}

// IsManifest reports, by its name, whether Flux reads a rendered file.
func IsManifest(file string) bool { return path.Ext(file) == ".yaml" }

// Spoke splits a path of a hub for one of its clusters into the cluster and the path below it.
func Spoke(file string) (cluster, below string, ok bool) {
	rest, ok := strings.CutPrefix(file, ClustersDir+"/")
	if ok {
		cluster, below, ok = strings.Cut(rest, "/")
	}
	return cluster, below, ok
}

// ClusterOf returns the cluster to which a file of a hub's directory belongs, or "" for the hub's own.
func ClusterOf(file string) string {
	top, rest, _ := strings.Cut(file, "/")
	cluster, _, below := strings.Cut(rest, "/")
	if below && (top == ClustersDir || top == SyncDir) {
		return cluster
	}
	return ""
}

// Stage returns the directory whose Flux Kustomization applies a file of a cluster's directory, or "" for the
// cluster's own Kustomization.
func Stage(file string) string {
	top, _, below := strings.Cut(file, "/")
	if !below {
		return ""
	}
	if top == SyncDir {
		return top // Flux lists its subdirectories as well
	}
	return path.Dir(file)
}

// IsSyncName reports whether a rendered Flux Kustomization has, or may have, a name.
func IsSyncName(name string, hub bool) bool {
	for _, own := range []string{GatewayAPIDir, Infrastructure, MeshesDir, MeshDir, GatewaysDir, SharedDir} {
		if name == own || hub && strings.HasPrefix(name, own+"-") {
			return true
		}
	}
	if hub && (name == SourcesDir || strings.HasPrefix(name, ReleasesDir+"-") || strings.HasPrefix(name, LoadTesterDir+"-") || strings.HasPrefix(name, NamespacesPrefix)) {
		return true
	}
	return name == SyncDir || strings.HasPrefix(name, AppPrefix) || strings.HasPrefix(name, RolloutPrefix)
}
