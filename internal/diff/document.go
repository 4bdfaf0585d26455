package diff

import (
	"encoding/json"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/render"
)

// An Object is one of Kubernetes.
type Object struct{ APIVersion, Kind, Namespace, Name string }

// String is how people name an object: kind namespace/name. Flux' Kustomizations are
// told from kustomize's files.
func (o Object) String() string {
	name := o.Name
	if o.Namespace != "" {
		name = o.Namespace + "/" + name
	}
	return o.Kind + " " + name
}

// group of its API.
func (o Object) group() string {
	group, _, ok := strings.Cut(o.APIVersion, "/")
	if !ok {
		return ""
	}
	return group
}

// A document is one of a file: an object, or other text.
type document struct {
	// text as it is, and its value.
	text  string
	value map[string]any
	// object is zero where it is none.
	object Object
	// general is the object's identity with the cluster's name left out of it.
	general identity
}

// An identity is what makes an object one and the same in a cluster.
type identity struct{ group, kind, namespace, name, cluster string }

// identityAt is the document's, at a place: what holds no object is its file.
func (d *document) identityAt(at place) identity {
	id := d.general
	if d.object == (Object{}) {
		id.name = at.Path
	}
	id.cluster = at.cluster
	return id
}

// documents are the documents of all clusters by their text, in which mark stands for
// the name of the cluster: what differs by that alone is one, that of the first cluster.
type documents map[string]*document

// mark is a character that no YAML has.
const mark = "\x00"

// get is the document of a text.
func (all documents) get(cluster, file, text string) *document {
	general := generalized(text, cluster, mark)
	known := file + mark + mark + general
	if d, ok := all[known]; ok {
		return d
	}
	d := newDocument(cluster, file, text)
	all[known] = d
	return d
}

// newDocument is the document of a text as a cluster has it.
func newDocument(cluster, file, text string) *document {
	d := &document{text: text}
	// A kustomization.yaml is kustomize's, and the inventory ours.
	if file == "kustomization.yaml" || file == render.InventoryFile {
		return d
	}
	numbers := func(d *json.Decoder) *json.Decoder { d.UseNumber(); return d }
	if yaml.Unmarshal([]byte(text), &d.value, numbers) != nil {
		d.value = nil // edited by hand
		return d
	}
	meta, _ := d.value["metadata"].(map[string]any)
	d.object = Object{textAt(d.value, "apiVersion"), textAt(d.value, "kind"), textAt(meta, "namespace"), textAt(meta, "name")}
	if d.object.Kind == "" || d.object.Name == "" {
		d.object = Object{}
	}
	d.general = identity{
		group: d.object.group(), kind: d.object.Kind,
		namespace: generalized(d.object.Namespace, cluster, mark), name: generalized(d.object.Name, cluster, mark),
	}
	return d
}

// textAt is the text of a field.
func textAt(of map[string]any, field string) string {
	text, _ := of[field].(string)
	return text
}

// split splits a file into its documents.
func split(content []byte) []string {
	if content == nil {
		return nil
	}
	return strings.Split(string(content), "\n---\n")
}

// generalized is text without the name of its cluster, which a hub has with the kind of
// its object before it.
func generalized(text, cluster, by string) string {
	if !strings.Contains(text, cluster) {
		return text
	}
	for _, name := range []string{"attachedcluster-" + cluster, "cluster-" + cluster, cluster} {
		text = replaced(text, name, by)
	}
	return text
}

// replaced replaces the name of a cluster wherever it stands as a word.
func replaced(text, cluster, by string) string {
	var b strings.Builder
	rest := text
	for {
		i := strings.Index(rest, cluster)
		if i < 0 || cluster == "" {
			if b.Len() == 0 {
				return text
			}
			b.WriteString(rest)
			return b.String()
		}
		before, _ := utf8.DecodeLastRuneInString(text[:len(text)-len(rest)+i])
		after, _ := utf8.DecodeRuneInString(rest[i+len(cluster):])
		b.WriteString(rest[:i])
		if inWord(before) || inWord(after) {
			b.WriteString(cluster)
		} else {
			b.WriteString(by)
		}
		rest = rest[i+len(cluster):]
	}
}

func inWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_')
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
var applied = regexp.MustCompile(`(?m)^  path: \S*/` + render.Dir + `/(?:clusters/([^/\s]+)/)?(\S+)$`)

// placeOf is the place of a document in a cluster's directory. A Flux Kustomization of
// sync.yaml belongs to what it applies.
func placeOf(cluster, file, text string) place {
	at := place{Root: cluster, Path: file, cluster: cluster, dir: path.Dir(file)}
	if rest, ok := strings.CutPrefix(file, "clusters/"); ok {
		if name, below, ok := strings.Cut(rest, "/"); ok {
			at.cluster, at.dir = name, path.Dir(below)
		}
	}
	if file == "sync.yaml" {
		if m := applied.FindStringSubmatch(text); m != nil {
			at.dir = m[2]
			if m[1] != "" {
				at.cluster = m[1]
			}
		}
	}
	return at
}

// generalPath is the path with the cluster's name left out.
func (p place) generalPath() string { return generalized(p.Path, p.cluster, mark) }
