package sources

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/pkg/apis/kustomize"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/render/source"
)

const (
	// maxChart limits the files of a chart, and maxRendered the output of helm, in bytes.
	maxChart, maxRendered = 64 << 20, 8 << 20
	// kubeVersion is the version in .Capabilities of templates, whatever the helm program's own default is.
	kubeVersion = "v1.34.0"
	// chartFile and valuesFile are Helm's names of these files.
	chartFile, valuesFile = "Chart.yaml", "values.yaml"
)

// chartField is the field at which failures of a chart are reported.
var chartField = []any{"helm", "chart", "spec", "chart"}

// valuesUnknown is the reason why a chart is not read whose values are not all in the documents.
const valuesUnknown = "the values of its valuesFrom are not known"

// errRendered is the reason why helm is stopped if it prints too much.
var errRendered = errors.New("its rendered output is too large")

// chart renders a chart like helm-controller, with the helm program on the PATH. It omits hooks and CRDs, because
// no upgrade applies them with the other objects.
func (f *Files) chart(ctx context.Context, b *source.Build) *source.Built {
	ctx, cancel := context.WithTimeoutCause(ctx, buildTime, errTime)
	defer cancel()
	c := &chart{Build: b, ctx: ctx, files: f}
	if built := c.find(); built != nil {
		return built
	}
	program, err := exec.LookPath("helm")
	if err != nil {
		return unread("helm is not on the PATH")
	}
	if c.tmp, err = os.MkdirTemp("", "fleetwright-chart-"); err != nil {
		return unread("cannot create a directory for helm: %s", reasonOf(err))
	}
	defer os.RemoveAll(c.tmp)
	if built := c.copy(); built != nil {
		return built
	}
	output, built := c.template(program)
	if built != nil {
		return built
	}
	if c.Chart.Incomplete {
		// Values from Secrets and ConfigMaps override the chart's own, and may change any name and any port.
		// Without them the rendered objects are not the applied ones.
		return unread(valuesUnknown)
	}
	return c.patched(documents(output, c.dir))
}

// A chart is a chart to render.
type chart struct {
	*source.Build
	ctx   context.Context
	files *Files
	// dir is the directory in the source, and tmp is a directory with a copy of it.
	dir, tmp string
	// name is the name of the chart.
	name string
}

// unread returns the result for a chart that cannot be read here.
func unread(format string, args ...any) *source.Built {
	return &source.Built{Unread: fmt.Sprintf(format, args...)}
}

// failed returns the result for a chart on which Flux fails, too.
func failed(field []any, hint, format string, args ...any) *source.Built {
	return &source.Built{Failures: []source.Failure{{Field: field, Message: fmt.Sprintf(format, args...), Hint: hint}}}
}

// reasonOf returns the reason why a file could not be used, without its path.
func reasonOf(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return err.Error()
}

// find finds the directory of the chart: its path in a Git source, its name in the directory of a HelmRepository,
// or else the source itself.
func (c *chart) find() *source.Built {
	isGit := c.Source.GitRepository != nil
	c.dir = cmp.Or(path.Join("/", c.Chart.Path)[1:], ".") // like securejoin.SecureJoin in source-controller
	if !isGit && (c.Source.OCIRepository != nil || !c.files.has(path.Join(c.dir, chartFile))) {
		c.dir = "."
	}
	for _, name := range slices.Sorted(maps.Keys(c.files.absent)) {
		if name == c.dir || c.dir == "." || strings.HasPrefix(name, c.dir+"/") || strings.HasPrefix(c.dir, name+"/") {
			return unread("%s is in %s", name, c.files.absent[name])
		}
	}
	switch {
	case c.files.has(c.dir) && path.Ext(c.dir) == ".tgz":
		return unread("the chart %s is packed", c.Chart.Path)
	case c.files.has(path.Join(c.dir, chartFile)):
		return nil
	case !isGit:
		return unread("the directory of the source has no chart %s", c.Chart.Path)
	}
	return failed(chartField, "write the path of a directory with a Chart.yaml, relative to the root of the source",
		"%s has no Chart.yaml in the source, so Flux cannot find the chart", c.Chart.Path)
}

// copy copies the values and all regular files of the chart.
func (c *chart) copy() *source.Built {
	to, err := os.OpenRoot(c.tmp)
	if err != nil {
		return unread("cannot create a directory for helm: %s", reasonOf(err))
	}
	defer to.Close()
	put := func(name string, content []byte) error {
		if err := to.MkdirAll(path.Dir(name), 0o700); err != nil {
			return err
		}
		return to.WriteFile(name, content, 0o600)
	}
	names, size := c.files.below(c.dir), 0
	if len(names) > maxReads {
		return unread("the chart has more than %d files", maxReads)
	}
	for _, name := range names {
		content, err := c.files.read(name)
		if err != nil {
			return unread("%s cannot be read: %s", name, reasonOf(err))
		}
		if size += len(content); size > maxChart {
			return unread("the chart is larger than %d MiB", maxChart>>20)
		}
		if ref := fetched(name, content); ref != "" {
			return unread("%s refers to %s, which is not fetched", name, cut(ref))
		}
		below := name
		if c.dir != "." {
			below = strings.TrimPrefix(name, c.dir+"/")
		}
		if below == chartFile && !explodes(content) {
			var metadata struct{ Name, Version string }
			_ = yaml.Unmarshal(content, &metadata) // helm reports its errors
			c.name = metadata.Name
			if !c.takes(metadata.Version) {
				return unread("the chart in the source's directory has version %s, but the policy needs %s", cut(metadata.Version), c.Chart.Version)
			}
		}
		if err := put(path.Join("chart", below), content); err != nil {
			return unread("%s cannot be copied: %s", name, reasonOf(err))
		}
	}
	defaults, built := c.defaults()
	if built != nil {
		return built
	}
	values, err := json.Marshal(c.Chart.Values)
	if err == nil {
		err = put("values.json", values)
	}
	if err == nil && defaults != nil {
		err = put(path.Join("chart", valuesFile), defaults)
	}
	for _, dir := range []string{"home", "plugins"} {
		err = errors.Join(err, to.Mkdir(dir, 0o700))
	}
	if err = errors.Join(err, put("empty", nil)); err != nil {
		return unread("the values cannot be written: %s", reasonOf(err))
	}
	return nil
}

// takes reports whether a policy accepts this version of its chart; a Git source has only one.
func (c *chart) takes(version string) bool {
	if c.Source.HelmRepository == nil || c.Chart.Version == "" {
		return true
	}
	is, ok := parseVersion(version)
	return ok && parseRange(c.Chart.Version).has(is)
}

// defaults returns the chart's default values if the policy names files for them, or else nil. The files are
// merged in order, and replace values.yaml (source-controller internal/helm/chart/builder_local.go,
// mergeFileValues). In a Git source, their paths are relative to its root.
func (c *chart) defaults() ([]byte, *source.Built) {
	if len(c.Chart.ValuesFiles) == 0 || c.Source.OCIRepository != nil {
		return nil, nil
	}
	merged := map[string]any{}
	for i, file := range c.Chart.ValuesFiles {
		field := []any{"helm", "chart", "spec", "valuesFiles", i}
		name := path.Join("/", file)[1:]
		if c.Source.GitRepository == nil {
			name = path.Join(c.dir, name)
		}
		if !c.files.has(name) {
			if why := c.files.whyAbsent(name); why != "" {
				return nil, unread("%s is in %s", name, why)
			}
			return nil, failed(field, "write its path relative to the root of the source", "%s is not in the source, so Flux cannot build the chart", file)
		}
		content, err := c.files.read(name)
		if err != nil || len(content) > maxBytes || explodes(content) {
			return nil, unread("%s cannot be read", name)
		}
		values := map[string]any{}
		if err := yaml.Unmarshal(content, &values); err != nil {
			return nil, failed(field, "correct the file", "Flux cannot read the values of %s: %s", name, plain(err))
		}
		merge(merged, values)
	}
	text, err := json.Marshal(merged)
	if err != nil {
		return nil, unread("the files with values cannot be merged: %s", plain(err))
	}
	return text, nil
}

// merge merges values into others: maps by key, everything else as a whole.
func merge(into, values map[string]any) {
	for key, value := range values {
		was, isMap := into[key].(map[string]any)
		if is, ok := value.(map[string]any); ok && isMap {
			merge(was, is)
			continue
		}
		into[key] = value
	}
}

// template runs helm template. Without --enable-dns and --dry-run=server, getHostByName and lookup return nothing
// (helm.sh/helm/v4 and v3 pkg/engine/engine.go). Helm fetches no dependency without --dependency-update, and reads
// the cluster only with --validate. Only schemas can make it fetch anything, and charts with such schemas are not
// rendered.
func (c *chart) template(program string) (output string, built *source.Built) {
	ctx, stop := context.WithCancelCause(c.ctx)
	defer stop(nil)
	cmd := exec.CommandContext(ctx, program, "template", "--namespace="+cmp.Or(c.Chart.Namespace, "default"),
		"--values=values.json", "--kube-version="+kubeVersion, "--no-hooks", "--", c.Chart.Release, "chart")
	cmd.Dir, cmd.Env, cmd.WaitDelay = c.tmp, c.environment(), 2*time.Second
	stdout := &limited{max: maxRendered, full: func() { stop(errRendered) }}
	stderr := &limited{max: 64 << 10}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	contain(cmd)
	err := cmd.Start()
	if err != nil {
		return "", unread("helm does not start: %s", reasonOf(err))
	}
	limitMemory(cmd.Process.Pid)
	err = cmd.Wait()
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errTime):
		return "", unread("%s", tooSlow())
	case errors.Is(cause, errRendered):
		return "", unread("its rendered output exceeds %d MiB", maxRendered>>20)
	case cause != nil:
		return "", unread(interrupted)
	case err != nil:
		return "", c.failure(stderr.kept.String())
	}
	return stdout.kept.String(), nil
}

// environment returns the environment of helm, without the user's plugins, repositories, logins and clusters. An
// unreachable proxy prevents helm from using the network nevertheless.
func (c *chart) environment() []string {
	in := func(name string) string { return filepath.Join(c.tmp, name) }
	return []string{
		"PATH=/usr/bin:/bin", "HOME=" + in("home"), "TMPDIR=" + in("home"), "KUBECONFIG=" + in("empty"),
		"HELM_CACHE_HOME=" + in("home"), "HELM_CONFIG_HOME=" + in("home"), "HELM_DATA_HOME=" + in("home"), "HELM_PLUGINS=" + in("plugins"),
		"HELM_REGISTRY_CONFIG=" + in("empty"), "HELM_REPOSITORY_CONFIG=" + in("empty"), "HELM_REPOSITORY_CACHE=" + in("home"),
		"HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1",
	}
}

// A limited buffer keeps up to a limit, and reports whether there was more.
type limited struct {
	kept bytes.Buffer // not embedded, because io.Copy would use its ReadFrom
	max  int
	full func()
}

func (l *limited) Write(p []byte) (int, error) {
	left := l.max - l.kept.Len()
	if len(p) > left && l.full != nil {
		l.full()
	}
	l.kept.Write(p[:min(len(p), left)])
	return len(p), nil
}

// A rendered document is a document in the output of helm, with the template that it is from.
type rendered struct{ file, text string }

// documents returns the documents in the output of helm, with their templates relative to the root of the source.
// Helm puts the chart's name before them (helm.sh/helm/v4 pkg/cmd/template.go).
func documents(output, dir string) (all []rendered) {
	for text := range strings.SplitSeq("\n"+output, "\n---\n") {
		first, _, _ := strings.Cut(text, "\n")
		isComment := func(line string) bool {
			line = strings.TrimSpace(line)
			return line == "" || strings.HasPrefix(line, "#")
		}
		if !slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return !isComment(line) }) {
			continue
		}
		d := rendered{text: text}
		if template, ok := strings.CutPrefix(first, "# Source: "); ok {
			_, template, _ = strings.Cut(template, "/")
			d.file = path.Join(dir, template)
		}
		all = append(all, d)
	}
	return all
}

// patched returns the objects of documents after the policy's patches, with and without the added ones.
// Helm-controller's post-renderer is kustomize, with all documents as its resources (fluxcd/helm-controller
// internal/postrender/kustomize.go).
func (c *chart) patched(all []rendered) *source.Built {
	templates, texts := map[string]string{}, map[string]string{}
	for i, d := range all {
		name := fmt.Sprintf("%05d.yaml", i)
		templates[name], texts[name] = d.file, d.text
	}
	files := newFiles(slices.Collect(maps.Keys(texts)), nil, func(name string) ([]byte, error) { return []byte(texts[name]), nil })
	t := &target{ctx: c.ctx, files: files, dir: ".", Build: &source.Build{
		Kustomization: &source.Kustomization{Images: c.Chart.Images, CommonMetadata: c.Chart.CommonMetadata},
	}}
	build := func(patches []kustomize.Patch) ([]source.Object, *source.Built) {
		objects, why, err := t.build(patches)
		switch {
		case why != "":
			return nil, unread("%s", why)
		case err != nil:
			reason := explain(".", err)
			for name, template := range templates {
				reason = strings.ReplaceAll(reason, name, template)
			}
			return nil, failed(chartField, "correct the chart", "Flux cannot patch the rendered chart: %s", cut(reason))
		}
		for i := range objects {
			objects[i].File = templates[objects[i].File]
		}
		return objects, nil
	}
	objects, failure := build(slices.Concat(c.Patches, c.Added))
	if failure != nil {
		return failure
	}
	built := &source.Built{Objects: append([]source.Object{}, objects...)} // never nil: the chart was rendered
	if len(c.Added) > 0 {
		if built.Plain, failure = build(c.Patches); failure != nil {
			return failure
		}
	}
	return built
}
