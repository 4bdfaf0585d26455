// Package stub plays what a cluster without nodes and without the rest of Flux
// does not have: sources that are fetched, artifacts that are pulled, charts that are installed, and
// Deployments whose pods are ready.
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

// The kinds that are played.
var (
	gitRepositories  = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "GitRepository"}
	helmRepositories = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "HelmRepository"}
	ociRepositories  = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "OCIRepository"}
	helmReleases     = schema.GroupVersionKind{Group: "helm.toolkit.fluxcd.io", Version: "v2", Kind: "HelmRelease"}
	deployments      = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
)

// A World plays Flux' source- and helm-controller on an API server.
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
	// metadata are the annotations of an OCI artifact.
	metadata map[string]any
}

// Start starts a world that ends with the test. The function installs what the
// chart of a HelmRelease installs.
func Start(t testing.TB, client *kube.Client, onInstall func(release *kube.Object)) *World {
	w := &World{client: client, onInstall: onInstall, artifacts: map[string]*artifact{}, served: map[string][]byte{}}
	w.server = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.server.Close)
	run(t, client, roles{gitRepositories: w.fetch, helmRepositories: ready, ociRepositories: w.pull, helmReleases: w.release})
	return w
}

// StartNodes plays the nodes of an API server until the test ends: a Deployment's pods are
// ready as soon as it is seen.
func StartNodes(t testing.TB, client *kube.Client) {
	client.Watch(t, deployments, func(ctx context.Context, o *kube.Object) {
		if status := deploy(o); status != nil {
			write(ctx, client, o, status)
		}
	})
}

// roles are what is played of kinds: the new status of an object, or nothing where
// it stays.
type roles map[schema.GroupVersionKind]func(ctx context.Context, o *kube.Object) map[string]any

// run plays roles until the test ends. What fails is tried again.
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

// Push makes files the newest revision of a source, and returns that.
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

// store serves the archive of a source.
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

// fetch is the status of a source whose newest revision has been fetched, or
// nothing where it has it already.
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

// fetched is the status of a source that has got an artifact.
func (w *World) fetched(o *kube.Object, a *artifact) map[string]any {
	status := readyStatus(o)
	status["artifact"] = map[string]any{
		"path": a.path, "url": w.server.URL + "/" + a.path, "revision": a.revision, "digest": a.digest,
		"lastUpdateTime": now(), "size": int64(a.size), "metadata": a.metadata,
	}
	return status
}

// pull is the status of an OCIRepository. One on loopback pulls what its tag leads to;
// all others have charts.
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

// release is the status of a HelmRelease whose dependencies are ready.
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

// ready is the status of an object that is ready, or nothing where it says so.
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

// deploy is the status of a Deployment whose pods are all ready.
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
