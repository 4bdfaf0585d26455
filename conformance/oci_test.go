package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/oci"
	"github.com/google/go-containerregistry/pkg/crane"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/conformance/internal/registry"
	"github.com/fleetwright/fleetwright/internal/pages"
	"github.com/fleetwright/fleetwright/render/layout"
)

// A fleet is a Git repository with inputs, and a registry to publish to.
type fleet struct {
	// dir is the Git repository.
	dir string
	// host is the registry, and name is the path of the artifacts there.
	host, name string
	// env is the environment of the command, in addition to that of the tests.
	env []string
}

// newFleet creates a Git repository with the documents of an example, configured for artifacts.
func newFleet(t *testing.T, host, name, example string) *fleet {
	t.Helper()
	// The command must not use registry logins of the user who runs the tests.
	f := &fleet{dir: t.TempDir(), host: host, name: name, env: []string{"DOCKER_CONFIG=" + t.TempDir(), "XDG_RUNTIME_DIR=", "REGISTRY_AUTH_FILE="}}
	pages.Shell(t, f.dir, "git init --quiet --initial-branch=main && git config user.name someone && git config user.email someone@example.com && git remote add origin git@example.com:shop/fleet.git")
	f.commit(t, publishable(t, example))
	return f
}

// publishable returns the documents of an example with a RenderConfig that makes clusters sync artifacts.
func publishable(t *testing.T, example string) tree {
	t.Helper()
	files := documents(t, example)
	config := &kube.Object{Object: map[string]any{"apiVersion": "fleetwright.dev/v1alpha1", "kind": "RenderConfig"}}
	file := "artifacts.yaml"
	for name, data := range files {
		for _, o := range objects(t, name, data) {
			if o.GetKind() == "RenderConfig" {
				file, config = name, o
			}
		}
	}
	if err := unstructured.SetNestedField(config.Object, "OCIRepository", "spec", "sourceRef", "kind"); err != nil {
		t.Fatal(err)
	}
	unstructured.RemoveNestedField(config.Object, "spec", "path")
	var all [][]byte
	for _, o := range append(slices.DeleteFunc(objects(t, file, files[file]), func(o *kube.Object) bool { return o.GetKind() == "RenderConfig" }), config) {
		data, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	files[file] = bytes.Join(all, []byte("---\n"))
	return files
}

// commit commits files to the repository, and returns the commit.
func (f *fleet) commit(t *testing.T, files tree) string {
	t.Helper()
	mustCopy(t, files, f.dir)
	return strings.TrimSpace(pages.Shell(t, f.dir, "git add --all && git commit --quiet --allow-empty --message commit && git rev-parse HEAD"))
}

// change replaces text that the inputs must contain, and commits the result.
func (f *fleet) change(t *testing.T, old, new string) (commit string) {
	t.Helper()
	changed := tree{}
	for name, data := range readTree(t, f.dir) {
		if path.Ext(name) == ".yaml" && bytes.Contains(data, []byte(old)) {
			changed[name] = bytes.ReplaceAll(data, []byte(old), []byte(new))
		}
	}
	if len(changed) == 0 {
		t.Fatalf("no input contains %q", old)
	}
	return f.commit(t, changed)
}

func (f *fleet) url() string { return "oci://" + f.host + "/" + f.name }

// at returns the reference of a cluster's artifact.
func (f *fleet) at(cluster, tag string) string {
	return f.host + "/" + f.name + "/" + cluster + ":" + tag
}

// run runs the command in the repository, and returns its exit code and output.
func (f *fleet) run(t *testing.T, args ...string) (code int, printed string) {
	t.Helper()
	cmd := exec.Command(fleetwright(t), args...)
	cmd.Dir, cmd.Env = f.dir, append(os.Environ(), f.env...)
	out, err := cmd.CombinedOutput()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// try runs publish, and returns its exit code and output.
func (f *fleet) try(t *testing.T, args ...string) (code int, printed string) {
	t.Helper()
	return f.run(t, append([]string{"publish", ".", f.url(), "--insecure"}, args...)...)
}

// publish runs publish, which must succeed.
func (f *fleet) publish(t *testing.T, args ...string) (printed string) {
	t.Helper()
	code, printed := f.try(t, args...)
	if code != 0 {
		t.Fatalf("publish exits with %d:\n%s", code, printed)
	}
	return printed
}

// render renders the inputs into a new directory.
func (f *fleet) render(t *testing.T, args ...string) tree {
	t.Helper()
	dir := t.TempDir()
	if code, printed := f.run(t, append([]string{"render", ".", "-o", dir}, args...)...); code != 0 {
		t.Fatalf("render exits with %d:\n%s", code, printed)
	}
	return readTree(t, dir)
}

// rootOf returns the files at the root of a cluster's artifact.
func (f tree) rootOf(cluster string) tree {
	files := tree{}
	for name, data := range f {
		if below, ok := strings.CutPrefix(name, cluster+"/"+layout.Dir+"/"); ok {
			files[below] = data
		}
	}
	return files
}

// pull pulls an artifact as Flux does.
func pull(t *testing.T, reference string) *registry.Artifact {
	t.Helper()
	a, err := registry.Pull(t.Context(), reference)
	if err != nil {
		t.Fatalf("%s: %v", reference, err)
	}
	return a
}

// manifest returns the manifest of an artifact from the registry.
func manifest(t *testing.T, reference string) (manifest struct {
	Config struct{ Digest string }
	Layers []struct {
		MediaType, Digest string
		Size              int
	}
	raw []byte
}) {
	t.Helper()
	raw, err := crane.Manifest(reference)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &manifest); err != nil {
		t.Fatal(err)
	}
	if len(manifest.Layers) != 1 {
		t.Fatalf("%s: %s", reference, raw)
	}
	manifest.raw = raw
	return manifest
}

// TestPublishedIsWhatFluxReads publishes the examples to a real registry. Flux's own code pulls the same
// files that render writes. The manifest equals the one that Flux pushes for the same directory, except for
// the bytes of the layer.
func TestPublishedIsWhatFluxReads(t *testing.T) {
	host := registry.Start(t, toolsDir, registry.Options{}).Host
	for _, example := range examples(t) {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			record(t, "12. OCI: Flux reads what render writes")
			f := newFleet(t, host, example, example)
			f.publish(t, "--tag", "v1")
			commit := strings.TrimSpace(pages.Shell(t, f.dir, "git rev-parse HEAD"))
			want := f.render(t)
			for _, cluster := range want.clusters() {
				got := pull(t, f.at(cluster, "latest"))
				if names := difference(got.Files, want.rootOf(cluster)); len(names) > 0 {
					t.Errorf("%s: files that differ from render's output: %q", cluster, names)
				}
				published := manifest(t, f.at(cluster, "latest"))
				for _, tag := range []string{commit, "v1"} {
					if other := manifest(t, f.at(cluster, tag)); !bytes.Equal(published.raw, other.raw) {
						t.Errorf("%s: the tag %s is %s, but latest is %s", cluster, tag, other.raw, published.raw)
					}
				}
				dir := t.TempDir()
				mustCopy(t, want.rootOf(cluster), dir)
				flux := host + "/flux/" + example + "/" + cluster + ":latest"
				if _, err := registry.Push(t.Context(), flux, dir, oci.Metadata{
					Source: "https://example.com/shop/fleet", Revision: "sha1:" + commit, Created: "1970-01-01T00:00:00Z",
				}); err != nil {
					t.Fatal(err)
				}
				pushed := manifest(t, flux)
				same := strings.NewReplacer(pushed.Layers[0].Digest, published.Layers[0].Digest,
					fmt.Sprintf(`"size":%d`, pushed.Layers[0].Size), fmt.Sprintf(`"size":%d`, published.Layers[0].Size)).Replace(string(pushed.raw))
				if same != string(published.raw) {
					t.Errorf("%s: the manifest is\n%s\nwant Flux's\n%s", cluster, published.raw, same)
				}
			}
			for _, args := range [][]string{{"check", ".", "-o", f.url(), "--insecure"}, {"diff", ".", "-o", f.url(), "--insecure"}} {
				if code, printed := f.run(t, args...); code != 0 {
					t.Errorf("%s exits with %d:\n%s", args[0], code, printed)
				}
			}
		})
	}
}

// TestFluxSyncsArtifacts runs the real kustomize-controller on a cluster's artifact, first into an empty
// cluster, and then with changes. A simulated source-controller pulls the artifact with Flux's own code.
func TestFluxSyncsArtifacts(t *testing.T) {
	t.Parallel()
	const cluster = "frankfurt"
	f := newFleet(t, registry.Start(t, toolsDir, registry.Options{}).Host, "fleet", "oci")
	first := f.change(t, "url: oci://registry.example.com/fleet", "insecure: true\n    url: "+f.url())
	f.publish(t)
	old := f.render(t)
	c := startFluxOf(t, applicationOf(t, "oci"), kubeconfigs(t, "oci"), old, cluster, func(c *fluxCluster) {
		c.bootstrap = bootstrapOf("OCIRepository", "./", map[string]any{
			"interval": "5m", "provider": "generic", "url": f.url() + "/" + cluster, "ref": map[string]any{"tag": "latest"},
		})
	})
	// converges waits until the cluster has the published objects.
	converges := func(t *testing.T, tree tree, commit string) (revision string) {
		t.Helper()
		revision = pull(t, f.at(cluster, "latest")).Revision
		c.converge(t, tree, map[string]string{"flux-system": revision})
		none(t, c.misplaced(t, tree))
		k, err := c.Get(t.Context(), kustomizations, "flux-system", "flux-system")
		if err != nil {
			t.Fatal(err)
		}
		if origin, _, _ := unstructured.NestedString(k.Object, "status", "lastAppliedOriginRevision"); origin != "sha1:"+commit {
			t.Errorf("Flux reports the commit %q, want %s", origin, commit)
		}
		canary, err := c.Get(t.Context(), canaries, "webapp", "backend")
		if err != nil {
			t.Fatal(err)
		}
		want := tree.objects(t, cluster)["Canary webapp/backend"]
		if got, want := fmt.Sprint(canary.Object["spec"]), fmt.Sprint(want.Object["spec"]); got != want {
			t.Errorf("the Canary is\n%s\nwant\n%s", got, want)
		}
		return revision
	}
	var before string
	t.Run("converges", func(t *testing.T) {
		record(t, "12. OCI: Flux converges from artifacts")
		before = converges(t, old, first)
		source, err := c.Get(t.Context(), artifacts, "flux-system", "flux-system")
		if err != nil {
			t.Fatal(err)
		}
		interval, _, _ := unstructured.NestedString(source.Object, "spec", "interval")
		if owner := source.GetLabels()["kustomize.toolkit.fluxcd.io/name"]; interval != "1m0s" || owner != "flux-system" {
			t.Errorf("source.yaml does not replace the bootstrap's: interval %s, applied by %q", interval, owner)
		}
	})
	if t.Failed() {
		return
	}
	t.Run("a change arrives", func(t *testing.T) {
		record(t, "12. OCI: Flux converges from artifacts")
		commit := f.change(t, "max: 500", "max: 400")
		f.publish(t)
		if after := converges(t, f.render(t), commit); after == before {
			t.Errorf("the revision is still %s", after)
		}
	})
	t.Run("a commit without changes is not a new revision", func(t *testing.T) {
		record(t, "12. OCI: Flux converges from artifacts")
		revision, applied := pull(t, f.at(cluster, "latest")).Revision, c.applied(t)
		commit := f.commit(t, nil)
		f.publish(t)
		if other := pull(t, f.at(cluster, "latest")).Revision; other != revision {
			t.Errorf("the revision changed from %s to %s", revision, other)
		}
		if other := pull(t, f.at(cluster, commit)).Revision; other != strings.Replace(revision, "latest", commit, 1) {
			t.Errorf("the tag of the commit is %s, but latest is %s", other, revision)
		}
		c.reconcile(t)
		if after := c.applied(t); !maps.Equal(applied, after) {
			t.Errorf("before\n%s\nafter\n%s", show(applied), show(after))
		}
	})
	t.Run("a rollback arrives", func(t *testing.T) {
		record(t, "12. OCI: Flux converges from artifacts")
		f.publish(t, "--from", first)
		if after := converges(t, old, first); after != before {
			t.Errorf("the revision is %s, want %s", after, before)
		}
	})
}

// artifacts is the kind OCIRepository.
var artifacts = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "OCIRepository"}

// state maps every tag of the fleet's artifacts to its digest.
func (f *fleet) state(t *testing.T) map[string]string {
	t.Helper()
	repositories, err := crane.Catalog(f.host)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range repositories {
		cluster, ok := strings.CutPrefix(name, f.name+"/")
		if !ok {
			continue
		}
		tags, err := crane.ListTags(f.host + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range tags {
			digest, err := crane.Digest(f.at(cluster, tag))
			if err != nil {
				t.Fatal(err)
			}
			all[cluster+":"+tag] = digest
		}
	}
	return all
}
