package conformance

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/internal/importer"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// toImport is added to the repository of testdata: a Kustomization that applies only imported objects.
var toImport = tree{
	"clusters/eu/upstream.yaml": []byte(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: upstream, namespace: flux-system}
spec: {interval: 10m, retryInterval: 5s, path: ./upstream, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
`),
	"upstream/podinfo.yaml": []byte(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: upstream, namespace: tools}
spec: {interval: 5m, url: https://github.com/stefanprodan/podinfo, ref: {branch: master}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: upstream, namespace: tools}
spec: {interval: 10m, retryInterval: 5s, path: ./kustomize, prune: true, targetNamespace: tools, sourceRef: {kind: GitRepository, name: upstream}}
`),
}

// An importing is a cluster with a repository to import.
type importing struct {
	*fluxCluster
	repository tree
	result     *importer.Result
	rendered   tree
}

// startImporting starts the cluster, waits until Flux has applied the repository, and imports it.
func startImporting(t *testing.T) *importing {
	t.Helper()
	const cluster = "eu"
	m := &importing{repository: readTree(t, "../testdata/import/rollouts")}
	for name, data := range toImport {
		m.repository[name] = data
	}
	var files []schema.File
	for name, data := range m.repository {
		files = append(files, schema.File{Name: name, Data: data})
	}
	result, list := importer.Import([]importer.Cluster{{Files: files}})
	if result == nil {
		t.Fatal(list)
	}
	m.result = result
	compiled, list := render.Compile(schema.Load(result.Files), render.Options{})
	if compiled == nil {
		t.Fatal(list)
	}
	m.rendered = tree{}
	for _, c := range compiled.Clusters {
		for f := range c.Files() {
			m.rendered[path.Join(c.Name, "fleetwright", f.Path)] = f.Content
		}
	}
	m.fluxCluster = startFluxOf(t, application{
		source:     types.NamespacedName{Namespace: "tools", Name: "upstream"},
		repository: upstreamPodinfo,
	}, nil, treeOf(cluster), cluster, func(c *fluxCluster) {
		install(t, c.ControlPlane, chartCRDs(t)["flagger"])
		for _, name := range []string{"flagger-system", "test", "tools"} {
			if _, err := c.Apply(t.Context(), &kube.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}); err != nil {
				t.Fatal(err)
			}
		}
		c.world.Push(t, "flux-system", "flux-system", m.repository)
	})
	m.wait(t, "", "flux-system/flux-system", "flux-system/podinfo", "flux-system/upstream", "tools/upstream")
	return m
}

// commit edits the documents of the objects in a step, and lets Flux apply the result. An edit returns "" to
// remove a document.
func (m *importing) commit(t *testing.T, step importer.Step, edit func(document string) string, kustomizations ...string) {
	t.Helper()
	for _, f := range step.Files {
		var left []string
		for document := range strings.SplitSeq(string(m.repository[f.File]), "\n---\n") {
			var o unstructured.Unstructured
			if err := yaml.Unmarshal([]byte(document), &o.Object); err != nil {
				t.Fatal(err)
			}
			id := fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName())
			if len(f.Objects) == 0 || slices.Contains(f.Objects, id) {
				document = edit(document)
			}
			if document != "" {
				left = append(left, document)
			}
		}
		m.repository[f.File] = []byte(strings.Join(left, "\n---\n"))
		if len(left) == 0 {
			delete(m.repository, f.File)
		}
	}
	m.wait(t, m.world.Push(t, "flux-system", "flux-system", m.repository), kustomizations...)
}

// annotated returns a document with the annotation that keeps Flux from deleting its object.
func annotated(t *testing.T) func(document string) string {
	return func(document string) string {
		var o unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(document), &o.Object); err != nil {
			t.Fatal(err)
		}
		o.SetAnnotations(map[string]string{pruneAnnotation: "disabled"})
		data, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
}

func removed(string) string { return "" }

// wait waits until Flux has applied a revision of the repository for Kustomizations.
func (m *importing) wait(t *testing.T, revision string, names ...string) {
	t.Helper()
	kube.Eventually(t, convergence, "Flux has applied the commit", func() error {
		for _, name := range names {
			namespace, name, _ := strings.Cut(name, "/")
			k, err := m.Get(t.Context(), kustomizations, namespace, name)
			if err != nil {
				return err
			}
			source, _, _ := unstructured.NestedString(k.Object, "spec", "sourceRef", "name")
			applied, _, _ := unstructured.NestedString(k.Object, "status", "lastAppliedRevision")
			observed, _, _ := unstructured.NestedInt64(k.Object, "status", "observedGeneration")
			if status, message := kube.Condition(k, "Ready"); status != "True" || observed != k.GetGeneration() || revision != "" && source == "flux-system" && applied != revision {
				return fmt.Errorf("%s: %s", kube.ID(k), message)
			}
		}
		return nil
	})
}

// stages returns the rendered Flux Kustomizations, including the bootstrap's.
func (m *importing) stages(t *testing.T) []string {
	t.Helper()
	names := []string{"flux-system/flux-system"}
	for _, o := range m.rendered.objects(t, m.name) {
		if o.GroupVersionKind() == kustomizations {
			names = append(names, o.GetNamespace()+"/"+o.GetName())
		}
	}
	return names
}

// replace makes the second commit: it replaces the imported objects with the rendered ones.
func (m *importing) replace(t *testing.T) {
	t.Helper()
	for name, data := range m.rendered.inRepository() {
		m.repository[name] = data
	}
	m.commit(t, m.result.Steps[1], removed, m.stages(t)...)
}

// TestFluxMovesWhatIsImported lets Flux apply the commits of an import one by one. No object is deleted or
// recreated, except the Kustomization that the last commit deletes.
func TestFluxMovesWhatIsImported(t *testing.T) {
	t.Parallel()
	record(t, "3. Flux: moves what is imported, and deletes nothing")
	m := startImporting(t)
	before := m.held(t)
	deleted := m.watchDeletions(t, before)
	m.commit(t, m.result.Steps[0], annotated(t), "flux-system/flux-system", "flux-system/podinfo", "flux-system/upstream")
	m.mustHaveAll(t, before, deleted())

	m.replace(t)
	for _, h := range deleted() {
		t.Errorf("deleted: %v", h)
	}
	m.commit(t, m.result.Steps[2], removed, m.stages(t)...)
	gone := held{m.name, applied{kustomizations, "flux-system", "upstream"}}
	kube.Eventually(t, convergence, "the Kustomization upstream is deleted", func() error {
		if _, isThere := m.held(t)[gone]; isThere {
			return fmt.Errorf("%v", gone)
		}
		return nil
	})
	m.reconcile(t)
	if all := slices.Compact(deleted()); len(all) != 1 || all[0] != gone { // the watch reports the start and the end of a deletion
		t.Errorf("deleted objects: %v", all)
	}
	after := m.held(t)
	for h, uid := range before {
		if h == gone {
			continue
		}
		o, err := m.Get(t.Context(), h.kind, h.namespace, h.name)
		switch {
		case err != nil:
			t.Error(err)
		case o.GetUID() != uid:
			t.Errorf("recreated: %v", h)
		case after[h] != "" && o.GetAnnotations()[pruneAnnotation] != "" && h.kind != namespaces:
			t.Errorf("still annotated: %v", h)
		}
	}
}

// TestFluxDeletesWhatIsNotAnnotated skips the first commit.
func TestFluxDeletesWhatIsNotAnnotated(t *testing.T) {
	t.Parallel()
	record(t, "3. Flux: moves what is imported: what is broken is seen")
	m := startImporting(t)
	before := m.held(t)
	m.replace(t)
	kube.Eventually(t, convergence, "an object is recreated", func() error {
		if wrong := remade(before, m.held(t)); !slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, "recreated") }) {
			return fmt.Errorf("no object is recreated; changes: %q", wrong)
		}
		return nil
	})
}
