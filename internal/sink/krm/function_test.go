package krm

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/kio/kioutil"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

const examples = "../../../examples"

// example returns the files of an example by name.
func example(t testing.TB, name string) []schema.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(examples, name, "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no example %s: %v", name, err)
	}
	var files []schema.File
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, schema.File{Name: filepath.Base(name), Data: data})
	}
	return files
}

// listOf returns a list of the objects in files. If placed, the objects have their paths.
func listOf(t testing.TB, files []schema.File, placed bool) *List {
	t.Helper()
	list := &List{apiVersion: listVersions[0]}
	for _, f := range files {
		objects, err := parseObjects(f.Data)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range objects {
			if placed {
				o.place(f.Name, i)
			}
			list.Items = append(list.Items, o)
		}
	}
	return list
}

// configured adds a functionConfig with the spec of a RenderConfig.
func (l *List) configured(t testing.TB, spec string) *List {
	t.Helper()
	l.FunctionConfig = objectOf(t, "apiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nmetadata: {name: settings}\nspec: "+spec)
	return l
}

// configMap returns the ConfigMap that kpt creates from key=value.
func configMap(t testing.TB, data string) *Object {
	t.Helper()
	return objectOf(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: function-input}, data: {"+data+"}}")
}

func objectOf(t testing.TB, text string) *Object {
	t.Helper()
	objects, err := parseObjects([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return objects[0]
}

// said returns the messages of the results, with their objects and files.
func said(o *Outcome) (all []string) {
	for _, r := range o.Results {
		text := r.Severity + " " + r.Tags["code"]
		if r.File != nil {
			text += fmt.Sprintf(" %s#%d", r.File.Path, r.File.Index)
		}
		if r.ResourceRef != nil {
			text += " " + r.ResourceRef.Kind + "/" + r.ResourceRef.Name
		}
		if r.Field != nil {
			text += " " + r.Field.Path
		}
		all = append(all, text+": "+r.Message+" | "+r.Tags["hint"])
	}
	return all
}

func compile(files []schema.File, opts render.Options) (*render.Tree, schema.Diagnostics) {
	return render.Compile(schema.Load(files), opts)
}

func noFiles([]string) ([]schema.File, error) { return nil, nil }

// run runs a function that must not fail, and decodes its output.
func run(t testing.TB, list *List) []*Object {
	t.Helper()
	if outcome := Run(list, noFiles, compile); outcome.Failed() {
		t.Fatal(strings.Join(said(outcome), "\n"))
	}
	return mustParse(t, encoded(t, list, nil)).Items
}

// wantMistake runs a function that must fail, change nothing, and report a message.
func wantMistake(t *testing.T, list *List, want string) {
	t.Helper()
	before := encoded(t, list, nil)
	outcome := Run(list, noFiles, compile)
	if !outcome.Failed() || !slices.Contains(said(outcome), want) {
		t.Errorf("it says\n%s\nnot\n%s", strings.Join(said(outcome), "\n"), want)
	}
	if after := encoded(t, list, nil); after != before {
		t.Errorf("the output is\n%s", after)
	}
}

// rendered returns the command's output, file by file.
func rendered(t testing.TB, files []schema.File) *render.Tree {
	t.Helper()
	tree, list := render.Compile(schema.Load(files), render.Options{Path: "clusters"})
	if tree == nil {
		t.Fatal(list)
	}
	return tree
}

// value returns an object as JSON, without the function's annotations.
func value(t testing.TB, o *Object) string {
	t.Helper()
	own := withoutAnnotations(o.node, func(key string) bool { return isOrchestrators(key) || key == renderedAnnotation })
	if metadata := field(own, "metadata"); metadata != nil && len(metadata.Content) == 0 {
		own = withField(own, "metadata", nil)
	}
	text, err := encode(own)
	if err != nil {
		t.Fatal(err)
	}
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var severalExamples = []string{"kuma-rollout", "own-mesh", "flagger-guide", "custom-metrics", "istio-canary", "nginx-canary", "helm-repository", "cluster-selectors", "no-fleet", "hub", "installed-istio-nginx", "installed-by-renderconfig"}

// TestAPackageGetsWhatTheCommandWrites checks that the package gets every YAML file at the command's path,
// and keeps its other files.
func TestAPackageGetsWhatTheCommandWrites(t *testing.T) {
	for _, name := range severalExamples {
		t.Run(name, func(t *testing.T) {
			files := example(t, name)
			want := map[string]string{}
			for _, cluster := range rendered(t, files).Clusters {
				for f := range cluster.Files() {
					if path.Ext(f.Path) != ".yaml" {
						continue
					}
					objects, err := parseObjects(f.Content)
					if err != nil {
						t.Fatal(err)
					}
					for i, o := range slices.DeleteFunc(objects, func(o *Object) bool { return appliesNothing(cluster, o) }) {
						want[fmt.Sprintf("%s#%d", path.Join("clusters", cluster.Name, layout.Dir, f.Path), i)] = value(t, o)
					}
				}
			}
			for _, f := range files {
				objects, _ := parseObjects(f.Data)
				for i, o := range objects {
					want[fmt.Sprintf("%s#%d", f.Name, i)] = value(t, o)
				}
			}
			list := listOf(t, files, true)
			list.FunctionConfig = configMap(t, "path: clusters")
			got := map[string]string{}
			for _, o := range run(t, list) {
				name, index, _ := o.path()
				got[fmt.Sprintf("%s#%d", name, index)] = value(t, o)
			}
			if !maps.Equal(got, want) {
				t.Errorf("the output has %d objects, want %d:\n%s", len(got), len(want), got)
			}
		})
	}
}

// appliesNothing reports whether an object is a Kustomization of a directory without manifests. A package has
// no such directory; the command puts only a README.md there.
func appliesNothing(cluster *render.Cluster, o *Object) bool {
	of := text(o.node, "spec", "path")
	_, dir, ok := strings.Cut(of, cluster.Name+"/"+layout.Dir+"/")
	if !ok || o.kind() != "Kustomization" {
		return false
	}
	for file := range cluster.Paths() {
		if strings.HasPrefix(file, dir+"/") && path.Ext(file) == ".yaml" {
			return false
		}
	}
	return true
}

// TestAStreamHasOneClustersObjects checks that a stream has each object of a cluster once, for every cluster
// of several examples.
func TestAStreamHasOneClustersObjects(t *testing.T) {
	for _, name := range severalExamples {
		files := example(t, name)
		want := map[string][]string{}
		for _, cluster := range rendered(t, files).Clusters {
			for f := range cluster.Files() {
				if path.Ext(f.Path) != ".yaml" || path.Base(f.Path) == layout.KustomizationFile {
					continue
				}
				objects, err := parseObjects(f.Content)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range objects {
					want[f.For] = append(want[f.For], value(t, o))
				}
			}
		}
		for cluster, want := range want {
			t.Run(name+"/"+cluster, func(t *testing.T) {
				list := listOf(t, files, false)
				list.FunctionConfig = configMap(t, "path: clusters, cluster: "+cluster)
				var got []string
				refs := map[ResourceRef]bool{}
				for _, o := range run(t, list) {
					got = append(got, value(t, o))
					if refs[*o.ref()] || o.annotation(renderedAnnotation) != cluster || o.annotation(kioutil.IndexAnnotation) != "" {
						t.Errorf("%s is duplicate or not annotated: %v", o.source(), o.node)
					}
					refs[*o.ref()] = true
				}
				slices.Sort(want)
				want = slices.Compact(want)
				if slices.Sort(got); !slices.Equal(got, want) {
					t.Errorf("%d objects, want %d", len(got), len(want))
				}
			})
		}
	}
}

// TestARunInPlaceChangesNothing checks that a second run replaces the output of the first with the same
// output.
func TestARunInPlaceChangesNothing(t *testing.T) {
	for _, name := range severalExamples {
		list := listOf(t, example(t, name), true)
		list.FunctionConfig = configMap(t, "path: clusters")
		run(t, list)
		once := encoded(t, list, nil)
		again := mustParse(t, once)
		run(t, again)
		if twice := encoded(t, again, nil); twice != once {
			t.Errorf("%s becomes\n%s\nand was\n%s", name, twice, once)
		}
	}
}

// TestWhatIsGoneDisappears checks that stale output is removed, and foreign objects are kept.
func TestWhatIsGoneDisappears(t *testing.T) {
	const foreign = "{apiVersion: v1, kind: ConfigMap, metadata: {name: foreign}}"
	files := append(example(t, "kuma-rollout"), schema.File{Name: "clusters/kurator-member1/fleetwright/own.yaml", Data: []byte(foreign)})
	list := listOf(t, files, true)
	list.FunctionConfig = configMap(t, "path: clusters")
	before := len(run(t, list))

	for i, f := range files {
		files[i].Data = bytes.Replace(f.Data, []byte("    - name: kurator-member1\n      kind: AttachedCluster\n"), nil, 1)
	}
	fewer := listOf(t, files, true)
	for _, o := range list.Items {
		if o.annotation(renderedAnnotation) != "" {
			fewer.Items = append(fewer.Items, o)
		}
	}
	if len(fewer.Items) != before {
		t.Fatalf("%d items, want %d", len(fewer.Items), before)
	}
	fewer.FunctionConfig = list.FunctionConfig
	wantMistake(t, fewer, "error FW802 fleet.yaml#0 Fleet/quickstart spec.clusters: Application default/rollout-kuma-demo would disappear from kurator-member1: the fleet quickstart does not list kurator-member1 | correct this; if it is meant, write allowPrune: [default/rollout-kuma-demo] into spec.function of the RenderConfig")
	fewer.configured(t, "{path: clusters, function: {allowPrune: [rollout-kuma-demo]}}")
	after := paths(run(t, fewer))
	if len(after) >= before || !after["clusters/kurator-member1/fleetwright/own.yaml"] || after["clusters/kurator-member1/fleetwright/sync.yaml"] || !after["clusters/kurator-member2/fleetwright/sync.yaml"] {
		t.Errorf("remaining items: %v", slices.Sorted(maps.Keys(after)))
	}
}

// paths returns the paths of objects.
func paths(objects []*Object) map[string]bool {
	all := map[string]bool{}
	for _, o := range objects {
		name, _, _ := o.path()
		all[name] = true
	}
	return all
}

// TestOtherClustersStay checks that rendering one cluster keeps the others, and the contents of other
// directories.
func TestOtherClustersStay(t *testing.T) {
	list := listOf(t, example(t, "kuma-rollout"), true)
	list.FunctionConfig = configMap(t, "path: old")
	run(t, list)
	list.FunctionConfig = configMap(t, "path: clusters")
	run(t, list)
	all := paths(list.Items)
	list.FunctionConfig = configMap(t, "path: clusters, cluster: kurator-member2")
	if got := paths(run(t, list)); !maps.Equal(got, all) || !got["old/kurator-member1/fleetwright/sync.yaml"] {
		t.Errorf("remaining items: %v", slices.Sorted(maps.Keys(got)))
	}
}

func TestAFunctionSaysWhatIsWrongWithItsSettings(t *testing.T) {
	member := "no cluster %q is rendered | did you mean kurator-member1?"
	for name, tt := range map[string]struct{ config, want string }{
		"a cluster that is not there":      {"{function: {cluster: kurator-membr1}}", "error  RenderConfig/settings spec.function.cluster: " + fmt.Sprintf(member, "kurator-membr1")},
		"a cluster far from any":           {"{function: {cluster: eu}}", `error  RenderConfig/settings spec.function.cluster: no cluster "eu" is rendered | it is one of kurator-member1, kurator-member2`},
		"no cluster":                       {"{}", "error  RenderConfig/settings spec.function.cluster: the inputs render 2 clusters, but items without paths can hold only one | name one of kurator-member1, kurator-member2"},
		"an unknown mode":                  {"{function: {mode: check}}", `error FW113 RenderConfig/settings spec.function.mode: "check" is not one of render, validate | `},
		"an unknown field":                 {"{function: {clustr: a}}", `error FW110 RenderConfig/settings spec.function: unknown field "clustr" | did you mean cluster?`},
		"the standard input":               {"{function: {inputs: ['-']}}", "error  RenderConfig/settings spec.function.inputs: - is the standard input, from which the function reads the items | name files and directories"},
		"a directory outside":              {"{function: {directory: ../a}}", `error  RenderConfig/settings spec.function.directory: the directory "../a" is outside the package | write a path below the package's root, such as clusters`},
		"an Application that is not there": {"{function: {cluster: kurator-member1, allowPrune: [rollout-kuma-dmo]}}", `error  RenderConfig/settings spec.function.allowPrune: allowPrune names "rollout-kuma-dmo", but no Application among the inputs has that name | did you mean rollout-kuma-demo?`},
		"one of another namespace":         {"{function: {cluster: kurator-member1, allowPrune: [shop/other]}}", `error  RenderConfig/settings spec.function.allowPrune: allowPrune names "shop/other", but no Application among the inputs has that name | remove the entry, or write one of default/rollout-kuma-demo`},
		"a path outside":                   {"{path: ../a, function: {cluster: kurator-member1}}", `error FW213 RenderConfig/settings spec.path: the path "../a" is not inside the repository | write it relative to the root of the repository, such as clusters`},
	} {
		t.Run(name, func(t *testing.T) {
			wantMistake(t, listOf(t, example(t, "kuma-rollout"), false).configured(t, tt.config), tt.want)
		})
	}
	for name, tt := range map[string]struct{ data, want string }{
		"a cluster that is not there": {"cluster: kurator-membr1", "error  ConfigMap/function-input data.cluster: " + fmt.Sprintf(member, "kurator-membr1")},
		"an unknown mode":             {"mode: check", `error  ConfigMap/function-input data.mode: "check" is not one of render, validate | `},
		"an unknown topology":         {"topology: star", `error  ConfigMap/function-input data.topology: "star" is not one of pull, hub | `},
		"an unknown setting":          {"clustr: a", `error  ConfigMap/function-input data: unknown setting "clustr" | did you mean cluster?`},
		"a setting far from any":      {"inputs: a", `error  ConfigMap/function-input data: unknown setting "inputs" | it is one of cluster, directory, mode, path, synced, topology; everything else belongs in a RenderConfig`},
		"a word for a boolean":        {"synced: 'yes'", `error  ConfigMap/function-input data.synced: "yes" is not one of true, false | `},
		"a list":                      {"cluster: [a]", `error  ConfigMap/function-input data.cluster: expected text | `},
	} {
		t.Run("ConfigMap/"+name, func(t *testing.T) {
			list := listOf(t, example(t, "kuma-rollout"), false)
			list.FunctionConfig = configMap(t, tt.data)
			wantMistake(t, list, tt.want)
		})
	}
	list := listOf(t, example(t, "kuma-rollout"), true)
	list.FunctionConfig = objectOf(t, "{apiVersion: v1, kind: Secret}")
	wantMistake(t, list, `error : the functionConfig is of kind "Secret", not a RenderConfig | apiVersion: fleetwright.dev/v1alpha1, kind: RenderConfig; or a v1 ConfigMap whose data are cluster, directory, mode, path, synced, topology`)
}

// TestWhatOthersWroteIsNotOverwritten checks a package with files that the command wrote.
func TestWhatOthersWroteIsNotOverwritten(t *testing.T) {
	files := example(t, "own-mesh")
	for _, cluster := range rendered(t, files).Clusters {
		for f := range cluster.Files() {
			if path.Ext(f.Path) == ".yaml" {
				files = append(files, schema.File{Name: path.Join("clusters", cluster.Name, layout.Dir, f.Path), Data: f.Content})
			}
		}
	}
	list := listOf(t, files, true)
	list.FunctionConfig = configMap(t, "path: clusters")
	before := len(list.Items)
	outcome := Run(list, noFiles, compile)
	if len(list.Items) != before || len(outcome.Mistakes) != 1 || !strings.HasPrefix(outcome.Mistakes[0].Message, "this run would overwrite files that no function has rendered: clusters/frankfurt/fleetwright/apps/") {
		t.Errorf("it says\n%s", strings.Join(said(outcome), "\n"))
	}
}

// TestAGeneratorsConfigIsNotAnInput checks that the first item, which is the config from kustomize, is not an
// input.
func TestAGeneratorsConfigIsNotAnInput(t *testing.T) {
	var asked []string
	read := func(paths []string) ([]schema.File, error) {
		asked = paths
		return example(t, "kuma-rollout"), nil
	}
	list := (&List{apiVersion: listVersions[0]}).configured(t, "{path: clusters, function: {cluster: kurator-member1, inputs: [a, b]}}")
	copied := &Object{copied(list.FunctionConfig.node, false)}
	copied.annotate(kioutil.IndexAnnotation, "0")
	list.Items = []*Object{copied}
	outcome := Run(list, read, compile)
	if outcome.Failed() || !slices.Equal(asked, []string{"a", "b"}) || len(list.Items) == 0 {
		t.Fatalf("for %v: %d items, messages\n%s", asked, len(list.Items), strings.Join(said(outcome), "\n"))
	}
	for _, o := range list.Items {
		if o.kind() == "RenderConfig" {
			t.Errorf("unexpected item %s", o.source())
		}
	}
	// Files that are read have line numbers.
	if got := outcome.Results[0]; got.Tags["position"] != "application.yaml:15:7" || got.File.Path != "application.yaml" || got.ResourceRef.Name != "rollout-kuma-demo" {
		t.Errorf("the first result is %+v", got)
	}
}

// TestTheConfigMayBeInThePackage checks that a config in the package is kept, and not compiled twice.
func TestTheConfigMayBeInThePackage(t *testing.T) {
	list := listOf(t, example(t, "kuma-rollout"), true).configured(t, "{path: clusters}")
	copied := &Object{copied(list.FunctionConfig.node, false)}
	copied.place("settings.yaml", 0)
	list.Items = append(list.Items, copied)
	if got := paths(run(t, list)); !got["settings.yaml"] || !got["clusters/kurator-member1/fleetwright/sync.yaml"] {
		t.Errorf("remaining items: %v", got)
	}
	// Without a functionConfig, the config in the package applies.
	list.FunctionConfig = nil
	before := encoded(t, list, nil)
	run(t, list)
	if after := encoded(t, list, nil); after != before {
		t.Errorf("it makes\n%s", after)
	}
}

// TestItemsHaveNoLines checks that diagnostics name items by their files or names.
func TestItemsHaveNoLines(t *testing.T) {
	files := example(t, "kuma-rollout")
	i := slices.IndexFunc(files, func(f schema.File) bool { return f.Name == "fleet.yaml" })
	fleet := files[i]
	files[i].Data = append(append(slices.Clone(fleet.Data), "\n---\n"...), fleet.Data...)
	for placed, want := range map[bool][]string{
		true: {
			"error FW201 fleet.yaml#3 Fleet/quickstart metadata.name: Fleet quickstart is already defined at fleet.yaml | remove one of the two",
			"error FW201 fleet.yaml#4 AttachedCluster/kurator-member1 metadata.name: AttachedCluster kurator-member1 is already defined at fleet.yaml | remove one of the two",
		},
		false: {
			"error FW201 Fleet/quickstart metadata.name: Fleet quickstart is already defined at Fleet default/quickstart | remove one of the two",
		},
	} {
		outcome := Run(listOf(t, files, placed), noFiles, compile)
		for _, want := range want {
			if !slices.Contains(said(outcome), want) {
				t.Errorf("it says\n%s\nnot\n%s", strings.Join(said(outcome), "\n"), want)
			}
		}
		for _, d := range outcome.Diagnostics {
			if strings.Contains(d.String(), "yaml:") && !strings.Contains(d.String(), "yaml: ") {
				t.Errorf("messages: %s", d)
			}
		}
	}
}

// TestCommentsOfItemsIgnore checks comments that ignore diagnostics. One that ignores nothing is reported
// without a line.
func TestCommentsOfItemsIgnore(t *testing.T) {
	files := example(t, "kuma-rollout")
	for i, f := range files {
		files[i].Data = []byte(strings.NewReplacer(
			"      timeoutSeconds: 60\n", "      timeoutSeconds: 60 # fleetwright: ignore FW404 it is Kurator's own\n",
			"        port: 9898\n", "        port: 9898 # fleetwright: ignore FW308 for no reason\n",
		).Replace(string(f.Data)))
	}
	list := listOf(t, files, true)
	list.FunctionConfig = configMap(t, "path: clusters")
	all := strings.Join(said(Run(list, noFiles, compile)), "\n")
	if strings.Contains(all, "info FW404") || !strings.Contains(all, "no FW308 is reported here, so the comment ignores nothing") {
		t.Errorf("it says\n%s", all)
	}
}

// TestValidateChangesNothing checks the mode validate, with and without errors.
func TestValidateChangesNothing(t *testing.T) {
	for from, to := range map[string]string{"stepWeight": "stepWeight", "stepWeight:": "stepWieght:"} {
		files := example(t, "kuma-rollout")
		for i, f := range files {
			files[i].Data = []byte(strings.ReplaceAll(string(f.Data), from, to))
		}
		list := listOf(t, append(files, schema.File{Name: "foreign.yaml", Data: []byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: foreign}}")}), false)
		list.configured(t, "{function: {mode: validate}}")
		before := encoded(t, list, nil)
		outcome := Run(list, noFiles, compile)
		if after := encoded(t, list, nil); after != before {
			t.Errorf("the output is\n%s", after)
		}
		if len(outcome.Results) == 0 || outcome.Failed() != (from != to) {
			t.Errorf("messages: %v", said(outcome))
		}
	}
}

// TestOrchestratorsAnnotationsAreNotRendered checks objects that are both an input and part of the output,
// such as a Mesh.
func TestOrchestratorsAnnotationsAreNotRendered(t *testing.T) {
	list := listOf(t, example(t, "own-mesh"), true)
	for i, o := range list.Items {
		o.annotate("internal.config.kubernetes.io/id", fmt.Sprint(i))
		o.annotate("config.k8s.io/id", fmt.Sprint(i))
	}
	list.FunctionConfig = configMap(t, "path: clusters")
	for _, o := range run(t, list) {
		if o.annotation(renderedAnnotation) != "" && (o.annotation("internal.config.kubernetes.io/id") != "" || o.annotation("config.k8s.io/id") != "") {
			t.Errorf("%s has an id", o.source())
		}
	}
}

// TestKustomizesPathsAreNone checks that paths invented by kustomize's runner are ignored: the next function
// would see them.
func TestKustomizesPathsAreNone(t *testing.T) {
	list := listOf(t, example(t, "kuma-rollout"), true).configured(t, "{path: clusters, function: {cluster: kurator-member1}}")
	for _, o := range list.Items {
		o.annotate(kustomizeID, "kind: "+o.kind())
	}
	for _, o := range run(t, list) {
		if _, _, placed := o.path(); placed || o.kind() == "Application" {
			t.Errorf("unexpected item %s", o.source())
		}
	}
}

// TestANamespaceOfTwoApplicationsIsEmittedOnce checks that a stream has the Namespace once: kustomize rejects
// duplicate objects. In a package, each application has an equal copy in its file, because Flux applies both.
func TestANamespaceOfTwoApplicationsIsEmittedOnce(t *testing.T) {
	var files []schema.File
	for _, name := range []string{"a", "b"} {
		files = append(files, schema.File{Name: name + ".yaml", Data: []byte("{apiVersion: apps.kurator.dev/v1alpha1, kind: Application, metadata: {name: " + name + ", namespace: shop}, spec: {source: {gitRepository: {url: 'https://example.com/shop.git', interval: 1m}}, syncPolicies: [{name: " + name + ", kustomization: {interval: 5m, prune: true}}]}}")})
	}
	for placed, want := range map[bool]int{false: 1, true: 2} {
		texts := map[string]bool{}
		n := 0
		for _, o := range run(t, listOf(t, files, placed)) {
			if o.kind() == "Namespace" && o.annotation(renderedAnnotation) != "" {
				text, err := encode(o.own())
				if err != nil {
					t.Fatal(err)
				}
				texts[string(text)] = true
				n++
			}
		}
		if n != want || len(texts) != 1 {
			t.Errorf("%d Namespaces are emitted, want %d, all alike: %v", n, want, texts)
		}
	}
}
