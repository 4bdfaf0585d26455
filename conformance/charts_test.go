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

// helms are the major versions of Helm.
var helms = []struct {
	name string
	tool tools.Tool
}{{"4", tools.Helm}, {"3", tools.OldHelm}}

// chartTree holds the files of a chart for the Service and the Deployment of the example helm-repository.
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

// renderedChart returns the objects built from a chart in a directory, with a helm on the PATH.
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

// chartDir writes a chart into a new directory.
func chartDir(t *testing.T, more map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	mustCopy(t, chartTree(more), dir)
	return dir
}

// said returns the objects and failures of a chart, and why it was not read.
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

// helm returns the program of a tool.
func helm(t *testing.T, tool tools.Tool) string {
	t.Helper()
	file, err := tools.Build(toolsDir, tool)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestCharts renders valid and invalid charts with both major versions of Helm.
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
		// want is the whole output, or the prefix of each of its lines.
		want string
	}{
		{"a chart, without its hooks and notes", nil, source.Chart{}, objects},
		{"values that match the schema", map[string]string{"values.schema.json": schema}, source.Chart{Values: api.Values{"replicas": 2}}, objects},
		{"values that violate the schema", map[string]string{"values.schema.json": schema},
			source.Chart{Values: api.Values{"replicas": "two", "typo": 1, "image": map[string]any{"tag": 7}}},
			"[helm values image tag] image.tag does not match the chart's values.schema.json: got number, want string\n" +
				"[helm values replicas] replicas does not match the chart's values.schema.json: got string, want integer\n" +
				"[helm values typo] typo is not a key in the chart's values.schema.json"},
		{"values of a subchart", map[string]string{
			"values.schema.json": schema, "charts/db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 0.1.0\n",
			"charts/db/values.schema.json": `{"properties": {"port": {"type": "integer"}}}`,
		}, source.Chart{Values: api.Values{"db": map[string]any{"port": "p"}}},
			"[helm values db port] db.port does not match the chart's values.schema.json: got string, want integer"},
		{"a value that a file of the chart removes", map[string]string{"values.schema.json": schema, "other.yaml": "image: {}\n"},
			source.Chart{ValuesFiles: []string{"other.yaml"}}, "[helm chart spec chart] image does not match the chart's values.schema.json: missing property 'tag'"},
		{"a dependency that was not fetched", map[string]string{"Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\ndependencies: [{name: redis, version: 1.0.0, repository: https://example.com}]\n"},
			source.Chart{}, "unread: dependencies are missing in the chart's charts/: redis"},
		{"a value that a template requires", map[string]string{"templates/a.yaml": `{{ required "host must be set" .Values.host }}`}, source.Chart{},
			failed + "execution error at (shop/templates/a.yaml:1:3): host must be set"},
		{"the same with unknown values", map[string]string{"templates/a.yaml": `{{ required "host must be set" .Values.host }}`}, source.Chart{Incomplete: true},
			"unread: the values of its valuesFrom are not known"},
		{"a template that does not parse", map[string]string{"templates/a.yaml": `{{ if }}`}, source.Chart{}, failed + "parse error at (shop/templates/a.yaml:1): missing value for if"},
		{"a template whose output is not YAML", map[string]string{"templates/a.yaml": "a: b\n c: d\n"}, source.Chart{}, failed + "YAML parse error on shop/templates/a.yaml: "},
		{"a Chart.yaml that does not parse", map[string]string{"Chart.yaml": "x: ["}, source.Chart{}, failed + "cannot load Chart.yaml: "},
		{"another Kubernetes", map[string]string{"Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\nkubeVersion: <1.20\n"}, source.Chart{}, "unread: helm reports: chart requires kubeVersion"},
		{"a DNS lookup, and an object lookup in the cluster", map[string]string{"templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 'a{{ getHostByName `localhost` }}{{ lookup `v1` `Namespace` `` `default` | len }}'}\n"},
			source.Chart{}, "ConfigMap a0 templates/a.yaml\n" + objects},
		{"a schema with a remote reference", map[string]string{"values.schema.json": `{"$ref": "http://127.0.0.1:1/x.json"}`}, source.Chart{}, "unread: values.schema.json refers to http://127.0.0.1:1/x.json"},
		{"a name that needs too much memory", map[string]string{"templates/a.yaml": "{{ repeat 2000000000 `xxxxxxxx` }}"}, source.Chart{}, "unread: it needs more memory than helm may use"},
		{"a template that prints too much", map[string]string{"templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: {{ repeat 9000000 `x` }}}\n"}, source.Chart{}, "unread: its rendered output exceeds 8 MiB"},
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

// TestChartsReachNothing records the system calls of both major versions of Helm. The chart has a link to the
// outside, and the user has a plugin and a repository.
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
				t.Errorf("the chart renders to %s %+v", said(built), built.Objects)
			}
			calls, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(calls)) {
				if strings.Contains(line, "AF_INET") || strings.Contains(line, home) {
					t.Errorf("unexpected system call %s", line)
				}
			}
			if !strings.Contains(string(calls), "Chart.yaml") {
				t.Error("the recorded calls do not come from helm")
			}
		})
	}
}

// TestEndlessCharts checks that the build of an endless template is stopped after 30 seconds.
func TestEndlessCharts(t *testing.T) {
	for _, version := range few(helms, 1) {
		t.Run(version.name, func(t *testing.T) {
			record(t, "11. Helm "+version.name+": is stopped")
			start := time.Now()
			dir := chartDir(t, map[string]string{"templates/a.yaml": "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"})
			if got := said(renderedChart(t, helm(t, version.tool), dir, source.Chart{})); got != "unread: the build takes more than 30s" {
				t.Error(got)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("the build took %s", took)
			}
		})
	}
}

// A helmRun runs helm against a cluster, with the post-renderer of a HelmRelease.
type helmRun struct {
	program, major, dir string
	env                 []string
}

// newHelmRun returns a helmRun whose post-renderer applies the patches.
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

// upgrade installs or upgrades the release, as helm-controller does: Helm 4 with server-side apply and forced
// conflicts.
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

// TestServiceOfChart checks who owns a chart's Service, with both major versions of Helm. The upgrade that
// adds a rollout deletes the Service, unless the live one is annotated with helm.sh/resource-policy: keep. A
// kept Service stays the same object: Flagger takes it over, later upgrades do not change it, and Helm takes
// it back when the rollout is removed. If the chart still renders the Service, every upgrade resets Flagger's
// changes.
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
				t.Errorf("the kept Service is %v", after.Object)
			}
			if _, err := c.Apply(t.Context(), canary); err != nil {
				t.Fatal(err)
			}
			runFlagger(t, c, tools.Flagger, stub.StartProxy(t).URL, "-mesh-provider=kuma", "-metrics-server=http://prometheus")
			kube.Eventually(t, analysis, "Flagger takes the Service over", func() error {
				if o := must(); !is(o, "backend-primary", 1) {
					return fmt.Errorf("the Service is %v", o.Object["spec"])
				}
				return nil
			})
			h.upgrade(t, chart, "e", true)
			if after := must(); after.GetUID() != before.GetUID() || !is(after, "backend-primary", 1) {
				t.Errorf("after another upgrade the Service is %v", after.Object)
			}
			h.upgrade(t, chart, "f", false)
			after := must()
			if annotations := after.GetAnnotations(); annotations["helm.toolkit.fluxcd.io/driftDetection"] != "disabled" || after.GetUID() != before.GetUID() {
				t.Errorf("the Service lacks Flagger's annotation: %v", annotations)
			}
			if app, _, _ := unstructured.NestedString(after.Object, "spec", "selector", "app"); app != "backend" {
				t.Errorf("Helm does not reclaim the chart's Service: its selector is %s", app)
			}
		})
	}
}
