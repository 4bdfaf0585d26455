//go:build unix

package sources

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema/api"
)

// These tests use a script instead of helm. conformance/charts_test.go uses the real helm.

const someChart = "-- charts/web/Chart.yaml --\nname: web\n-- charts/web/values.yaml --\na: 1\n-- charts/web/templates/a.yaml --\n-- other.yaml --\n"

// withHelm puts a script on the PATH as helm.
func withHelm(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if err := os.WriteFile(filepath.Join(dir, "helm"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
}

// renderChart renders a chart of a Git source.
func renderChart(t *testing.T, f *Files, change func(*source.Build)) *source.Built {
	t.Helper()
	b := source.Build{
		Source: &api.ApplicationSource{GitRepository: &api.GitRepository{}},
		Chart:  &source.Chart{Path: "./charts/web", Release: "shop", Namespace: "webapp"},
	}
	if change != nil {
		change(&b)
	}
	return Build(t.Context(), []source.Build{b}, func(*source.Build) (*Files, string) { return f, "" })[b.Key]
}

// messages returns the errors of Flux with their fields.
func messages(built *source.Built) string {
	var lines []string
	for _, f := range built.Failures {
		lines = append(lines, fmt.Sprint(f.Field)+" "+f.Message)
	}
	return strings.Join(lines, "\n")
}

func TestHelmGetsTheChartAndNothingElse(t *testing.T) {
	t.Setenv("HELM_DRIVER", "sql")
	t.Setenv("TOKEN", "secret")
	for _, test := range []struct{ name, script, want string }{
		{"arguments", `echo "Error: $*" >&2; exit 1`,
			"template --namespace=webapp --values=values.json --kube-version=v1.34.0 --no-hooks -- shop chart"},
		{"environment", `echo "Error:" $(env | cut -d= -f1 | grep -v '^PWD$\|^_$\|^SHLVL$' | sort) >&2; exit 1`,
			"HELM_CACHE_HOME HELM_CONFIG_HOME HELM_DATA_HOME HELM_PLUGINS HELM_REGISTRY_CONFIG HELM_REPOSITORY_CACHE HELM_REPOSITORY_CONFIG HOME HTTPS_PROXY HTTP_PROXY KUBECONFIG PATH TMPDIR"},
		{"files", `echo "Error:" $(find . -type f | sort) $(cat values.json) >&2; exit 1`,
			`./chart/Chart.yaml ./chart/templates/a.yaml ./chart/values.yaml ./empty ./values.json {"b":2}`},
		{"names of files on this machine", `echo "Error: $PWD/chart/x.yaml" >&2; exit 1`, "chart/x.yaml"},
	} {
		t.Run(test.name, func(t *testing.T) {
			withHelm(t, test.script)
			built := renderChart(t, filesOf(t, someChart), func(b *source.Build) { b.Chart.Values = api.Values{"b": 2} })
			if got, want := messages(built), "[helm chart spec chart] Helm cannot render the chart: "+test.want; got != want {
				t.Errorf("helm got\n%s\nwant\n%s\n(%s)", got, want, built.Unread)
			}
		})
	}
}

func TestValuesFilesReplaceTheChartsOwn(t *testing.T) {
	withHelm(t, `echo "Error: $(cat chart/values.yaml)" >&2; exit 1`)
	f := filesOf(t, someChart+"-- one.yaml --\nx: {a: 1, b: 1}\nz: [1]\n-- charts/web/two.yaml --\nx: {b: 2}\nz: [2]\n")
	for _, test := range []struct {
		name  string
		files []string
		want  string
	}{
		{"none", nil, "[helm chart spec chart] Helm cannot render the chart: a: 1"},
		{"two, from the root of a Git source", []string{"./one.yaml", "charts/web/two.yaml"}, `[helm chart spec chart] Helm cannot render the chart: {"x":{"a":1,"b":2},"z":[2]}`},
		{"one that leaves the source", []string{"../../one.yaml"}, `[helm chart spec chart] Helm cannot render the chart: {"x":{"a":1,"b":1},"z":[1]}`},
		{"one that is missing", []string{"one.yaml", "three.yaml"}, "[helm chart spec valuesFiles 1] three.yaml is not in the source, so Flux cannot build the chart"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := messages(renderChart(t, f, func(b *source.Build) { b.Chart.ValuesFiles = test.files })); got != test.want {
				t.Errorf("it says\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestChartIsFound(t *testing.T) {
	withHelm(t, `echo "Error: $(cat chart/Chart.yaml)" >&2; exit 1`)
	repository := &api.ApplicationSource{HelmRepository: &api.HelmRepository{}}
	registry := &api.ApplicationSource{OCIRepository: &api.OCIRepository{}}
	const name = "-- web/Chart.yaml --\nname: web\n-- Chart.yaml --\nname: root\n"
	for _, test := range []struct {
		name, files string
		source      *api.ApplicationSource
		path, want  string
	}{
		{"by its name in a directory for a repository of charts", name, repository, "web", "Helm cannot render the chart: name: web"},
		{"where the directory for a repository is the chart", name, repository, "shop", "Helm cannot render the chart: name: root"},
		{"where the artifact is the chart", name, registry, "", "Helm cannot render the chart: name: root"},
		{"not in a directory for a repository", "-- x --\n", repository, "shop", "the directory of the source has no chart shop"},
		{"not in a Git source", "-- x --\n", nil, "./charts/web", "./charts/web has no Chart.yaml in the source, so Flux cannot find the chart"},
		{"packed", "-- charts/web.tgz --\n", nil, "charts/web.tgz", "the chart charts/web.tgz is packed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			built := renderChart(t, filesOf(t, test.files), func(b *source.Build) {
				b.Chart.Path = test.path
				if test.source != nil {
					b.Source = test.source
				}
			})
			if got := strings.TrimPrefix(messages(built), "[helm chart spec chart] ") + built.Unread; got != test.want {
				t.Errorf("it says %s, want %s", got, test.want)
			}
		})
	}
	t.Run("in a submodule that is not there", func(t *testing.T) {
		f := filesOf(t, someChart)
		f.absent = map[string]string{"charts/web/charts/x": "a submodule"}
		if got := renderChart(t, f, nil).Unread; got != "charts/web/charts/x is in a submodule" {
			t.Error(got)
		}
	})
	for version, want := range map[string]string{
		"6.7.x": "",
		">=7.0": "the chart in the source's directory has version 6.7.1, but the policy needs >=7.0",
	} {
		t.Run("at a version of "+version, func(t *testing.T) {
			built := renderChart(t, filesOf(t, "-- Chart.yaml --\nname: web\nversion: 6.7.1\n"), func(b *source.Build) {
				b.Source, b.Chart.Path, b.Chart.Version = repository, "web", version
			})
			if built.Unread != want {
				t.Errorf("it says %q, want %q", built.Unread, want)
			}
		})
	}
	t.Run("without a helm", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if got := renderChart(t, filesOf(t, someChart), nil).Unread; got != "helm is not on the PATH" {
			t.Error(got)
		}
	})
}

func TestHelmIsStopped(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // an empty directory for temporary files
	pid := filepath.Join(t.TempDir(), "pid")
	before := buildTime
	defer func() { buildTime = before }()
	for _, test := range []struct {
		name, script, want string
		within             time.Duration
	}{
		{"with what it has started when its time is over", "/bin/sleep 60 & echo $! > " + pid + "; wait", "the build takes more than 3s", 3 * time.Second},
		{"when it prints too much", "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done", "its rendered output exceeds 8 MiB", before},
		{"never for what it says on standard error, of which little is kept", "i=0; while [ $i -lt 3000 ]; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa >&2; i=$((i+1)); done; exit 1", "helm fails without an error message", before},
		{"by the system, which gives it no more memory", `echo "fatal error: runtime: out of memory" >&2; exit 2`, "it needs more memory than helm may use", before},
	} {
		t.Run(test.name, func(t *testing.T) {
			withHelm(t, test.script)
			buildTime = test.within
			start := time.Now()
			built := renderChart(t, filesOf(t, someChart), nil)
			if built.Unread != test.want || time.Since(start) > tooLong {
				t.Errorf("after %s it says %q %s, want %q", time.Since(start), built.Unread, messages(built), test.want)
			}
		})
	}
	started, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := strconv.Atoi(strings.TrimSpace(string(started))); err != nil || runtime.GOOS == "linux" && runs(n) {
		t.Errorf("what the script has started runs on: %s", started)
	}
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), "fleetwright-chart-*"))
	if len(left) > 0 {
		t.Errorf("it leaves %q", left)
	}
}

// runs reports whether a process runs, and is not just a zombie.
func runs(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(status), ") Z ")
}

func TestRenderedObjectsHaveTheirTemplates(t *testing.T) {
	withHelm(t, `cat <<'END'
---
# Source: web/charts/db/templates/db.yaml
apiVersion: v1
kind: Secret
metadata: {name: db}
---
# Source: web/templates/none.yaml
# nothing
---
# Source: web/templates/a.yaml
apiVersion: v1
kind: Service
metadata: {name: web}
---
# Source: web/templates/a.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
END
`)
	drop := kustomize.Patch{Patch: "{$patch: delete, apiVersion: v1, kind: Service, metadata: {name: web}}", Target: &kustomize.Selector{Kind: "Service"}}
	built := renderChart(t, filesOf(t, someChart), func(b *source.Build) { b.Added = []kustomize.Patch{drop} })
	const all = "Secret /db charts/web/charts/db/templates/db.yaml\nService /web charts/web/templates/a.yaml\nConfigMap /web charts/web/templates/a.yaml"
	if got := list(built.Plain); got != all {
		t.Errorf("without our patches it is\n%s\n%s%s", got, built.Unread, messages(built))
	}
	if got, want := list(built.Objects), strings.Replace(all, "Service /web charts/web/templates/a.yaml\n", "", 1); got != want {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
	withHelm(t, "printf -- '---\\n# Source: web/templates/b.yaml\\napiVersion: v1\\nkind: Service\\nmetadata: {}\\n'")
	const unnamed = "[helm chart spec chart] Flux cannot patch the rendered chart: charts/web/templates/b.yaml: missing metadata.name in object"
	if got := messages(renderChart(t, filesOf(t, someChart), nil)); got != unnamed {
		t.Errorf("it says %s, want %s", got, unnamed)
	}
	withHelm(t, "")
	if built = renderChart(t, filesOf(t, someChart), nil); built.Objects == nil || len(built.Objects)+len(built.Failures) > 0 || built.Unread != "" {
		t.Errorf("of a chart that renders nothing it makes %+v", built)
	}
}

func TestReasonsOfHelm(t *testing.T) {
	const chart = "[helm chart spec chart] "
	const schema = "values don't meet the specifications of the schema(s) in the following chart(s):\n"
	values := api.Values{"image": map[string]any{"tag": 1, "a/b": 1}, "hosts": []any{"a", 1}, "db": map[string]any{"port": "x"}, "typo": 1}
	for _, test := range []struct {
		name, stderr, template string
		incomplete             bool
		want                   string
	}{
		{name: "what a template requires", stderr: "WARNING: x\nError: execution error at (web/templates/a.yaml:1:3): no\nhost\n\nUse --debug flag\n",
			want: chart + "Helm cannot render the chart: execution error at (web/templates/a.yaml:1:3): no host"},
		{name: "what it requires where the cluster lacks something", template: "{{ if .Capabilities.APIVersions.Has", stderr: "Error: execution error at (web/templates/a.yaml:1:3): no host",
			want: "its templates query the cluster; without one, helm reports: execution error at (web/templates/a.yaml:1:3): no host"},
		{name: "what it looked up", template: "{{ (lookup `v1` ).data.x }}", stderr: "Error: template: web/templates/a.yaml:1:10: nil pointer",
			want: "its templates query the cluster; without one, helm reports: template: web/templates/a.yaml:1:10: nil pointer"},
		{name: "a mistake in a template that asks what the cluster has", template: "{{ .Capabilities.KubeVersion }}", stderr: "Error: template: web/templates/a.yaml:1:10: nil pointer",
			want: chart + "Helm cannot render the chart: template: web/templates/a.yaml:1:10: nil pointer"},
		{name: "a failure by values that are not known", incomplete: true, stderr: "Error: execution error at (web/templates/a.yaml:1:3): no host", want: "the values of its valuesFrom are not known"},
		{name: "a dependency", stderr: "Error: an error occurred while checking for chart dependencies. You may need to run 'helm dependency build': found in Chart.yaml, but missing in charts/ directory: redis, common",
			want: "dependencies are missing in the chart's charts/: redis, common"},
		{name: "a function of a newer helm", stderr: `Error: parse error at (web/templates/a.yaml:1): function "mustToToml" not defined`, want: "the helm on the PATH has no function mustToToml"},
		{name: "a flag of a newer helm", stderr: "Error: unknown flag: --no-hooks", want: "helm reports: unknown flag: --no-hooks"},
		{name: "another Kubernetes", stderr: "Error: chart requires kubeVersion: <1.20 which is incompatible with Kubernetes v1.34.0", want: "helm reports: chart requires kubeVersion: <1.20 which is incompatible with Kubernetes v1.34.0"},
		{name: "no reason", stderr: "panic", want: "helm fails without an error message"},
		{name: "values of the wrong type, and keys that are unknown", stderr: "Error: " + schema + `web:
- at '/image': validation failed
  - at '/image/tag': got number, want string
  - at '/image': additional properties 'x', 'a/b' not allowed
- at '/hosts/1': 'anyOf' failed
  - at '/hosts/1': got number, want string
  - at '/hosts/1': got number, want boolean
- at '': missing property 'name'
db:
- at '/port': got string, want integer
`, want: `[helm values db port] db.port does not match the chart's values.schema.json: got string, want integer
[helm values] helm.values does not match the chart's values.schema.json: missing property 'name'
[helm values hosts 1] hosts.1 does not match the chart's values.schema.json: 'anyOf' failed; got number, want string; got number, want boolean
[helm values image a/b] image.a/b is not a key in the chart's values.schema.json, which allows no others
[helm values image tag] image.tag does not match the chart's values.schema.json: got number, want string
[helm values image] image.x is not a key in the chart's values.schema.json, which allows no others`},
		{name: "the same as Helm said it until 3.17", stderr: "Error: " + schema + `web:
- image.tag: Invalid type. Expected: string, given: integer
- (root): name is required
- (root): Additional property typo is not allowed
`, want: `[helm values] helm.values does not match the chart's values.schema.json: name is required
[helm values image tag] image.tag does not match the chart's values.schema.json: Invalid type. Expected: string, given: integer
[helm values typo] typo is not a key in the chart's values.schema.json, which allows no others`},
		{name: "values beside others that are not known, of which only these are sure", incomplete: true, stderr: "Error: " + schema + `web:
- at '': missing property 'name'
- at '/image': minProperties: got 2, want 3
- at '/image/tag': got number, want string
- at '/image/other': got number, want string
- at '': additional properties 'typo', 'other' not allowed
`, want: `[helm values image tag] image.tag does not match the chart's values.schema.json: got number, want string
[helm values typo] typo is not a key in the chart's values.schema.json, which allows no others`},
		{name: "none that is sure", incomplete: true, stderr: "Error: " + schema + "web:\n- at '': missing property 'name'\n", want: "the values of its valuesFrom are not known"},
		{name: "a schema that cannot be loaded", stderr: "Error: " + schema + "web:\nfailing loading \"x\": no\n", want: "helm reports: " + strings.TrimSpace(schema) + " web: failing loading \"x\": no"},
		{name: "values in a form that nobody knows", stderr: "Error: " + schema + "web:\nsomething\n", want: chart + "the values do not match the chart's values.schema.json: web: something"},
	} {
		t.Run(test.name, func(t *testing.T) {
			withHelm(t, "cat >&2 <<'END'\n"+test.stderr+"\nEND\nexit 1\n")
			built := renderChart(t, filesOf(t, someChart+"-- charts/web/templates/b.yaml --\n"+test.template+"\n"), func(b *source.Build) {
				b.Chart.Values, b.Chart.Incomplete = values, test.incomplete
			})
			if got := built.Unread + messages(built); got != test.want {
				t.Errorf("it says\n%s\nwant\n%s", got, test.want)
			}
			if len(built.Objects) > 0 {
				t.Error("there are objects")
			}
		})
	}
}

// TestHostileCharts checks that a chart that cannot be read is not rendered either.
func TestHostileCharts(t *testing.T) {
	withHelm(t, "exit 0")
	for _, test := range []struct{ name, file, content, want string }{
		{"a name that leaves the copy", "charts/web/../../../../x", "", "charts/web/../../../../x cannot be copied"},
		{"a schema on the network", "charts/web/values.schema.json", `{"properties": {"a": {"$ref": "https://example.com/a.json"}}}`, "charts/web/values.schema.json refers to https://example.com/a.json, which is not fetched"},
		{"a schema elsewhere on the disk", "charts/web/charts/db/values.schema.json", "\ufeff" + `{"allOf": [{"$dynamicRef": "file:///etc/passwd"}]}`, "charts/web/charts/db/values.schema.json refers to file:///etc/passwd, which is not fetched"},
		{"the schema of a schema", "charts/web/values.schema.json", `{"$schema": "https://example.com/draft"}`, "charts/web/values.schema.json refers to https://example.com/draft, which is not fetched"},
		{"a schema that is relative to another", "charts/web/values.schema.json", `{"$id": "https://example.com/", "$ref": "b.json"}`, "charts/web/values.schema.json refers to b.json, which is not fetched"},
		{"a schema that is none", "charts/web/values.schema.json", `{"a": 1} {}`, "charts/web/values.schema.json refers to content that cannot be read, which is not fetched"},
		{"a schema of this chart alone", "charts/web/values.schema.json", `{"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "properties": {"$ref": {"type": "string"}}}`, ""},
		{"a packed chart with a schema on the network", "charts/web/charts/a.tgz", packedChart(t, `a\values.schema.json`, `{"$ref": "http://x/"}`), "charts/web/charts/a.tgz refers to http://x/, which is not fetched"},
		{"one that is packed twice", "charts/web/charts/a.tgz", packedChart(t, "a/charts/b.tgz", packedChart(t, "b/values.schema.json", `{"$ref": "http://x/"}`)), "charts/web/charts/a.tgz refers to http://x/, which is not fetched"},
		{"one that is huge", "charts/web/charts/a.tgz", packedChart(t, "a/x", strings.Repeat("\x00", maxChart+1)), "charts/web/charts/a.tgz refers to content that cannot be read, which is not fetched"},
		{"a packed chart without", "charts/web/charts/a.tgz", packedChart(t, "a/values.schema.json", "{}"), ""},
		{"a large file", "charts/web/x", strings.Repeat("a", maxChart+1), "the chart is larger than 64 MiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := filesOf(t, someChart)
			read, names := f.read, append(slices.Clone(f.names), test.file)
			f = newFiles(names, nil, func(name string) ([]byte, error) {
				if name == test.file {
					return []byte(test.content), nil
				}
				return read(name)
			})
			built := renderChart(t, f, nil)
			if len(built.Failures) > 0 || !strings.HasPrefix(built.Unread, test.want) || (test.want == "") != (built.Unread == "") {
				t.Errorf("it says %q %s, want %q", built.Unread, messages(built), test.want)
			}
		})
	}
}

// packedChart returns a packed chart of one file.
func packedChart(t *testing.T, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
