package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	fluxapi "github.com/fluxcd/pkg/apis/kustomize"
	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"github.com/fluxcd/pkg/sourceignore"
	"golang.org/x/tools/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	k8syaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/sources"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A built source is a source, and the policy that applies it.
type builtSource struct {
	Path            string              `json:"path,omitempty"`
	TargetNamespace string              `json:"targetNamespace,omitempty"`
	CommonMetadata  *api.CommonMetadata `json:"commonMetadata,omitempty"`
	Components      []string            `json:"components,omitempty"`
	Images          []fluxapi.Image     `json:"images,omitempty"`
	Patches         []fluxapi.Patch     `json:"patches,omitempty"`
	// Ignore is the field of the GitRepository.
	Ignore *string `json:"ignore,omitempty"`
	// Links are symbolic links in the source, by name.
	Links map[string]string `json:"links,omitempty"`
	// CRLF gives all files Windows line endings.
	CRLF bool `json:"crlf,omitempty"`
	// Fails reports whether Flux fails.
	Fails bool `json:"fails,omitempty"`

	files map[string][]byte
}

// readSource reads a test case: the policy's fields as YAML, and the files.
func readSource(t *testing.T, name string) *builtSource {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	l := &builtSource{files: map[string][]byte{}}
	if err := yaml.UnmarshalStrict(archive.Comment, l); err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		if l.CRLF {
			f.Data = bytes.ReplaceAll(f.Data, []byte("\n"), []byte("\r\n"))
		}
		l.files[f.Name] = f.Data
	}
	return l
}

// TestSourcesAreBuiltAsFluxDoes checks that building a source gives the same objects as Flux's own library,
// or fails if the library does.
func TestSourcesAreBuiltAsFluxDoes(t *testing.T) {
	names, err := filepath.Glob("testdata/sources/*.txtar")
	if err != nil || len(names) < 40 {
		t.Fatal(len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			record(t, "3. Flux: a source is built as Flux does")
			l := readSource(t, name)
			want, wantErr := l.flux(t)
			if (wantErr != nil) != l.Fails {
				t.Fatalf("Flux builds %d objects, error %v", len(want), wantErr)
			}
			got, gotErr := l.ours(t)
			if (gotErr != nil) != l.Fails {
				t.Fatalf("our error is %v, Flux's is %v", gotErr, wantErr)
			}
			if l.Fails {
				t.Logf("%v\nFlux: %v", gotErr, wantErr)
			}
			compareObjects(t, got, want)
		})
	}
}

// compareObjects compares objects, including their order.
func compareObjects(t *testing.T, got, want []any) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d objects, but Flux builds %d:\n%s\n%s", len(got), len(want), asJSON(got), asJSON(want))
		return
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("%s\nFlux:\n%s", asJSON(got[i]), asJSON(want[i]))
		}
	}
}

func asJSON(v any) string {
	text, _ := json.MarshalIndent(v, "", " ")
	return string(text)
}

// ours returns the objects that fleetwright builds.
func (l *builtSource) ours(t *testing.T) (objects []any, err error) {
	b := source.Build{
		Source: &api.ApplicationSource{GitRepository: &api.GitRepository{Ignore: l.Ignore}},
		Kustomization: &source.Kustomization{
			Path: l.Path, TargetNamespace: l.TargetNamespace, CommonMetadata: l.CommonMetadata, Components: l.Components, Images: l.Images,
		},
		Patches: l.Patches,
	}
	built := sources.Build(t.Context(), []source.Build{b}, func(*source.Build) (*sources.Files, string) {
		return sources.InMemory(l.files), ""
	})[b.Key]
	if built.Unread != "" {
		t.Fatal(built.Unread)
	}
	for _, f := range built.Failures {
		if f.Field[1] == "targetNamespace" {
			continue // Flux builds it, but the API server rejects it
		}
		err = errors.Join(err, fmt.Errorf("%v: %s (%s)", f.Field, f.Message, f.Hint))
	}
	for _, o := range built.Objects {
		if _, ok := l.files[o.File]; !ok && o.File != "" {
			t.Errorf("%s %s is in %q", o.Kind, o.Name, o.File)
		}
		var object any
		if err := json.Unmarshal(o.JSON, &object); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
	return objects, err
}

// flux returns the objects that source-controller and kustomize-controller build from a source, with their
// libraries.
func (l *builtSource) flux(t *testing.T) (objects []any, err error) {
	checkout, root := t.TempDir(), t.TempDir()
	for name, text := range l.files {
		writeFile(t, filepath.Join(checkout, name), text)
	}
	for name, target := range l.Links {
		if err := os.Symlink(target, filepath.Join(checkout, name)); err != nil {
			t.Fatal(err)
		}
	}
	pack(t, checkout, root, l.Ignore)
	dir := filepath.Join(root, path.Join("/", l.Path))
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	spec := map[string]any{}
	fields := *l
	fields.Ignore, fields.Links, fields.CRLF, fields.Fails, fields.CommonMetadata = nil, nil, false, false, nil
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	if _, err := fluxkustomize.NewGenerator(root, unstructured.Unstructured{Object: map[string]any{"spec": spec}}).WriteFile(dir); err != nil {
		return nil, err
	}
	built, err := fluxkustomize.SecureBuild(root, dir, false)
	if err != nil {
		return nil, err
	}
	for _, r := range built.Resources() { // kustomize-controller, internal/controller, build
		if r.GetName() == "" || r.GetKind() == "" || r.GetApiVersion() == "" {
			return nil, fmt.Errorf("no apiVersion, kind and name: %s", r.String())
		}
	}
	manifests, err := built.AsYaml()
	if err != nil {
		return nil, err
	}
	return l.applied(t, manifests), nil
}

// pack copies the files that source-controller packs (fluxcd/pkg, artifact/storage/archive.go, which is not
// available as a module).
func pack(t *testing.T, from, to string, ignore *string) {
	t.Helper()
	domain := strings.Split(from, string(filepath.Separator))
	patterns, err := sourceignore.LoadIgnorePatterns(from, domain)
	if err != nil {
		t.Fatal(err)
	}
	if ignore != nil {
		patterns = append(patterns, sourceignore.ReadPatterns(strings.NewReader(*ignore), domain)...)
	}
	matcher := sourceignore.NewDefaultMatcher(patterns, domain)
	if len(patterns) > 0 {
		matcher = sourceignore.NewMatcher(append(sourceignore.VCSPatterns(domain), patterns...))
	}
	err = filepath.Walk(from, func(name string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() && !info.IsDir() || matcher.Match(strings.Split(name, string(filepath.Separator)), info.IsDir()) {
			return nil
		}
		target := filepath.Join(to, strings.TrimPrefix(name, from))
		if info.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		writeFile(t, target, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// writeFile writes a file, and creates its directories.
func writeFile(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// applied returns built objects as kustomize-controller applies them: without kustomize's own kinds
// (fluxcd/pkg/ssa, utils/object.go), and with the common metadata (utils/meta.go).
func (l *builtSource) applied(t *testing.T, manifests []byte) (objects []any) {
	t.Helper()
	for decoder := k8syaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 2048); ; {
		u := &unstructured.Unstructured{}
		switch err := decoder.Decode(u); {
		case err == io.EOF:
			return objects
		case err != nil:
			t.Fatal(err)
		case u.GetKind() == "Kustomization" && strings.HasPrefix(u.GetAPIVersion(), "kustomize.config.k8s.io/"):
			continue
		}
		if c := l.CommonMetadata; c != nil {
			labels, annotations := u.GetLabels(), u.GetAnnotations()
			for k, v := range c.Labels {
				labels = withKey(labels, k, string(v))
			}
			for k, v := range c.Annotations {
				annotations = withKey(annotations, k, v)
			}
			u.SetLabels(labels)
			u.SetAnnotations(annotations)
		}
		text, err := u.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var object any
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
}

// withKey sets a key of a map, which may be nil.
func withKey(all map[string]string, key, value string) map[string]string {
	if all == nil {
		all = map[string]string{}
	}
	all[key] = value
	return all
}
