package conformance

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/conformance/internal/stub"
	"github.com/fleetwright/fleetwright/conformance/internal/tools"
	"github.com/fleetwright/fleetwright/internal/sources"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema/api"
)

// helms are the majors of Helm.
var helms = []struct {
	name string
	tool tools.Tool
}{{"4", tools.Helm}, {"3", tools.OldHelm}}

// chartTree are the files of a chart for the Service and the Deployment of the example
// helm-repository.
func chartTree(more map[string]string) tree {
	files := tree{
		"Chart.yaml":  []byte("apiVersion: v2\nname: shop\nversion: 0.1.0\n"),
		"values.yaml": []byte("image: {tag: a}\n"),
		"templates/service.yaml": []byte(`apiVersion: v1
kind: Service
metadata: {name: backend}
spec:
  selector: {app: backend}
  ports: [{name: http, port: 9898}, {name: grpc, port: 9999}]
`),
		"templates/deployment.yaml": []byte(`apiVersion: apps/v1
kind: Deployment
metadata: {name: backend}
spec:
  selector: {matchLabels: {app: backend}}
  template:
    metadata: {labels: {app: backend}}
    spec: {containers: [{name: c, image: "x:{{ .Values.image.tag }}"}]}
`),
		"templates/hook.yaml": []byte(`apiVersion: v1
kind: ConfigMap
metadata: {name: hook, annotations: {helm.sh/hook: pre-upgrade}}
`),
		"templates/NOTES.txt": []byte("notes\n"),
	}
	for name, text := range more {
		files[name] = []byte(text)
	}
	return files
}

// renderedChart is what is built of a chart in a directory, with a helm on the PATH.
func renderedChart(t *testing.T, helm, dir string, chart source.Chart) *source.Built {
	t.Helper()
	t.Setenv("PATH", filepath.Dir(helm))
	const url = "https://example.com/shop.git"
	given, err := sources.ParseGiven(url + "=" + dir)
	if err != nil {
		t.Fatal(err)
	}
	finder := sources.NewFinder(t.Context(), sources.Options{Given: []sources.Given{given}})
	defer finder.Close()
	chart.Release, chart.Namespace = "shop", "webapp"
	b := source.Build{Source: &api.ApplicationSource{GitRepository: &api.GitRepository{URL: url}}, Chart: &chart}
	return sources.Build(t.Context(), []source.Build{b}, finder.Files)[b.Key]
}

// chartDir is a directory with a chart.
func chartDir(t *testing.T, more map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	mustCopy(t, chartTree(more), dir)
	return dir
}

// said is what is said of a chart.
func said(built *source.Built) string {
	all := []string{}
	if built.Unread != "" {
		all = append(all, "unread: "+built.Unread)
	}
	for _, f := range built.Failures {
		all = append(all, fmt.Sprint(f.Field, " ", f.Message))
	}
	for _, o := range built.Objects {
		all = append(all, o.Kind+" "+o.Name+" "+o.File)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// helm is the program of a tool.
func helm(t *testing.T, tool tools.Tool) string {
	t.Helper()
	file, err := tools.Build(toolsDir, tool)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestCharts has both majors of Helm render charts, good ones and those that Helm refuses.
func TestCharts(t *testing.T) {
	const schema = `{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "additionalProperties": false, "properties": {
		"replicas": {"type": "integer"}, "db": {}, "global": {},
		"image": {"type": "object", "required": ["tag"], "properties": {"tag": {"type": "string"}}}}}`
	const objects = "Deployment backend templates/deployment.yaml\nService backend templates/service.yaml"
	const failed = "[helm chart spec chart] Helm cannot render the chart: "
	for _, test := range []struct {
		name  string
		files map[string]string
		chart source.Chart
		// want is what is said, or how each line of it begins.
		want string
	}{
		{"a chart, without its hooks and notes", nil, source.Chart{}, objects},
		{"values that the schema takes", map[string]string{"values.schema.json": schema}, source.Chart{Values: api.Values{"replicas": 2}}, objects},
		{"values that it refuses", map[string]string{"values.schema.json": schema},
			source.Chart{Values: api.Values{"replicas": "two", "typo": 1, "image": map[string]any{"tag": 7}}},
			"[helm values image tag] image.tag does not match the chart's values.schema.json: got number, want string\n" +
				"[helm values replicas] replicas does not match the chart's values.schema.json: got string, want integer\n" +
				"[helm values typo] typo is not in the chart's values.schema.json"},
		{"values of a subchart", map[string]string{
			"values.schema.json": schema, "charts/db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 0.1.0\n",
			"charts/db/values.schema.json": `{"properties": {"port": {"type": "integer"}}}`,
		}, source.Chart{Values: api.Values{"db": map[string]any{"port": "p"}}},
			"[helm values db port] db.port does not match the chart's values.schema.json: got string, want integer"},
		{"a value that its files take away", map[string]string{"values.schema.json": schema, "other.yaml": "image: {}\n"},
			source.Chart{ValuesFiles: []string{"other.yaml"}}, "[helm chart spec chart] image does not match the chart's values.schema.json: missing property 'tag'"},
		{"a dependency that nobody has fetched", map[string]string{"Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\ndependencies: [{name: redis, version: 1.0.0, repository: https://example.com}]\n"},
			source.Chart{}, "unread: the chart's dependencies are not in its charts/: redis"},
		{"a value that a template requires", map[string]string{"templates/a.yaml": `{{ required "host must be set" .Values.host }}`}, source.Chart{},
			failed + "execution error at (shop/templates/a.yaml:1:3): host must be set"},
		{"the same beside values that are not known", map[string]string{"templates/a.yaml": `{{ required "host must be set" .Values.host }}`}, source.Chart{Incomplete: true},
			"unread: the values of its valuesFrom are not known"},
		{"a template that cannot be read", map[string]string{"templates/a.yaml": `{{ if }}`}, source.Chart{}, failed + "parse error at (shop/templates/a.yaml:1): missing value for if"},
		{"a template that makes no YAML", map[string]string{"templates/a.yaml": "a: b\n c: d\n"}, source.Chart{}, failed + "YAML parse error on shop/templates/a.yaml: "},
		{"a Chart.yaml that cannot be read", map[string]string{"Chart.yaml": "x: ["}, source.Chart{}, failed + "cannot load Chart.yaml: "},
		{"another Kubernetes", map[string]string{"Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\nkubeVersion: <1.20\n"}, source.Chart{}, "unread: helm says: chart requires kubeVersion"},
		{"a name that the network knows, and an object of the cluster", map[string]string{"templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 'a{{ getHostByName `localhost` }}{{ lookup `v1` `Namespace` `` `default` | len }}'}\n"},
			source.Chart{}, "ConfigMap a0 templates/a.yaml\n" + objects},
		{"a schema that would be fetched", map[string]string{"values.schema.json": `{"$ref": "http://127.0.0.1:1/x.json"}`}, source.Chart{}, "unread: values.schema.json refers to http://127.0.0.1:1/x.json"},
		{"a name that ends it", map[string]string{"templates/a.yaml": "{{ repeat 2000000000 `xxxxxxxx` }}"}, source.Chart{}, "unread: rendering it takes more memory than helm gets"},
		{"a template that prints too much", map[string]string{"templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: {{ repeat 9000000 `x` }}}\n"}, source.Chart{}, "unread: helm renders more than 8 MiB of it"},
	} {
		for _, version := range few(helms, 1) {
			t.Run(version.name+"/"+test.name, func(t *testing.T) {
				record(t, "11. Helm "+version.name+": renders charts, and says what it refuses")
				got := said(renderedChart(t, helm(t, version.tool), chartDir(t, test.files), test.chart))
				lines, want := strings.Split(got, "\n"), strings.Split(test.want, "\n")
				if len(lines) != len(want) || slices.ContainsFunc(lines, func(line string) bool {
					return !slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(line, w) })
				}) {
					t.Errorf("it says\n%s\nwant\n%s", got, test.want)
				}
			})
		}
	}
}

// TestChartsReachNothing watches the system calls of both majors of Helm, with a link out of the chart, a
// plugin and a repository of the user's.
func TestChartsReachNothing(t *testing.T) {
	for _, version := range few(helms, 1) {
		t.Run(version.name, func(t *testing.T) {
			record(t, "11. Helm "+version.name+": reaches nothing but the chart")
			strace, err := exec.LookPath("strace")
			if err != nil {
				t.Fatal(err)
			}
			bin, home, log := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "calls")
			script := fmt.Sprintf("#!/bin/sh\nexec %s -f -e trace=connect,openat -o %s %s \"$@\"\n", strace, log, helm(t, version.tool))
			if err := os.WriteFile(filepath.Join(bin, "helm"), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			mustCopy(t, tree{"secret.yaml": []byte("a: secret\n"), "plugins/x/plugin.yaml": []byte("name: x\n"), "config.json": []byte("{}"), "repositories.yaml": []byte("a: b\n")}, home)
			for name, file := range map[string]string{"HOME": "", "HELM_PLUGINS": "plugins", "HELM_REGISTRY_CONFIG": "config.json", "HELM_REPOSITORY_CONFIG": "repositories.yaml", "KUBECONFIG": "config.json"} {
				t.Setenv(name, filepath.Join(home, file))
			}
			dir := chartDir(t, map[string]string{"templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '{{ .Files.Get `out.yaml` }}{{ getHostByName `example.com` }}'}\n"})
			if err := os.Symlink(filepath.Join(home, "secret.yaml"), filepath.Join(dir, "out.yaml")); err != nil {
				t.Fatal(err)
			}
			built := renderedChart(t, filepath.Join(bin, "helm"), dir, source.Chart{})
			if i := slices.IndexFunc(built.Objects, func(o source.Object) bool { return o.Name == "a" }); i < 0 || !strings.Contains(string(built.Objects[i].JSON), `"data":{"a":""}`) {
				t.Errorf("it renders %s %+v", said(built), built.Objects)
			}
			calls, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(calls)) {
				if strings.Contains(line, "AF_INET") || strings.Contains(line, home) {
					t.Errorf("it calls %s", line)
				}
			}
			if !strings.Contains(string(calls), "Chart.yaml") {
				t.Error("the calls are not those of helm")
			}
		})
	}
}

// TestEndlessCharts: a template that never ends is left alone after half a minute.
func TestEndlessCharts(t *testing.T) {
	for _, version := range few(helms, 1) {
		t.Run(version.name, func(t *testing.T) {
			record(t, "11. Helm "+version.name+": is stopped")
			start := time.Now()
			dir := chartDir(t, map[string]string{"templates/a.yaml": "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"})
			if got := said(renderedChart(t, helm(t, version.tool), dir, source.Chart{})); got != "unread: building it takes more than 30s" {
				t.Error(got)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("it takes %s", took)
			}
		})
	}
}

// A helmRun runs a helm for a cluster, with the post-renderer of a HelmRelease.
type helmRun struct {
	program, major, dir string
	env                 []string
}

// newHelmRun returns one whose post-renderer has the patches.
func newHelmRun(t *testing.T, c *kube.ControlPlane, name string, tool tools.Tool, patches any) *helmRun {
	t.Helper()
	kustomize, err := tools.Build(toolsDir, tools.Kustomize)
	if err != nil {
		t.Fatal(err)
	}
	h := &helmRun{program: helm(t, tool), major: name, dir: t.TempDir()}
	kustomization, err := yaml.Marshal(map[string]any{"resources": []string{"all.yaml"}, "patches": patches})
	if err != nil {
		t.Fatal(err)
	}
	patch := filepath.Join(h.dir, "patch")
	mustCopy(t, tree{
		"post/kustomization.yaml": kustomization,
		"patch":                   []byte(fmt.Sprintf("#!/bin/sh\ncat > %[1]s/post/all.yaml && exec %[2]s build %[1]s/post\n", h.dir, kustomize)),
	}, h.dir)
	if name != "3" {
		mustCopy(t, tree{"plugins/patch/plugin.yaml": []byte("apiVersion: v1\nname: patch\nversion: 0.1.0\ntype: postrenderer/v1\nruntime: subprocess\n" +
			"runtimeConfig:\n  platformCommand:\n  - command: " + patch + "\n")}, h.dir)
	}
	if err := os.Chmod(patch, 0o755); err != nil {
		t.Fatal(err)
	}
	h.env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig, "HELM_PLUGINS="+filepath.Join(h.dir, "plugins"))
	for _, name := range []string{"CACHE", "CONFIG", "DATA"} {
		h.env = append(h.env, "HELM_"+name+"_HOME="+filepath.Join(h.dir, "home"))
	}
	return h
}

// upgrade installs or upgrades the release, as helm-controller does: with server-side apply, Helm 4
// forces conflicts.
func (h *helmRun) upgrade(t *testing.T, chart, tag string, patched bool) {
	t.Helper()
	args := []string{"upgrade", "--install", "backend", chart, "--namespace", "webapp", "--set", "image.tag=" + tag, "--no-hooks"}
	if h.major != "3" {
		args = append(args, "--force-conflicts")
	}
	if patched && h.major == "3" {
		args = append(args, "--post-renderer", filepath.Join(h.dir, "patch"))
	} else if patched {
		args = append(args, "--post-renderer", "patch")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.program, args...)
	cmd.Env = h.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestServiceOfChart: the upgrade that adds a rollout deletes the chart's Service, unless the live one
// says keep. Then it stays the same object, Flagger takes it over, later upgrades leave it alone, and
// Helm has it back without the rollout. A Service that is left in the chart is Helm's again with every
// upgrade, whatever Flagger has put on it. Both majors of Helm do the same.
func TestServiceOfChart(t *testing.T) {
	for _, version := range few(helms, 1) {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			record(t, "11. Helm "+version.name+": deletes a chart's Service, or keeps it for Flagger")
			tree := golden(t, "helm-repository")
			objects := tree.objects(t, tree.clusters()[0])
			canary := objects["Canary webapp/backend"]
			patches := slice(objects["HelmRelease default/podinfo"].Object, "spec", "postRenderers")[0]["kustomize"].(map[string]any)["patches"]
			c := kube.Start(t, toolsDir)
			stub.StartNodes(t, c.Client)
			install(t, c, chartCRDs(t)["flagger"])
			install(t, c, chartCRDs(t)["kuma"])
			if _, err := c.Apply(t.Context(), objects["Namespace webapp"]); err != nil {
				t.Fatal(err)
			}
			chart := chartDir(t, nil)
			h := newHelmRun(t, c, version.name, version.tool, patches)
			service := func() (*kube.Object, error) { return c.Get(t.Context(), services, "webapp", "backend") }
			must := func() *kube.Object {
				t.Helper()
				o, err := service()
				if err != nil {
					t.Fatal(err)
				}
				return o
			}
			is := func(o *kube.Object, selector string, ports int) bool {
				app, _, _ := unstructured.NestedString(o.Object, "spec", "selector", "app")
				return app == selector && len(slice(o.Object, "spec", "ports")) == ports
			}

			h.upgrade(t, chart, "a", false)
			h.upgrade(t, chart, "b", true)
			if _, err := service(); !errors.IsNotFound(err) {
				t.Fatalf("the Service is not deleted: %v", err)
			}
			h.upgrade(t, chart, "c", false)
			before := must()
			if err := c.Patch(t.Context(), before, map[string]any{"metadata": map[string]any{"annotations": map[string]any{"helm.sh/resource-policy": "keep"}}}); err != nil {
				t.Fatal(err)
			}
			h.upgrade(t, chart, "d", true)
			if after := must(); after.GetUID() != before.GetUID() || !is(after, "backend", 2) {
				t.Errorf("it is kept as %v", after.Object)
			}
			if _, err := c.Apply(t.Context(), canary); err != nil {
				t.Fatal(err)
			}
			runFlagger(t, c, tools.Flagger, stub.StartProxy(t).URL, "-mesh-provider=kuma", "-metrics-server=http://prometheus")
			kube.Eventually(t, analysis, "Flagger takes the Service over", func() error {
				if o := must(); !is(o, "backend-primary", 1) {
					return fmt.Errorf("it is %v", o.Object["spec"])
				}
				return nil
			})
			h.upgrade(t, chart, "e", true)
			if after := must(); after.GetUID() != before.GetUID() || !is(after, "backend-primary", 1) {
				t.Errorf("after another upgrade it is %v", after.Object)
			}
			h.upgrade(t, chart, "f", false)
			after := must()
			if annotations := after.GetAnnotations(); annotations["helm.toolkit.fluxcd.io/driftDetection"] != "disabled" || after.GetUID() != before.GetUID() {
				t.Errorf("Flagger has not marked it: %v", annotations)
			}
			if app, _, _ := unstructured.NestedString(after.Object, "spec", "selector", "app"); app != "backend" {
				t.Errorf("Helm does not take back a Service of its chart: its selector is %s", app)
			}
		})
	}
}
