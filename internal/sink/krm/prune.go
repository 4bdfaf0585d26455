package krm

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/tree"
)

// checkLosses reports which Applications that are still among the inputs would disappear from
// clusters, where the items of the last run show that they are there and nobody allows it. Items
// without files are a cluster's as it shall be, not as it is.
func (f *function) checkLosses(rendered *render.Tree, items []*Object) {
	if !f.placed {
		return
	}
	for _, l := range rendered.LossesOf(f.changes(rendered, items)) {
		l.Applications = slices.DeleteFunc(l.Applications, func(a tree.LostApplication) bool {
			return slices.ContainsFunc(f.AllowPrune, func(entry string) bool { return names(entry, a.Name) })
		})
		if len(l.Applications) == 0 {
			continue
		}
		var all []string
		for _, a := range l.Applications {
			all = append(all, a.Name)
		}
		hint := fmt.Sprintf("correct this; if it is meant, write allowPrune: [%s] into spec.function of the RenderConfig", strings.Join(all, ", "))
		f.Diagnostics = append(f.Diagnostics, diag.New(diag.Disappears, l.Position, l.Path, l.String(), hint))
	}
	f.Diagnostics = f.Diagnostics.Sorted()
}

// names reports whether an entry of allowPrune names an Application, a namespace/name.
func names(entry, application string) bool {
	_, name, _ := strings.Cut(application, "/")
	return entry == application || entry == name
}

// checkAllowed reports entries of allowPrune that name no Application.
func (f *function) checkAllowed(tree *render.Tree) {
	all := tree.Applications()
	for _, entry := range f.AllowPrune {
		if slices.ContainsFunc(all, func(a string) bool { return names(entry, a) }) {
			continue
		}
		hint := "there is none; remove the entry"
		if len(all) > 0 {
			hint = "remove the entry, or write one of " + diag.Some(all, 10)
		}
		names := slices.Clone(all)
		for _, a := range all {
			_, name, _ := strings.Cut(a, "/")
			names = append(names, name)
		}
		if meant := diag.Nearest(entry, names); meant != "" {
			hint = "did you mean " + meant + "?"
		}
		setting := "allowPrune"
		if strings.HasPrefix(f.of(setting), "data.") {
			setting = "" // a RenderConfig among the items has it, not the ConfigMap
		}
		f.mistake(setting, fmt.Sprintf("allowPrune names %q, and no Application among the inputs is called so", entry), hint)
	}
}

// A packageFile is a file in the directory of a cluster.
type packageFile struct{ cluster, path string }

func (f packageFile) compare(g packageFile) int {
	return cmp.Or(cmp.Compare(f.cluster, g.cluster), cmp.Compare(f.path, g.path))
}

// changes are what becomes of the files of Applications of which some are removed, by cluster and
// path.
func (f *function) changes(tree *render.Tree, items []*Object) (changes []render.Change) {
	was, is := f.files(f.stale), f.files(items)
	shrinking := map[string]bool{}
	for file := range was {
		if is[file] == nil {
			shrinking[tree.Application(file.path)] = true
		}
	}
	delete(shrinking, "")
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, file := range slices.SortedFunc(maps.Keys(all), packageFile.compare) {
		if !shrinking[tree.Application(file.path)] {
			continue
		}
		c := render.Change{Cluster: file.cluster, Path: file.path, Old: contentOf(was[file]), New: contentOf(is[file])}
		if !bytes.Equal(c.Old, c.New) {
			changes = append(changes, c)
		}
	}
	return changes
}

// files are the objects of files in the directories of clusters.
func (f *function) files(objects []*Object) map[packageFile][]*yaml.Node {
	files := map[packageFile][]*yaml.Node{}
	for _, o := range objects {
		name, _, _ := o.path()
		if file, ok := f.inDirectory(name); ok {
			files[file] = append(files[file], o.own())
		}
	}
	return files
}

// contentOf is the text of a file with objects, nil where there is none.
func contentOf(objects []*yaml.Node) []byte {
	if len(objects) == 0 {
		return nil
	}
	data, err := encode(objects...)
	if err != nil {
		return []byte(err.Error()) // there is something, and nobody knows what
	}
	return data
}

// inDirectory finds the directory of a cluster that a file of the package is in.
func (f *function) inDirectory(name string) (packageFile, bool) {
	below := path.Clean(name)
	if dir := f.directory(); dir != "." {
		var ok bool
		if below, ok = strings.CutPrefix(below, dir+"/"); !ok {
			return packageFile{}, false
		}
	}
	elements := strings.SplitN(below, "/", 3)
	if len(elements) < 3 || elements[1] != layout.Dir {
		return packageFile{}, false
	}
	return packageFile{elements[0], elements[2]}, true
}
