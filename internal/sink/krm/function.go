package krm

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// renderedAnnotation is on every object that the function emits, and names the cluster
// that it is for: so the next run knows it again. It says no more than that, because
// the directories of two applications may hold one Namespace, which must be the same in
// both.
const renderedAnnotation = layout.RenderedAnnotation

// An Outcome is what a function has done.
type Outcome struct {
	// Results are all there is to say, for those who read the list.
	Results []Result
	// Diagnostics and Mistakes are what the results say, for people.
	Diagnostics diag.List
	Mistakes    []Mistake
	// Files were read beside the items.
	Files []schema.File
}

// Failed says whether there are errors.
func (o *Outcome) Failed() bool { return len(o.Mistakes) > 0 || o.Diagnostics.HasErrors() }

// Run does what the list's functionConfig says, and changes the items to what the
// function gives back. Where there are errors they stay as they are. Files are read by
// the function given, which fails with the error of all that cannot be read.
func Run(list *List, read func(paths []string) ([]schema.File, error)) *Outcome {
	f := &function{list: list, directories: map[string]bool{}, sources: map[string]*source{}}
	f.settings, f.Mistakes = settingsOf(list.FunctionConfig, list.Items)
	f.unsure = f.unsure || len(f.Mistakes) > 0
	f.sort()
	if len(f.Inputs) > 0 {
		f.read(read)
	}
	f.compile()
	f.explain()
	return &f.Outcome
}

// A function is one run.
type function struct {
	settings
	Outcome
	list *List

	// inputs are the objects that are compiled, by the names that diagnostics call
	// them.
	inputs []*source
	// sources are those of the inputs that items are in, by their names.
	sources map[string]*source
	// consumed are the items that are compiled.
	consumed map[*Object]bool
	// kept are the items that stay: all but what an earlier run has rendered, which is
	// stale.
	kept, stale []*Object
	// placed says whether the items are those of a package, which knows the file of
	// each.
	placed bool
	// directories are those of clusters that there are already, wherever they come
	// from.
	directories map[string]bool
}

// A source is a text that is compiled.
type source struct {
	schema.File
	// objects are the items that are in it, in their order; for a file that was read
	// there are none.
	objects []*Object

	// found are the objects as they stand in the text, once it was parsed for them.
	found  []*Object
	parsed bool
}

// sort says of each item what it is.
func (f *function) sort() {
	for _, o := range f.list.Items {
		if name, _, ok := o.path(); ok {
			f.placed = true
			if dir, file := path.Split(name); file == layout.SyncFile && path.Base(dir) == layout.Dir {
				f.directories[dir] = true
			}
		}
	}
	f.placed = f.placed || f.Directory != ""
	f.consumed = map[*Object]bool{}
	config := f.list.FunctionConfig
	if config != nil && !config.isForeign() {
		f.input(f.titleOfConfig(), config)
	}
	for _, o := range f.list.Items {
		name, _, inPackage := o.path()
		isConfig := config != nil && o.isCopyOf(config)
		if isConfig && !inPackage {
			continue // kustomize gives it to generators, and does not want it back
		}
		if f.isStale(o) {
			f.stale = append(f.stale, o)
			continue
		}
		f.kept = append(f.kept, o)
		if isConfig || o.isForeign() || o.annotation(renderedAnnotation) != "" || inPackage && f.isOutput(name) {
			continue
		}
		f.consumed[o] = true
		f.input(o.source(), o)
	}
}

// source is what diagnostics call an item: by its file, or its name.
func (o *Object) source() string {
	if name, _, ok := o.path(); ok {
		return name
	}
	return o.title()
}

// titleOfConfig is what diagnostics call the functionConfig: as the item that it is,
// where it is one.
func (f *function) titleOfConfig() string {
	for _, o := range f.list.Items {
		if o.isCopyOf(f.list.FunctionConfig) {
			return o.source()
		}
	}
	return f.list.FunctionConfig.source()
}

// input has an object compiled. Objects of one file are one source, so that their order
// is that of the file.
func (f *function) input(name string, o *Object) {
	s, ok := f.sources[name]
	if !ok {
		s = &source{File: schema.File{Name: name, Unnumbered: true}}
		f.sources[name] = s
		f.inputs = append(f.inputs, s)
	}
	s.objects = append(s.objects, o)
}

// isStale says whether an item is what an earlier run has put where this run puts what
// it renders. Of what is for other clusters, or was moved, nobody knows whether it is
// wanted.
func (f *function) isStale(o *Object) bool {
	cluster := o.annotation(renderedAnnotation)
	if f.Mode == "validate" || cluster == "" || f.Cluster != "" && cluster != f.Cluster {
		return false
	}
	name, _, inPackage := o.path()
	if !inPackage {
		return true
	}
	_, ok := f.inDirectory(name)
	return ok
}

// isOutput says whether a file is in the directory of a cluster, where the command may
// have written it.
func (f *function) isOutput(name string) bool {
	const longest = 4096 // of a path, as in Linux
	for i := range min(len(name), longest) {
		if name[i] == '/' && f.directories[name[:i+1]] {
			return true
		}
	}
	return false
}

// read reads the inputs that the settings name.
func (f *function) read(read func([]string) ([]schema.File, error)) {
	if slices.Contains(f.Inputs, "-") {
		f.mistake("inputs", "- is the standard input, which the function is given the items by", "name files and directories")
		return
	}
	files, err := read(f.Inputs)
	if err != nil {
		for _, err := range diag.Unjoined(err) {
			f.mistake("inputs", err.Error(), "they are looked for from the directory that the function runs in")
		}
		return
	}
	f.Files = files
	for _, file := range files {
		f.inputs = append(f.inputs, &source{File: file})
	}
}

func (f *function) mistake(setting, message, hint string) {
	field := ""
	if setting != "" {
		field = f.of(setting)
	}
	f.Mistakes = append(f.Mistakes, Mistake{field, message, hint})
}

// compile compiles the inputs, and puts what comes out among the items.
func (f *function) compile() {
	var files []schema.File
	for _, s := range f.inputs {
		if len(s.objects) > 0 {
			var nodes []*yaml.Node
			for _, o := range s.objects {
				nodes = append(nodes, o.own())
			}
			data, err := encode(nodes...)
			if err != nil {
				f.mistake("", fmt.Sprintf("%s: %v", s.Name, err), "")
			}
			s.Data = data
		}
		files = append(files, s.File)
	}
	tree, list := render.Compile(schema.Load(files), f.options())
	// What of the inputs could not be found may be all there is.
	f.Diagnostics = slices.DeleteFunc(list, func(d diag.Diagnostic) bool {
		return d.Code == diag.NothingToCompile && (f.unsure || len(f.Mistakes) > 0)
	})
	for i, d := range f.Diagnostics {
		if d.Code == diag.NothingToCompile {
			f.Diagnostics[i].Hint = "put them among the items, or name their files in spec.function.inputs of a RenderConfig"
		}
	}
	if tree == nil {
		return
	}
	if !f.unsure {
		f.checkCluster(tree)
		f.checkAllowed(tree)
	}
	if f.Mode == "validate" || f.Failed() {
		return
	}
	items, err := f.emit(tree)
	if err != nil {
		f.mistake("", err.Error(), "please report this as a mistake of fleetwright")
	}
	f.checkPlaces(items)
	f.checkLosses(tree, items)
	if f.Failed() {
		return
	}
	if f.placed {
		f.list.Items = append(f.kept, items...)
		return
	}
	others := slices.DeleteFunc(f.kept, func(o *Object) bool { return f.isConsumed(o) })
	f.list.Items = append(others, items...)
}

// isConsumed says whether an item is no cluster's, because it was compiled.
func (f *function) isConsumed(o *Object) bool {
	if !f.consumed[o] {
		return false
	}
	return !slices.ContainsFunc(o.elements(), func(o *Object) bool { return o.isForeign() })
}

// checkCluster says which cluster is not there, and that one must be named.
func (f *function) checkCluster(tree *render.Tree) {
	var names []string
	for _, cluster := range tree.Clusters {
		for file := range cluster.Files() {
			names = append(names, file.For)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	const few = 10
	switch {
	case f.Cluster != "" && !slices.Contains(names, f.Cluster):
		hint := "it is one of " + diag.Some(names, few)
		if meant := diag.Nearest(f.Cluster, names); meant != "" {
			hint = "did you mean " + meant + "?"
		}
		f.mistake("cluster", fmt.Sprintf("nothing is rendered for a cluster %q", f.Cluster), hint)
	case f.Cluster == "" && len(names) > 1 && !f.placed && f.Mode != "validate":
		f.mistake("cluster", fmt.Sprintf("there are %d clusters, and the items have no paths that would keep them apart", len(names)), "name one of "+diag.Some(names, few))
	}
}

// emit makes the objects of what was rendered. Those of a package are everything that
// Flux syncs; else they are a cluster's objects, each once.
func (f *function) emit(tree *render.Tree) (objects []*Object, err error) {
	seen := map[render.Object]bool{}
	for _, cluster := range tree.Clusters {
		for file := range cluster.Files() {
			held := file.Objects()
			if f.Cluster != "" && file.For != f.Cluster || !f.placed && len(held) == 0 {
				continue // another cluster's; a kustomization.yaml
			}
			all, err := parseObjects(file.Content)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file.Path, err)
			}
			for i, o := range all {
				o.annotate(renderedAnnotation, file.For)
				if f.placed {
					o.place(path.Join(f.directory(), cluster.Name, layout.Dir, file.Path), i)
				} else if seen[held[i]] {
					continue // a Namespace that two applications have
				} else {
					seen[held[i]] = true
				}
				objects = append(objects, o)
			}
		}
	}
	return objects, nil
}

// checkPlaces says which files of the package would be overwritten.
func (f *function) checkPlaces(items []*Object) {
	if !f.placed {
		return
	}
	ours := map[string]bool{}
	for _, o := range items {
		name, _, _ := o.path()
		ours[name] = true
	}
	var taken []string
	for _, o := range f.kept {
		if name, _, ok := o.path(); ok && ours[path.Clean(name)] {
			taken = append(taken, path.Clean(name))
		}
	}
	slices.Sort(taken)
	if taken = slices.Compact(taken); len(taken) > 0 {
		f.mistake("directory", fmt.Sprintf("this run would write what is there and was not rendered by a function: %s", diag.Some(taken, 3)), "remove it, or name another directory; what fleetwright render has written must go before a function writes there")
	}
}

// explain makes results of all there is to say, errors first.
func (f *function) explain() {
	for _, m := range f.Mistakes {
		r := Result{Message: diag.Redact(m.Message), Severity: diag.Error.String()}
		if config := f.list.FunctionConfig; config != nil && m.Field != "" {
			r.ResourceRef = config.ref()
			r.Field = &Field{m.Field}
		}
		r.tag("hint", diag.Redact(m.Hint))
		f.Results = append(f.Results, r)
	}
	type key struct {
		name       string
		unnumbered bool
	}
	sources := map[key]*source{}
	for _, s := range slices.Backward(f.inputs) { // the first of a name remains
		sources[key{s.Name, s.Unnumbered}] = s
	}
	for _, d := range f.Diagnostics {
		r := Result{Message: d.Message, Severity: d.Severity.String()}
		if d.Path != "" {
			r.Field = &Field{d.Path}
		}
		r.tag("code", string(d.Code))
		r.tag("hint", d.Hint)
		if s := sources[key{d.Position.File, d.Position.Unnumbered}]; s != nil {
			s.locate(&r, d.Position)
		}
		f.Results = append(f.Results, r)
	}
	// kpt shows the first few.
	slices.SortStableFunc(f.Results, func(a, b Result) int {
		x, _ := diag.SeverityNamed(a.Severity)
		y, _ := diag.SeverityNamed(b.Severity)
		return cmp.Compare(y, x)
	})
}

// tag adds a tag that is not empty.
func (r *Result) tag(name, value string) {
	if value == "" {
		return
	}
	if r.Tags == nil {
		r.Tags = map[string]string{}
	}
	r.Tags[name] = value
}

// locate says which object of the source a result is about.
func (s *source) locate(r *Result, at diag.Position) {
	if !at.Unnumbered {
		r.File = &File{Path: s.Name}
		r.tag("position", at.String())
	}
	if !s.parsed {
		// What cannot be parsed is said without its object.
		s.found, _ = parseObjects(s.Data)
		s.parsed = true
	}
	objects := s.found
	if len(objects) == 0 {
		return
	}
	// The last that begins before it, or in its line.
	i, _ := slices.BinarySearchFunc(objects, at.Line+1, func(o *Object, line int) int { return cmp.Compare(o.node.Line, line) })
	i = max(i-1, 0)
	if at.Unnumbered {
		if i >= len(s.objects) {
			return
		}
		if name, index, ok := s.objects[i].path(); ok {
			r.File = &File{name, index}
		}
	} else {
		r.File.Index = i
	}
	if ref := objects[i].ref(); ref.Kind != "" {
		r.ResourceRef = ref
	}
}

// ref names the object.
func (o *Object) ref() *ResourceRef {
	return &ResourceRef{o.apiVersion(), o.kind(), o.namespace(), o.name()}
}
