package diff

import (
	"encoding/json"
	"path"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/lazyregexp"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/tree"
)

// An Object is what a document of a file is.
type Object = render.Object

// A document is one of a file: an object, or other text.
type document struct {
	// place where it is.
	place
	text string
	// object is zero where it is none, or nobody has looked.
	object Object
	// whole reports whether the text is that of the file, to its end.
	whole bool

	// fields are the value of the text, once it was read.
	fields map[string]any
	isRead bool
}

// value is what the text holds, or nil.
func (d *document) value() map[string]any {
	if d.isRead || d.isList() {
		return d.fields
	}
	d.isRead = true
	numbers := func(d *json.Decoder) *json.Decoder { d.UseNumber(); return d }
	if yaml.Unmarshal([]byte(d.text), &d.fields, numbers) != nil {
		d.fields = nil // edited by hand
	}
	return d.fields
}

// read is the object that the text says it is.
func (d *document) read() Object {
	o := tree.ReadObject(d.value())
	if o.Kind == "" || o.Name == "" {
		return Object{}
	}
	return o
}

func (d *document) isNoObject() bool { return d.object == (Object{}) }

// holdsObjects reports whether a file holds objects only.
func (d *document) holdsObjects() bool {
	for _, part := range d.split([]byte(d.text), nil) {
		if part.read() == (Object{}) {
			return false
		}
	}
	return true
}

// textOf is the text of a document, empty where there is none.
func (d *document) textOf() string {
	if d == nil {
		return ""
	}
	return d.text
}

// An identity is what makes an object one and the same in a cluster.
type identity struct{ cluster, group, kind, namespace, name string }

func (d *document) identity() identity {
	return identity{d.cluster, d.object.Group(), d.object.Kind, d.object.Namespace, d.object.Name}
}

// separator is the line between two documents, also where Git has changed the ends of lines.
var separator = lazyregexp.New(`\r?\n---\r?\n`)

// A place is where a document is.
type place struct {
	// Root is the cluster that has the file: on a hub, the hub.
	Root string
	// Path of the file below DIR/<root>/fleetwright.
	Path string

	// cluster that the document is for.
	cluster string
	// dir is the directory that the document belongs to, without the prefix of a hub.
	dir string
}

// applied finds what a Flux Kustomization for a cluster's directories applies. In an artifact of the cluster's
// own its directory is the root.
var applied = lazyregexp.New(`(?m)^  path: (?:.*/` + layout.Dir + `|["']?\.)/(.+?)["']?\r?$`)

// sourceOf returns which application a file of a hub is the source of: sources/<kind>-<name>.<namespace>.yaml.
func sourceOf(file string) (name, namespace string, ok bool) {
	_, name, _ = strings.Cut(strings.TrimSuffix(path.Base(file), ".yaml"), "-")
	if i := strings.LastIndexByte(name, '.'); i > 0 && path.Dir(file) == layout.SourcesDir && layout.IsManifest(file) {
		return name[:i], name[i+1:], true
	}
	return "", "", false
}

// placeOf is the place of a file in a cluster's directory. What is below sync/ and sources/ belongs to its
// application, and on a hub to its cluster.
func placeOf(cluster, file string) place {
	at := place{Root: cluster, Path: file, cluster: cluster}
	below, isSync := strings.CutPrefix(file, layout.SyncDir+"/")
	if !isSync {
		at.put(file)
		at.dir = path.Dir(at.dir)
		if name, namespace, ok := sourceOf(file); ok {
			at.dir = layout.AppsDir + "/" + namespace + "." + layout.ApplicationOfSource(name)
		}
		return at
	}
	if spoke, name, ok := strings.Cut(below, "/"); ok {
		at.cluster, below = spoke, name
	}
	at.dir = layout.SyncDir
	if id := strings.TrimSuffix(below, path.Ext(below)); strings.Contains(id, ".") {
		at.dir = layout.AppsDir + "/" + id
	}
	return at
}

// put finds whose a path is that a cluster's directory has, and how every cluster calls it.
func (p *place) put(name string) {
	p.dir = name
	if cluster, below, ok := layout.Spoke(name); ok {
		p.cluster, p.dir = cluster, below
	}
}

// split splits the file into its documents, without line breaks at their ends, which mean nothing.
// The objects are those of a tree. A Flux Kustomization belongs to the directory that it applies.
func (p place) split(content []byte, objects []Object) (documents []*document) {
	if content == nil {
		return nil
	}
	texts := separator().Split(strings.TrimSuffix(string(content), "\n"), -1)
	for i, text := range texts {
		d := &document{place: p, text: text}
		if len(objects) == len(texts) {
			d.object = objects[i]
		}
		if p.isSync() {
			if d.object.Applies != "" {
				d.put(d.object.Applies)
			} else if m := applied().FindStringSubmatch(text); m != nil {
				d.put(m[1])
			}
		}
		documents = append(documents, d)
	}
	return documents
}

// isSync reports whether the file has the Flux Kustomizations for directories of clusters.
func (p place) isSync() bool {
	return p.Path == layout.SyncFile || !p.isList() && strings.HasPrefix(p.Path, layout.SyncDir+"/")
}

// syncs reports whether the file has those for what is on a cluster with or without applications.
func (p place) syncs() bool {
	return p.Path == layout.SyncFile || p.isSync() && path.Base(p.Path) == layout.ClusterSyncFile
}

// isList reports whether the file is a kustomization.yaml, an inventory or a README.md, and no
// cluster's object.
func (p place) isList() bool {
	base := path.Base(p.Path)
	return base == layout.KustomizationFile || base == layout.ReadmeFile || layout.IsInventoryFile(p.Path)
}

// A folder maps texts to one that stands for all that differ by their clusters' names alone.
type folder map[string]string

// fold returns one text for all that are the same. A text is looked for as it is before its
// cluster's name is replaced: that may be a word that all have.
func (f folder) fold(text, cluster string, general func(text, cluster string) string) string {
	known, ok := f[text]
	if !ok {
		if known = general(text, cluster); f[known] != "" {
			known = f[known]
		}
		f[known], f[text] = known, known
	}
	return known
}

// marked is text with a character that no YAML has for the name of its cluster.
func marked(text, cluster string) string { return renamed(text, cluster, "\x00") }

// starred is text with a star for the name of its cluster, and for what a hub puts before it.
func starred(text, cluster string) string {
	return withoutKinds.Replace(renamed(text, cluster, "*"))
}

var withoutKinds = strings.NewReplacer("-attachedcluster-*", "-*", "-cluster-*", "-*")

// renamed gives a cluster another name where a tree has it: as a value, as an element of a
// path, and at the end of the names that a hub gives to what is for the cluster, before
// which the kind of the cluster stands, because another kind makes other objects.
func renamed(text, cluster, by string) string {
	if cluster == "" || !strings.Contains(text, cluster) {
		return text
	}
	const ends = " \t\r\n\"'`/,:;{}[]()"
	var b strings.Builder
	for done := 0; ; {
		i := strings.Index(text[done:], cluster)
		if i < 0 {
			b.WriteString(text[done:])
			return b.String()
		}
		b.WriteString(text[done : done+i])
		before, after := text[:done+i], text[done+i+len(cluster):]
		begins := before == "" || strings.HasSuffix(before, "cluster-") || strings.IndexByte(ends, before[len(before)-1]) >= 0
		if begins && (after == "" || strings.HasPrefix(after, "-kubeconfig") || strings.HasPrefix(after, ".yaml") || strings.IndexByte(ends, after[0]) >= 0) {
			b.WriteString(by)
		} else {
			b.WriteString(cluster)
		}
		done = len(text) - len(after)
	}
}
