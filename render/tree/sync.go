package tree

import (
	"fmt"
	"path"
	"strings"

	"github.com/fleetwright/fleetwright/internal/blockyaml"
	"github.com/fleetwright/fleetwright/render/flux"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A SyncFile collects the Flux Kustomizations that a cluster's own Flux sees:
// infrastructure <- mesh <- app-* <- rollout-*, with meshes before mesh where
// Kuma does not make the rollouts' Meshes itself. A hub has the same for each
// cluster, with sources before all and releases behind infrastructure.
type SyncFile struct {
	encoder  *Encoder
	settings *settings.Settings
	// Root is the place, in the repository, of the cluster whose Flux it is.
	Root string
	all  []madeStage
}

// A madeStage is a Flux Kustomization in sync.yaml, and what in the input it comes from.
type madeStage struct {
	*stage
	origin manifest.Origin
}

// A stage is a Flux Kustomization in the sync.yaml of clusters that differ by their
// places alone.
type stage struct {
	id manifest.Identity
	// applies is the path of the directory that it applies.
	applies  string
	template blockyaml.Template
}

// A stageKey tells stages apart.
type stageKey struct {
	name, namespace, path string
	spoke                 *place.Target
	wait                  bool
	after                 string
}

// newStage has a Flux Kustomization checked, as it is for the cluster whose directory is at
// root in the repository, and encoded for any.
func (c *Encoder) newStage(m *manifest.Object, root string) *stage {
	s := &stage{id: m.Identity()}
	spec := m.Spec.(flux.KustomizationSpec)
	whole, _ := m.Unsubstituted([]byte(spec.Path)) // the rest of it is names
	open := *whole
	spec.Path = blockyaml.Hole + strings.TrimPrefix(spec.Path, root)
	open.Spec = spec
	c.check(m.Output())
	c.encodings = append(c.encodings, encoding{value: open, template: &s.template})
	return s
}

// NewSyncFile returns the sync.yaml of a cluster, without stages.
func NewSyncFile(e *Encoder, s *settings.Settings, cluster string) *SyncFile {
	return &SyncFile{encoder: e, settings: s, Root: path.Join(s.Path, cluster, layout.Dir)}
}

// A SyncStage is a directory to apply, after others.
type SyncStage struct {
	Name string
	Dir  *Dir
	At   manifest.Origin
	// Wait until all that is applied is ready: Kuma's webhooks must answer before
	// a Mesh is applied, and before a pod is started that is to have a sidecar.
	Wait bool
	// After are the stages that must be ready first.
	After []api.NamespacedReference
}

// Add adds a stage, and returns what others name it by.
func (s *SyncFile) Add(stage SyncStage) api.NamespacedReference {
	settings := s.settings
	meta := manifest.Metadata{Name: stage.Name, Namespace: settings.Source.Namespace}
	var after []api.NamespacedReference
	if spoke := stage.Dir.Spoke; spoke != nil {
		// The Secret with the kubeconfig must be in the same namespace.
		meta.Namespace = spoke.Namespace
	}
	for _, d := range stage.After {
		if d.Namespace == meta.Namespace {
			d.Namespace = ""
		}
		after = append(after, d)
	}
	key := stageKey{meta.Name, meta.Namespace, stage.Dir.Path, stage.Dir.Spoke, stage.Wait, fmt.Sprint(after)}
	made, ok := s.encoder.stages[key]
	if !ok {
		made = s.encoder.newStage(flux.NewSync(settings, meta, syncPath(s.Root)+"/"+stage.Dir.Path, stage.Dir.Spoke, stage.Wait, after), syncPath(s.Root))
		made.applies = stage.Dir.Path
		s.encoder.stages[key] = made
	}
	s.all = append(s.all, madeStage{made, stage.At})
	return api.NamespacedReference{Name: meta.Name, Namespace: meta.Namespace}
}

// Dir is the directory that the cluster's bootstrap Kustomization applies:
// sync.yaml, and nothing of what that applies in turn.
func (s *SyncFile) Dir() *Dir {
	d := &Dir{}
	for _, o := range s.all {
		d.Objects = append(d.Objects, Held{ID: o.id, Origin: o.origin})
	}
	d.Files = []namedObject{
		{layout.KustomizationFile, layout.KustomizationFile, Held{Blob: s.encoder.kustomization(layout.SyncFile)}},
		{layout.SyncFile, layout.SyncFile, Held{}}, // each cluster has its own
	}
	return d
}

// A syncTemplate is the sync.yaml of clusters that differ by their places alone.
type syncTemplate []*stage

// Template is the sync.yaml, wherever the cluster's directory is.
func (s *SyncFile) Template() syncTemplate {
	var t syncTemplate
	for _, made := range s.all {
		t = append(t, made.stage)
	}
	return t
}

// syncPath is how a Flux Kustomization names a directory of the repository.
func syncPath(dir string) string { return "./" + dir }

// content is the file of the cluster whose directory is at root in the repository.
func (t syncTemplate) content(root string) []byte {
	size := 0
	for _, d := range t {
		size += d.template.Len() + len(root) + len(documentEnd) + 8
	}
	out := make([]byte, 0, size)
	for i, d := range t {
		if i > 0 {
			out = append(out, documentEnd...)
		}
		out = d.template.Append(out, syncPath(root))
	}
	return out
}

// documentEnd parts two documents of a YAML file.
const documentEnd = "---\n"

// SyncName returns the name of a Flux Kustomization of an application in sync.yaml.
func SyncName(prefix string, a *place.Application) string {
	return layout.Shorten(prefix+a.ID(), layout.MaxLabel)
}
