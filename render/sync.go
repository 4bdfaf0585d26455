package render

import (
	"fmt"
	"path"
	"strings"

	"github.com/fleetwright/fleetwright/internal/blockyaml"
	"github.com/fleetwright/fleetwright/schema/api"
)

// The directories of a cluster, and the names of the Flux Kustomizations that
// apply them, in the order in which they depend on each other.
const (
	infrastructure = "infrastructure"
	meshesDir      = "meshes"
	meshDir        = "mesh"

	appPrefix     = "app-"
	rolloutPrefix = "rollout-"

	// On a hub, what a cluster has installed is in two: what its API server is
	// given, and what helm-controller on the hub is.
	releasesDir   = "releases"
	loadTesterDir = "loadtester"
	// sourcesDir holds the sources of all applications of a hub's clusters.
	sourcesDir = "sources"
)

// isSyncName says whether a Flux Kustomization in sync.yaml has this name, or may
// have it.
func isSyncName(name string, hub bool) bool {
	for _, own := range []string{infrastructure, meshesDir, meshDir} {
		if name == own || hub && strings.HasPrefix(name, own+"-") {
			return true
		}
	}
	if hub && (name == sourcesDir || strings.HasPrefix(name, releasesDir+"-") || strings.HasPrefix(name, loadTesterDir+"-")) {
		return true
	}
	return strings.HasPrefix(name, appPrefix) || strings.HasPrefix(name, rolloutPrefix)
}

// A syncFile collects the Flux Kustomizations that a cluster's own Flux sees:
// infrastructure <- mesh <- app-* <- rollout-*, with meshes before mesh where
// Kuma does not make the rollouts' Meshes itself. A hub has the same for each
// cluster, with sources before all and releases behind infrastructure.
type syncFile struct {
	c *compiler
	// root is the place, in the repository, of the cluster whose Flux it is.
	root string
	all  []madeStage
}

// A madeStage is a Flux Kustomization in sync.yaml, and what in the input it comes from.
type madeStage struct {
	*stage
	origin origin
}

// A stage is a Flux Kustomization in the sync.yaml of clusters that differ by their
// places alone.
type stage struct {
	id       identity
	template blockyaml.Template
}

// A stageKey tells stages apart.
type stageKey struct {
	name, namespace, path string
	spoke                 *site
	wait                  bool
	after                 string
}

// newStage has a Flux Kustomization checked, as it is for a cluster in a place of the
// repository, and encoded for any.
func (c *compiler) newStage(m *manifest, place string) *stage {
	s := &stage{id: m.identity()}
	spec := m.Spec.(kustomizationSpec)
	whole, _ := m.unsubstituted([]byte(spec.Path)) // the rest of it is names
	open := *whole
	spec.Path = blockyaml.Hole + strings.TrimPrefix(spec.Path, place)
	open.Spec = spec
	c.check(m.output())
	c.encodings = append(c.encodings, encoding{value: open, template: &s.template})
	return s
}

func newSyncFile(c *compiler, cluster string) *syncFile {
	return &syncFile{c: c, root: path.Join(c.settings.path, cluster, Dir)}
}

// A syncStage is a directory to apply, after others.
type syncStage struct {
	name string
	dir  *dir
	at   origin
	// wait until all that is applied is ready: Kuma's webhooks must answer before
	// a Mesh is applied, and before a pod is started that is to have a sidecar.
	wait bool
	// after are the stages that must be ready first.
	after []api.NamespacedReference
}

// add adds a stage, and returns what others name it by.
func (s *syncFile) add(stage syncStage) api.NamespacedReference {
	settings := s.c.settings
	meta := metadata{Name: stage.name, Namespace: settings.source.Namespace}
	ref := sourceRef{Kind: settings.source.Kind, Name: settings.source.Name}
	var after []api.NamespacedReference
	if spoke := stage.dir.spoke; spoke != nil {
		// The Secret with the kubeconfig must be in the same namespace.
		meta.Namespace = spoke.namespace
	}
	if meta.Namespace != settings.source.Namespace {
		ref.Namespace = settings.source.Namespace
	}
	for _, d := range stage.after {
		if d.Namespace == meta.Namespace {
			d.Namespace = ""
		}
		after = append(after, d)
	}
	key := stageKey{meta.Name, meta.Namespace, stage.dir.path, stage.dir.spoke, stage.wait, fmt.Sprint(after)}
	made, ok := s.c.stages[key]
	if !ok {
		made = s.c.newStage(&manifest{APIVersion: kustomizeV1, Kind: "Kustomization", Metadata: meta, Spec: kustomizationSpec{
			Interval: settings.defaults.Interval, RetryInterval: settings.defaults.RetryInterval, Timeout: settings.defaults.Timeout,
			KubeConfig:         stage.dir.spoke.kubeConfig(),
			SourceRef:          ref,
			Path:               syncPath(s.root) + "/" + stage.dir.path,
			ServiceAccountName: settings.defaults.ServiceAccountName,
			Prune:              true,
			Wait:               stage.wait,
			DependsOn:          after,
		}}, syncPath(s.root))
		s.c.stages[key] = made
	}
	s.all = append(s.all, madeStage{made, stage.at})
	return api.NamespacedReference{Name: meta.Name, Namespace: meta.Namespace}
}

// dir is the directory that the cluster's bootstrap Kustomization applies:
// sync.yaml, and nothing of what that applies in turn.
func (s *syncFile) dir() *dir {
	d := &dir{}
	for _, o := range s.all {
		d.objects = append(d.objects, object{id: o.id, origin: o.origin})
	}
	d.files = []namedObject{
		{KustomizationFile, KustomizationFile, object{blob: s.c.kustomization(SyncFile)}},
		{SyncFile, SyncFile, object{}}, // each cluster has its own
	}
	return d
}

// A syncTemplate is the sync.yaml of clusters that differ by their places alone.
type syncTemplate []*stage

// template is the sync.yaml, wherever the cluster's directory is.
func (s *syncFile) template() syncTemplate {
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

// dir is the directory of the application below another.
func (a *application) dir(above string) string { return above + "/" + a.dirName() }

// dirName is the name of the application's directories.
func (a *application) dirName() string { return shorten(a.id(), maxFile) }

func (a siteApp) syncName(prefix string) string { return shorten(prefix+a.id(), maxLabel) }

// waits says whether the application's own Flux Kustomizations and HelmReleases
// can be waited for: one that is suspended never becomes ready.
func (a siteApp) waits() bool {
	wait := !a.sourceSuspended()
	for _, p := range a.policies {
		wait = wait && !p.suspended()
	}
	return wait
}
