// Package stub simulates the parts that a cluster without nodes and with only part of Flux lacks: it fetches
// sources, pulls artifacts, installs charts, and makes the pods of Deployments ready.
package stub

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/crane"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/conformance/internal/registry"
)

// The simulated kinds.
var (
	gitRepositories  = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "GitRepository"}
	helmRepositories = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "HelmRepository"}
	ociRepositories  = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "OCIRepository"}
	helmReleases     = schema.GroupVersionKind{Group: "helm.toolkit.fluxcd.io", Version: "v2", Kind: "HelmRelease"}
	deployments      = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
)

// A World simulates Flux's source-controller and helm-controller on an API server.
type World struct {
	client *kube.Client
	server *httptest.Server
	// onInstall is called before a HelmRelease becomes ready.
	onInstall func(release *kube.Object)

	mutex     sync.Mutex
	artifacts map[string]*artifact // by namespace/name
	served    map[string][]byte    // by URL path
}

// An artifact is the newest revision of a source.
type artifact struct {
	path, revision, digest string
	size                   int
	// metadata holds the annotations of an OCI artifact.
	metadata map[string]any
}

// Start starts a World that stops with the test. onInstall installs the objects of a HelmRelease's chart.
func Start(t testing.TB, client *kube.Client, onInstall func(release *kube.Object)) *World {
	w := &World{client: client, onInstall: onInstall, artifacts: map[string]*artifact{}, served: map[string][]byte{}}
	w.server = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.server.Close)
	run(t, client, roles{gitRepositories: w.fetch, helmRepositories: ready, ociRepositories: w.pull, helmReleases: w.release})
	return w
}

// StartNodes simulates the nodes of an API server until the test ends: the pods of a Deployment are ready at
// once.
func StartNodes(t testing.TB, client *kube.Client) {
	client.Watch(t, deployments, func(ctx context.Context, o *kube.Object) {
		if status := deploy(o); status != nil {
			write(ctx, client, o, status)
		}
	})
}

// roles maps each simulated kind to a function that returns an object's new status, or nil for no change.
type roles map[schema.GroupVersionKind]func(ctx context.Context, o *kube.Object) map[string]any

// run runs roles until the test ends. It retries failed writes.
func run(t testing.TB, client *kube.Client, roles roles) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			for kind, play := range roles {
				objects, err := client.List(ctx, kind)
				if err != nil {
					continue
				}
				for _, o := range objects {
					if status := play(ctx, &o); status != nil {
						_ = client.Patch(ctx, &o, map[string]any{"status": status}, "status")
					}
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// Push makes files the newest revision of a source, and returns the revision.
func (w *World) Push(t testing.TB, namespace, name string, files map[string][]byte) (revision string) {
	t.Helper()
	data, err := pack(files)
	if err != nil {
		t.Fatal(err)
	}
	a := w.store("gitrepository", namespace, name, data)
	a.revision = "main@sha1:" + strings.TrimPrefix(a.digest, "sha256:")[:40]
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.artifacts[namespace+"/"+name] = a
	return a.revision
}

// store makes the archive of a source available on the server.
func (w *World) store(kind, namespace, name string, data []byte) *artifact {
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	a := &artifact{
		path:   fmt.Sprintf("%s/%s/%s/%s.tar.gz", kind, namespace, name, digest[:12]),
		digest: "sha256:" + digest,
		size:   len(data),
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.served["/"+a.path] = data
	return a
}

// pack returns the archive of files.
func pack(files map[string][]byte) ([]byte, error) {
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	tarred := tar.NewWriter(zipped)
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if err := tarred.WriteHeader(&tar.Header{Name: file, Mode: 0o644, Size: int64(len(files[file]))}); err != nil {
			return nil, err
		}
		if _, err := tarred.Write(files[file]); err != nil {
			return nil, err
		}
	}
	err := errors.Join(tarred.Close(), zipped.Close())
	return archive.Bytes(), err
}

func (w *World) serve(out http.ResponseWriter, r *http.Request) {
	w.mutex.Lock()
	data, ok := w.served[r.URL.Path]
	w.mutex.Unlock()
	if !ok {
		http.NotFound(out, r)
		return
	}
	_, _ = out.Write(data)
}

// fetch returns the status of a source that has fetched its newest revision, or nil if it is up to date.
func (w *World) fetch(ctx context.Context, o *kube.Object) map[string]any {
	w.mutex.Lock()
	a, ok := w.artifacts[o.GetNamespace()+"/"+o.GetName()]
	w.mutex.Unlock()
	if !ok {
		return nil
	}
	if have, _, _ := unstructured.NestedString(o.Object, "status", "artifact", "revision"); have == a.revision {
		return ready(ctx, o)
	}
	return w.fetched(o, a)
}

// fetched returns the status of a source that has fetched an artifact.
func (w *World) fetched(o *kube.Object, a *artifact) map[string]any {
	status := readyStatus(o)
	status["artifact"] = map[string]any{
		"path": a.path, "url": w.server.URL + "/" + a.path, "revision": a.revision, "digest": a.digest,
		"lastUpdateTime": now(), "size": int64(a.size), "metadata": a.metadata,
	}
	return status
}

// pull returns the status of an OCIRepository. One on loopback pulls the artifact of its tag; all others hold
// charts.
func (w *World) pull(ctx context.Context, o *kube.Object) map[string]any {
	url, _, _ := unstructured.NestedString(o.Object, "spec", "url")
	tag, _, _ := unstructured.NestedString(o.Object, "spec", "ref", "tag")
	host, ok := strings.CutPrefix(url, "oci://127.0.0.1:")
	if !ok {
		return ready(ctx, o)
	}
	reference := "127.0.0.1:" + host + ":" + tag
	digest, err := crane.Digest(reference, crane.WithContext(ctx))
	if err != nil {
		return nil
	}
	if have, _, _ := unstructured.NestedString(o.Object, "status", "artifact", "revision"); have == tag+"@"+digest {
		return ready(ctx, o)
	}
	pulled, err := registry.Pull(ctx, reference)
	if err != nil {
		return nil
	}
	data, err := pack(pulled.Files)
	if err != nil {
		return nil
	}
	a := w.store("ocirepository", o.GetNamespace(), o.GetName(), data)
	a.revision, a.metadata = pulled.Revision, map[string]any{}
	for key, value := range pulled.Annotations {
		a.metadata[key] = value
	}
	return w.fetched(o, a)
}

// release returns the status of a HelmRelease, or nil until its dependencies are ready.
func (w *World) release(ctx context.Context, o *kube.Object) map[string]any {
	status := ready(ctx, o)
	if status == nil {
		return nil
	}
	dependencies, _, _ := unstructured.NestedSlice(o.Object, "spec", "dependsOn")
	for _, d := range dependencies {
		name, _, _ := unstructured.NestedString(d.(map[string]any), "name")
		namespace, _, _ := unstructured.NestedString(d.(map[string]any), "namespace")
		if namespace == "" {
			namespace = o.GetNamespace()
		}
		on, err := w.client.Get(ctx, helmReleases, namespace, name)
		if err != nil {
			return nil
		}
		if status, _ := kube.Condition(on, "Ready"); status != "True" {
			return nil
		}
	}
	w.onInstall(o)
	return status
}

// ready returns the status of a ready object, or nil if it is up to date.
func ready(_ context.Context, o *kube.Object) map[string]any {
	observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	if status, _ := kube.Condition(o, "Ready"); status == "True" && observed == o.GetGeneration() {
		return nil
	}
	return readyStatus(o)
}

func readyStatus(o *kube.Object) map[string]any {
	return map[string]any{"observedGeneration": o.GetGeneration(), "conditions": []any{map[string]any{
		"type": "Ready", "status": "True", "reason": "Succeeded", "message": "played", "lastTransitionTime": now(), "observedGeneration": o.GetGeneration(),
	}}}
}

// deploy returns the status of a Deployment with all pods ready, or nil if it is up to date.
func deploy(o *kube.Object) map[string]any {
	if observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration"); observed == o.GetGeneration() {
		return nil
	}
	replicas, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
	condition := func(name, reason string) any {
		return map[string]any{"type": name, "status": "True", "reason": reason, "lastTransitionTime": now(), "lastUpdateTime": now()}
	}
	return map[string]any{
		"observedGeneration": o.GetGeneration(), "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas,
		"conditions": []any{condition("Available", "MinimumReplicasAvailable"), condition("Progressing", "NewReplicaSetAvailable")},
	}
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }
