package render

import (
	"bytes"
	"path"
	"strings"

	"github.com/fleetwright/fleetwright/schema"
)

// The directories of a cluster, and the names of the Flux Kustomizations that
// apply them, in the order in which they depend on each other.
const (
	infrastructure = "infrastructure"
	meshesDir      = "meshes"
	meshDir        = "mesh"
	syncName       = "sync.yaml"

	appPrefix     = "app-"
	rolloutPrefix = "rollout-"
)

// isSyncName says whether a Flux Kustomization in sync.yaml has this name, or may
// have it.
func isSyncName(name string) bool {
	switch name {
	case infrastructure, meshesDir, meshDir:
		return true
	}
	return strings.HasPrefix(name, appPrefix) || strings.HasPrefix(name, rolloutPrefix)
}

// A syncFile collects the Flux Kustomizations that a cluster's own Flux sees:
// infrastructure <- mesh <- app-* <- rollout-*, with meshes before mesh where
// Kuma does not make the rollouts' Mesh itself.
type syncFile struct {
	c       *compiler
	cluster string
	all     []rendered
}

// stack adds what the rollouts need. Each waits until all that it applies is
// ready: Kuma's webhooks must answer before a Mesh is applied, and before a pod
// is started that is to have a sidecar.
func (s *syncFile) stack(stack *stack) {
	at, last := stack.flagger.origin, infrastructure
	s.add(infrastructure, infrastructure, at, true)
	if stack.early != nil {
		s.add(meshesDir, meshesDir, at, true, last)
		last = meshesDir
	}
	s.add(meshDir, meshDir, at, true, last)
}

// application adds an application. It waits for the application's own Flux
// Kustomizations, unless one is suspended and so never becomes ready.
func (s *syncFile) application(a siteApp, needsMesh bool) {
	wait := !a.Spec.Source.GitRepository.Suspend
	for _, p := range a.policies {
		wait = wait && !p.Kustomization.Suspend
	}
	var dependsOn []string
	if needsMesh {
		dependsOn = append(dependsOn, meshDir)
	}
	s.add(a.syncName(appPrefix), a.dir("apps"), origin{doc: a.doc}, wait, dependsOn...)
}

// rollout adds the rollouts of an application. It does not wait: an analysis
// takes longer than any timeout.
func (s *syncFile) rollout(a siteApp) {
	s.add(a.syncName(rolloutPrefix), a.dir("rollouts"), origin{doc: a.doc}, false, a.syncName(appPrefix))
}

// dir is the directory of the application below another.
func (a siteApp) dir(above string) string { return above + "/" + shorten(a.id(), maxFile) }

func (a siteApp) syncName(prefix string) string { return shorten(prefix+a.id(), maxLabel) }

func (s *syncFile) add(name, dir string, at origin, wait bool, dependsOn ...string) {
	settings := s.c.settings
	spec := kustomizationSpec{
		Interval: settings.defaults.Interval, RetryInterval: settings.defaults.RetryInterval, Timeout: settings.defaults.Timeout,
		SourceRef:          sourceRef{Kind: settings.source.Kind, Name: settings.source.Name},
		Path:               "./" + path.Join(settings.path, s.cluster, Dir, dir),
		ServiceAccountName: settings.defaults.ServiceAccountName,
		Prune:              true,
		Wait:               wait,
	}
	for _, name := range dependsOn {
		spec.DependsOn = append(spec.DependsOn, schema.NamespacedReference{Name: name})
	}
	s.all = append(s.all, rendered{&manifest{
		APIVersion: kustomizeV1, Kind: "Kustomization",
		Metadata: metadata{Name: name, Namespace: settings.source.Namespace},
		Spec:     spec,
	}, at})
}

// dir is the directory that the cluster's bootstrap Kustomization applies:
// sync.yaml, and nothing of what that applies in turn.
func (s *syncFile) dir() *dir {
	d := &dir{}
	var documents [][]byte
	for _, o := range s.all {
		b := s.c.encode(o.manifest)
		documents = append(documents, b.content)
		d.objects = append(d.objects, object{id: o.identity(), blob: b, origin: o.origin})
	}
	d.files = []namedObject{
		{kustomizationFile, object{blob: s.c.kustomization(syncName)}},
		{syncName, object{blob: newBlob(bytes.Join(documents, []byte("---\n")))}},
	}
	return d
}
