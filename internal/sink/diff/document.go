package diff

import (
	"crypto/sha256"
	"encoding/json"
	"path"
	"regexp"
	"slices"
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
	// place where it is.
	place
	// text as it is there, and its value.
	text  string
	value map[string]any
	// object is zero where it is none.
	object Object
	// whole says that the text is that of the file, to its end.
	whole bool
}

// newDocument is the document of a text.
func newDocument(at place, text string) *document {
	d := &document{place: at, text: text}
	if at.isList() {
		return d
	}
	numbers := func(d *json.Decoder) *json.Decoder { d.UseNumber(); return d }
	if yaml.Unmarshal([]byte(text), &d.value, numbers) != nil {
		d.value = nil // edited by hand
		return d
	}
	if object := (Object{textAt(d.value, "apiVersion"), textAt(d.value, "kind"), textAt(d.value, "metadata", "namespace"), textAt(d.value, "metadata", "name")}); object.Kind != "" && object.Name != "" {
		d.object = object
	}
	return d
}

// isRead says whether a file holds objects only.
func (d *document) isRead() bool {
	return !slices.ContainsFunc(split([]byte(d.text)), func(text string) bool { return newDocument(d.place, text).object == (Object{}) })
}

// textOf is the text of a document, none of one that is not there.
func (d *document) textOf() string {
	if d == nil {
		return ""
	}
	return d.text
}

// valueAt is a field of an object, or nil.
func valueAt(object map[string]any, path ...string) any {
	var value any = object
	for _, field := range path {
		fields, _ := value.(map[string]any)
		value = fields[field]
	}
	return value
}

// textAt is the text of a field, or "".
func textAt(object map[string]any, path ...string) string {
	text, _ := valueAt(object, path...).(string)
	return text
}

// An identity is what makes an object one and the same in a cluster.
type identity struct{ cluster, group, kind, namespace, name string }

func (d *document) identity() identity {
	return identity{d.cluster, d.object.group(), d.object.Kind, d.object.Namespace, d.object.Name}
}

// separator is the line between two documents, also where Git has changed the ends of
// lines.
var separator = regexp.MustCompile(`\r?\n---\r?\n`)

// split splits a file into its documents, without the ends of their last lines, which
// say nothing.
func split(content []byte) []string {
	if content == nil {
		return nil
	}
	return separator.Split(strings.TrimSuffix(string(content), "\n"), -1)
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
var applied = regexp.MustCompile(`(?m)^  path: .*/` + render.Dir + `/(?:clusters/([^/\n]+)/)?(.+?)["']?\r?$`)

// placeOf is the place of a document in a cluster's directory. A Flux Kustomization of
// sync.yaml belongs to what it applies.
func placeOf(cluster, file, text string) place {
	at := place{Root: cluster, Path: file, cluster: cluster, dir: path.Dir(file)}
	if rest, ok := strings.CutPrefix(file, "clusters/"); ok {
		if name, below, ok := strings.Cut(rest, "/"); ok {
			at.cluster, at.dir = name, path.Dir(below)
		}
	}
	if file == render.SyncFile {
		if m := applied.FindStringSubmatch(text); m != nil {
			at.dir = m[2]
			if m[1] != "" {
				at.cluster = m[1]
			}
		}
	}
	return at
}

// isSync says whether the file is sync.yaml.
func (p place) isSync() bool { return p.Path == render.SyncFile }

// isList says whether the file lists others, and is no object of a cluster: a
// kustomization.yaml, which is kustomize's, and the inventory.
func (p place) isList() bool {
	base := path.Base(p.Path)
	return base == render.KustomizationFile || base == render.InventoryFile
}

// A folder tells what is the same on several clusters: texts that are, and texts that
// differ by the names of their clusters alone.
type folder[T any] map[[sha256.Size]byte]*T

// mark is a character that no YAML has. What a hub puts before the name of a cluster is
// told apart, because another kind of cluster makes other objects.
const mark = "\x00"

// fold is what was made of a text that is the same, or is made now. A text is looked for
// as it is first: the name of a cluster may be a word that all have.
func (f folder[T]) fold(cluster, text string, make func() *T) *T {
	exact := sha256.Sum256([]byte(text))
	if found, ok := f[exact]; ok {
		return found
	}
	general := replaced(text, "attachedcluster-"+cluster, mark+"a")
	general = replaced(general, "cluster-"+cluster, mark+"c")
	general = replaced(general, cluster, mark)
	sum := sha256.Sum256([]byte(general))
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
	for _, name := range []string{"attachedcluster-" + cluster, "cluster-" + cluster, cluster} {
		text = replaced(text, name, "*")
	}
	return text
}

// replaced replaces the name of a cluster wherever it stands as a word.
func replaced(text, cluster, by string) string {
	if cluster == "" || !strings.Contains(text, cluster) {
		return text
	}
	var b strings.Builder
	for at := 0; ; {
		i := strings.Index(text[at:], cluster)
		if i < 0 {
			b.WriteString(text[at:])
			return b.String()
		}
		b.WriteString(text[at : at+i])
		at += i
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(cluster):])
		if inWord(before) || inWord(after) {
			b.WriteString(cluster)
		} else {
			b.WriteString(by)
		}
		at += len(cluster)
	}
}

func inWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_')
}
