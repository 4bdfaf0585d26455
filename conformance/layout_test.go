package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
)

// These annotations keep Flux from deleting an object that it no longer applies. Flagger sets the second on
// the Service that it takes over.
const (
	pruneAnnotation     = "kustomize.toolkit.fluxcd.io/prune"
	reconcileAnnotation = "kustomize.toolkit.fluxcd.io/reconcile"
)

// formerTree returns the output of a release with the former layout for one cluster of an example. That
// layout had all Flux Kustomizations in sync.yaml, and a JSON inventory.
func formerTree(t *testing.T, example string) tree {
	t.Helper()
	return readTree(t, path.Join("testdata/former", example))
}

// TestFluxTakesOverTheFormerLayout lets Flux apply the two commits that move a directory to the present
// layout, on a cluster with rollouts. No object is deleted or recreated. Afterwards, exactly the objects of a
// removed application are pruned.
func TestFluxTakesOverTheFormerLayout(t *testing.T) {
	for _, run := range few([]struct {
		example, cluster string
		// removed is the application to remove at the end.
		removed string
		// flagger runs a rollout with the real Flagger during the move.
		flagger bool
	}{
		{"hub", "host", "webapp", false},
		{alerts, "kurator-member1", "frontend", true},
		{"kuma-rollout", "kurator-member1", "rollout-kuma-demo", false},
		{"own-mesh", "frankfurt", "web", false},
	}, 2) {
		t.Run(run.example, func(t *testing.T) {
			t.Parallel()
			c := startFormer(t, run.example, run.cluster)
			var progress func(t *testing.T)
			if run.flagger {
				progress = c.rollOut(t)
			} else {
				c.scaleDown(t)
				progress = c.mustStayDown
			}
			before := c.held(t)
			deleted := c.watchDeletions(t, before)

			dir := t.TempDir()
			mustCopy(t, formerTree(t, run.example), dir)
			next := rendered(t, run.example, func(map[string]any) {})
			step := func(name, check string, opts disk.Options, waiting ...string) bool {
				return t.Run(name, func(t *testing.T) {
					record(t, check)
					c.pushWritten(t, dir, next, opts, waiting...)
					c.mustHaveAll(t, before, deleted())
					progress(t)
				})
			}
			ok := step("the first commit", "3. Flux: takes over the former layout", disk.Options{}, run.cluster) &&
				t.Run("the tree is the former one, with prune annotations on objects that move", func(t *testing.T) {
					none(t, wrongFirst(t, formerTree(t, run.example), readTree(t, dir), run.cluster))
					first := readTree(t, dir)
					if s := mustWrite(t, dir, next, disk.Options{}); s.Written+s.Removed > 0 || !slices.Equal(s.Waiting, []string{run.cluster}) {
						t.Errorf("a second write gives %+v", s)
					}
					if again := readTree(t, dir); !maps.EqualFunc(again, first, bytes.Equal) {
						t.Errorf("a second write changes %q", difference(again, first))
					}
				}) &&
				step("the second commit", "3. Flux: takes over the former layout", disk.Options{Synced: true}) &&
				t.Run("all objects have moved", func(t *testing.T) {
					tree := readTree(t, dir)
					if want := compiled(t, run.example, func(map[string]any) {}); !maps.EqualFunc(tree, want, bytes.Equal) {
						t.Errorf("files that differ from the output: %q", difference(tree, want))
					}
					c.reconcile(t)
					c.mustHaveAll(t, before, deleted())
					none(t, c.notMoved(t))
					none(t, c.misplaced(t, tree))
				})
			if !ok {
				return
			}
			t.Run("an application is removed", func(t *testing.T) {
				record(t, "3. Flux: takes over the former layout, and prunes what goes")
				c.removeApplication(t, dir, run.example, run.removed, deleted, func(next *render.Tree) { mustWrite(t, dir, next, disk.Options{}) })
			})
		})
	}
}

// TestFluxPrunesWhatGoesWhileTakingOver removes an application between the two commits. Another first commit
// removes the prune annotations from its objects, and the second prunes them.
func TestFluxPrunesWhatGoesWhileTakingOver(t *testing.T) {
	t.Parallel()
	record(t, "3. Flux: takes over the former layout, and prunes what goes")
	const cluster = "kurator-member1"
	c := startFormer(t, alerts, cluster)
	deleted := c.watchDeletions(t, c.held(t))
	dir := t.TempDir()
	mustCopy(t, formerTree(t, alerts), dir)
	c.pushWritten(t, dir, rendered(t, alerts, func(map[string]any) {}), disk.Options{}, cluster)
	c.removeApplication(t, dir, alerts, "frontend", deleted, func(next *render.Tree) {
		c.pushWritten(t, dir, next, disk.Options{Synced: true}, cluster)
		if gone := deleted(); len(gone) > 0 {
			t.Errorf("deleted too early: %v", gone)
		}
		mustWrite(t, dir, next, disk.Options{Synced: true})
	})
}

// TestFluxPrunesWhatMovesAtOnce pushes the second commit without the first. Flux deletes objects, which shows
// that the test above can fail.
func TestFluxPrunesWhatMovesAtOnce(t *testing.T) {
	t.Parallel()
	record(t, "3. Flux: takes over the former layout: what is broken is seen")
	c := startFormer(t, "kuma-rollout", "kurator-member1")
	before := c.held(t)
	deleted := c.watchDeletions(t, before)
	c.push(t, golden(t, "kuma-rollout"))
	told := map[string]bool{}
	kube.Eventually(t, convergence, "an application and its rollout are deleted", func() error {
		for _, h := range deleted() {
			told[h.String()] = true
		}
		for _, what := range []string{"Kustomization flux-system/app-default.rollout-kuma-demo", "Deployment webapp/backend", "Canary webapp/backend"} {
			if !told["kurator-member1 has "+what] {
				return fmt.Errorf("%s is not among %v", what, told)
			}
		}
		return nil
	})
	kube.Eventually(t, convergence, "the application is recreated", func() error {
		after := map[held]types.UID{}
		for _, k := range c.list(t, c.name, kustomizations) {
			after[heldBy(c.name, &k)] = k.GetUID()
		}
		if wrong := remade(before, after); !slices.Contains(wrong, "kurator-member1 has Kustomization flux-system/app-default.rollout-kuma-demo, which was recreated") {
			return fmt.Errorf("reported changes: %q", wrong)
		}
		return nil
	})
}

// startFormer starts a cluster with a tree of the former layout, and waits until Flux has applied it.
func startFormer(t *testing.T, example, cluster string) *fluxCluster {
	t.Helper()
	former := formerTree(t, example)
	c := startFlux(t, example, former, cluster)
	if example == alerts { // the repository has a source for each of its applications
		c.world.Push(t, "default", "frontend", c.repository(t))
	}
	c.converge(t, former, nil)
	return c
}

// A held object is an object on a cluster from Flux or Flagger.
type held struct {
	server string
	applied
}

func (h held) String() string {
	return fmt.Sprintf("%s has %s %s/%s", h.server, h.kind.Kind, h.namespace, h.name)
}

// held returns the uids of all Flux Kustomizations, of the objects that they applied, and of all Deployments,
// because Flagger creates some.
func (c *fluxCluster) held(t *testing.T) map[held]types.UID {
	t.Helper()
	found := map[held]types.UID{}
	for _, k := range c.list(t, c.name, kustomizations) {
		found[heldBy(c.name, &k)] = k.GetUID()
		server := c.spokes.reached(t, &k, c.name)
		for _, id := range inventory(t, &k) {
			o, err := c.servers[server].Get(t.Context(), id.kind, id.namespace, id.name)
			if err != nil {
				t.Errorf("%v: %v", held{server, id}, err)
				continue
			}
			found[held{server, id}] = o.GetUID()
		}
	}
	for server := range c.servers {
		for _, d := range c.list(t, server, deployments) {
			found[heldBy(server, &d)] = d.GetUID()
		}
	}
	return found
}

func heldBy(server string, o *kube.Object) held {
	return held{server, applied{o.GroupVersionKind(), o.GetNamespace(), o.GetName()}}
}

func (c *fluxCluster) list(t *testing.T, server string, kind schema.GroupVersionKind) []kube.Object {
	t.Helper()
	all, err := c.servers[server].List(t.Context(), kind)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// remade describes the objects that are gone or have another uid.
func remade(before, after map[held]types.UID) (wrong []string) {
	for h, uid := range before {
		switch now, ok := after[h]; {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%v, which Flux no longer applies", h))
		case now != uid:
			wrong = append(wrong, fmt.Sprintf("%v, which was recreated", h))
		}
	}
	return wrong
}

// mustHaveAll checks that all objects still exist, and that none was deleted meanwhile.
func (c *fluxCluster) mustHaveAll(t *testing.T, before map[held]types.UID, deleted []held) {
	t.Helper()
	for _, h := range deleted {
		t.Errorf("deleted: %v", h)
	}
	none(t, remade(before, c.held(t)))
}

// watchDeletions watches all objects of the given objects' kinds. It returns a function that returns the
// deletions since its last call.
func (c *fluxCluster) watchDeletions(t *testing.T, all map[held]types.UID) func() []held {
	t.Helper()
	var mutex sync.Mutex
	var deleted []held
	watched := map[held]bool{}
	for h := range all {
		kind := held{h.server, applied{kind: h.kind}}
		if watched[kind] {
			continue
		}
		watched[kind] = true
		c.servers[h.server].WatchEnds(t, h.kind, func(o *kube.Object) {
			mutex.Lock()
			defer mutex.Unlock()
			deleted = append(deleted, heldBy(h.server, o))
		})
	}
	return func() []held {
		mutex.Lock()
		defer mutex.Unlock()
		last := deleted
		deleted = nil
		return last
	}
}

// mustWrite writes a tree into a directory.
func mustWrite(t *testing.T, dir string, tree *render.Tree, opts disk.Options) disk.Summary {
	t.Helper()
	s, err := disk.Write(dir, tree, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pushWritten writes a tree into a directory, and lets Flux apply the result. Exactly the given clusters must
// wait for a second commit.
func (c *fluxCluster) pushWritten(t *testing.T, dir string, tree *render.Tree, opts disk.Options, waiting ...string) {
	t.Helper()
	if s := mustWrite(t, dir, tree, opts); s.Written == 0 || !slices.Equal(s.Waiting, waiting) {
		t.Fatalf("the write gives %+v; want %q to wait", s, waiting)
	}
	files := readTree(t, dir)
	revision := c.push(t, files)
	c.converge(t, files, map[string]string{"flux-system": revision})
}

// wrongFirst describes how the first commit differs from the former tree with added annotations: on the Flux
// Kustomizations of applications at least, and in the inventory.
func wrongFirst(t *testing.T, former, first tree, cluster string) (wrong []string) {
	t.Helper()
	for name := range first {
		if directory(name) != cluster {
			delete(first, name) // other clusters had no former tree
		}
	}
	for _, name := range difference(former, first) {
		if former[name] == nil || first[name] == nil {
			wrong = append(wrong, fmt.Sprintf("%s exists: %t, before: %t", name, first[name] != nil, former[name] != nil))
		}
	}
	for name, data := range former {
		was, is := objects(t, name, data), objects(t, name, first[name])
		if len(was) != len(is) {
			wrong = append(wrong, fmt.Sprintf("%s has %d objects, before %d", name, len(is), len(was)))
			continue
		}
		for i, o := range is {
			if ofApplication(o) && o.GetAnnotations()[pruneAnnotation] != "disabled" {
				wrong = append(wrong, kube.ID(o)+" lacks the prune annotation")
			}
			if was[i].GetAnnotations()[pruneAnnotation] != "" {
				continue
			}
			annotations := o.GetAnnotations()
			delete(annotations, pruneAnnotation)
			if o.SetAnnotations(annotations); len(annotations) == 0 {
				unstructured.RemoveNestedField(o.Object, "metadata", "annotations")
			}
			if !equalJSON(t, o, was[i]) {
				wrong = append(wrong, kube.ID(o)+" has changes other than its annotation")
			}
		}
	}
	var inventory struct{ Files map[string]string }
	if err := json.Unmarshal(first[path.Join(cluster, layout.Dir, layout.FormerInventoryFile)], &inventory); err != nil {
		wrong = append(wrong, err.Error())
	}
	for name, data := range first {
		file := strings.TrimPrefix(name, cluster+"/"+layout.Dir+"/")
		if file != layout.FormerInventoryFile && inventory.Files[file] != sum(data) {
			wrong = append(wrong, "the inventory lacks the checksum of "+file)
		}
	}
	return wrong
}

// ofApplication reports whether an object is a Flux Kustomization of an application.
func ofApplication(o *kube.Object) bool {
	return isStage(o) && (strings.HasPrefix(o.GetName(), layout.AppPrefix) || strings.HasPrefix(o.GetName(), layout.RolloutPrefix))
}

// notMoved describes the objects of applications that the bootstrap still applies, and those with a remaining
// prune annotation.
func (c *fluxCluster) notMoved(t *testing.T) (wrong []string) {
	t.Helper()
	moved := 0
	for _, k := range c.list(t, c.name, kustomizations) {
		if k.GetAnnotations()[pruneAnnotation] != "" {
			wrong = append(wrong, kube.ID(&k)+" still has the prune annotation")
		}
		for _, id := range inventory(t, &k) {
			if id.kind != kustomizations {
				continue
			}
			o, err := c.Get(t.Context(), id.kind, id.namespace, id.name)
			if err != nil {
				t.Fatal(err)
			}
			if !ofApplication(o) {
				continue
			}
			if moved++; k.GetName() != layout.SyncDir {
				wrong = append(wrong, fmt.Sprintf("%s applies %s", kube.ID(&k), id.name))
			}
		}
	}
	if moved == 0 {
		wrong = append(wrong, "no object has moved")
	}
	for server := range c.servers {
		for _, o := range c.list(t, server, alertProviders) {
			if o.GetAnnotations()[pruneAnnotation] != "" {
				wrong = append(wrong, kube.ID(&o)+" still has the prune annotation")
			}
		}
	}
	return wrong
}

var alertProviders = schema.GroupVersionKind{Group: "flagger.app", Version: "v1beta1", Kind: "AlertProvider"}

// mustStayDown checks that the targets, which were scaled to 0 as Flagger does, still are.
func (c *fluxCluster) mustStayDown(t *testing.T) {
	t.Helper()
	for name, server := range c.targets() {
		target, err := server.Get(t.Context(), deployments, c.workload.Namespace, c.workload.Name)
		if err != nil {
			t.Fatal(err)
		}
		if replicas, _, _ := unstructured.NestedInt64(target.Object, "spec", "replicas"); replicas != 0 {
			t.Errorf("the target on %s has %d replicas", name, replicas)
		}
	}
}

// rollOut starts a rollout with Flagger that takes longer than the test. It returns a function that checks
// the progress.
func (c *fluxCluster) rollOut(t *testing.T) (progress func(t *testing.T)) {
	t.Helper()
	f := c.startFlagger(t, formerTree(t, alerts))
	f.follow(t, "Initialized")
	app := c.repository(t)
	file := "deploy/webapp/" + c.workload.Name + "/deployment.yaml"
	app[file] = []byte(strings.ReplaceAll(string(app[file]), "podinfo:6.9.2", "podinfo:6.9.3"))
	c.world.Push(t, c.source.Namespace, c.source.Name, app)
	f.follow(t, "Progressing")
	var last int64
	return func(t *testing.T) {
		t.Helper()
		kube.Eventually(t, time.Minute, "the rollout continues", func() error {
			s, err := f.now(t)
			if err == nil && (s.phase != "Progressing" || s.at <= last) {
				err = fmt.Errorf("the rollout is %s at %d, before at %d", s.phase, s.at, last)
			}
			last = max(last, s.at)
			return err
		})
		t.Logf("the rollout is at %d", last)
	}
}

// removeApplication removes an application from the input, writes and pushes. Flux deletes the application's
// Flux Kustomizations and the objects that they applied, except those that are never pruned, and touches
// nothing else.
func (c *fluxCluster) removeApplication(t *testing.T, dir, example, name string, deleted func() []held, write func(next *render.Tree)) {
	t.Helper()
	before := c.held(t)
	was := readTree(t, dir)
	next := rendered(t, example, func(document map[string]any) {
		if is, _, _ := unstructured.NestedString(document, "metadata", "name"); document["kind"] == "Application" && is == name {
			clear(document)
		}
	})
	write(next)
	files := readTree(t, dir)

	going := map[held]bool{}
	for server := range c.servers {
		stays := files.objects(t, server)
		for id, o := range was.objects(t, server) {
			if stays[id] == nil {
				going[heldBy(server, o)] = true
			}
		}
	}
	for _, k := range c.list(t, c.name, kustomizations) {
		if !going[heldBy(c.name, &k)] {
			continue
		}
		server := c.spokes.reached(t, &k, c.name)
		for _, id := range inventory(t, &k) {
			going[held{server, id}] = true
		}
	}
	for h := range going {
		o, err := c.servers[h.server].Get(t.Context(), h.kind, h.namespace, h.name)
		if err != nil {
			t.Fatal(err)
		}
		if o.GetAnnotations()[pruneAnnotation] == "disabled" || o.GetAnnotations()[reconcileAnnotation] == "disabled" {
			delete(going, h)
		}
	}
	if len(going) < 5 {
		t.Fatalf("objects to prune: %v", going)
	}

	revision := c.push(t, files)
	c.converge(t, files, map[string]string{"flux-system": revision})
	for h := range going {
		kube.Eventually(t, time.Minute, h.String()+" is pruned", func() error {
			o, err := c.servers[h.server].Get(t.Context(), h.kind, h.namespace, h.name)
			switch {
			case errors.IsNotFound(err):
			case err != nil:
				return err
			case h.kind == namespaces && o.GetDeletionTimestamp() != nil: // no controller removes its finalizer here
			default:
				return fmt.Errorf("not pruned")
			}
			return nil
		})
	}
	for h, uid := range before {
		if going[h] {
			continue
		}
		if o, err := c.servers[h.server].Get(t.Context(), h.kind, h.namespace, h.name); err != nil {
			t.Errorf("%v: %v", h, err)
		} else if o.GetUID() != uid {
			t.Errorf("%v, which was recreated", h)
		}
	}
	for _, h := range deleted() {
		if !going[h] {
			t.Errorf("also deleted: %v", h)
		}
	}
	t.Logf("%d objects are gone, %d are left", len(going), len(before)-len(going))
}

func sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
