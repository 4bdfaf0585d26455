package conformance

import (
	"bytes"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/oci"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/fleetwright/fleetwright/conformance/internal/registry"
	"github.com/fleetwright/fleetwright/internal/pages"
)

// A move is a fleet at two commits. The second changes every cluster.
type move struct {
	before, after fleet
	// old and new are the output for the commits, and commit is the second commit.
	old, new tree
	commit   string
	// args are the arguments of every run.
	args []string
	// ends maps every tag to its digest after one complete run per commit.
	ends map[string]string
}

// newMove creates the two commits, and publishes them to a registry for comparison.
func newMove(t *testing.T, r *registry.Registry) *move {
	t.Helper()
	return newMoveOf(t, r, "oci")
}

// newMoveOf creates the two commits of an example.
func newMoveOf(t *testing.T, r *registry.Registry, example string, args ...string) *move {
	t.Helper()
	first := newFleet(t, r.Host, "whole", example)
	m := &move{before: *first, after: *first, old: first.render(t, args...), args: args}
	m.after.dir = t.TempDir()
	if err := os.CopyFS(m.after.dir, os.DirFS(m.before.dir)); err != nil {
		t.Fatal(err)
	}
	m.commit = m.after.change(t, "max: 500", "max: 400")
	m.new = m.after.render(t, args...)
	for _, cluster := range m.new.clusters() {
		if len(difference(m.old.rootOf(cluster), m.new.rootOf(cluster))) == 0 {
			t.Fatalf("nothing changes for %s", cluster)
		}
	}
	m.before.publish(t, args...)
	m.after.publish(t, args...)
	m.ends = m.after.state(t)
	return m
}

// at returns the move at another address, with the first commit published.
func (m *move) at(t *testing.T, host, name string) *move {
	t.Helper()
	other := *m
	other.before.host, other.before.name = host, name
	other.after.host, other.after.name = host, name
	other.before.publish(t, m.args...)
	return &other
}

// hasMoved returns the clusters that sync the second commit. The others must sync the first.
func (m *move) hasMoved(t *testing.T, host string) (moved []string) {
	t.Helper()
	at := m.after
	at.host = host
	for _, cluster := range m.new.clusters() {
		files := pull(t, at.at(cluster, "latest")).Files
		switch {
		case maps.EqualFunc(files, m.new.rootOf(cluster), bytes.Equal):
			moved = append(moved, cluster)
		case !maps.EqualFunc(files, m.old.rootOf(cluster), bytes.Equal):
			t.Errorf("%s syncs neither the old nor the new files", cluster)
		}
	}
	return moved
}

// fails publishes the second commit, which must fail with some texts in the output.
func (m *move) fails(t *testing.T, says ...string) {
	t.Helper()
	code, printed := m.after.try(t)
	t.Logf("it prints\n%s", printed)
	if code != 2 {
		t.Errorf("publish exits with %d:\n%s", code, printed)
	}
	for _, text := range says {
		if !strings.Contains(printed, text) {
			t.Errorf("the output lacks %q:\n%s", text, printed)
		}
	}
}

// goesOn publishes the second commit. The result must equal that of a single run.
func (m *move) goesOn(t *testing.T, host string) {
	t.Helper()
	m.after.host = host
	m.after.publish(t, m.args...)
	if got := m.after.state(t); !maps.Equal(got, m.ends) {
		t.Errorf("tags after the second run:\n%s\nwant\n%s", show(got), show(m.ends))
	}
	if moved := m.hasMoved(t, host); !slices.Equal(moved, m.new.clusters()) {
		t.Errorf("clusters that have moved: %q", moved)
	}
}

const again = "run the same command again"

// TestPublishSurvivesFaults makes a real registry fail in the middle of a publication. Every cluster must
// still sync a complete artifact, the error must list the clusters that have moved, and the same command must
// complete the publication.
func TestPublishSurvivesFaults(t *testing.T) {
	r := registry.Start(t, toolsDir, registry.Options{})
	m := newMove(t, r)
	isTag := func(r registry.Request) bool {
		return r.Method == http.MethodPut && strings.Contains(r.Path, "/manifests/") && !strings.Contains(r.Path, "sha256:")
	}
	const one, other = "frankfurt", "milan"
	onOther := registry.On(http.MethodPut, other+"/manifests/latest")
	for _, test := range []struct {
		name  string
		when  registry.When
		fault registry.Fault
		moved []string
		says  []string
	}{
		{"dies at once", registry.After(0), registry.Drop, nil, []string{"cannot reach the registry"}},
		{"dies between layers", registry.On(http.MethodPut, "/blobs/"), registry.Drop, nil, []string{"cannot reach the registry"}},
		{"dies between layers and tags", from(isTag), registry.Drop, nil, []string{"cannot reach the registry", "no tag is known to have moved", again}},
		{"dies between the tags of two clusters", onOther, registry.Drop, []string{one}, []string{other + ": cannot reach the registry", "latest has moved for " + one, again}},
		{"wants somebody else to push", registry.On(http.MethodPost, "/blobs/uploads/"), registry.Answer(403), nil, []string{"403 Forbidden", "log in to"}},
		{"wants a login", registry.After(0), registry.Answer(401), nil, []string{"401 Unauthorized", "log in to"}},
		{"rejects manifests", registry.On(http.MethodPut, "/manifests/sha256:"), registry.Answer(403), nil, []string{"403 Forbidden", "log in to"}},
		{"rejects tags", isTag, registry.Answer(403), nil, []string{"403 Forbidden", "no tag is known to have moved"}},
		{"rejects the tag of one cluster", onOther, registry.Answer(403), []string{one}, []string{other + ": the registry answers 403 Forbidden", "latest has moved for " + one, again}},
		{"is full", registry.On(http.MethodPut, "/blobs/"), registry.Answer(507), nil, []string{"507 Insufficient Storage", "free space"}},
		{"rejects large uploads", registry.On(http.MethodPatch, "/blobs/"), registry.Answer(413), nil, []string{"413 Request Entity Too Large"}},
		{"has an error", from(isTag), registry.Answer(500), nil, []string{"500 Internal Server Error", "no tag is known to have moved", again}},
		{"wants fewer requests", from(isTag), registry.Answer(429, "Retry-After", "1"), nil, []string{"429 Too Many Requests", "no tag is known to have moved", "wait"}},
		{"cuts uploads", registry.On(http.MethodPatch, "/blobs/"), registry.DropRequest(100), nil, []string{"cannot reach the registry"}},
		{"cuts its answers", registry.On(http.MethodGet, "/manifests/"), registry.DropResponse(100), nil, []string{"the registry cuts its answers", again}},
		{"cuts layers that it sends", registry.On(http.MethodGet, "/blobs/"), registry.DropResponse(100), nil, []string{"the registry cuts its answers", again}},
		{"loses the answers of tags", isTag, registry.LoseAnswer, []string{one, other}, []string{"cannot reach the registry", again}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			record(t, "12. OCI: faults of a registry")
			p := r.Proxy(t)
			m := m.at(t, p.Host, strings.ReplaceAll(test.name, " ", "-"))
			p.Heal()
			p.Fail(test.when, test.fault)
			m.fails(t, test.says...)
			if moved := m.hasMoved(t, r.Host); !slices.Equal(moved, test.moved) {
				t.Errorf("clusters that have moved: %q, want %q", moved, test.moved)
			}
			p.Heal()
			m.goesOn(t, p.Host)
		})
	}
	for _, test := range []struct {
		name  string
		when  registry.When
		fault registry.Fault
	}{
		{"is slow", registry.After(0), registry.Delay(50 * time.Millisecond)},
		{"drops some requests", registry.Times(3, registry.After(5)), registry.Drop},
		{"has some errors", registry.Times(3, registry.On(http.MethodPut, "/")), registry.Answer(503)},
		{"once wants fewer requests", registry.Times(1, isTag), registry.Answer(429, "Retry-After", "1")},
		{"cuts an upload", registry.Times(1, registry.On(http.MethodPatch, "/blobs/")), registry.DropRequest(100)},
		{"loses the answer of a manifest", registry.Times(1, registry.On(http.MethodPut, "/manifests/sha256:")), registry.LoseAnswer},
		{"loses the answers of a tag", onOther, registry.LoseAnswer},
		{"loses the answer of a tag once", registry.Times(1, isTag), registry.LoseAnswer},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			record(t, "12. OCI: faults of a registry that pass")
			p := r.Proxy(t)
			m := m.at(t, p.Host, strings.ReplaceAll(test.name, " ", "-"))
			p.Heal()
			p.Fail(test.when, test.fault)
			m.goesOn(t, p.Host)
		})
	}
}

// TestPublishInParts publishes clusters in shards, in waves, and in two concurrent runs. The result must
// equal that of a single run.
func TestPublishInParts(t *testing.T) {
	r := registry.Start(t, toolsDir, registry.Options{})
	whole := newMoveOf(t, r, "waves", "--through", "rest")
	for name, runs := range map[string][][]string{
		"shards":   {{"--shard", "1/2"}, {"--shard", "2/2"}},
		"two-runs": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record(t, "12. OCI: parts end as one run")
			m := whole.at(t, r.Host, name)
			var running sync.WaitGroup
			for _, args := range runs {
				running.Go(func() {
					if code, printed := m.after.try(t, slices.Concat(m.args, args)...); code != 0 {
						t.Errorf("%q: publish exits with %d:\n%s", args, code, printed)
					}
				})
			}
			running.Wait()
			if got := m.after.state(t); !maps.Equal(got, m.ends) {
				t.Errorf("tags:\n%s\nwant\n%s", show(got), show(m.ends))
			}
		})
	}
	t.Run("waves", func(t *testing.T) {
		t.Parallel()
		record(t, "12. OCI: parts end as one run")
		m := whole.at(t, r.Host, "waves")
		before := m.after.state(t)
		for _, wave := range []struct {
			name  string
			moved []string
		}{{"canary", []string{"berlin"}}, {"eu", []string{"berlin", "lisbon"}}} {
			m.after.publish(t, "--through", wave.name)
			if moved := m.hasMoved(t, r.Host); !slices.Equal(moved, wave.moved) {
				t.Errorf("through %s: clusters that have moved: %q", wave.name, moved)
			}
			for at, digest := range m.after.state(t) {
				if cluster, _, _ := strings.Cut(at, ":"); !slices.Contains(wave.moved, cluster) && before[at] != digest {
					t.Errorf("through %s: %s changed from %s to %s", wave.name, at, before[at], digest)
				}
			}
		}
		m.goesOn(t, r.Host)
	})
	t.Run("an older run that ends later", func(t *testing.T) {
		t.Parallel()
		record(t, "12. OCI: parts end as one run")
		m := whole.at(t, r.Host, "older")
		m.goesOn(t, r.Host)
		if code, printed := m.before.try(t, m.args...); code != 2 || !strings.Contains(printed, "this would move latest back") {
			t.Errorf("publish exits with %d:\n%s", code, printed)
		}
		if got := m.after.state(t); !maps.Equal(got, m.ends) {
			t.Errorf("the older run changed\n%s\nto\n%s", show(m.ends), show(got))
		}
	})
}

// from selects every request after and including the first that another When selects.
func from(first registry.When) registry.When {
	found := false
	return func(r registry.Request) bool {
		found = found || first(r)
		return found
	}
}

// TestPublishSurvivesTheRegistry stops a real registry in the middle of a publication, and starts it again
// with its storage.
func TestPublishSurvivesTheRegistry(t *testing.T) {
	record(t, "12. OCI: the registry stops")
	r := registry.Start(t, toolsDir, registry.Options{})
	m := newMove(t, r)
	p := r.Proxy(t)
	m = m.at(t, p.Host, "fleet")
	stop := sync.OnceFunc(r.Stop)
	p.Fail(func(r registry.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.Path, "/manifests/"+m.commit) {
			stop()
		}
		return false
	}, nil)
	m.fails(t, "cannot reach the registry", again)
	next := registry.Start(t, toolsDir, registry.Options{Dir: r.Dir})
	m.hasMoved(t, next.Host)
	m.goesOn(t, next.Host)
}

// TestPublishToAReadOnlyRegistry publishes to a registry in maintenance.
func TestPublishToAReadOnlyRegistry(t *testing.T) {
	record(t, "12. OCI: the registry is read-only")
	r := registry.Start(t, toolsDir, registry.Options{})
	m := newMove(t, r).at(t, r.Host, "fleet")
	r.Stop()
	closed := registry.Start(t, toolsDir, registry.Options{Dir: r.Dir, ReadOnly: true})
	m.after.host = closed.Host
	m.fails(t, "405 Method Not Allowed", "read-only")
	if moved := m.hasMoved(t, closed.Host); len(moved) > 0 {
		t.Errorf("clusters that have moved: %q", moved)
	}
	closed.Stop()
	m.goesOn(t, registry.Start(t, toolsDir, registry.Options{Dir: r.Dir}).Host)
}

// TestPublishToAFullRegistry leaves a few bytes free on the file system of a registry.
func TestPublishToAFullRegistry(t *testing.T) {
	whole := newMove(t, registry.Start(t, toolsDir, registry.Options{}))
	for _, test := range []struct {
		name string
		free int64
	}{{"no room", 0}, {"room for a layer", 32 << 10}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			record(t, "12. OCI: the registry is full")
			r := registry.Start(t, toolsDir, registry.Options{Size: "4m"})
			m := whole.at(t, r.Host, "fleet")
			ballast := filepath.Join(r.Dir, "ballast")
			if err := os.WriteFile(ballast, make([]byte, 8<<20), 0o600); err == nil {
				t.Fatal("cannot fill the file system")
			}
			full, err := os.Stat(ballast)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(ballast, full.Size()-test.free); err != nil {
				t.Fatal(err)
			}
			m.fails(t, "the registry answers")
			if moved := m.hasMoved(t, r.Host); len(moved) > 0 {
				t.Errorf("clusters that have moved: %q", moved)
			}
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			m.goesOn(t, r.Host)
		})
	}
}

// TestPublishKeepsWhatIsNotItsOwn puts a foreign artifact at the path of a cluster.
func TestPublishKeepsWhatIsNotItsOwn(t *testing.T) {
	r := registry.Start(t, toolsDir, registry.Options{})
	m := newMove(t, r)
	history := strings.TrimSpace(pages.Shell(t, m.before.dir, "git rev-parse HEAD"))
	chart := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), "application/vnd.cncf.helm.config.v1+json")
	chart, err := mutate.AppendLayers(chart, static.NewLayer([]byte("chart"), "application/vnd.cncf.helm.chart.content.v1.tar+gzip"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		push func(t *testing.T, at name.Tag) error
	}{
		{"an image", func(_ *testing.T, at name.Tag) error {
			image, err := random.Image(100, 1)
			return write(image, err, func(image v1.Image) error { return remote.Write(at, image) })
		}},
		{"images of two platforms", func(_ *testing.T, at name.Tag) error {
			index, err := random.Index(100, 1, 2)
			return write(index, err, func(index v1.ImageIndex) error { return remote.WriteIndex(at, index) })
		}},
		{"a chart", func(_ *testing.T, at name.Tag) error { return remote.Write(at, chart) }},
		{"other manifests", func(t *testing.T, at name.Tag) error {
			return pushManifests(t, at, "main@sha1:"+strings.Repeat("a", 40))
		}},
		{"manifests of the same repository", func(t *testing.T, at name.Tag) error { return pushManifests(t, at, "main@sha1:"+history) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			record(t, "12. OCI: what is not ours stays")
			f := m.after
			f.name = strings.ReplaceAll(test.name, " ", "-")
			at, err := name.NewTag(f.at("frankfurt", "latest"))
			if err != nil {
				t.Fatal(err)
			}
			if err := test.push(t, at); err != nil {
				t.Fatal(err)
			}
			before := f.state(t)
			for _, args := range [][]string{nil, {"--allow-prune"}} {
				code, printed := f.try(t, args...)
				t.Logf("%q prints\n%s", args, printed)
				if code != 2 || !strings.Contains(printed, at.Name()+" was not published by fleetwright") || !strings.Contains(printed, "publish to another path") {
					t.Errorf("%q: publish exits with %d:\n%s", args, code, printed)
				}
				if after := f.state(t); !maps.Equal(before, after) {
					t.Errorf("%q: tags changed from\n%s\nto\n%s", args, show(before), show(after))
				}
			}
			if err := crane.Delete(at.Context().Digest(before["frankfurt:latest"]).Name()); err != nil {
				t.Fatal(err)
			}
			f.publish(t)
		})
	}
}

// write writes a value, unless making it failed.
func write[T any](made T, err error, write func(T) error) error {
	if err != nil {
		return err
	}
	return write(made)
}

// pushManifests pushes manifests that fleetwright has not rendered, as Flux does.
func pushManifests(t *testing.T, at name.Tag, revision string) error {
	t.Helper()
	dir := t.TempDir()
	mustCopy(t, tree{"deploy/namespace.yaml": []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")}, dir)
	_, err := registry.Push(t.Context(), at.Name(), dir, oci.Metadata{Source: "https://example.com/shop.git", Revision: revision})
	return err
}
