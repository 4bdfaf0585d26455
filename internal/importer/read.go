package importer

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/sourceignore"
	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/sources"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/patch"
	"github.com/fleetwright/fleetwright/schema"
)

// An object is an object in the files.
type object struct {
	manifest.Identity
	apiVersion string
	node       *yaml.Node
	file       string
	line       int
	column     int
	// former are the fields of a former version that are written differently now, or have no effect.
	former []formerField
	// by is the Flux Kustomization that applies the object.
	by manifest.Identity
	// changed describes the change to the object between its file and the cluster, or is "".
	changed string
	// metadata describes the sources of labels and annotations that are added between the file and the cluster.
	metadata []string
}

// A formerField is an upgraded field, with the message about it.
type formerField struct{ field, reason string }

func (o *object) position() diag.Position { return diag.Position{File: o.file, Line: o.line} }

// document returns the position of the YAML document, or of the item of a List, that the object was read from.
// Several objects can have the same document.
func (o *object) document() diag.Position {
	return diag.Position{File: o.file, Line: o.line, Column: o.column}
}

// comparePlaces compares objects by position, and then by name.
func comparePlaces(a, b *object) int {
	return cmp.Or(a.document().Compare(b.document()), cmp.Compare(a.String(), b.String()))
}

// maker returns the object that manages this one and would restore it, or "": an owner, a ResourceSet of Flux
// Operator (controlplaneio-fluxcd/flux-operator api/v1/resourceset_types.go, with the labels of fluxcd/pkg ssa,
// ResourceManager.SetOwnerLabels), or a Helm release (helm.sh/helm pkg/action/validate.go).
func (o *object) maker() string {
	meta := get(o.node, "metadata")
	for _, n := range items(meta, "ownerReferences") {
		return textAt(n, "kind") + " " + textAt(n, "name")
	}
	for _, m := range []struct{ field, name, kind string }{
		{"labels", "resourceset." + fluxOperator + "name", "ResourceSet"}, {"annotations", "meta.helm.sh/release-name", "Helm release"},
	} {
		if name := textAt(meta, m.field, m.name); name != "" {
			return m.kind + " " + name
		}
	}
	return ""
}

// kurator reports whether Kurator created the object from an Application, which is then its owner
// (pkg/fleet-manager/application/helper.go, buildObjectMetaWithApplication).
func (o *object) kurator() bool {
	return slices.ContainsFunc(items(o.node, "metadata", "ownerReferences"), func(n *yaml.Node) bool {
		return strings.HasPrefix(textAt(n, "apiVersion"), "apps.kurator.dev/")
	})
}

// isLive reports whether an API server returned the object.
func (o *object) isLive() bool {
	return get(o.node, "status") != nil || slices.ContainsFunc(serverFields, func(field string) bool { return get(o.node, "metadata", field) != nil })
}

// isSubstituted reports whether Flux's postBuild may change the object (fluxcd/pkg kustomize, SubstituteVariables).
func (o *object) isSubstituted() bool {
	for _, field := range []string{"labels", "annotations"} {
		if textAt(o.node, "metadata", field, manifest.FluxSubstitute) == "disabled" {
			return false
		}
	}
	return manifest.IsSubstituted(fmt.Append(nil, value(o.node))) // without the comments
}

// A document is a YAML document in a file.
type document struct {
	file string
	node *yaml.Node
}

// A repository is the files to import, by path relative to its root.
type repository struct {
	documents map[string][]document
	names     []string // sorted
	// dirs are the directories, by their base names.
	dirs map[string][]string
	// ignores are the .sourceignore files.
	ignores map[string][]byte
}

// The groups of Flux and Flagger.
const (
	sourceGroup    = "source.toolkit.fluxcd.io"
	kustomizeGroup = "kustomize.toolkit.fluxcd.io"
	helmGroup      = "helm.toolkit.fluxcd.io"
	flaggerGroup   = "flagger.app"
)

// ours are the groups of the objects that are imported.
var ours = []string{sourceGroup, kustomizeGroup, helmGroup, flaggerGroup}

// read parses files. It notes files that are not valid YAML, such as templates of charts, if they name a group of
// Flux or Flagger.
func read(files []schema.File) (r *repository, notes []string) {
	r = &repository{documents: map[string][]document{}, dirs: map[string][]string{}, ignores: map[string][]byte{}}
	isDir := map[string]bool{}
	for _, f := range files {
		if path.Base(f.Name) == sourceignore.IgnoreFile {
			r.ignores[path.Clean(f.Name)] = f.Data
			continue
		}
		nodes, problems := schema.Nodes(f)
		if len(problems) > 0 && slices.ContainsFunc(ours, func(group string) bool { return bytes.Contains(f.Data, []byte(group)) }) {
			notes = append(notes, fmt.Sprintf("%s: not read: %s", problems[0].Position, problems[0].Message))
		}
		name := path.Clean(f.Name)
		r.names = append(r.names, name)
		for dir := path.Dir(name); len(dir) > 1 && !isDir[dir]; dir = path.Dir(dir) {
			isDir[dir] = true
			r.dirs[path.Base(dir)] = append(r.dirs[path.Base(dir)], dir)
		}
		for _, n := range nodes {
			r.add(name, n)
		}
	}
	slices.Sort(r.names)
	return r, notes
}

// written returns the files with documents of fleetwright's kinds, except those that an API server returned.
func (r *repository) written() (names []string) {
	for _, name := range r.names {
		for _, d := range r.documents[name] {
			k, ok := schema.KindNamed(textAt(d.node, "kind"))
			if ok && k.APIVersion == textAt(d.node, "apiVersion") && !strings.HasPrefix(k.APIVersion, flaggerGroup) && !newObject(d).isLive() {
				names = append(names, name)
			}
		}
	}
	return names
}

// find returns the only directory that a path in a source can mean, whatever the root of the source is, or "".
func (r *repository) find(dir string) (found string) {
	for _, d := range r.dirs[path.Base(dir)] {
		if d == dir || strings.HasSuffix(d, "/"+dir) {
			if found != "" {
				return ""
			}
			found = d
		}
	}
	return found
}

// add adds a document, or the items of a List.
func (r *repository) add(name string, n *yaml.Node) {
	if kind := textAt(n, "kind"); strings.HasSuffix(kind, "List") && get(n, "items") != nil {
		for _, item := range items(n, "items") {
			r.add(name, item)
		}
		return
	}
	if n.Kind == yaml.MappingNode {
		r.documents[name] = append(r.documents[name], document{name, n})
	}
}

// newObject returns the object in a document.
func newObject(d document) *object {
	n := inBlocks(clone(d.node))
	o := &object{apiVersion: textAt(n, "apiVersion"), node: n, file: d.file, line: d.node.Line, column: d.node.Column}
	group, _, ok := strings.Cut(o.apiVersion, "/")
	if !ok {
		group = ""
	}
	o.Identity = manifest.Identity{Group: group, Kind: textAt(n, "kind"), Namespace: textAt(n, "metadata", "namespace"), Name: textAt(n, "metadata", "name")}
	return o
}

// A bootstrap is a Flux Kustomization that applies its own directory. flux bootstrap names it and its source after
// their namespace, and also the directory with their file (fluxcd/flux2 pkg/manifestgen/sync/sync.go, Generate).
type bootstrap struct {
	*object
	// root is the root of the repository, and dir is the directory that the Kustomization applies, relative to
	// root.
	root, dir string
}

// source returns the source that the cluster syncs.
func (b *bootstrap) source() manifest.Identity { return sourceOf(b.object) }

// walk finds the objects that the bootstrap applies, to its cluster or elsewhere.
func (b *bootstrap) walk(r *repository, elsewhere string) *walk {
	w := newWalk(r.packed(b))
	w.root, w.source = b.root, b.source()
	w.seen[fmt.Sprint(b, " ", textAt(b.node, "spec", "path"), " ", elsewhere)] = true
	w.directory(path.Join(b.root, b.dir), way{by: b.Identity, elsewhere: elsewhere})
	return w
}

// bootstraps returns the bootstraps in the files.
func (r *repository) bootstraps() (all []*bootstrap) {
	for _, name := range r.names {
		for _, d := range r.documents[name] {
			o := newObject(d)
			if strings.HasPrefix(o.apiVersion, fluxOperator) && o.Kind == "FluxInstance" {
				all = append(all, r.ofInstance(o)...)
			}
			if o.Group != kustomizeGroup || o.Kind != "Kustomization" || o.Name != o.Namespace || sourceOf(o).Name != o.Name || path.Base(path.Dir(name)) != o.Name {
				continue
			}
			dir := clean(textAt(o.node, "spec", "path"))
			at := path.Dir(path.Dir(name))
			if root, ok := strings.CutSuffix("/"+at, "/"+dir); ok {
				all = append(all, &bootstrap{o, cmp.Or(strings.TrimPrefix(root, "/"), "."), dir})
			} else if dir == "." {
				all = append(all, &bootstrap{o, at, dir})
			}
		}
	}
	return all
}

// packed returns the repository without the files that its source ignores.
func (r *repository) packed(b *bootstrap) *repository {
	var ignore *string
	for _, d := range r.documents[b.file] {
		if text := textAt(d.node, "spec", "ignore"); text != "" && newObject(d).Identity == b.source() {
			ignore = &text
		}
	}
	if len(r.ignores) == 0 && ignore == nil {
		return r
	}
	files := map[string][]byte{}
	for _, name := range r.below(b.root) {
		files[strings.TrimPrefix(name, b.root+"/")] = nil
	}
	for name, data := range r.ignores {
		if isBelow(name, b.root) {
			files[strings.TrimPrefix(name, b.root+"/")] = data
		}
	}
	names, err := sources.Packed(files, ignore)
	if err != nil {
		return r // no real repository has so many patterns
	}
	p := &repository{documents: map[string][]document{}, dirs: r.dirs}
	for _, name := range names {
		name = path.Join(b.root, name)
		p.names = append(p.names, name)
		p.documents[name] = r.documents[name]
	}
	slices.Sort(p.names)
	return p
}

// fluxOperator is the prefix of Flux Operator's API versions.
const fluxOperator = "fluxcd.controlplane.io/"

// ofInstance returns the bootstrap that Flux Operator creates for a FluxInstance: a source and a Kustomization
// named after sync.name, or else after the namespace (controlplaneio-fluxcd/flux-operator
// api/v1/fluxinstance_types.go, Sync).
func (r *repository) ofInstance(o *object) []*bootstrap {
	sync := get(o.node, "spec", "sync")
	dir := clean(textAt(sync, "path"))
	at := r.find(dir)
	if sync == nil || at == "" {
		return nil
	}
	namespace := cmp.Or(o.Namespace, fluxSystem)
	name := cmp.Or(textAt(sync, "name"), namespace)
	made := &object{
		Identity: manifest.Identity{Group: kustomizeGroup, Kind: "Kustomization", Namespace: namespace, Name: name}, file: o.file, line: o.line,
		node: newMapping("spec", newMapping("path", dir, "sourceRef", newMapping("kind", textAt(sync, "kind"), "name", name))),
	}
	return []*bootstrap{{made, cmp.Or(strings.TrimSuffix(strings.TrimSuffix(at, dir), "/"), "."), dir}}
}

// fluxSystem is the namespace of Flux, and the name of the objects that flux bootstrap creates (fluxcd/flux2
// cmd/flux/bootstrap.go).
const fluxSystem = "flux-system"

// clean returns a path in a source without a leading ./ and without slashes at its ends.
func clean(p string) string { return path.Clean(strings.TrimPrefix(path.Join("/", p), "/")) }

// isBelow reports whether a path is dir or below it.
func isBelow(p, dir string) bool { return dir == "." || p == dir || strings.HasPrefix(p, dir+"/") }

// A walk finds the objects in the files that a cluster's Flux applies.
type walk struct {
	*repository
	root   string
	source manifest.Identity
	all    []*object
	seen   map[string]bool
	// on are the directories of the current path, and left is the number of files that may still be visited.
	on   map[string]bool
	left int
	// visited are the visited files and directories.
	visited map[string]bool
	// listed are the directories without a kustomization.yaml, which Flux applies as a whole.
	listed map[string]bool
	// done are the visited directories, with the way to each.
	done map[string]bool
	// applied are the objects of each Kustomization, with an unknown object if some are not in the files.
	applied map[manifest.Identity][]*object
	// elsewhere are the documents that other clusters apply, with the reasons why they stay.
	elsewhere map[diag.Position]string
}

func newWalk(r *repository) *walk {
	return &walk{repository: r, left: maxVisits, seen: map[string]bool{}, on: map[string]bool{}, visited: map[string]bool{}, listed: map[string]bool{}, done: map[string]bool{}, applied: map[manifest.Identity][]*object{}, elsewhere: map[diag.Position]string{}}
}

// A way is the sum of changes to objects between a file and the cluster.
type way struct {
	namespace string
	changes   []change
	metadata  []string // who adds labels and annotations
	by        manifest.Identity
	// elsewhere is the reason why the objects belong to another cluster, or "".
	elsewhere string
	// depth is the number of nested kustomization.yaml files.
	depth int
}

// maxNested is the limit of depth, which no real repository reaches.
const maxNested = 100

// A change is a change to all objects that its target may select.
type change struct {
	what   string
	target kustomize.Selector
}

// everything visits all files of a repository without a bootstrap: first the directories of its Flux
// Kustomizations, then every kustomization.yaml that no other one lists, then the remaining files.
func (w *walk) everything() {
	var kustomizations []*object
	defined, resources, patches := map[manifest.Identity]bool{}, map[string]bool{}, map[string]bool{}
	for _, name := range w.names {
		for _, d := range w.documents[name] {
			o := newObject(d)
			switch {
			case o.Group == sourceGroup:
				defined[manifest.Identity{Group: sourceGroup, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}] = true
			case o.Group == kustomizeGroup && o.Kind == "Kustomization":
				kustomizations = append(kustomizations, o)
			}
		}
		if dir := path.Dir(name); w.kustomizationFile(dir) != nil && strings.HasPrefix(strings.ToLower(path.Base(name)), "kustomization") {
			k := w.kustomizationFile(dir)
			for _, list := range []string{"resources", "bases", "components"} {
				for _, n := range items(k, list) {
					resources[path.Join(dir, n.Value)] = true
				}
			}
			for _, p := range patchesOf(k) {
				if p.file != "" {
					patches[path.Join(dir, p.file)] = true
				}
			}
		}
	}
	for _, o := range kustomizations {
		if dir := w.find(clean(textAt(o.node, "spec", "path"))); dir != "" && !defined[sourceOf(o)] && get(o.node, "spec", "kubeConfig") == nil {
			w.apply(o, dir, "")
		}
	}
	for _, name := range w.names {
		if dir := path.Dir(name); w.kustomizationFile(dir) != nil && !resources[dir] && !w.visited[dir] {
			w.directory(dir, way{})
		}
	}
	for _, name := range w.names {
		if !w.visited[name] && !patches[name] {
			w.file(name, way{})
		}
	}
}

const kustomizeConfig = "kustomize.config.k8s.io/"

// kustomizationFile returns the kustomization.yaml of a directory, or nil.
func (w *walk) kustomizationFile(dir string) *yaml.Node {
	_, k := w.kustomizationIn(dir)
	return k
}

// kustomizationIn returns the kustomization.yaml of a directory and its name, or nil.
func (r *repository) kustomizationIn(dir string) (file string, k *yaml.Node) {
	for _, base := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		for _, d := range r.documents[path.Join(dir, base)] {
			if kind := textAt(d.node, "kind"); kind == "" || strings.HasPrefix(textAt(d.node, "apiVersion"), kustomizeConfig) {
				return path.Join(dir, base), d.node
			}
		}
	}
	return "", nil
}

// below returns the names of the files below a directory.
func (r *repository) below(dir string) []string {
	if dir == "." {
		return r.names
	}
	from, _ := slices.BinarySearch(r.names, dir+"/")
	to, _ := slices.BinarySearch(r.names, dir+"0") // 0 is the next character after /
	return r.names[from:to]
}

// directory visits the files that Flux applies from a directory (fluxcd/pkg kustomize/kustomize_generator.go,
// scanManifests): a subdirectory with a kustomization.yaml is one unit.
func (w *walk) directory(dir string, on way) {
	key := fmt.Sprint(dir, " ", on.namespace, " ", on.by, " ", on.elsewhere)
	if on.depth > maxNested || w.on[dir] || len(on.changes)+len(on.metadata) == 0 && w.done[key] {
		return // kustomize rejects cycles, and the same way finds the same objects
	}
	w.done[key], w.on[dir], w.visited[dir] = true, true, true
	defer delete(w.on, dir)
	if k := w.kustomizationFile(dir); k != nil {
		w.kustomization(dir, k, on)
		return
	}
	w.listed[dir] = true
	units := map[string]string{dir: ""} // the topmost unit of each directory, or ""
	var unitOf func(at string) string
	unitOf = func(at string) string {
		if unit, ok := units[at]; ok {
			return unit
		}
		unit := unitOf(path.Dir(at))
		if unit == "" && w.kustomizationFile(at) != nil {
			unit = at
		}
		units[at] = unit
		return unit
	}
	visited := map[string]bool{}
	for _, name := range w.below(dir) {
		switch unit := unitOf(path.Dir(name)); {
		case unit == "" && !slices.Contains(generatedFrom, path.Ext(name)):
		case unit == "":
			w.file(name, on)
		case !visited[unit]:
			visited[unit] = true
			w.directory(unit, on)
		}
	}
}

// generatedFrom are the extensions of the files that Flux applies from a directory without a kustomization.yaml.
var generatedFrom = []string{".yaml", ".yml"}

// kustomization visits the resources of a kustomization.yaml.
func (w *walk) kustomization(dir string, k *yaml.Node, on way) {
	on.changes = slices.Concat(w.changesOf(dir, k), on.changes)
	on.metadata = slices.Concat(on.metadata, present(k, path.Join(dir, "kustomization.yaml"), "commonLabels", "commonAnnotations", "labels"))
	on.namespace = cmp.Or(on.namespace, textAt(k, "namespace"))
	on.depth++
	isWhole := !slices.ContainsFunc(generating, func(field string) bool { return get(k, field) != nil })
	for _, list := range []string{"resources", "bases"} {
		for _, n := range items(k, list) {
			switch at := path.Join(dir, n.Value); {
			case w.documents[at] != nil:
				w.file(at, on)
			case len(w.below(at)) > 0 && !isBelow(dir, at):
				w.directory(at, on)
			default:
				isWhole = false // from another repository, or not readable
			}
		}
	}
	if !isWhole && on.elsewhere == "" {
		w.applied[on.by] = append(w.applied[on.by], &object{Identity: manifest.Identity{Kind: "unknown"}, by: on.by})
	}
}

// generating are the fields of a kustomization.yaml that add objects without a file in the repository
// (sigs.k8s.io/kustomize api/types/kustomization.go).
var generating = []string{"configMapGenerator", "secretGenerator", "generators", "helmCharts", "components"}

// changesOf returns the changes that a kustomization.yaml makes to its objects.
func (r *repository) changesOf(dir string, k *yaml.Node) (all []change) {
	file := path.Join(dir, "kustomization.yaml")
	for _, what := range present(k, file, changing...) {
		all = append(all, change{what: what})
	}
	for _, p := range patchesOf(k) {
		all = append(all, p.changes(r, dir, file)...)
	}
	return all
}

// present returns a text for each of the fields that a mapping has; who is the owner of the mapping.
func present(n *yaml.Node, who string, fields ...string) (all []string) {
	for _, field := range fields {
		if get(n, field) != nil {
			all = append(all, who+" has "+field)
		}
	}
	return all
}

// changing are the fields of a kustomization.yaml that may change any object (sigs.k8s.io/kustomize
// api/types/kustomization.go). Fields about pods and labels cannot change the imported kinds.
var changing = []string{"namePrefix", "nameSuffix", "components", "replacements", "vars", "transformers", "configurations"}

// A patchEntry is a patch of a kustomization.yaml or of a Flux Kustomization, with its target or nil.
type patchEntry struct {
	file, text string
	target     *kustomize.Selector
}

func patchesOf(k *yaml.Node) (all []patchEntry) {
	for _, list := range []string{"patches", "patchesJson6902"} {
		for _, n := range items(k, list) {
			text := textAt(n, "patch")
			if text == "" && get(n, "patch") != nil {
				text = dump(get(n, "patch"))
			}
			p := patchEntry{file: textAt(n, "path"), text: text}
			if t := get(n, "target"); t != nil {
				p.target = &kustomize.Selector{Group: textAt(t, "group"), Kind: textAt(t, "kind"), Name: textAt(t, "name")}
			}
			all = append(all, p)
		}
	}
	for _, n := range items(k, "patchesStrategicMerge") {
		switch {
		case n.Kind == yaml.MappingNode:
			all = append(all, patchEntry{text: dump(n)})
		case strings.Contains(n.Value, "\n"):
			all = append(all, patchEntry{text: n.Value})
		default:
			all = append(all, patchEntry{file: n.Value})
		}
	}
	return all
}

// changes returns the targets of a patch: its own target, or else the objects with the kinds and names in it. A
// patch that cannot be read may change any object.
func (p patchEntry) changes(r *repository, dir, where string) (all []change) {
	what := where + " patches it"
	if p.target != nil {
		return []change{{what, *p.target}}
	}
	documents := r.documents[path.Join(dir, p.file)]
	if p.text != "" {
		nodes, _ := schema.Nodes(schema.File{Data: []byte(p.text)})
		documents = nil
		for _, n := range nodes {
			documents = append(documents, document{node: n})
		}
	}
	for _, d := range documents {
		all = append(all, change{what, kustomize.Selector{Kind: regexp.QuoteMeta(textAt(d.node, "kind")), Name: regexp.QuoteMeta(textAt(d.node, "metadata", "name"))}})
	}
	if len(all) == 0 {
		return []change{{what: what}}
	}
	return all
}

// file visits the objects of a file.
func (w *walk) file(name string, on way) {
	if w.left--; w.left < 0 {
		return
	}
	w.visited[name] = true
	for _, d := range w.documents[name] {
		o := newObject(d)
		if strings.HasPrefix(o.apiVersion, kustomizeConfig) || o.Kind == "" {
			continue
		}
		if get(o.node, "sops") != nil { // getsops/sops stores/stores.go, SopsMetadataKey
			o.changed = "SOPS encrypts it"
		}
		for _, name := range unapplied {
			if value := textAt(o.node, "metadata", "annotations", name); value != "" && value != "Override" && value != "enabled" {
				o.changed = fmt.Sprintf("its annotation %s is %s", name, value)
			}
		}
		if on.namespace != "" && o.Group != "" {
			o.Namespace = on.namespace
		}
		for _, c := range on.changes {
			if patch.MaySelect(&c.target, o.Group, o.Kind, o.Name) &&
				(c.what != substitutes || o.isSubstituted()) {
				o.changed = c.what
			}
		}
		o.metadata = on.metadata
		if on.elsewhere != "" {
			w.elsewhere[o.document()] = on.elsewhere
		} else {
			o.by = on.by
			w.applied[on.by] = append(w.applied[on.by], o)
			w.all = append(w.all, o)
		}
		w.follow(o, on.elsewhere)
	}
}

// unapplied are the annotations that make Flux skip an object, or apply only a part of it (kustomize-controller
// internal/controller/kustomization_controller.go, apply).
var unapplied = []string{kustomizeGroup + "/reconcile", manifest.FluxSSA}

// maxVisits is the limit of files that a walk visits. A file of several units counts once for each of them.
const maxVisits = 250_000

const substitutes = "Flux substitutes variables in it"

// follow visits the files that a Flux Kustomization applies from the repository, to the cluster or elsewhere.
func (w *walk) follow(o *object, elsewhere string) {
	if o.Group != kustomizeGroup || o.Kind != "Kustomization" || sourceOf(o) != w.source {
		return
	}
	if elsewhere == "" && get(o.node, "spec", "kubeConfig") != nil {
		elsewhere = fmt.Sprintf("%s also applies it to another cluster", o)
	}
	key := fmt.Sprint(o, " ", textAt(o.node, "spec", "path"), " ", elsewhere)
	if w.seen[key] {
		return
	}
	w.seen[key] = true
	w.apply(o, path.Join(w.root, clean(textAt(o.node, "spec", "path"))), elsewhere)
}

// apply visits a directory that a Flux Kustomization applies.
func (w *walk) apply(o *object, dir, elsewhere string) {
	spec := get(o.node, "spec")
	on := way{namespace: textAt(spec, "targetNamespace"), by: o.Identity, elsewhere: elsewhere}
	if o.changed != "" {
		on.changes = append(on.changes, change{what: fmt.Sprintf("%s, which is changed itself, applies it", o)})
	}
	for _, what := range present(spec, o.String(), "namePrefix", "nameSuffix", "components") {
		on.changes = append(on.changes, change{what: what})
	}
	on.metadata = present(spec, o.String(), "commonMetadata")
	for _, p := range patchesOf(spec) {
		on.changes = append(on.changes, p.changes(w.repository, "", o.String())...)
	}
	if get(spec, "postBuild") != nil {
		on.changes = append(on.changes, change{what: substitutes})
	}
	w.directory(dir, on)
}

// sourceOf returns the source that a Flux Kustomization or HelmRelease refers to.
func sourceOf(o *object) manifest.Identity {
	for _, at := range [][]string{{"spec", "sourceRef"}, {"spec", "chart", "spec", "sourceRef"}, {"spec", "chartRef"}} {
		if ref := get(o.node, at...); ref != nil {
			return manifest.Identity{Group: sourceGroup, Kind: textAt(ref, "kind"), Namespace: cmp.Or(textAt(ref, "namespace"), o.Namespace), Name: textAt(ref, "name")}
		}
	}
	return manifest.Identity{}
}

// isRendered reports whether fleetwright rendered a Flux Kustomization, which then applies a part of fleetwright's
// directory.
func isRendered(o *object) bool {
	return o.Group == kustomizeGroup && slices.Contains(strings.Split(clean(textAt(o.node, "spec", "path")), "/"), layout.Dir)
}
