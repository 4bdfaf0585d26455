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

// output returns the directory of the files that the documents have to be rendered into, so that the cluster
// finds its own there.
func (b *bootstrap) output() string { return path.Join(b.root, path.Dir(b.dir)) }

// isNamed reports whether the cluster may have a name: render writes the directory of that name, and the cluster has
// to sync it.
func (b *bootstrap) isNamed(name string) bool { return b.dir == "." || path.Base(b.dir) == name }

// bootstrap returns that of the first cluster that has one, or nil.
func (m *model) bootstrap() *bootstrap {
	for _, t := range m.targets {
		if t.bootstrap != nil {
			return t.bootstrap
		}
	}
	return nil
}

// misnamed returns why no cluster in the files may have a name.
func misnamed(name string, all []*bootstrap) *diag.Mistake {
	var dirs []string
	for _, b := range all {
		dirs = append(dirs, b.dir)
	}
	return diag.NewMistake(
		fmt.Sprintf("no cluster in the files syncs a directory called %s, which is what is rendered for it; they sync %s", name, diag.Some(dirs, diag.MostNames)),
		fmt.Sprintf("name the cluster as its directory: --cluster %s=PATH", path.Base(dirs[0])))
}

// apart returns why the clusters cannot be of one fleet: it is rendered into one directory, for one source.
func (m *model) apart() *diag.Mistake {
	first := m.bootstrap()
	for _, t := range m.targets {
		b := t.bootstrap
		switch {
		case b == nil:
		case b.output() != first.output():
			return diag.NewMistake(
				fmt.Sprintf("%s and %s are in different directories, and a fleet is rendered into one", path.Join(first.root, first.dir), path.Join(b.root, b.dir)),
				m.alone(first))
		case b.source() != first.source():
			return diag.NewMistake(fmt.Sprintf("%s syncs from the %s and %s from the %s, and a fleet has one source", first.dir, first.source(), b.dir, b.source()), m.alone(first))
		}
	}
	return nil
}

// alone returns how to import one cluster of several: by its name, or, where another has that too, by its directory.
func (m *model) alone(b *bootstrap) string {
	name, at := path.Base(b.dir), b.root
	if slices.ContainsFunc(m.targets, func(t *target) bool {
		return t.bootstrap != nil && t.bootstrap != b && path.Base(t.bootstrap.dir) == name
	}) {
		at = path.Join(b.root, strings.TrimSuffix(b.dir, "/"+name))
	}
	return fmt.Sprintf("import each into a DIR of its own: --cluster %s=%s", name, at)
}

// listings returns what to do so that the clusters whose directories have a kustomization.yaml apply what is
// rendered, and notes what such a file changes of it.
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
			steps = append(steps, fmt.Sprintf("add the entry %s to the resources of %s: Flux applies nothing else there", entry, file))
		}
		namespace := textAt(k, "namespace")
		if namespace != "" && namespace != b.source().Namespace || slices.ContainsFunc(t.changesOf(dir, k), func(c change) bool {
			return patch.MaySelect(&c.target, kustomizeGroup, "Kustomization", layout.SyncDir)
		}) {
			notes = append(notes, fmt.Sprintf("%s changes what it lists, and so the rendered Kustomization %s/%s: exclude it from that", file, b.source().Namespace, layout.SyncDir))
		}
	}
	return steps, notes
}

// appliedWith returns the directory without a kustomization.yaml that Flux applies with what is in another one, or "".
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

// walked takes over what a walk has found of all clusters.
func (m *model) walked(w *walk) {
	maps.Copy(m.elsewhere, w.elsewhere)
	maps.Copy(m.listed, w.listed)
	maps.Copy(m.visited, w.visited)
}

// walkStrays finds what objects and directories lead to that no cluster in the files is known to apply: one may that
// is bootstrapped otherwise.
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
			why := name + " leads to it as well, and no cluster in the files is known to apply that"
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
		m.notes = append(m.notes, fmt.Sprintf("no cluster in the files is known to apply the objects of Flux in %s: they stay", diag.Some(slices.Compact(strays), diag.MostNames)))
	}
}
