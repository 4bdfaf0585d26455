package sources

import (
	"context"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/kustomize"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema/api"
)

// configMap is a manifest.
const configMap = `
-- app/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: web}
`

// TestNothingIsFetched checks that a source with remote resources counts as not read, and that no program is
// started and no server contacted.
func TestNothingIsFetched(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a server was asked") }))
	defer server.Close()
	bin := t.TempDir()
	started := filepath.Join(bin, "started")
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte("#!/bin/sh\n: >"+started+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	here := strings.TrimPrefix(server.URL, "http://")
	for _, test := range []struct{ name, field, want string }{
		{"a base by HTTPS", "resources: ['https://github.com/shop/app//deploy?ref=v1']", "app/kustomization.yaml names the remote base https://github.com/shop/app//deploy?ref=v1"},
		{"a base by HTTP", "resources: [http://SERVER/app]", "app/kustomization.yaml names the remote base http://SERVER/app"},
		{"a base in capitals", "resources: [HTTP://SERVER/app]", "names the remote base HTTP://SERVER/app"},
		{"a base by SSH", "resources: [ssh://git@example.com/shop/app]", "names the remote base"},
		{"a base as scp has it", "resources: ['git@example.com:shop/app']", "names the remote base"},
		{"a base of another user", "resources: ['me@example.com:shop/app.git']", "names the remote base"},
		{"a base on GitHub", "resources: [github.com/shop/app/deploy]", "names the remote base"},
		{"a base on GitHub as scp has it", "resources: ['github.com:shop/app']", "names the remote base"},
		{"a base with a forced protocol", "resources: ['git::https://example.com/shop/app']", "names the remote base"},
		{"a repository on this machine", "resources: ['file:///etc/repository']", "names the remote base"},
		{"the old field", "bases: ['github.com/shop/app']", "names the remote base"},
		{"a component", "components: ['github.com/shop/app']", "names the remote base"},
		{"a generator", "generators: ['https://example.com/shop/app']", "names the remote base"},
		{"a transformer", "transformers: ['https://example.com/shop/app']", "names the remote base"},
		{"a validator", "validators: ['https://example.com/shop/app']", "names the remote base"},
		{"a definition", "crds: ['http://SERVER/crd']", "app/kustomization.yaml names the remote file http://SERVER/crd"},
		{"a configuration", "configurations: ['http://SERVER/c']", "names the remote file"},
		{"a patch", "patches: [{path: 'http://SERVER/p'}]", "names the remote file"},
		{"a strategic merge patch", "patchesStrategicMerge: ['http://SERVER/p']", "names the remote file"},
		{"a JSON patch", "patchesJson6902: [{path: 'http://SERVER/p', target: {kind: X}}]", "names the remote file"},
		{"a replacement", "replacements: [{path: 'http://SERVER/p'}]", "names the remote file"},
		{"a file of a ConfigMap", "configMapGenerator: [{name: c, files: ['a=http://SERVER/p']}]", "names the remote file http://SERVER/p"},
		{"variables of a Secret", "secretGenerator: [{name: c, envs: ['http://SERVER/p']}]", "names the remote file"},
		{"the old field of variables", "configMapGenerator: [{name: c, env: 'http://SERVER/p'}]", "names the remote file"},
		{"a schema", "openapi: {path: 'http://SERVER/p'}", "names the remote file"},
		{"a patch of a transformer", "transformers: ['{apiVersion: builtin, kind: PatchTransformer, metadata: {name: p}, path: \"http://SERVER/p\"}']", "it needs the network: "},
		{"a file of a generator", "generators: ['{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: p}, files: [\"http://SERVER/p\"]}']", "it needs the network: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, resources := range []string{"", "resources: [cm.yaml]\n"} {
				if strings.HasPrefix(test.field, "resources:") && resources != "" {
					continue
				}
				f := filesOf(t, configMap+"-- app/kustomization.yaml --\n"+resources+strings.ReplaceAll(test.field, "SERVER", here)+"\n")
				for _, dir := range []string{"app", "overlay"} {
					if dir == "overlay" {
						f = filesOf(t, configMap+"-- app/kustomization.yaml --\n"+resources+strings.ReplaceAll(test.field, "SERVER", here)+"\n-- overlay/kustomization.yaml --\nresources: [../app]\n")
					}
					built := buildOne(t, f, source.Kustomization{Path: dir}, nil, nil)
					if want := strings.ReplaceAll(test.want, "SERVER", here); !strings.Contains(built.Unread, want) || len(built.Failures) > 0 {
						t.Errorf("%s: got %q %+v, want %q", dir, built.Unread, built.Failures, want)
					}
				}
			}
		})
	}
	if _, err := os.Stat(started); err == nil {
		t.Error("git was started")
	}
}

// TestWhatIsAbsentIsNotRead checks that files missing from this checkout are not reported as mistakes.
func TestWhatIsAbsentIsNotRead(t *testing.T) {
	for _, test := range []struct{ name, path, absent, want string }{
		{"a base", "overlay", "base", "base: a submodule"},
		{"a manifest", "app", "app/more.yaml", "app/more.yaml: a submodule"},
		{"the directory", "base/deep", "base", "base/deep: a submodule"},
		{"the kustomization file", "plain", "plain/kustomization.yml", "plain/kustomization.yml: a submodule"},
		{"something else", "app", "charts", ""},
		{"what is ignored", ".", "base", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			texts := filesOf(t, configMap+"-- overlay/kustomization.yaml --\nresources: [../base]\n-- plain/notes.md --\n-- .sourceignore --\n/base\n/overlay\n")
			if test.path != "." {
				texts = filesOf(t, configMap+"-- overlay/kustomization.yaml --\nresources: [../base]\n-- plain/notes.md --\n")
			}
			f := newFiles(texts.names, map[string]string{test.absent: "a submodule"}, texts.read)
			built := buildOne(t, f, source.Kustomization{Path: test.path}, nil, nil)
			if built.Unread != test.want || len(built.Failures) > 0 {
				t.Errorf("got %+v", built)
			}
		})
	}
}

// TestWhyAFileIsUnreadIsSaidOnce checks that the message names the file, and not the system call.
func TestWhyAFileIsUnreadIsSaidOnce(t *testing.T) {
	denied := func(name string) error { return &fs.PathError{Op: "openat", Path: name, Err: fs.ErrPermission} }
	for _, file := range []string{"app/cm.yaml", "app/kustomization.yaml"} {
		f := newFiles([]string{file}, nil, func(name string) ([]byte, error) { return nil, denied(name) })
		built := buildOne(t, f, source.Kustomization{Path: "app"}, nil, nil)
		if want := file + " cannot be read: permission denied"; built.Unread != want {
			t.Errorf("got %q, want %q", built.Unread, want)
		}
	}
	for _, dir := range []string{"/shop", "/"} {
		if got := reason(directoryError{denied("app/web")}, dir); got != "app/web: permission denied" {
			t.Errorf("of a directory in %s: %q", dir, got)
		}
	}
}

// TestBombsEnd checks that sources with unbounded content, or without an end, are skipped soon and with
// little memory.
func TestBombsEnd(t *testing.T) {
	laughs := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nl0: &l0 [x]\n"
	for i := range 30 {
		laughs += fmt.Sprintf("l%d: &l%d [*l%d, *l%d]\n", i+1, i+1, i, i)
	}
	bases := ""
	for i := range 40 {
		bases += fmt.Sprintf("-- b%d/kustomization.yaml --\nresources: [../b%d, ../b%d/../b%d]\n", i, i+1, i+1, i+1)
	}
	bases += "-- b40/kustomization.yaml --\nlabels: [{pairs: {a: b}}]\n"
	components := "-- c0/kustomization.yaml --\ncomponents: [../c1]\n"
	for i := range 40 {
		components += fmt.Sprintf("-- c%d/kustomization.yaml --\napiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncomponents: [../c%d]\n", i+1, i+2)
	}
	copies := strings.Repeat(`, {"op": "copy", "from": "/list", "path": "/list/-"}`, 40)
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	for _, test := range []struct{ name, path, archive, want string }{
		{"aliases", "app", "-- app/a.yaml --\n" + laughs, "app/a.yaml has aliases that expand to more than 1048576 values"},
		{"an alias in itself", "app", "-- app/a.yaml --\napiVersion: v1\nkind: A\nmetadata: {name: a}\nx: &x [*x]\n", "app/a.yaml has aliases"},
		{"aliases in a patch", "app", configMap + "-- app/kustomization.yaml --\nresources: [cm.yaml]\npatches:\n- patch: |-\n    " + strings.ReplaceAll(laughs, "\n", "\n    ") + "\n", "app/kustomization.yaml has aliases"},
		{"aliases in the patch of a transformer", "app", configMap + "-- app/kustomization.yaml --\nresources: [cm.yaml]\ntransformers: [t.yaml]\n-- app/t.yaml --\napiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\npatch: |-\n  " + strings.ReplaceAll(laughs, "\n", "\n  ") + "\n", "app/t.yaml has aliases"},
		{"aliases that are escaped", "app", configMap + "-- app/kustomization.yaml --\nresources: [cm.yaml]\ntransformers: [t.yaml]\n-- app/t.yaml --\n" + fmt.Sprintf(`{"apiVersion": "builtin", "kind": "PatchTransformer", "metadata": {"name": "p"}, "patch": %s}`, strings.ReplaceAll(fmt.Sprintf("%q", laughs), "&", `\u0026`)) + "\n", "app/t.yaml has aliases"},
		{"aliases in a transformer in its place", "app", configMap + "-- app/kustomization.yaml --\nresources: [cm.yaml]\ntransformers:\n- |-\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: p}\n  patch: |-\n    " + strings.ReplaceAll(laughs, "\n", "\n    ") + "\n", "app/kustomization.yaml has aliases"},
		{"aliases in a kustomization file", "app", "-- app/kustomization.yaml --\n" + laughs, "Failures"},
		{"bases that double", "b0", bases, "a build reads more than|the build takes more than"},
		{"errors that double with each component", "c0", components, "its components are nested too deeply"},
		{"copies that double", "app", configMap + "-- app/kustomization.yaml --\nresources: [cm.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: '" + `[{"op": "add", "path": "/list", "value": ["` + strings.Repeat("y", 1000) + `"]}` + copies + "]'\n", "a JSON patch copies more than 16 MiB|the build takes more than"},
		{"deep nesting", "app", "-- app/a.yaml --\napiVersion: v1\nkind: A\nmetadata: {name: a}\nx: " + deep + "\n", ""},
		{"a large file", "app", "-- app/a.yaml --\n# " + strings.Repeat("x", maxBytes) + "\n", "a build reads more than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			setBuildTime(t, time.Second)
			start := time.Now()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			built := buildOne(t, filesOf(t, test.archive), source.Kustomization{Path: test.path}, nil, nil)
			runtime.ReadMemStats(&after)
			if took := time.Since(start); took > tooLong {
				t.Errorf("the build took %s", took)
			}
			if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 1<<30 {
				t.Errorf("the heap grew by %d MiB", grown>>20)
			}
			if test.want == "Failures" {
				if len(built.Failures) != 1 {
					t.Errorf("got %.500v", built)
				}
				t.Log(built.Failures)
				return
			}
			found := slices.ContainsFunc(strings.Split(test.want, "|"), func(want string) bool { return strings.HasPrefix(built.Unread, want) })
			if !found || test.want == "" && built.Unread != "" || len(built.Failures) > 0 {
				t.Errorf("got %.500v", built)
			}
		})
	}
}

// tooLong is more than a busy machine takes for a build that ends by itself.
const tooLong = 2 * time.Minute

// setBuildTime sets a shorter time limit for builds.
func setBuildTime(t *testing.T, limit time.Duration) {
	before := buildTime
	buildTime = limit
	t.Cleanup(func() { buildTime = before })
}

// TestASlowSourceIsNotRead checks that a hanging build is abandoned, and that after a few of them no more are
// started.
func TestASlowSourceIsNotRead(t *testing.T) {
	setBuildTime(t, 20*time.Millisecond)
	end := make(chan struct{})
	var builds []source.Build
	for i := range 50 {
		builds = append(builds, source.Build{
			Key: source.Key{Policy: i}, Source: &api.ApplicationSource{}, Kustomization: &source.Kustomization{Path: fmt.Sprintf("app%d", i)},
		})
	}
	var names []string
	for i := range builds {
		names = append(names, fmt.Sprintf("app%d/a.yaml", i))
	}
	f := newFiles(names, nil, func(string) ([]byte, error) { <-end; return nil, nil })
	start := time.Now()
	for key, built := range Build(t.Context(), builds, func(*source.Build) (*Files, string) { return f, "" }) {
		if !strings.Contains(built.Unread, "more than 20ms") {
			t.Fatalf("%v: %+v", key, built)
		}
	}
	if took := time.Since(start); took > tooLong {
		t.Errorf("the builds took %s", took)
	}
	close(end)
}

// TestSlowPatternsEnd checks that slow patterns in .sourceignore files are abandoned, and not tried again
// after a few sources.
func TestSlowPatternsEnd(t *testing.T) {
	setBuildTime(t, 20*time.Millisecond)
	files := map[string][]byte{".sourceignore": []byte(strings.Repeat("*"+strings.Repeat("a", 120)+"b\n", 1000))}
	for i := range 100 {
		files[fmt.Sprintf("%s%d.yaml", strings.Repeat(strings.Repeat("a", 240)+"/", 10), i)] = nil
	}
	var builds []source.Build
	for i := range 50 {
		ignore := fmt.Sprintf("/%d/", i)
		builds = append(builds, source.Build{
			Key:    source.Key{Policy: i},
			Source: &api.ApplicationSource{GitRepository: &api.GitRepository{Ignore: &ignore}}, Kustomization: &source.Kustomization{},
		})
	}
	f := InMemory(files)
	start := time.Now()
	for key, built := range Build(t.Context(), builds, func(*source.Build) (*Files, string) { return f, "" }) {
		if want := "comparing files with the patterns of .sourceignore and ignore takes more than 20ms"; built.Unread != want {
			t.Fatalf("%v: got %q, want %q", key, built.Unread, want)
		}
	}
	if took := time.Since(start); took > tooLong {
		t.Errorf("the builds took %s", took)
	}
}

// TestAnEndedRunBuildsNothing checks that an interrupted run does not wait for its builds.
func TestAnEndedRunBuildsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := source.Build{Source: &api.ApplicationSource{}, Kustomization: &source.Kustomization{Path: "app"}}
	built := Build(ctx, []source.Build{b}, func(*source.Build) (*Files, string) { return filesOf(t, configMap), "" })[b.Key]
	if built.Unread != "the run was interrupted" {
		t.Errorf("%+v", built)
	}
}

// TestFatalErrorsArePanics checks that log.Fatal does not end the process while sources are built.
func TestFatalErrorsArePanics(t *testing.T) {
	isolate()
	defer func() {
		if p := recover(); !strings.Contains(fmt.Sprint(p), "the end") {
			t.Error(p)
		}
	}()
	log.Println("not yet")
	log.Fatal("the end")
}

// withSchemaOf sets a schema for a kind.
const withSchemaOf = `
-- own/kustomization.yaml --
resources: [a.yaml]
openapi: {path: schema.json}
patches: [{path: patch.yaml}]
-- own/schema.json --
{"definitions": {"v1.Pipeline": {"type": "object", "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Pipeline"}], "properties": {"steps": {"type": "array", "items": {"type": "object"}, "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}}}}}
-- own/a.yaml --
apiVersion: example.com/v1
kind: Pipeline
metadata: {name: a}
steps: [{name: one}, {name: two}]
-- own/patch.yaml --
apiVersion: example.com/v1
kind: Pipeline
metadata: {name: a}
steps: [{name: two, run: x}]
-- plain/kustomization.yaml --
resources: [../own/a.yaml]
patches: [{path: ../own/patch.yaml}]
`

// TestSchemasAreNotSet checks that a source sets no schema: kustomize has one schema per process, and
// rollouts are patched with it.
func TestSchemasAreNotSet(t *testing.T) {
	f := filesOf(t, withSchemaOf)
	for path, want := range map[string]string{
		"own": "own/kustomization.yaml sets openapi, which changes how patches are merged", "plain": "",
	} {
		if built := buildOne(t, f, source.Kustomization{Path: path, TargetNamespace: "web"}, nil, nil); built.Unread != want {
			t.Errorf("%s: %+v", path, built)
		}
	}
	if s := openapi.SchemaForResourceType(yaml.TypeMeta{APIVersion: "example.com/v1", Kind: "Pipeline"}); s != nil {
		t.Error("the schema of a source is set")
	}
}

// TestBuildsAtOnce builds many directories concurrently.
func TestBuildsAtOnce(t *testing.T) {
	archive := withSchemaOf
	var builds []source.Build
	for i := range 40 {
		archive += fmt.Sprintf("-- app%d/a.yaml --\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a%d}\nspec: {replicas: 2, template: {spec: {containers: [{name: a}, {name: b}]}}}\n", i, i)
		path := []string{"plain", fmt.Sprintf("app%d", i)}[i%2]
		builds = append(builds, source.Build{
			Key: source.Key{Policy: i}, Source: &api.ApplicationSource{}, Kustomization: &source.Kustomization{Path: path, TargetNamespace: fmt.Sprintf("ns%d", i)},
			Added: []kustomize.Patch{{Target: &kustomize.Selector{Kind: "Deployment"}, Patch: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: null, template: {spec: {containers: [{name: b, image: x}]}}}"}},
		})
	}
	f := filesOf(t, archive)
	manifests := Build(t.Context(), builds, func(*source.Build) (*Files, string) { return f, "" })
	for i, b := range builds {
		built := manifests[b.Key]
		if len(built.Objects) != 1 || len(built.Plain) != 1 {
			t.Fatalf("%s: %+v", b.Kustomization.Path, built)
		}
		want := []string{`"steps":[{"name":"two","run":"x"}]`, `"spec":{"template":{"spec":{"containers":[{"image":"x","name":"b"},{"name":"a"}]}}}`}[i%2]
		if got := string(built.Objects[0].JSON); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", b.Kustomization.Path, got, want)
		}
	}
}
