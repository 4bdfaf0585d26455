package tree

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A SyncFile collects the Flux Kustomizations of one owner: for a cluster infrastructure <- mesh, with meshes
// before mesh if Kuma does not create the rollouts' Meshes itself, and for an application app-* <- rollout-*. A
// hub has the same for each cluster, with releases after infrastructure and namespaces-* before app-*.
type SyncFile struct {
	encoder  *Encoder
	settings *settings.Settings
	path     string
	stages   syncStages
	held     []Held
}

// syncStages is a file of clusters in which only the clusters' names differ.
type syncStages []*syncStage

// A syncStage is a Flux Kustomization in a file of clusters. Its path omits the name of the cluster's directory,
// which leaves two slashes that no other text has.
type syncStage struct {
	Object
	*blob
}

// unnamed is the end of a cluster's directory without the cluster's name; no cleaned path contains it.
const unnamed = "//" + layout.Dir + "/"

// content returns the file of a cluster.
func (s syncStages) content(cluster string) []byte {
	documents := make([][]byte, len(s))
	for i, stage := range s {
		documents[i] = stage.content
	}
	return bytes.ReplaceAll(bytes.Join(documents, []byte("---\n")), []byte(unnamed), []byte("/"+cluster+"/"+layout.Dir+"/"))
}

// NewSyncFile returns a file below DIR/<cluster>/fleetwright, without stages.
func NewSyncFile(e *Encoder, s *settings.Settings, path string) *SyncFile {
	return &SyncFile{encoder: e, settings: s, path: path}
}

// Dir returns the file as the part of a directory that Flux lists itself.
func (s *SyncFile) Dir() *Dir {
	d := &Dir{Path: strings.TrimSuffix(path.Dir(s.path), "."), files: []dirFile{{path: s.path, stages: s.stages}}}
	s.encoder.Held[d] = s.held
	return d
}

// RootDir returns the directory that the bootstrap Kustomization applies. It contains the file, and the source
// that the cluster syncs from, unless that is nil.
func (s *SyncFile) RootDir(source *manifest.Rendered) *Dir {
	d := s.Dir()
	resources := []string{s.path}
	if source != nil {
		resources = []string{layout.SourceFile, s.path}
		d.add(dirFile{path: layout.SourceFile, object: objectOf(source.Object), source: &clusterSource{s.encoder.encode(source.Object), s.settings.Artifact.URL}})
		s.encoder.Held[d] = append(s.encoder.Held[d], Held{ID: source.Identity(), File: layout.SourceFile, Origin: source.Origin})
	}
	d.add(dirFile{path: layout.KustomizationFile, blob: s.encoder.kustomization(resources...)})
	return d
}

// A clusterSource is the source that clusters sync from; the name of the cluster completes its URL.
type clusterSource struct {
	*blob
	url string
}

// content returns the file of a cluster. Only the line with the URL has this indentation and prefix.
func (s *clusterSource) content(cluster string) []byte {
	line := "\n  url: " + s.url
	return bytes.Replace(s.blob.content, []byte(line+"\n"), []byte(line+"/"+cluster+"\n"), 1)
}

// A SyncStage is a directory that is applied after others.
type SyncStage struct {
	Name string
	Dir  *Dir
	// Spoke is the cluster that a hub applies the directory to, or nil.
	Spoke *place.Target
	At    manifest.Origin
	// Wait reports whether the stage is ready only when all applied objects are: Kuma's webhooks must answer
	// before a Mesh is applied, and before a pod starts that needs a sidecar.
	Wait bool
	// Gateways must be programmed before the stage is ready. Without Wait, the stage need not apply them itself.
	Gateways []api.NamespacedReference
	// After holds the stages that must be ready first.
	After []api.NamespacedReference
}

// pathOf returns the path of a directory in the source that the cluster syncs from.
func (s *SyncFile) pathOf(d *Dir) string {
	switch {
	case s.settings.OwnArtifacts:
		return "./" + d.Path
	case s.settings.Path == ".":
		return "." + unnamed + d.Path
	}
	return "./" + s.settings.Path + unnamed + d.Path
}

// Add adds a stage, whose name it shortens, and returns the reference to it.
func (s *SyncFile) Add(stage SyncStage) api.NamespacedReference {
	meta := manifest.Metadata{Name: layout.Shorten(stage.Name, layout.MaxLabel), Namespace: s.settings.Source.Namespace}
	if stage.Spoke != nil {
		// The Secret with the kubeconfig must be in the same namespace.
		meta.Namespace = stage.Spoke.Namespace
	}
	var after []api.NamespacedReference
	for _, d := range stage.After {
		if d.Namespace == meta.Namespace {
			d.Namespace = ""
		}
		after = append(after, d)
	}
	key := fmt.Sprint(meta, stage.Dir.Path, stage.Spoke != nil, stage.Wait, stage.Gateways, after)
	made, ok := s.encoder.stages[key]
	if !ok {
		m := flux.NewSync(s.settings, meta, s.pathOf(stage.Dir), stage.Spoke, flux.Health{Wait: stage.Wait, Gateways: stage.Gateways}, after)
		made = &syncStage{objectOf(m), s.encoder.encode(m)}
		made.Applies = stage.Dir.Path
		s.encoder.stages[key] = made
	}
	s.stages = append(s.stages, made)
	s.held = append(s.held, Held{ID: manifest.Identity{Group: made.Group(), Kind: made.Kind, Namespace: meta.Namespace, Name: meta.Name}, Origin: stage.At})
	return api.NamespacedReference{Name: meta.Name, Namespace: meta.Namespace}
}
