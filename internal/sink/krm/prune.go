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
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/tree"
)

// installed is the prefix of the name of a component in allowPrune.
const installed = "installed/"

// checkLosses reports the Applications among the inputs that would disappear from clusters, compared with the
// items of the last run. Items without files are no evidence of the last run, so they are not compared.
func (f *function) checkLosses(rendered *render.Tree, items []*Object) {
	if !f.placed {
		return
	}
	for _, l := range rendered.LossesOf(f.changes(rendered, items)) {
		l.Applications = slices.DeleteFunc(l.Applications, func(a tree.LostApplication) bool {
			_, name, _ := strings.Cut(a.Name, "/")
			return slices.Contains(f.AllowPrune, a.Name) || slices.Contains(f.AllowPrune, name)
		})
		if len(l.Applications) == 0 && (l.Component == "" || slices.Contains(f.AllowPrune, installed+l.Component)) {
			continue
		}
		var all []string
		if l.Component != "" {
			all = append(all, installed+l.Component)
		}
		for _, a := range l.Applications {
			all = append(all, a.Name)
		}
		hint := fmt.Sprintf("correct this; if it is meant, write allowPrune: [%s] into spec.function of the RenderConfig", strings.Join(all, ", "))
		f.Diagnostics = append(f.Diagnostics, diag.New(diag.Disappears, l.Position, l.Path, l.String(), hint))
	}
	f.Diagnostics = f.Diagnostics.Sorted()
}

// checkAllowed reports entries of allowPrune that name no Application, with or without its namespace.
func (f *function) checkAllowed(tree *render.Tree) {
	all := tree.Applications()
	hint, known := "there is none; remove the entry", slices.Clone(all)
	if len(all) > 0 {
		hint = "remove the entry, or write one of " + diag.Some(all, diag.MostNames)
	}
	for _, a := range all {
		_, name, _ := strings.Cut(a, "/")
		known = append(known, name)
	}
	for _, component := range place.Components {
		known = append(known, installed+component)
	}
	setting := "allowPrune"
	if f.inData {
		setting = "" // the setting is in a RenderConfig among the items, not in the ConfigMap
	}
	for _, entry := range f.AllowPrune {
		if !slices.Contains(known, entry) {
			message := fmt.Sprintf("allowPrune names %q, but no Application among the inputs has that name", entry)
			f.mistake(setting, message, diag.DidYouMean(entry, known, hint))
		}
	}
}

// A packageFile is a file in the directory of a cluster.
type packageFile struct{ cluster, path string }

// changes returns the changes to releases and to files of Applications that lose some, by cluster and path.
func (f *function) changes(rendered *render.Tree, items []*Object) (changes []render.Change) {
	was, is := f.files(f.stale), f.files(items)
	shrinking := map[string]bool{}
	for file := range was {
		if is[file] == nil {
			shrinking[rendered.Application(file.path)] = true
		}
	}
	delete(shrinking, "")
	all := maps.Clone(was)
	maps.Copy(all, is)
	byClusterAndPath := func(a, b packageFile) int {
		return cmp.Or(cmp.Compare(a.cluster, b.cluster), cmp.Compare(a.path, b.path))
	}
	for _, file := range slices.SortedFunc(maps.Keys(all), byClusterAndPath) {
		if !shrinking[rendered.Application(file.path)] && !tree.IsRelease(file.path) {
			continue
		}
		c := render.Change{Cluster: file.cluster, Path: file.path, Old: contentOf(was[file]), New: contentOf(is[file])}
		if !bytes.Equal(c.Old, c.New) {
			changes = append(changes, c)
		}
	}
	return changes
}

// files returns the objects by file, for the files in the directories of clusters.
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

// contentOf returns the text of a file with objects, or nil without objects.
func contentOf(objects []*yaml.Node) []byte {
	if len(objects) == 0 {
		return nil
	}
	data, err := encode(objects...)
	if err != nil {
		return []byte(err.Error()) // not nil: the file exists
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
