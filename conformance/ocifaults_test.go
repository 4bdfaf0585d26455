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

// A move is a fleet at two commits, the second of which changes every cluster.
type move struct {
	before, after fleet
	// old and new is what they render, and commit the second commit.
	old, new tree
	commit   string
	// args are those of every run.
	args []string
	// ends is what every tag leads to after one run for each.
	ends map[string]string
}

// newMove makes the two commits, and publishes them to a registry for comparison.
func newMove(t *testing.T, r *registry.Registry) *move {
	t.Helper()
	return newMoveOf(t, r, "oci")
}

// newMoveOf makes the two commits of an example.
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

// at is the move of a fleet under another name, or by another address, of which the
// first commit is published.
func (m *move) at(t *testing.T, host, name string) *move {
	t.Helper()
	other := *m
	other.before.host, other.before.name = host, name
	other.after.host, other.after.name = host, name
	other.before.publish(t, m.args...)
	return &other
}

// hasMoved returns the clusters that sync the second commit. The others sync the first: a
// cluster that syncs anything else is an error.
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

// fails publishes the second commit, which must end with an error that says some texts.
func (m *move) fails(t *testing.T, says ...string) {
	t.Helper()
	code, printed := m.after.try(t)
	t.Logf("it prints\n%s", printed)
	if code != 2 {
		t.Errorf("publish ends with %d:\n%s", code, printed)
	}
	for _, text := range says {
		if !strings.Contains(printed, text) {
			t.Errorf("it does not say %q:\n%s", text, printed)
		}
	}
}

// goesOn publishes the second commit, which must end as one run would have.
func (m *move) goesOn(t *testing.T, host string) {
	t.Helper()
	m.after.host = host
	m.after.publish(t, m.args...)
	if got := m.after.state(t); !maps.Equal(got, m.ends) {
		t.Errorf("after the second run tags lead to\n%s\nand after one to\n%s", show(got), show(m.ends))
	}
	if moved := m.hasMoved(t, host); !slices.Equal(moved, m.new.clusters()) {
		t.Errorf("%q have moved", moved)
	}
}

const again = "run the same command again"

// TestPublishSurvivesFaults has a real registry fail in the middle of a publication. Every
// cluster then syncs a whole artifact, the error says which of them have moved, and the
// same command ends what was begun.
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
		{"dies between layers and tags", from(isTag), registry.Drop, nil, []string{"cannot reach the registry", "no cluster", again}},
		{"dies between the tags of two clusters", onOther, registry.Drop, []string{one}, []string{other + ": cannot reach the registry", "latest has moved for " + one, again}},
		{"wants somebody else to push", registry.On(http.MethodPost, "/blobs/uploads/"), registry.Answer(403), nil, []string{"403 Forbidden", "log in to"}},
		{"wants a login", registry.After(0), registry.Answer(401), nil, []string{"401 Unauthorized", "log in to"}},
		{"takes no manifest", registry.On(http.MethodPut, "/manifests/sha256:"), registry.Answer(403), nil, []string{"403 Forbidden", "log in to"}},
		{"takes no tag", isTag, registry.Answer(403), nil, []string{"403 Forbidden", "no cluster"}},
		{"takes no tag of one cluster", onOther, registry.Answer(403), []string{one}, []string{other + ": the registry answers 403 Forbidden", "latest has moved for " + one, again}},
		{"is full", registry.On(http.MethodPut, "/blobs/"), registry.Answer(507), nil, []string{"507 Insufficient Storage", "free space"}},
		{"has no room for what is so large", registry.On(http.MethodPatch, "/blobs/"), registry.Answer(413), nil, []string{"413 Request Entity Too Large"}},
		{"has an error", from(isTag), registry.Answer(500), nil, []string{"500 Internal Server Error", "no cluster", again}},
		{"wants fewer requests", from(isTag), registry.Answer(429, "Retry-After", "1"), nil, []string{"429 Too Many Requests", "no cluster", "wait"}},
		{"cuts uploads", registry.On(http.MethodPatch, "/blobs/"), registry.DropRequest(100), nil, []string{"cannot reach the registry"}},
		{"cuts its answers", registry.On(http.MethodGet, "/manifests/"), registry.DropResponse(100), nil, []string{"the registry cuts its answers", again}},
		{"cuts layers that it gives", registry.On(http.MethodGet, "/blobs/"), registry.DropResponse(100), nil, []string{"the registry cuts its answers", again}},
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
				t.Errorf("%q have moved, want %q", moved, test.moved)
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

// TestPublishInParts publishes clusters by shards, by waves, and by two runs at once. All end
// as one run does.
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
						t.Errorf("%q: publish ends with %d:\n%s", args, code, printed)
					}
				})
			}
			running.Wait()
			if got := m.after.state(t); !maps.Equal(got, m.ends) {
				t.Errorf("tags lead to\n%s\nand after one run to\n%s", show(got), show(m.ends))
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
				t.Errorf("through %s %q have moved", wave.name, moved)
			}
			for at, digest := range m.after.state(t) {
				if cluster, _, _ := strings.Cut(at, ":"); !slices.Contains(wave.moved, cluster) && before[at] != digest {
					t.Errorf("through %s: %s was %s, and is %s", wave.name, at, before[at], digest)
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
		if code, printed := m.before.try(t, m.args...); code != 2 || !strings.Contains(printed, "would move latest back") {
			t.Errorf("publish ends with %d:\n%s", code, printed)
		}
		if got := m.after.state(t); !maps.Equal(got, m.ends) {
			t.Errorf("it has changed\n%s\nto\n%s", show(m.ends), show(got))
		}
	})
}

// from selects every request from the first on that another When selects.
func from(first registry.When) registry.When {
	found := false
	return func(r registry.Request) bool {
		found = found || first(r)
		return found
	}
}

// TestPublishSurvivesTheRegistry stops a real registry in the middle of a publication,
// and starts it again with what it has kept.
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

// TestPublishToAReadOnlyRegistry publishes to a registry that is being maintained.
func TestPublishToAReadOnlyRegistry(t *testing.T) {
	record(t, "12. OCI: the registry is read-only")
	r := registry.Start(t, toolsDir, registry.Options{})
	m := newMove(t, r).at(t, r.Host, "fleet")
	r.Stop()
	closed := registry.Start(t, toolsDir, registry.Options{Dir: r.Dir, ReadOnly: true})
	m.after.host = closed.Host
	m.fails(t, "405 Method Not Allowed", "read-only")
	if moved := m.hasMoved(t, closed.Host); len(moved) > 0 {
		t.Errorf("%q have moved", moved)
	}
	closed.Stop()
	m.goesOn(t, registry.Start(t, toolsDir, registry.Options{Dir: r.Dir}).Host)
}

// TestPublishToAFullRegistry fills the file system of a registry up to some bytes.
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
				t.Fatal("the file system does not fill")
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
				t.Errorf("%q have moved", moved)
			}
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			m.goesOn(t, r.Host)
		})
	}
}

// TestPublishKeepsWhatIsNotItsOwn has somebody else's artifact under the name of a cluster.
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
					t.Errorf("%q: publish ends with %d:\n%s", args, code, printed)
				}
				if after := f.state(t); !maps.Equal(before, after) {
					t.Errorf("%q: tags led to\n%s\nand now\n%s", args, show(before), show(after))
				}
			}
			if err := crane.Delete(at.Context().Digest(before["frankfurt:latest"]).Name()); err != nil {
				t.Fatal(err)
			}
			f.publish(t)
		})
	}
}

// write writes what was made.
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
