package render

import (
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/fleetwright/fleetwright/internal/blockyaml"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/parallel"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
	"github.com/fleetwright/fleetwright/schema/output"
)

// A manifest is a Kubernetes object to be written.
type manifest struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Mesh       string   `json:"mesh,omitempty"` // of Kuma's TrafficRoute
	Metadata   metadata `json:"metadata"`
	Spec       any      `json:"spec,omitempty"`

	// form in which it is checked.
	form output.Form
	// patched is what the user's patches have made of it, or nil.
	patched *patchedObject
}

type metadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// The API versions that are rendered: Flux 2.6 and newer serve all of them
// (reference: the CRDs of source-, helm- and kustomize-controller).
const (
	coreV1         = "v1"
	appsV1         = "apps/v1"
	kustomizeV1    = "kustomize.toolkit.fluxcd.io/v1"
	sourceV1       = "source.toolkit.fluxcd.io/v1"
	helmV2         = "helm.toolkit.fluxcd.io/v2"
	flaggerV1beta1 = "flagger.app/v1beta1"
	kumaV1alpha1   = "kuma.io/v1alpha1"
	networkingV1   = "networking.k8s.io/v1"
)

// An identity is what makes an object one and the same in a cluster.
type identity struct{ group, kind, namespace, name string }

func (m *manifest) identity() identity {
	group, _, ok := strings.Cut(m.APIVersion, "/")
	if !ok {
		group = ""
	}
	return identity{group, m.Kind, m.Metadata.Namespace, m.Metadata.Name}
}

// String is how people name an object: kind namespace/name.
func (id identity) String() string {
	if id.namespace == "" {
		return id.kind + " " + id.name
	}
	return id.kind + " " + id.namespace + "/" + id.name
}

// A blob is the content of a file, made once however many clusters have it.
type blob struct {
	content []byte
	sum     [sha256.Size]byte
}

// An encoding is a value whose YAML a blob, or a template, is yet to hold.
type encoding struct {
	to       *blob
	template *blockyaml.Template
	value    any
	// manifest is what the value is, if it is one as it was rendered.
	manifest *manifest
}

// An encoded value is what an encoding has made of its JSON.
type encoded struct {
	blob     blob
	template blockyaml.Template
}

// A memory is what was encoded of values before, by the values' JSON. That of
// the last time is looked up, and that of the next one written.
type memory map[memoryKey]*encoded

type memoryKey struct {
	isTemplate bool
	text       string
}

// encode makes the YAML of the value, unless that is remembered.
func (e encoding) encode(last memory) (memoryKey, *encoded, error) {
	text, err := blockyaml.JSON(e.value)
	if err != nil {
		return memoryKey{}, nil, err
	}
	key := memoryKey{isTemplate: e.template != nil}
	if last != nil {
		key.text = string(text)
	}
	made, ok := last[key]
	if !ok {
		made = &encoded{}
		if err := e.make(made, text); err != nil {
			return memoryKey{}, nil, err
		}
	}
	if e.template != nil {
		*e.template = made.template
	} else {
		*e.to = made.blob
	}
	return key, made, nil
}

// make makes YAML of the JSON of the value.
func (e encoding) make(made *encoded, text []byte) error {
	if e.template != nil {
		return made.template.FromJSON(text)
	}
	content, err := blockyaml.FromJSON(text)
	if err != nil {
		return err
	}
	if e.manifest != nil {
		if changed, ok := e.manifest.unsubstituted(content); ok {
			if content, err = blockyaml.Marshal(changed); err != nil { // the rest of it is checked
				return err
			}
		}
	}
	made.blob = blob{content, sha256.Sum256(content)}
	return nil
}

// An origin is what in the input an object comes from.
type origin struct {
	doc  *schema.Document
	path schema.Path
}

// is says whether two origins are the same.
func (o origin) is(p origin) bool { return o.doc == p.doc && slices.Equal(o.path, p.path) }

// sameRollout says whether two origins are in one rollout.
func (o origin) sameRollout(p origin) bool {
	const rollout = 4 // spec.syncPolicies[0].rollout
	return o.doc == p.doc && len(o.path) >= rollout && len(p.path) >= rollout && slices.Equal(o.path[:rollout], p.path[:rollout])
}

func (o origin) position() diag.Position {
	if o.doc == nil {
		return diag.Position{}
	}
	return o.doc.Position(o.path...)
}

// A dir is a directory of one cluster's tree. It may be shared by many clusters
// and is not changed once it is built.
type dir struct {
	// path below DIR/<cluster>/fleetwright, "" for that itself.
	path string
	// files by name, sorted.
	files []namedObject
	// objects are what the files hold, for finding what meets in a cluster.
	objects []object
	// spoke is the cluster that a hub applies the directory to, or nil where it is
	// for the cluster that it stands in.
	spoke *site
	// cluster is the name of the spoke.
	cluster string
	// app is the id of the application that the directory is of, or nothing.
	app string
	// lines are those of the files in an inventory.
	lines func() []byte
}

// isOwn says whether each cluster of a layout has its own directory of this path, or of
// some of its files.
func (d *dir) isOwn() bool { return d.path == "" || d.path == infrastructure }

// A namedObject is a file, and the object that it holds, if it holds one.
type namedObject struct {
	// path below DIR/<cluster>/fleetwright, and name in its directory.
	path, name string
	object
}

// forget drops what only compiling needs: a tree outlives the documents that it was made
// of.
func (d *dir) forget() {
	d.objects, d.spoke = nil, nil
	for i := range d.files {
		d.files[i].object = object{blob: d.files[i].blob}
	}
}

// under is the directory at another path.
func (d *dir) under(above string) *dir {
	moved := *d
	moved.path = path.Join(above, d.path)
	moved.files = slices.Clone(d.files)
	for i, f := range d.files {
		moved.files[i].path = path.Join(above, f.path)
	}
	moved.lines = sync.OnceValue(moved.inventoryLines)
	return &moved
}

type object struct {
	id identity
	// blob is nil for what fleetwright does not render, and for what each cluster has
	// its own of.
	blob   *blob
	origin origin
	// maker of what fleetwright does not render.
	maker string
}

// A kustomizeFile is a kustomization.yaml.
type kustomizeFile struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Resources  []string `json:"resources"`
}

// newDir makes a payload directory: one file per object, and a
// kustomization.yaml that names them.
func (c *compiler) newDir(at string, objects ...rendered) *dir {
	d := &dir{path: at}
	add := func(name string, o object) {
		d.files = append(d.files, namedObject{path.Join(at, name), name, o})
	}
	names := fileNames(objects)
	for i, o := range objects {
		held := object{id: o.manifest.identity(), blob: c.encode(o), origin: o.origin}
		add(names[i], held)
		d.objects = append(d.objects, held)
	}
	slices.Sort(names)
	add(KustomizationFile, object{blob: c.kustomization(names...)})
	d.sort()
	d.lines = sync.OnceValue(d.inventoryLines)
	return d
}

func (d *dir) sort() {
	slices.SortFunc(d.files, func(a, b namedObject) int { return strings.Compare(a.name, b.name) })
}

// A rendered manifest knows where it comes from.
type rendered struct {
	*manifest
	origin origin
}

// kustomization is a kustomization.yaml, made once per list of resources.
func (c *compiler) kustomization(resources ...string) *blob {
	key := strings.Join(resources, "\n")
	if b, ok := c.kustomizations[key]; ok {
		return b
	}
	f := kustomizeFile{"kustomize.config.k8s.io/v1beta1", "Kustomization", resources}
	c.check(output.Object{APIVersion: f.APIVersion, Kind: f.Kind, Name: KustomizationFile, Value: f})
	b := c.blob(encoding{value: f})
	c.kustomizations[key] = b
	return b
}

// encode has the file of a manifest made and the manifest checked against the
// schema of what may be written, both once however many directories the manifest
// is in.
func (c *compiler) encode(o rendered) *blob {
	m := o.manifest
	b, ok := c.blobs[m]
	if ok {
		return b
	}
	if m.patched != nil {
		out := output.Object{APIVersion: m.APIVersion, Kind: m.Kind, Name: m.identity().String(), Value: m.patched.value, Form: output.Patched}
		c.patched[out.Name] = m.patched.by
		c.outputs = append(c.outputs, out)
		b = c.blob(encoding{value: m.patched.json})
	} else {
		c.check(m.output())
		b = c.blob(encoding{value: m, manifest: m})
	}
	c.blobs[m] = b
	return b
}

// output is the manifest to be checked.
func (m *manifest) output() output.Object {
	return output.Object{APIVersion: m.APIVersion, Kind: m.Kind, Name: m.identity().String(), Value: m, Form: m.form}
}

// check has an object checked against the schema of what may be written, if all are to be.
func (c *compiler) check(o output.Object) {
	if c.checkOutput {
		c.outputs = append(c.outputs, o)
	}
}

// blob is one that holds the YAML of a value when all are encoded.
func (c *compiler) blob(e encoding) *blob {
	e.to = &blob{}
	c.encodings = append(c.encodings, e)
	return e.to
}

// encodeAll makes the content of all blobs.
func (c *compiler) encodeAll() {
	var last memory
	if c.keep != nil {
		if last = c.keep.encoded; last == nil {
			last = memory{}
		}
	}
	keys, all, errs := make([]memoryKey, len(c.encodings)), make([]*encoded, len(c.encodings)), make([]error, len(c.encodings))
	parallel.Each(len(c.encodings), func(i int) { keys[i], all[i], errs[i] = c.encodings[i].encode(last) })
	next := make(memory, len(last))
	for i, e := range c.encodings {
		if errs[i] != nil {
			c.cannotEncode(e.value, errs[i])
			continue
		}
		if c.keep != nil {
			next[keys[i]] = all[i]
		}
	}
	if c.keep != nil {
		c.keep.encoded = next
	}
	c.encodings = nil
}

// cannotEncode says that a value is none that YAML can be made of.
func (c *compiler) cannotEncode(v any, err error) {
	c.report(diag.New(diag.Internal, diag.Position{}, "", fmt.Sprintf("cannot encode %T: %v", v, err), ""))
}

// textOf is label values as text.
func textOf(from map[string]api.LabelValue) map[string]string {
	if from == nil {
		return nil
	}
	to := make(map[string]string, len(from))
	for key, value := range from {
		to[key] = string(value)
	}
	return to
}
