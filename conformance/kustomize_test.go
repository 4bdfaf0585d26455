package conformance

import (
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/conformance/internal/tools"
	"github.com/fleetwright/fleetwright/internal/pages"
	"github.com/fleetwright/fleetwright/render/layout"
)

// An orchestrator is a program that runs fleetwright as a KRM function, with fleetwright on its PATH.
type orchestrator struct {
	file string
	env  []string
}

func newOrchestrator(t *testing.T, tool tools.Tool) orchestrator {
	t.Helper()
	file, err := tools.Build(toolsDir, tool)
	if err != nil {
		t.Fatal(err)
	}
	path := "PATH=" + filepath.Dir(fleetwright(t)) + string(filepath.ListSeparator) + os.Getenv("PATH")
	return orchestrator{file, append(os.Environ(), path)}
}

// run runs the program, and returns its standard output and standard error.
func (o orchestrator) run(args ...string) (stdout, stderr string, err error) {
	var out, say strings.Builder
	cmd := exec.Command(o.file, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = o.env, &out, &say
	err = cmd.Run()
	return out.String(), say.String(), err
}

func (o orchestrator) mustRun(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, err := o.run(args...)
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", filepath.Base(o.file), args, err, stdout, stderr)
	}
	return stdout
}

// build builds a directory with kustomize.
func (o orchestrator) build(dir string) (stdout, stderr string, err error) {
	return o.run("build", "--enable-alpha-plugins", "--enable-exec", dir)
}

func (o orchestrator) mustBuild(t *testing.T, dir string) string {
	t.Helper()
	return o.mustRun(t, "build", "--enable-alpha-plugins", "--enable-exec", dir)
}

// settings returns a functionConfig with the given spec.
func settings(spec string) []byte {
	return []byte(`{apiVersion: fleetwright.dev/v1alpha1, kind: RenderConfig, metadata: {name: fleetwright, annotations: {config.kubernetes.io/function: "exec: {path: fleetwright}"}}, spec: ` + spec + "}\n")
}

// functionOf returns the settings of an example as a functionConfig for one cluster, with inputs in the
// parent directory.
func functionOf(t *testing.T, config []byte, cluster string, inputs ...string) []byte {
	t.Helper()
	own, err := kube.Objects(settings("{}"))
	if err != nil {
		t.Fatal(err)
	}
	o := own[0]
	if config != nil {
		objects, err := kube.Objects(config)
		if err != nil {
			t.Fatal(err)
		}
		o.Object["spec"] = objects[0].Object["spec"]
	}
	var above []any
	for _, name := range inputs {
		above = append(above, "../"+name)
	}
	spec := o.Object["spec"].(map[string]any)
	if spec["ociRepository"] == nil {
		spec["path"] = outputPath
	}
	spec["function"] = map[string]any{"cluster": cluster, "inputs": above}
	data, err := o.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// kustomization returns a kustomization.yaml.
func kustomization(fields string) []byte {
	return []byte("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n" + fields)
}

// renderedBy is the annotation by which the function recognizes its objects.
const renderedBy = "fleetwright.dev/rendered"

// objectsOf returns the objects of a text as sorted JSON, without the function's annotation, which must name
// the cluster if it is set.
func objectsOf(t *testing.T, text []byte, cluster string) (all []string) {
	t.Helper()
	objects, err := kube.Objects(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		annotations := o.GetAnnotations()
		if annotations[renderedBy] != cluster {
			t.Errorf("%s %s has the annotation %q", o.GetKind(), o.GetName(), annotations[renderedBy])
		}
		delete(annotations, renderedBy)
		if o.SetAnnotations(annotations); len(annotations) == 0 {
			unstructured.RemoveNestedField(o.Object, "metadata", "annotations")
		}
		if metadata, _ := o.Object["metadata"].(map[string]any); len(metadata) == 0 {
			delete(o.Object, "metadata")
		}
		data, err := o.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(data))
	}
	slices.Sort(all)
	return slices.Compact(all) // two applications may declare the same Namespace
}

// pullExamples returns the examples in which each cluster's Flux applies its own directory, with their
// documents.
func pullExamples(t *testing.T) map[string]tree {
	all := map[string]tree{}
	for _, name := range examples(t) {
		files := documents(t, name)
		maps.DeleteFunc(files, func(name string, _ []byte) bool { return path.Ext(name) != ".yaml" })
		if name != everyField && name != "hub" {
			all[name] = files
		}
	}
	return all
}

// settingsOf returns the name of the file with the RenderConfig of an example, or "".
func settingsOf(files tree) string {
	for name, data := range files {
		if strings.Contains(string(data), "\nkind: RenderConfig\n") {
			return name
		}
	}
	return ""
}

// TestKustomizeGeneratesAndTransforms checks that kustomize outputs the same objects for every cluster as the
// command, whether kustomize passes the inputs or their names.
func TestKustomizeGeneratesAndTransforms(t *testing.T) {
	o := newOrchestrator(t, tools.Kustomize)
	for name, inputs := range pullExamples(t) {
		want := map[string][]byte{}
		for file, data := range golden(t, name) {
			if cluster, _, _ := strings.Cut(file, "/"); path.Ext(file) == ".yaml" && path.Base(file) != "kustomization.yaml" {
				want[cluster] = append(append(want[cluster], "\n---\n"...), data...)
			}
		}
		config := inputs[settingsOf(inputs)]
		delete(inputs, settingsOf(inputs))
		resources := strings.Join(slices.Sorted(maps.Keys(inputs)), ", ")
		for cluster, want := range want {
			t.Run(name+"/"+cluster, func(t *testing.T) {
				dir := t.TempDir()
				mustCopy(t, inputs, dir)
				mustCopy(t, tree{
					"generator/settings.yaml":      functionOf(t, config, cluster, slices.Sorted(maps.Keys(inputs))...),
					"generator/kustomization.yaml": kustomization("generators: [settings.yaml]"),
					"settings.yaml":                functionOf(t, config, cluster),
					"kustomization.yaml":           kustomization("resources: [" + resources + "]\ntransformers: [settings.yaml]"),
				}, dir)
				want := objectsOf(t, want, "")
				generated := o.mustBuild(t, filepath.Join(dir, "generator"))
				if got := objectsOf(t, []byte(generated), cluster); !slices.Equal(got, want) {
					t.Errorf("it generates\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				record(t, "8. kustomize: a generator's objects are the command's")
				if transformed := o.mustBuild(t, dir); transformed != generated {
					t.Errorf("the transformed objects are\n%s", transformed)
				}
				record(t, "8. kustomize: a transformer's are the same")
			})
		}
	}
}

// TestKustomizeValidates checks that valid objects pass unchanged, and that errors end the build. kustomize
// rejects every function among its validators unless another function has processed all objects before, as
// docs/kustomize.md describes.
func TestKustomizeValidates(t *testing.T) {
	record(t, "8. kustomize: a validator ends the build, or changes nothing")
	o := newOrchestrator(t, tools.Kustomize)
	inputs := documents(t, "nginx-canary")
	dir := t.TempDir()
	for name, fields := range map[string]string{"plain": "", "transformer": "transformers: [settings.yaml]\n", "both": "transformers: [settings.yaml]\nvalidators: [settings.yaml]\n", "validator": "validators: [cat.yaml]\n"} {
		mustCopy(t, inputs, filepath.Join(dir, name))
		mustCopy(t, tree{
			"settings.yaml":      settings("{function: {mode: validate}}"),
			"cat.yaml":           []byte(strings.Replace(string(settings("{}")), "path: fleetwright", "path: cat", 1)),
			"kustomization.yaml": kustomization("resources: [application.yaml, fleet.yaml]\n" + fields),
		}, filepath.Join(dir, name))
	}
	plain := o.mustBuild(t, filepath.Join(dir, "plain"))
	for _, name := range []string{"transformer", "both"} {
		if got := o.mustBuild(t, filepath.Join(dir, name)); got != plain {
			t.Errorf("%s: the output is\n%s", name, got)
		}
	}
	if _, stderr, err := o.build(filepath.Join(dir, "validator")); err == nil || !strings.Contains(stderr, "validator shouldn't modify the resource map") {
		t.Errorf("kustomize now accepts cat as a validator (%v); simplify docs/kustomize.md:\n%s", err, stderr)
	}
	mustCopy(t, tree{"application.yaml": []byte(strings.Replace(string(inputs["application.yaml"]), "stepWeight:", "stepWieght:", 1))}, filepath.Join(dir, "transformer"))
	stdout, stderr, err := o.build(filepath.Join(dir, "transformer"))
	if err == nil || stdout != "" || !strings.Contains(stderr, `Application default/webapp: error FW110 spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: unknown field "stepWieght"`) {
		t.Errorf("%v: stdout %s, stderr\n%s", err, stdout, stderr)
	}
}

// TestKptWritesWhatTheCommandWrites checks that kpt writes every file of every example that holds objects,
// and each kustomization.yaml, and that kustomize can build them. A second run must change nothing.
func TestKptWritesWhatTheCommandWrites(t *testing.T) {
	scheduled(t, "a build of kpt")
	kpt, kustomize := newOrchestrator(t, tools.Kpt), newOrchestrator(t, tools.Kustomize)
	for _, name := range examples(t) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			inputs := documents(t, name)
			maps.DeleteFunc(inputs, func(name string, _ []byte) bool { return path.Ext(name) != ".yaml" })
			if file := settingsOf(inputs); file != "" {
				// The function renders all clusters of a package, in all waves.
				settings := strings.Replace(string(inputs[file]), "\n  through: canary\n", "\n", 1)
				if !strings.Contains(settings, "\nmetadata:") {
					// kpt requires a name.
					settings = strings.Replace(settings, "\nkind: RenderConfig\n", "\nkind: RenderConfig\nmetadata: {name: settings}\n", 1)
				}
				inputs[file] = []byte(settings)
			}
			mustCopy(t, inputs, dir)
			setting := "path="
			if name == "oci" { // has other paths: those in each cluster's artifact
				setting = "directory="
			}
			eval := []string{"fn", "eval", dir, "--exec", "fleetwright", "--", setting + outputPath}
			kpt.mustRun(t, eval...)
			once := readTree(t, dir)
			want := golden(t, name).inRepository()
			for file, data := range want {
				cluster := strings.Split(file, "/")[1]
				if at := strings.Split(file, "/clusters/"); len(at) == 2 && !strings.Contains(at[1], "/apps/") && !strings.Contains(at[1], "/releases/") {
					cluster, _, _ = strings.Cut(at[1], "/") // objects that a hub applies to other clusters
				}
				switch {
				case path.Ext(file) != ".yaml": // an inventory, or a file for people
					if once[file] != nil {
						t.Errorf("%s exists", file)
					}
					continue
				case once[file] == nil:
					t.Errorf("%s is missing", file)
					continue
				}
				if got, want := objectsOf(t, once[file], cluster), inPackage(objectsOf(t, data, ""), file, want); !slices.Equal(got, want) {
					t.Errorf("%s is\n%s\nwant\n%s", file, got, want)
				}
				if path.Base(file) == "kustomization.yaml" {
					kustomize.mustRun(t, "build", filepath.Join(dir, path.Dir(file)))
				}
			}
			for file := range once {
				if want[file] == nil && inputs[file] == nil {
					t.Errorf("%s exists", file)
				}
			}
			record(t, "8. kpt: the package gets what the command writes")
			kpt.mustRun(t, eval...)
			if twice := readTree(t, dir); !maps.EqualFunc(twice, once, slices.Equal) {
				t.Error("a second run changes the package")
			}
			record(t, "8. kpt: a second run changes nothing")
		})
	}
}

// inPackage returns the objects of a file, except the Flux Kustomizations of directories without manifests. A
// package cannot have such directories: the command puts only a README.md there.
func inPackage(objects []string, file string, files tree) []string {
	cluster, _, _ := strings.Cut(strings.TrimPrefix(file, outputPath+"/"), "/")
	root := path.Join(outputPath, cluster, layout.Dir)
	if files[path.Join(root, layout.SourceFile)] == nil {
		root = "."
	}
	return slices.DeleteFunc(objects, func(object string) bool {
		_, at, ok := strings.Cut(object, `"path":"./`)
		ok = ok && strings.Contains(object, `Repository","name":"flux-system"`)
		dir, _, _ := strings.Cut(at, `"`)
		for file := range files {
			ok = ok && !(strings.HasPrefix(file, path.Join(root, dir)+"/") && path.Ext(file) == ".yaml")
		}
		return ok
	})
}

// TestKptRemovesWhatIsGone checks that kpt removes stale objects, keeps foreign ones, and changes nothing if
// there are errors.
func TestKptRemovesWhatIsGone(t *testing.T) {
	scheduled(t, "a build of kpt")
	record(t, "8. kpt: what is gone disappears, errors change nothing")
	o := newOrchestrator(t, tools.Kpt)
	dir := t.TempDir()
	inputs := documents(t, "kuma-rollout")
	mustCopy(t, inputs, dir)
	const own = "clusters/kurator-member1/fleetwright/own.yaml"
	mustCopy(t, tree{"settings.yaml": settings("{path: clusters}"), own: []byte("# mine\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: own # my own\n")}, dir)
	eval := []string{"fn", "eval", dir, "--exec", "fleetwright", "--fn-config", filepath.Join(dir, "settings.yaml")}
	o.mustRun(t, eval...)
	all := readTree(t, dir)

	mustCopy(t, tree{"application.yaml": []byte(strings.Replace(string(inputs["application.yaml"]), "stepWeight:", "stepWieght:", 1))}, dir)
	before := readTree(t, dir)
	if _, stderr, err := o.run(eval...); err == nil || !strings.Contains(stderr, `[error] apps.kurator.dev/v1alpha1/Application/default/rollout-kuma-demo spec.syncPolicies[0].rollout.rolloutPolicy.trafficRouting.canaryStrategy: unknown field "stepWieght"`) {
		t.Errorf("%v: stderr\n%s", err, stderr)
	}
	if after := readTree(t, dir); !maps.EqualFunc(after, before, slices.Equal) {
		t.Error("a run with errors changes the package")
	}

	mustCopy(t, inputs, dir)
	mustCopy(t, tree{"fleet.yaml": []byte(strings.Replace(string(inputs["fleet.yaml"]), "    - name: kurator-member1\n      kind: AttachedCluster\n", "", 1))}, dir)
	before = readTree(t, dir)
	if _, stderr, err := o.run(eval...); err == nil || !strings.Contains(stderr, "Application default/rollout-kuma-demo would disappear from kurator-member1") {
		t.Errorf("%v: stderr about items that are still inputs:\n%s", err, stderr)
	}
	if after := readTree(t, dir); !maps.EqualFunc(after, before, slices.Equal) {
		t.Error("a rejected run changes the package")
	}
	mustCopy(t, tree{"settings.yaml": settings("{path: clusters, function: {allowPrune: [rollout-kuma-demo]}}")}, dir)
	o.mustRun(t, eval...)
	left := readTree(t, dir)
	for file := range all {
		gone := strings.HasPrefix(file, "clusters/kurator-member1/") && file != own
		if _, ok := left[file]; ok == gone {
			t.Errorf("%s exists: %t", file, ok)
		}
	}
	if string(left[own]) != string(all[own]) || !strings.Contains(string(left[own]), "# my own") {
		t.Errorf("the foreign file is\n%s", left[own])
	}
}

// TestPageOfKustomize runs the commands of docs/kustomize.md.
func TestPageOfKustomize(t *testing.T) {
	scheduled(t, "a build of kpt")
	dir := pages.Clone(t, "..")
	path := []string{filepath.Join(dir, "bin")}
	for _, tool := range []tools.Tool{tools.Kustomize, tools.Kpt} {
		path = append(path, filepath.Dir(newOrchestrator(t, tool).file))
	}
	path = append(path, os.Getenv("PATH"))
	pages.Run(t, "..", "docs/kustomize.md", dir, "PATH="+strings.Join(path, string(filepath.ListSeparator)))
}
