package oci

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/tree"
)

// A served registry is a registry on loopback. The test sees the requests, and may answer them.
type served struct {
	url string

	mu       sync.Mutex
	requests []string
	// answer answers a request and returns true, or returns false to pass it on.
	answer func(w http.ResponseWriter, r *http.Request) bool
}

func serve(t *testing.T) *served {
	t.Helper()
	s := &served{}
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
		answer := s.answer
		s.mu.Unlock()
		if answer == nil || !answer(w, r) {
			handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s.url = "oci://" + strings.TrimPrefix(server.URL, "http://") + "/fleet"
	return s
}

// asked returns the requests with some methods since the last call.
func (s *served) asked(methods ...string) (some []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if method, _, _ := strings.Cut(r, " "); slices.Contains(methods, method) {
			some = append(some, r)
		}
	}
	s.requests = nil
	return some
}

func (s *served) open(t *testing.T) *Fleet {
	t.Helper()
	f, err := Open(s.url, Options{Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// fleetOf returns a tree of clusters with files in addition to their inventory, each as CLUSTER/PATH=CONTENT.
func fleetOf(files ...string) *render.Tree {
	clusters := map[string]map[string][]byte{}
	for _, f := range files {
		at, content, _ := strings.Cut(f, "=")
		cluster, path, _ := strings.Cut(at, "/")
		if clusters[cluster] == nil {
			clusters[cluster] = map[string][]byte{}
		}
		clusters[cluster][path] = []byte(content)
	}
	t := &render.Tree{}
	for _, name := range slices.Sorted(maps.Keys(clusters)) {
		content := clusters[name]
		inventory := layout.AppendInventory(nil, nil, nil)
		for _, path := range slices.Sorted(maps.Keys(content)) {
			inventory = layout.AppendFile(inventory, path, sha(content[path]))
		}
		content[layout.InventoryFile] = inventory
		t.Clusters = append(t.Clusters, tree.NewFiles(name, content))
	}
	return t
}

// commits are revisions in order, each a descendant of the previous ones.
var commits = []string{strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 40)}

// at returns the options of a run for the commit of a number.
func at(number int) PublishOptions {
	precedes := func(commit string) *diag.Mistake {
		if i := slices.Index(commits, commit); i < 0 || i > number {
			return diag.NewMistake(fmt.Sprintf("%.4s does not follow %.4s", commits[number], commit), "wait")
		}
		return nil
	}
	return PublishOptions{Revision: Revision{Commit: commits[number], Source: "https://example.com/fleet", Follows: precedes, MayPrecede: precedes}}
}

// publish publishes, and fails the test on an error.
func publish(t *testing.T, f *Fleet, fleet *render.Tree, opts PublishOptions) Summary {
	t.Helper()
	sum, err := f.Publish(context.Background(), fleet, opts)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// manifests returns the manifest of each tag of a cluster.
func manifests(t *testing.T, f *Fleet, cluster string) map[string]string {
	t.Helper()
	ctx := context.Background()
	repository, err := f.repository(cluster)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := f.puller.List(ctx, repository)
	if err != nil && !isMissing(err) {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, tag := range tags {
		d, err := f.puller.Get(ctx, repository.Tag(tag))
		if err != nil {
			t.Fatal(err)
		}
		all[tag] = string(d.Manifest)
	}
	return all
}

// content returns the files that clusters with a name sync, read by independent code.
func content(t *testing.T, f *Fleet, cluster string) map[string]string {
	t.Helper()
	ctx := context.Background()
	repository, err := f.repository(cluster)
	if err != nil {
		t.Fatal(err)
	}
	latest, err := f.find(ctx, repository.Tag(Latest))
	if err != nil || latest == nil {
		t.Fatalf("%s: %v, %v", cluster, latest, err)
	}
	layer, err := f.pull(ctx, repository, latest.layer)
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(layer))
	if err != nil {
		t.Fatal(err)
	}
	files, last := map[string]string{}, ""
	for archive := tar.NewReader(unzipped); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Name <= last || h.Mode != 0o644 || h.Uid != 0 || h.Uname != "" || h.ModTime.Unix() != 0 {
			t.Errorf("%s: %+v after %q", cluster, h, last)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name], last = string(data), h.Name
	}
}

func TestPublishPushesWhatFluxReads(t *testing.T) {
	f := serve(t).open(t)
	sum := publish(t, f, fleetOf("eu/sync.yaml=1", "eu/apps/shop/a.yaml=2", "eu/apps.yaml=3", "us/sync.yaml=1"), at(0))
	if got := fmt.Sprint(sum); got != "{[eu us] []}" {
		t.Error(got)
	}
	files := content(t, f, "eu")
	if files["sync.yaml"] != "1" || files["apps/shop/a.yaml"] != "2" || files["apps.yaml"] != "3" || files["inventory"] == "" || len(files) != 4 {
		t.Errorf("%q", files)
	}
	tags := manifests(t, f, "eu")
	if len(tags) != 2 || tags[Latest] != tags[commits[0]] {
		t.Errorf("%q", tags)
	}
	want := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"config":{"mediaType":"application/vnd.cncf.flux.config.v1+json","size":115,"digest":"sha256:a5b8d9a0d8cb69c618c223b40fad96a7c3393f05459b94ebe5e49391eccfdd54"},` +
		`"layers":[{"mediaType":"application/vnd.cncf.flux.content.v1.tar+gzip","size":`
	annotations := `"annotations":{"org.opencontainers.image.created":"1970-01-01T00:00:00Z","org.opencontainers.image.revision":"sha1:` + commits[0] + `","org.opencontainers.image.source":"https://example.com/fleet"}}`
	if m := tags[Latest]; !strings.HasPrefix(m, want) || !strings.HasSuffix(m, annotations) {
		t.Error(m)
	}
}

func TestPublishIsReproducible(t *testing.T) {
	a, b := serve(t).open(t), serve(t).open(t)
	files := []string{"eu/apps/b/x.yaml=1", "eu/apps/a/x.yaml=2", "eu/sync.yaml=3"}
	publish(t, a, fleetOf(files...), at(0))
	slices.Reverse(files)
	publish(t, b, fleetOf(append(files, "us/sync.yaml=4")...), at(0))
	if one, other := manifests(t, a, "eu"), manifests(t, b, "eu"); !maps.Equal(one, other) {
		t.Errorf("%q\n%q", one, other)
	}
}

func TestPublishLeavesWhatIsCurrent(t *testing.T) {
	r := serve(t)
	f := r.open(t)
	publish(t, f, fleetOf("eu/sync.yaml=1", "us/sync.yaml=1"), at(0))
	before := manifests(t, f, "eu")
	r.asked()
	opts := at(1)
	opts.Tags = []string{"v2"}
	sum := publish(t, f, fleetOf("eu/sync.yaml=1", "us/sync.yaml=2"), opts)
	if got := fmt.Sprint(sum); got != "{[us] [eu]}" {
		t.Error(got)
	}
	for _, asked := range r.asked("POST", "PATCH", "PUT") {
		if strings.Contains(asked, "/eu/") && asked != "PUT /v2/fleet/eu/manifests/"+commits[1] && asked != "PUT /v2/fleet/eu/manifests/v2" {
			t.Error(asked)
		}
	}
	after := manifests(t, f, "eu")
	if len(after) != 4 || after[Latest] != before[Latest] || after[commits[1]] != before[Latest] || after["v2"] != before[Latest] {
		t.Errorf("%q\n%q", before, after)
	}
}

func TestPublishNeverGoesBack(t *testing.T) {
	for _, tt := range []struct {
		name    string
		newer   string // the newer run's artifacts, after the first run
		refused string
	}{
		{"another artifact", "eu/sync.yaml=3", "bbbb does not follow cccc"},
		{"the same as the first", "eu/sync.yaml=1", "bbbb does not follow cccc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := serve(t).open(t)
			publish(t, f, fleetOf("eu/sync.yaml=1"), at(0))
			publish(t, f, fleetOf(tt.newer), at(2))
			before := manifests(t, f, "eu")
			_, err := f.Publish(context.Background(), fleetOf("eu/sync.yaml=2"), at(1))
			if err == nil || !strings.Contains(err.Error(), tt.refused) {
				t.Error(err)
			}
			if after := manifests(t, f, "eu"); !maps.Equal(before, after) {
				t.Errorf("%q\n%q", before, after)
			}
		})
	}
}

func TestPublishEndsAsOneRunWould(t *testing.T) {
	fleet := func() *render.Tree {
		return fleetOf("a/sync.yaml=1", "b/sync.yaml=2", "c/sync.yaml=3", "d/sync.yaml=4", "e/sync.yaml=5")
	}
	alone := serve(t).open(t)
	publish(t, alone, fleetOf("a/sync.yaml=0", "b/sync.yaml=2"), at(0))
	publish(t, alone, fleet(), at(1))
	shared := serve(t).open(t)
	publish(t, shared, fleetOf("a/sync.yaml=0", "b/sync.yaml=2"), at(0))
	var runs sync.WaitGroup
	for range 2 {
		for i := range 2 {
			runs.Go(func() {
				if _, err := shared.Publish(context.Background(), fleet().ShardOfClusters(i+1, 2), at(1)); err != nil {
					t.Error(err)
				}
			})
		}
	}
	runs.Wait()
	for _, cluster := range []string{"a", "b", "c", "d", "e"} {
		if one, other := manifests(t, alone, cluster), manifests(t, shared, cluster); !maps.Equal(one, other) || len(one) == 0 {
			t.Errorf("%s: %q\n%q", cluster, one, other)
		}
	}
}

func TestPublishRefusesSomebodyElses(t *testing.T) {
	r := serve(t)
	f := r.open(t)
	ctx := context.Background()
	for _, cluster := range []string{"eu", "us"} {
		repository, err := f.repository(cluster)
		if err != nil {
			t.Fatal(err)
		}
		layer := newBlob("application/vnd.oci.image.layer.v1.tar+gzip", []byte(cluster))
		m, err := newManifest(layer.Descriptor, "", "")
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []*blob{layer, newBlob(configType, config)} {
			if err := f.pusher.Upload(ctx, repository, b.layer()); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.pusher.Put(ctx, repository.Tag(Latest), m); err != nil {
			t.Fatal(err)
		}
	}
	r.asked()
	_, err := f.Publish(ctx, fleetOf("eu/sync.yaml=1", "us/sync.yaml=1"), at(0))
	if err == nil || !strings.Contains(err.Error(), "/fleet/eu:latest was not published by fleetwright") || !strings.Contains(err.Error(), "/fleet/us:latest") {
		t.Error(err)
	}
	if written := r.asked("POST", "PATCH", "PUT"); len(written) > 0 {
		t.Error(written)
	}
}

func TestRollback(t *testing.T) {
	f := serve(t).open(t)
	ctx := context.Background()
	publish(t, f, fleetOf("eu/sync.yaml=1", "us/sync.yaml=1"), at(0))
	publish(t, f, fleetOf("eu/sync.yaml=2", "us/sync.yaml=1", "new/sync.yaml=1"), at(1))
	if _, err := f.Rollback(ctx, []string{"eu", "new", "us"}, commits[0], PublishOptions{}); err == nil || !strings.Contains(err.Error(), "no artifact has the tag "+commits[0]+" for new") {
		t.Error(err)
	}
	if content(t, f, "eu")["sync.yaml"] != "2" {
		t.Error("a tag has moved")
	}
	sum, err := f.Rollback(ctx, []string{"eu", "us"}, commits[0], PublishOptions{Tags: []string{"good"}})
	if got := fmt.Sprint(sum, err); got != "{[eu] [us]} <nil>" {
		t.Error(got)
	}
	tags := manifests(t, f, "eu")
	if content(t, f, "eu")["sync.yaml"] != "1" || tags["good"] != tags[commits[0]] || tags[commits[1]] == tags[Latest] {
		t.Errorf("%q", tags)
	}
	publish(t, f, fleetOf("eu/sync.yaml=3", "us/sync.yaml=1"), at(2))
}

func TestCompare(t *testing.T) {
	f := serve(t).open(t)
	ctx := context.Background()
	publish(t, f, fleetOf("eu/sync.yaml=1", "eu/a.yaml=1", "us/sync.yaml=1"), at(0))
	c, err := f.Compare(ctx, fleetOf("eu/sync.yaml=2", "us/sync.yaml=1", "new/sync.yaml=1"), disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var changes []string
	for _, ch := range c.Changes {
		if ch.Path != layout.InventoryFile {
			changes = append(changes, fmt.Sprintf("%s/%s %q %q", ch.Cluster, ch.Path, ch.Old, ch.New))
		}
	}
	if want := []string{`eu/a.yaml "1" ""`, `eu/sync.yaml "1" "2"`, `new/sync.yaml "" "1"`}; !slices.Equal(changes, want) {
		t.Errorf("%q", changes)
	}
}

func TestPublishRefusesToEmpty(t *testing.T) {
	r := serve(t)
	f := r.open(t)
	publish(t, f, fleetOf("eu/sync.yaml=1", "eu/a.yaml=1", "eu/b.yaml=1", "eu/c.yaml=1"), at(0))
	r.asked()
	_, err := f.Publish(context.Background(), fleetOf("eu/sync.yaml=1"), at(1))
	if err == nil || !strings.Contains(err.Error(), "would remove more than half of eu (3 of 5 files)") {
		t.Error(err)
	}
	if written := r.asked("POST", "PATCH", "PUT"); len(written) > 0 {
		t.Error(written)
	}
	opts := at(1)
	opts.AllowPrune = true
	publish(t, f, fleetOf("eu/sync.yaml=1"), opts)
}

func TestFailuresLeaveWholeArtifacts(t *testing.T) {
	fast(t)
	old, next := fleetOf("a/sync.yaml=1", "b/sync.yaml=1", "c/sync.yaml=1"), fleetOf("a/sync.yaml=2", "b/sync.yaml=2", "c/sync.yaml=2")
	isTag := func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") && !strings.Contains(r.URL.Path, "sha256:")
	}
	for _, tt := range []struct {
		name   string
		fails  func(r *http.Request) bool
		status int
		moved  bool // whether any tags have moved
		want   string
	}{
		{"refuses", func(r *http.Request) bool { return r.Method == http.MethodPost }, 403, false, "log in to"},
		{"wants credentials", func(r *http.Request) bool { return true }, 401, false, "log in to"},
		{"is full", func(r *http.Request) bool { return r.Method == http.MethodPatch }, 507, false, "507"},
		{"dies between layers and tags", isTag, 500, false, "no tag is known to have moved"},
		{"dies between tags", func(r *http.Request) bool { return isTag(r) && strings.Contains(r.URL.Path, "/c/") }, 500, true, "the tag latest has moved for a, b; run the same command again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := serve(t)
			f := r.open(t)
			publish(t, f, old, at(0))
			r.mu.Lock()
			r.answer = func(w http.ResponseWriter, req *http.Request) bool {
				if tt.fails(req) {
					w.WriteHeader(tt.status)
				}
				return tt.fails(req)
			}
			r.mu.Unlock()
			_, err := r.open(t).Publish(context.Background(), next, at(1))
			if err == nil || !strings.Contains(hinted(err), tt.want) {
				t.Errorf("%v", hinted(err))
			}
			r.mu.Lock()
			r.answer = nil
			r.mu.Unlock()
			for _, cluster := range []string{"a", "b", "c"} {
				want := "1"
				if tt.moved && cluster != "c" {
					want = "2"
				}
				if got := content(t, f, cluster)["sync.yaml"]; got != want {
					t.Errorf("%s has %s", cluster, got)
				}
			}
			publish(t, f, next, at(1))
			if content(t, f, "c")["sync.yaml"] != "2" {
				t.Error("the next run does not go on")
			}
		})
	}
}

// fast repeats failed requests without a delay, which would take seconds.
func fast(t *testing.T) {
	before := backoff
	t.Cleanup(func() { backoff = before })
	backoff.Duration = 1
}

func sha(data []byte) [sha256.Size]byte { return sha256.Sum256(data) }

// hinted returns an error with its hints.
func hinted(err error) string {
	text := fmt.Sprint(err)
	var mistake *diag.Mistake
	if errors.As(err, &mistake) {
		text += "\n" + mistake.Hint
	}
	return text
}
