package diff

import (
	"crypto/sha256"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

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
	// text as it is there.
	text string
	// object is zero where it is none.
	object Object
	// whole reports whether the text is that of the file, to its end.
	whole bool

	// fields are the value of the text, once it was read.
	fields map[string]any
	isRead bool
}

// newDocument is the document of a text. A tree knows its object; that of a directory is
// read from the text.
func newDocument(at place, text string, object *Object) *document {
	d := &document{place: at, text: text}
	if object != nil {
		d.object = *object
		return d
	}
	o := Object{APIVersion: tree.TextAt(d.value(), "apiVersion"), Kind: tree.TextAt(d.value(), "kind"), Namespace: tree.TextAt(d.value(), "metadata", "namespace"), Name: tree.TextAt(d.value(), "metadata", "name")}
	if o.Kind != "" && o.Name != "" {
		d.object = o
	}
	return d
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

// holdsObjects reports whether a file holds objects only.
func (d *document) holdsObjects() bool {
	return !slices.ContainsFunc(split([]byte(d.text), nil), func(t text) bool { return newDocument(d.place, t.text, nil).object == (Object{}) })
}

// textOf is the text of a document, none of one that does not exist.
func (d *document) textOf() string {
	if d == nil {
		return ""
	}
	return d.text
}

// An identity is what makes an object one and the same in a cluster.
type identity struct{ cluster, group, kind, namespace, name string }

// separator is the line between two documents, also where Git has changed the ends of
// lines.
var separator = regexp.MustCompile(`\r?\n---\r?\n`)

// A text is one of a file, with the object that it is where a tree says so.
type text struct {
	text   string
	object *Object
}

// split splits a file into its documents, without the ends of their last lines, which
// mean nothing.
func split(content []byte, objects []Object) (texts []text) {
	if content == nil {
		return nil
	}
	for _, t := range separator.Split(strings.TrimSuffix(string(content), "\n"), -1) {
		texts = append(texts, text{text: t})
	}
	if len(texts) == len(objects) {
		for i := range objects {
			texts[i].object = &objects[i]
		}
	}
	return texts
}

// A place is where a document is.
type place struct {
	// Root is the cluster that has the file: on a hub, the hub.
	Root string
	// Path of the file below DIR/<root>/fleetwright.
	Path string

	// cluster that the document is for.
	cluster string
	// dir is the directory of what the document belongs to, as it is called on every
	// cluster: without what a hub puts before it.
	dir string
}

// applied finds what a Flux Kustomization of sync.yaml applies.
var applied = regexp.MustCompile(`(?m)^  path: .*/` + layout.Dir + `/(.+?)["']?\r?$`)

// placeOf is the place of a file in a cluster's directory.
func placeOf(cluster, file string) place {
	at := place{Root: cluster, Path: file, cluster: cluster}
	at.put(file)
	at.dir = path.Dir(at.dir)
	return at
}

// of is the place of a document of the file. A Flux Kustomization of sync.yaml belongs to
// what it applies.
func (p place) of(t text) place {
	if !p.isSync() {
		return p
	}
	if t.object != nil {
		p.put(t.object.Applies)
	} else if m := applied.FindStringSubmatch(t.text); m != nil {
		p.put(m[1])
	}
	return p
}

// put finds whose a path is that a cluster's directory has, and how every cluster calls it.
func (p *place) put(name string) {
	p.dir = name
	if rest, ok := strings.CutPrefix(name, "clusters/"); ok {
		if cluster, below, ok := strings.Cut(rest, "/"); ok {
			p.cluster, p.dir = cluster, below
		}
	}
}

// isSync says whether the file is sync.yaml.
func (p place) isSync() bool { return p.Path == layout.SyncFile }

// isList says whether the file lists others, and is no object of a cluster: a
// kustomization.yaml, which is kustomize's, and the inventory.
func (p place) isList() bool {
	base := path.Base(p.Path)
	return base == layout.KustomizationFile || base == layout.InventoryFile
}

// A folder tells what is the same on several clusters: texts that are, and texts that
// differ by the clusters' own names alone.
type folder[T any] map[[sha256.Size]byte]*T

// mark is a character that no YAML has.
const mark = "\x00"

// fold is what was made of a text that is the same, or is made now. A text is looked for
// as it is first: the name of a cluster may be a word that all have.
func (f folder[T]) fold(cluster, text string, make func() *T) *T {
	exact := sha256.Sum256([]byte(text))
	if found, ok := f[exact]; ok {
		return found
	}
	sum := sha256.Sum256([]byte(renamed(text, cluster, mark)))
	found, ok := f[sum]
	if !ok {
		found = make()
		f[sum] = found
	}
	f[exact] = found
	return found
}

// starred is text with a star for the name of its cluster, and for what a hub puts
// before it.
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
