package registry_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/oci"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/fleetwright/fleetwright/conformance/internal/registry"
)

const toolsDir = "../../tools"

// directory writes files, and returns their directory.
func directory(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func push(t *testing.T, reference, dir string, options ...crane.Option) (digest string, err error) {
	t.Helper()
	meta := oci.Metadata{Source: "https://example.com/fleet.git", Revision: "main@sha1:0", Created: "1970-01-01T00:00:00Z"}
	return registry.Push(t.Context(), reference, dir, meta, options...)
}

func TestPullReadsWhatFluxPushes(t *testing.T) {
	files := map[string][]byte{"sync.yaml": []byte("a: 1\n"), "apps/x/inventory.json": []byte("{}\n")}
	ignored := map[string][]byte{"apps/site.zip/namespace.yaml": []byte("b: 2\n"), ".gitignore": nil}
	all := maps.Clone(files)
	maps.Copy(all, ignored)
	dir := directory(t, all)
	store := t.TempDir()
	first := registry.Start(t, toolsDir, registry.Options{Dir: store})
	digest, err := push(t, first.Host+"/fleet/paris:v1", dir)
	if err != nil {
		t.Fatal(err)
	}
	first.Stop()

	second := registry.Start(t, toolsDir, registry.Options{Dir: store, ReadOnly: true})
	got, err := registry.Pull(t.Context(), second.Host+"/fleet/paris:v1")
	if err != nil {
		t.Fatal(err)
	}
	if want := "v1@" + digest; got.Revision != want {
		t.Errorf("the revision is %s, want %s", got.Revision, want)
	}
	if got.Annotations[oci.RevisionAnnotation] != "main@sha1:0" {
		t.Errorf("the annotations are %v", got.Annotations)
	}
	if !maps.EqualFunc(got.Files, files, bytes.Equal) {
		t.Errorf("the files are %q, want %q", got.Files, files)
	}
	status(t, func() error { _, err := push(t, second.Host+"/fleet/paris:v2", dir); return err }, http.StatusMethodNotAllowed)
}

// status checks the status of a registry's error.
func status(t *testing.T, do func() error, want int) {
	t.Helper()
	err := do()
	if answer := (*transport.Error)(nil); !errors.As(err, &answer) || answer.StatusCode != want {
		t.Errorf("the registry answered %v, want status %d", err, want)
	}
}

func TestUsers(t *testing.T) {
	r := registry.Start(t, toolsDir, registry.Options{Users: map[string]string{"ann": "secret"}})
	dir := directory(t, map[string][]byte{"a.yaml": nil})
	as := func(password string) crane.Option {
		return crane.WithAuth(&authn.Basic{Username: "ann", Password: password})
	}
	if _, err := push(t, r.Host+"/fleet/paris:v1", dir, as("secret")); err != nil {
		t.Error(err)
	}
	status(t, func() error { _, err := push(t, r.Host+"/fleet/paris:v2", dir, as("wrong")); return err }, http.StatusUnauthorized)
	status(t, func() error { _, err := registry.Pull(t.Context(), r.Host+"/fleet/paris:v1"); return err }, http.StatusUnauthorized)
}

func TestSize(t *testing.T) {
	r := registry.Start(t, toolsDir, registry.Options{Size: "256k"})
	if _, err := push(t, r.Host+"/fleet/paris:v1", directory(t, map[string][]byte{"a.yaml": nil})); err != nil {
		t.Error(err)
	}
	large := make([]byte, 1<<20)
	_, _ = rand.Read(large)
	status(t, func() error {
		_, err := push(t, r.Host+"/fleet/paris:v2", directory(t, map[string][]byte{"a.yaml": large}))
		return err
	}, http.StatusInternalServerError)
}

// TestFaults checks each fault with a client that tries once.
func TestFaults(t *testing.T) {
	r := registry.Start(t, toolsDir, registry.Options{})
	p := r.Proxy(t)
	body := bytes.Repeat([]byte("fleet"), 1000)
	// send sends a request, and returns the status and the number of bytes received.
	send := func(t *testing.T, method, path string, body []byte) (status, read int, err error) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+p.Host+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", string(types.OCIManifestSchema1))
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		answer, err := client.Do(request)
		if err != nil {
			return 0, 0, err
		}
		defer answer.Body.Close()
		data, err := io.ReadAll(answer.Body)
		return answer.StatusCode, len(data), err
	}
	digest, err := push(t, p.Host+"/fleet/paris:v1", directory(t, map[string][]byte{"a.yaml": body}))
	if err != nil {
		t.Fatal(err)
	}
	manifest := "/v2/fleet/paris/manifests/" + digest
	_, whole, err := send(t, http.MethodGet, manifest, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range p.Heal() {
		if !strings.HasPrefix(request.Path, "/v2/") {
			t.Errorf("the proxy got %v", request)
		}
	}
	for name, test := range map[string]struct {
		when   registry.When
		fault  registry.Fault
		status int // 0 is no answer
		read   int
		broken bool
	}{
		"none":                  {registry.After(1), registry.Drop, 200, whole, false},
		"too many requests":     {registry.On("GET", "/manifests/"), registry.Answer(429, "Retry-After", "1"), 429, -1, false},
		"another method":        {registry.On("PUT", "/manifests/"), registry.Answer(429), 200, whole, false},
		"the first of one":      {registry.Times(1, registry.After(0)), registry.Answer(507), 507, -1, false},
		"the first of none":     {registry.Times(0, registry.After(0)), registry.Answer(507), 200, whole, false},
		"dropped":               {registry.After(0), registry.Drop, 0, 0, true},
		"the answer is lost":    {registry.After(0), registry.LoseAnswer, 0, 0, true},
		"the answer is cut":     {registry.After(0), registry.DropResponse(whole / 2), 200, whole / 2, true},
		"the answer is shorter": {registry.After(0), registry.DropResponse(whole), 200, whole, false},
		"late":                  {registry.After(0), registry.Delay(time.Millisecond), 200, whole, false},
	} {
		t.Run(name, func(t *testing.T) {
			p.Fail(test.when, test.fault)
			status, read, err := send(t, http.MethodGet, manifest, nil)
			if test.read < 0 {
				test.read = read
			}
			if status != test.status || read != test.read || (err != nil) != test.broken {
				t.Errorf("status %d, %d bytes, %v; want status %d, %d bytes", status, read, err, test.status, test.read)
			}
			if requests := p.Heal(); len(requests) != 1 || requests[0] != (registry.Request{N: 1, Method: "GET", Path: manifest}) {
				t.Errorf("the proxy got %v", requests)
			}
		})
	}
	t.Run("an upload is cut", func(t *testing.T) {
		p.Fail(registry.On("PUT", "/manifests/"), registry.DropRequest(10))
		if _, err := push(t, p.Host+"/fleet/cut:v1", directory(t, map[string][]byte{"a.yaml": body})); err == nil {
			t.Error("the push succeeded")
		}
		p.Heal()
		if status, _, err := send(t, http.MethodGet, "/v2/fleet/cut/manifests/v1", nil); status != http.StatusNotFound {
			t.Errorf("the registry has the manifest: status %d, %v", status, err)
		}
	})
	t.Run("an upload whose answer is lost", func(t *testing.T) {
		p.Fail(registry.On("PUT", "/manifests/"), registry.LoseAnswer)
		if _, err := push(t, p.Host+"/fleet/lost:v1", directory(t, map[string][]byte{"a.yaml": body})); err == nil {
			t.Error("the push succeeded")
		}
		p.Heal()
		if _, err := registry.Pull(t.Context(), p.Host+"/fleet/lost:v1"); err != nil {
			t.Error(err)
		}
	})
	t.Run("the registry is gone", func(t *testing.T) {
		r.Stop()
		if _, _, err := send(t, http.MethodGet, manifest, nil); err == nil {
			t.Error("got an answer")
		}
	})
}
