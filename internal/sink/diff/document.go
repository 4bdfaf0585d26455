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

// An Object is the identity of a document.
type Object = render.Object

// A document is a part of a file: an object, or other text.
type document struct {
	// place of the document.
	place
	text string
	// object is zero if the document is no object, or is not parsed yet.
	object Object
	// whole reports whether the text is the whole file, including its last line break.
	whole bool

	// fields is the parsed text, after the first call of value.
	fields map[string]any
	isRead bool
}

// value returns the parsed text, or nil if it is no object.
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

// read returns the identity in the text.
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

// textOf returns the text of a document, which may be nil.
func (d *document) textOf() string {
	if d == nil {
		return ""
	}
	return d.text
}

// An identity identifies an object in a cluster.
type identity struct{ cluster, group, kind, namespace, name string }

func (d *document) identity() identity {
	return identity{d.cluster, d.object.Group(), d.object.Kind, d.object.Namespace, d.object.Name}
}

// separator matches the line between two documents, with any line ends, since Git may change them.
var separator = lazyregexp.New(`\r?\n---\r?\n`)

// A place is the cluster, the file and the directory of a document.
type place struct {
	// Root is the cluster whose directory has the file: for clusters of a hub, the hub.
	Root string
	// Path of the file below DIR/<root>/fleetwright.
	Path string

	// cluster of the document.
	cluster string
	// dir is the directory of the document, without the prefix of a hub.
	dir string
}

// applied matches the path that a Flux Kustomization for a cluster's directory applies. In the artifact of a
// cluster, its directory is the root.
var applied = lazyregexp.New(`(?m)^  path: (?:.*/` + layout.Dir + `|["']?\.)/(.+?)["']?\r?$`)

// sourceOf returns the application whose source is in a file of a hub: sources/<kind>-<name>.<namespace>.yaml.
func sourceOf(file string) (name, namespace string, ok bool) {
	_, name, _ = strings.Cut(strings.TrimSuffix(path.Base(file), ".yaml"), "-")
	if i := strings.LastIndexByte(name, '.'); i > 0 && path.Dir(file) == layout.SourcesDir && layout.IsManifest(file) {
		return name[:i], name[i+1:], true
	}
	return "", "", false
}

// placeOf returns the place of a file in a cluster's directory. A file below sync/ or sources/ belongs to its
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

// put sets the directory, and on a hub the cluster, from a path in a cluster's directory.
func (p *place) put(name string) {
	p.dir = name
	if cluster, below, ok := layout.Spoke(name); ok {
		p.cluster, p.dir = cluster, below
	}
}

// split splits the file into documents without their last line breaks. objects are the file's objects in a tree.
// A Flux Kustomization belongs to the directory that it applies.
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

// isSync reports whether the file holds the Flux Kustomizations for directories of clusters.
func (p place) isSync() bool {
	return p.Path == layout.SyncFile || !p.isList() && strings.HasPrefix(p.Path, layout.SyncDir+"/")
}

// syncs reports whether the file holds the Flux Kustomizations that a cluster has even without applications.
func (p place) syncs() bool {
	return p.Path == layout.SyncFile || p.isSync() && path.Base(p.Path) == layout.ClusterSyncFile
}

// isList reports whether the file is a kustomization.yaml, an inventory or a README.md, which hold no
// object of a cluster.
func (p place) isList() bool {
	base := path.Base(p.Path)
	return base == layout.KustomizationFile || base == layout.ReadmeFile || layout.IsInventoryFile(p.Path)
}

// A folder maps texts to one representative of all texts that differ only by the names of their clusters.
type folder map[string]string

// fold returns the representative of a text. It looks up the unchanged text first, because the name of the
// cluster may be a word that all texts contain.
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

// marked replaces the name of the text's cluster by a character that YAML does not allow.
func marked(text, cluster string) string { return renamed(text, cluster, "\x00") }

// starred replaces the name of the text's cluster by a star, with the prefix that a hub adds.
func starred(text, cluster string) string {
	return withoutKinds.Replace(renamed(text, cluster, "*"))
}

var withoutKinds = strings.NewReplacer("-attachedcluster-*", "-*", "-cluster-*", "-*")

// renamed replaces the name of a cluster where a tree writes it: as a value, as an element of a path, and at the
// end of the names that a hub gives to a cluster's objects. There the kind of the cluster precedes it, since
// clusters of another kind have other objects.
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
