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

// renderedAnnotation marks every object that the function emits, for the next run. It holds the
// cluster alone: two applications may have one Namespace, which must be the same in both.
const renderedAnnotation = layout.RenderedAnnotation

// An Outcome is what a function has done.
type Outcome struct {
	// Results are all there is to say, for those who read the list.
	Results []Result
	// Diagnostics and Mistakes are what the results say, for people.
	Diagnostics diag.List
	Mistakes    []Mistake
	// Warnings say what is to be done before the next run. They are none of the inputs' own.
	Warnings []Mistake
	// Files were read beside the items.
	Files []schema.File
}

// Failed reports whether there are errors.
func (o *Outcome) Failed() bool { return len(o.Mistakes) > 0 || o.Diagnostics.HasErrors() }

// Run does what the functionConfig says, and replaces the items, unless there are errors. read
// reads files, and joins the errors of all that cannot be read. compile compiles them.
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

	// inputs are what is compiled, in order, and sources the same by where diagnostics say that
	// they are: a file that was read and an item may have one name.
	inputs  []*source
	sources map[diag.Position]*source
	// kept are the items that stay: all but what an earlier run has rendered, which is
	// stale. Uncompiled are those of them that no cluster has for being compiled.
	kept, stale, uncompiled []*Object
	// placed reports whether the items are those of a package, which knows the file of each.
	placed bool
	// directories are those of clusters that there are already, wherever they come from.
	directories map[string]bool
}

// A source is a text that is compiled.
type source struct {
	schema.File
	// objects are the items in it, in their order; none for a file that was read.
	objects []*Object
	// found returns the objects as they stand in the text. What cannot be parsed has none.
	found func() []*Object
}

// placeOf is what the positions in a file have in common.
func placeOf(file schema.File) diag.Position {
	return diag.Position{File: file.Name, Unnumbered: file.Unnumbered}
}

// add has a file compiled.
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
			continue // kustomize gives it to generators, and does not want it back
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

// source is what diagnostics call an item: its file, or kind namespace/name.
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

// input has an object compiled. Objects of one file are one source, in the order of the file.
func (f *function) input(name string, o *Object) {
	file := schema.File{Name: name, Unnumbered: true}
	s := f.sources[placeOf(file)]
	if s == nil {
		s = f.add(file)
	}
	s.objects = append(s.objects, o)
}

// isStale reports whether an item is what an earlier run has put where this run puts what it
// renders. Of what is for other clusters, or was moved, nobody knows whether it is wanted.
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
	opts := render.Options{Path: f.path, DefaultPath: f.Directory, Topology: f.topology}
	tree, list := f.compileFiles(files, opts)
	for _, d := range list {
		if d.Code == diag.NothingToCompile {
			if f.unsure || len(f.Mistakes) > 0 {
				continue // inputs that could not be found may be all there is
			}
			d.Hint = "put them among the items, or name their files in spec.function.inputs of a RenderConfig"
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
		f.mistake("", err.Error(), "please report this as a mistake of fleetwright")
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
	switch {
	case f.Cluster != "" && !slices.Contains(names, f.Cluster):
		hint := diag.DidYouMean(f.Cluster, names, "it is one of "+diag.Some(names, diag.MostNames))
		f.mistake("cluster", fmt.Sprintf("nothing is rendered for a cluster %q", f.Cluster), hint)
	case f.Cluster == "" && len(names) > 1 && !f.placed && f.Mode != "validate":
		f.mistake("cluster", fmt.Sprintf("there are %d clusters, and the items have no paths that would keep them apart", len(names)), "name one of "+diag.Some(names, diag.MostNames))
	}
}

// checkWaves refuses to omit the clusters behind the waves that are written: those who take the items would delete what
// they have. A cluster that is named is rendered, whatever its wave, but not those of a hub that is.
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
		setting = "" // a RenderConfig among the items has it, not the ConfigMap
	}
	hint := "remove through; fleetwright render keeps what clusters behind it have"
	if !isHub {
		hint = fmt.Sprintf("name one cluster in %s, or %s", f.of("cluster"), hint)
	}
	f.mistake(setting, fmt.Sprintf("the function would omit the clusters behind through: %s: %s", tree.Waves.Through, diag.Some(names, 5)), hint)
}

// emit returns what was rendered: all that Flux syncs for a package, else a cluster's objects once.
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
					continue // Git has no empty directory, and Flux fails without one
				}
				o.annotate(renderedAnnotation, file.For)
				if f.placed {
					o.place(path.Join(f.directory(), cluster.Name, layout.Dir, file.Path), index)
					index++
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

// appliedDirs returns the directories of a cluster that Flux finds something to apply in.
func appliedDirs(cluster *render.Cluster) map[string]bool {
	dirs := map[string]bool{}
	for file := range cluster.Paths() {
		if layout.IsManifest(file) {
			dirs[layout.Stage(file)] = true
		}
	}
	return dirs
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

// explain makes results of all there is to say, errors first: kpt shows the first few.
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

// locate says which object of the source a result is about.
func (s *source) locate(r *Result, at diag.Position) {
	if !at.Unnumbered {
		r.File = &File{Path: s.Name}
		r.Tags["position"] = at.String()
	}
	objects := s.found()
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
