package krm

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// renderedAnnotation marks every object that the function emits, for the next run. It holds only
// the cluster: two applications may share a Namespace, which must be the same in both.
const renderedAnnotation = layout.RenderedAnnotation

// An Outcome is the result of a run.
type Outcome struct {
	// Results are all reports, for programs that read the list.
	Results []Result
	// Diagnostics and Mistakes are the same reports, for people.
	Diagnostics diag.List
	Mistakes    []Mistake
	// Warnings are steps to do before the next run. They are not about the inputs.
	Warnings []Mistake
	// Files were read in addition to the items.
	Files []schema.File
}

// Failed reports whether there are errors.
func (o *Outcome) Failed() bool { return len(o.Mistakes) > 0 || o.Diagnostics.HasErrors() }

// Run runs the function that the functionConfig describes, and replaces the items unless it finds
// errors. read reads files, and joins the errors of all unreadable files. compile compiles them.
func Run(list *List, read func(paths []string) ([]schema.File, error), compile Compile) *Outcome {
	f := &function{list: list, compileFiles: compile, directories: map[string]bool{}, sources: map[diag.Position]*source{}}
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

// Compile compiles files, as render.Compile does.
type Compile func(files []schema.File, opts render.Options) (*render.Tree, schema.Diagnostics)

// A function is one run.
type function struct {
	settings
	Outcome
	list         *List
	compileFiles Compile

	// inputs are the sources to compile, in order. sources holds them by the place in diagnostics:
	// a file that was read and an item may have the same name.
	inputs  []*source
	sources map[diag.Position]*source
	// kept are the items that stay, stale the items that an earlier run has rendered, and uncompiled
	// the kept items that are not inputs.
	kept, stale, uncompiled []*Object
	// placed reports whether the items belong to a package, which knows the file of each item.
	placed bool
	// directories are the existing directories of clusters, of any origin.
	directories map[string]bool
}

// A source is a text to compile.
type source struct {
	schema.File
	// objects are the items in it, in order; none for a file that was read.
	objects []*Object
	// found parses the objects in the text. It returns none if the text cannot be parsed.
	found func() []*Object
}

// placeOf returns the part that all positions in a file share.
func placeOf(file schema.File) diag.Position {
	return diag.Position{File: file.Name, Unnumbered: file.Unnumbered}
}

// add adds a file to the inputs.
func (f *function) add(file schema.File) *source {
	s := &source{File: file}
	s.found = sync.OnceValue(func() []*Object {
		objects, _ := parseObjects(s.Data)
		return objects
	})
	f.inputs = append(f.inputs, s)
	if at := placeOf(file); f.sources[at] == nil {
		f.sources[at] = s
	}
	return s
}

// sort divides the items into inputs, kept and stale ones.
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
	config := f.list.FunctionConfig
	if config != nil && !config.isForeign() {
		called := config
		if i := slices.IndexFunc(f.list.Items, config.isCopyOf); i >= 0 {
			called = f.list.Items[i]
		}
		f.input(called.source(), config)
	}
	for _, o := range f.list.Items {
		name, _, inPackage := o.path()
		isConfig := config != nil && o.isCopyOf(config)
		if isConfig && !inPackage {
			continue // kustomize passes it to generators, and does not expect it back
		}
		if f.isStale(o) {
			f.stale = append(f.stale, o)
			continue
		}
		f.kept = append(f.kept, o)
		isInput := !isConfig && !o.isForeign() && o.annotation(renderedAnnotation) == "" && !(inPackage && f.isOutput(name))
		if isInput {
			f.input(o.source(), o)
		}
		if !isInput || slices.ContainsFunc(o.elements(), (*Object).isForeign) {
			f.uncompiled = append(f.uncompiled, o)
		}
	}
}

// source returns the name of an item in diagnostics: its file, or kind namespace/name.
func (o *Object) source() string {
	ref := o.ref()
	switch name, _, inPackage := o.path(); {
	case inPackage:
		return name
	case ref.Kind == "":
		return "an object without a kind"
	case ref.Name == "":
		return ref.Kind
	}
	return render.Object{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}.String()
}

// input adds an object to the inputs. Objects of one file are one source, in the order of the file.
func (f *function) input(name string, o *Object) {
	file := schema.File{Name: name, Unnumbered: true}
	s := f.sources[placeOf(file)]
	if s == nil {
		s = f.add(file)
	}
	s.objects = append(s.objects, o)
}

// isStale reports whether an earlier run has emitted an item at a place that this run writes. Items
// for other clusters, and items that were moved, are kept: somebody may need them.
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

// isOutput reports whether a file is in a cluster's directory, which the command may have written.
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
		f.mistake("inputs", "- is the standard input, from which the function reads the items", "name files and directories")
		return
	}
	files, err := read(f.Inputs)
	if err != nil {
		for _, err := range diag.Unjoined(err) {
			f.mistake("inputs", err.Error(), "paths are relative to the directory in which the function runs")
		}
		return
	}
	f.Files = files
	for _, file := range files {
		f.add(file)
	}
}

func (f *function) mistake(setting, message, hint string) {
	field := ""
	if setting != "" {
		field = f.of(setting)
	}
	f.Mistakes = append(f.Mistakes, Mistake{field, message, hint})
}

// compile compiles the inputs, and adds the rendered objects to the items.
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
	opts := render.Options{Path: f.path, DefaultPath: f.Directory, Topology: f.topology}
	tree, list := f.compileFiles(files, opts)
	for _, d := range list {
		if d.Code == diag.NothingToCompile {
			if f.unsure || len(f.Mistakes) > 0 {
				continue // perhaps all inputs are in files that could not be read
			}
			d.Hint = "add them to the items, or name their files in spec.function.inputs of a RenderConfig"
		}
		f.Diagnostics = append(f.Diagnostics, d)
	}
	if tree == nil {
		return
	}
	if !f.unsure {
		f.checkCluster(tree)
		f.checkWaves(tree)
		f.checkAllowed(tree)
	}
	if f.Mode == "validate" || f.Failed() {
		return
	}
	items, err := f.emit(tree)
	if err != nil {
		f.mistake("", err.Error(), "report this as a bug of fleetwright")
	}
	items = f.takeOver(tree, items)
	f.checkPlaces(items)
	f.checkLosses(tree, items)
	if f.Failed() {
		f.Warnings = nil
		return
	}
	stay := f.uncompiled
	if f.placed {
		stay = f.kept
	}
	f.list.Items = append(stay, items...)
}

// checkCluster reports an unknown cluster, and a missing choice of one.
func (f *function) checkCluster(tree *render.Tree) {
	var names []string
	for _, cluster := range tree.Clusters {
		for file := range cluster.Files() {
			names = append(names, file.For)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	switch {
	case f.Cluster != "" && !slices.Contains(names, f.Cluster):
		hint := diag.DidYouMean(f.Cluster, names, "it is one of "+diag.Some(names, diag.MostNames))
		f.mistake("cluster", fmt.Sprintf("no cluster %q is rendered", f.Cluster), hint)
	case f.Cluster == "" && len(names) > 1 && !f.placed && f.Mode != "validate":
		f.mistake("cluster", fmt.Sprintf("the inputs render %d clusters, but items without paths can hold only one", len(names)), "name one of "+diag.Some(names, diag.MostNames))
	}
}

// checkWaves rejects a run that would omit the clusters of later waves: whoever applies the items would delete the
// objects of these clusters. A named cluster is rendered whatever its wave, except for the clusters of a named hub.
func (f *function) checkWaves(tree *render.Tree) {
	if f.Mode == "validate" || tree.Waves == nil || tree.Waves.Through == "" {
		return
	}
	_, later := tree.Through(tree.Waves.Last(tree.Waves.Through))
	isHub := slices.ContainsFunc(later.Clusters, func(c *render.Cluster) bool { return c.Waiting() != nil && c.Name == f.Cluster })
	names := later.Names()
	if len(names) == 0 || f.Cluster != "" && !isHub {
		return
	}
	setting := "through"
	if f.inData {
		setting = "" // the setting is in a RenderConfig among the items, not in the ConfigMap
	}
	hint := "remove through; fleetwright render keeps the files of clusters behind it"
	if !isHub {
		hint = fmt.Sprintf("name one cluster in %s, or %s", f.of("cluster"), hint)
	}
	f.mistake(setting, fmt.Sprintf("the function would omit the clusters behind through: %s, namely %s", tree.Waves.Through, diag.Some(names, 5)), hint)
}

// emit returns the rendered objects: for a package, every object that Flux syncs, otherwise each object of one
// cluster once.
func (f *function) emit(tree *render.Tree) (objects []*Object, err error) {
	seen := map[render.Object]bool{}
	for _, cluster := range tree.Clusters {
		applied := appliedDirs(cluster)
		for file := range cluster.Files() {
			held := file.Objects()
			isList := len(held) == 0
			if f.Cluster != "" && file.For != f.Cluster || isList && !(f.placed && path.Base(file.Path) == layout.KustomizationFile) {
				continue // another cluster's; an inventory or a README.md
			}
			all, err := parseObjects(file.Content)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file.Path, err)
			}
			index := 0
			for i, o := range all {
				if f.placed && !isList && held[i].Applies != "" && !applied[held[i].Applies] {
					continue // Git stores no empty directory, and Flux fails without the directory
				}
				o.annotate(renderedAnnotation, file.For)
				if f.placed {
					o.place(path.Join(f.directory(), cluster.Name, layout.Dir, file.Path), index)
					index++
				} else if seen[held[i]] {
					continue // a Namespace that two applications share
				} else {
					seen[held[i]] = true
				}
				objects = append(objects, o)
			}
		}
	}
	return objects, nil
}

// appliedDirs returns the directories of a cluster that contain manifests for Flux.
func appliedDirs(cluster *render.Cluster) map[string]bool {
	dirs := map[string]bool{}
	for file := range cluster.Paths() {
		if layout.IsManifest(file) {
			dirs[layout.Stage(file)] = true
		}
	}
	return dirs
}

// checkPlaces reports the files of the package that would be overwritten.
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
		f.mistake("directory", fmt.Sprintf("this run would overwrite files that no function has rendered: %s", diag.Some(taken, 3)), "remove them, or name another directory; before a function writes into a directory of fleetwright render, remove its files")
	}
}

// explain turns all reports into results, errors first: kpt shows the first few.
func (f *function) explain() {
	for _, m := range f.Warnings {
		f.Results = append(f.Results, newResult(diag.Warning, diag.Redact(m.Message), diag.Redact(m.Hint)))
	}
	for _, m := range f.Mistakes {
		r := newResult(diag.Error, diag.Redact(m.Message), diag.Redact(m.Hint))
		if config := f.list.FunctionConfig; config != nil && m.Field != "" {
			r.ResourceRef = config.ref()
			r.Field = &Field{m.Field}
		}
		f.Results = append(f.Results, r)
	}
	bySeverity := func(a, b diag.Diagnostic) int { return cmp.Compare(b.Severity, a.Severity) }
	for _, d := range slices.SortedStableFunc(slices.Values(f.Diagnostics), bySeverity) {
		r := newResult(d.Severity, d.Message, d.Hint)
		if d.Path != "" {
			r.Field = &Field{d.Path}
		}
		r.Tags["code"] = string(d.Code)
		if s := f.sources[diag.Position{File: d.Position.File, Unnumbered: d.Position.Unnumbered}]; s != nil {
			s.locate(&r, d.Position)
		}
		f.Results = append(f.Results, r)
	}
}

func newResult(severity diag.Severity, message, hint string) Result {
	r := Result{Message: message, Severity: severity.String(), Tags: map[string]string{}}
	if hint != "" {
		r.Tags["hint"] = hint
	}
	return r
}

// locate sets the object of the source that a result is about.
func (s *source) locate(r *Result, at diag.Position) {
	if !at.Unnumbered {
		r.File = &File{Path: s.Name}
		r.Tags["position"] = at.String()
	}
	objects := s.found()
	if len(objects) == 0 {
		return
	}
	// The last object that begins before the position, or on its line.
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
