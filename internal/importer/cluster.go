package importer

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/patch"
)

// output returns the directory to render the documents into, so that the cluster finds its own directory there.
func (b *bootstrap) output() string { return path.Join(b.root, path.Dir(b.dir)) }

// isNamed reports whether the cluster can have a name: render writes into a directory of that name, which the
// cluster must sync.
func (b *bootstrap) isNamed(name string) bool { return b.dir == "." || path.Base(b.dir) == name }

// bootstrap returns the first bootstrap of the clusters, or nil.
func (m *model) bootstrap() *bootstrap {
	for _, t := range m.targets {
		if t.bootstrap != nil {
			return t.bootstrap
		}
	}
	return nil
}

// misnamed returns the reason why no cluster in the files can have a name.
func misnamed(name string, all []*bootstrap) *diag.Mistake {
	var dirs []string
	for _, b := range all {
		dirs = append(dirs, b.dir)
	}
	return diag.NewMistake(
		fmt.Sprintf("no cluster in the files syncs a directory named %s, which render would write; the clusters sync %s", name, diag.Some(dirs, diag.MostNames)),
		fmt.Sprintf("name the cluster after its directory: --cluster %s=PATH", path.Base(dirs[0])))
}

// apart returns the reason why the clusters cannot share one fleet, which is rendered into one directory for one
// source.
func (m *model) apart() *diag.Mistake {
	first := m.bootstrap()
	for _, t := range m.targets {
		b := t.bootstrap
		switch {
		case b == nil:
		case b.output() != first.output():
			return diag.NewMistake(
				fmt.Sprintf("%s and %s are in different directories, but a fleet is rendered into one directory", path.Join(first.root, first.dir), path.Join(b.root, b.dir)),
				m.importHint(first))
		case b.source() != first.source():
			return diag.NewMistake(fmt.Sprintf("%s syncs from the %s and %s from the %s, but a fleet has one source", first.dir, first.source(), b.dir, b.source()), m.importHint(first))
		}
	}
	return nil
}

// importHint returns the hint to import one of several clusters: by its name, or by its directory if another cluster
// has the same name.
func (m *model) importHint(b *bootstrap) string {
	name, at := path.Base(b.dir), b.root
	if slices.ContainsFunc(m.targets, func(t *target) bool {
		return t.bootstrap != nil && t.bootstrap != b && path.Base(t.bootstrap.dir) == name
	}) {
		at = path.Join(b.root, strings.TrimSuffix(b.dir, "/"+name))
	}
	return fmt.Sprintf("import each cluster into a separate DIR: --cluster %s=%s", name, at)
}

// listings returns the steps for clusters whose directory has a kustomization.yaml, which must list the rendered
// files, and notes about the changes that such a file makes to them.
func (m *model) listings() (steps, notes []string) {
	for _, t := range m.targets {
		b := t.bootstrap
		if b == nil {
			continue
		}
		dir := path.Join(b.root, b.dir)
		file, k := t.kustomizationIn(dir)
		if k == nil {
			continue
		}
		entry := strings.TrimPrefix(path.Join(b.output(), t.name, layout.Dir), dir+"/")
		if !slices.ContainsFunc(items(k, "resources"), func(n *yaml.Node) bool { return path.Clean(n.Value) == entry }) {
			steps = append(steps, fmt.Sprintf("add %s to the resources of %s, because Flux applies only these", entry, file))
		}
		namespace := textAt(k, "namespace")
		if namespace != "" && namespace != b.source().Namespace || slices.ContainsFunc(t.changesOf(dir, k), func(c change) bool {
			return patch.MaySelect(&c.target, kustomizeGroup, "Kustomization", layout.SyncDir)
		}) {
			notes = append(notes, fmt.Sprintf("%s changes all objects that it lists: exclude the rendered Kustomization %s/%s", file, b.source().Namespace, layout.SyncDir))
		}
	}
	return steps, notes
}

// appliedWith returns the directory without a kustomization.yaml that Flux applies together with dir, or "".
func (m *model) appliedWith(dir string) string {
	for ; ; dir = path.Dir(dir) {
		isUnit := slices.ContainsFunc(m.targets, func(t *target) bool {
			_, k := t.kustomizationIn(dir)
			return k != nil
		})
		switch {
		case m.listed[dir]:
			return dir
		case isUnit || dir == path.Dir(dir) || path.Base(dir) == "..":
			return ""
		}
	}
}

// walked adds the results of a walk to the model.
func (m *model) walked(w *walk) {
	maps.Copy(m.elsewhere, w.elsewhere)
	maps.Copy(m.listed, w.listed)
	maps.Copy(m.visited, w.visited)
}

// walkStrays finds the files that other files refer to which no cluster in the files applies, because a cluster
// outside the files may apply those.
func (m *model) walkStrays() {
	var strays []string
	seen := map[*repository]bool{}
	for _, t := range m.targets {
		if t.bootstrap == nil || seen[t.repository] {
			continue
		}
		seen[t.repository] = true
		w := newWalk(t.repository)
		w.root = t.bootstrap.root
		for _, name := range t.names {
			if m.visited[name] {
				continue
			}
			why := name + " applies it, too, and the cluster of that file is unknown"
			if dir := path.Dir(name); !m.visited[dir] {
				if file, _ := t.kustomizationIn(dir); file == name {
					w.directory(dir, way{elsewhere: why})
				}
			}
			for _, d := range t.documents[name] {
				o := newObject(d)
				if !slices.Contains(ours, o.Group) || isPatch(o) || isRendered(o) || t.isFluxOwn(o) {
					continue
				}
				strays = append(strays, name)
				if w.source = sourceOf(o); get(o.node, "spec", "kubeConfig") == nil {
					w.follow(o, why)
				}
			}
		}
		maps.Copy(m.elsewhere, w.elsewhere)
	}
	if len(strays) > 0 {
		slices.Sort(strays)
		m.notes = append(m.notes, fmt.Sprintf("no cluster in the files is known to apply the Flux objects in %s, so they are not imported", diag.Some(slices.Compact(strays), diag.MostNames)))
	}
}
