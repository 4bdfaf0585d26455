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
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema/output"
)

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
	manifest *manifest.Object
}

// encode makes the YAML of the value.
func (e encoding) encode() error {
	text, err := blockyaml.JSON(e.value)
	if err != nil {
		return err
	}
	if e.template != nil {
		return e.template.FromJSON(text)
	}
	content, err := blockyaml.FromJSON(text)
	if err != nil {
		return err
	}
	if e.manifest != nil {
		if changed, ok := e.manifest.Unsubstituted(content); ok {
			if content, err = blockyaml.Marshal(changed); err != nil { // the rest of it is checked
				return err
			}
		}
	}
	*e.to = blob{content, sha256.Sum256(content)}
	return nil
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
	spoke *place.Target
	// cluster is the name of the spoke.
	cluster string
	// app is the id of the application that the directory is of, or nothing.
	app string
	// lines are those of the files in an inventory.
	lines func() []byte
}

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
		o := &d.files[i].object
		*o = object{apiVersion: o.apiVersion, id: o.id, blob: o.blob}
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
	apiVersion string
	id         manifest.Identity
	// blob is nil for what fleetwright does not render, and for what each cluster has
	// its own of.
	blob   *blob
	origin manifest.Origin
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
func (c *encoder) newDir(at string, objects ...manifest.Rendered) *dir {
	d := &dir{path: at}
	add := func(name string, o object) {
		d.files = append(d.files, namedObject{path.Join(at, name), name, o})
	}
	names := fileNames(objects)
	for i, o := range objects {
		held := object{apiVersion: o.APIVersion, id: o.Object.Identity(), blob: c.encode(o), origin: o.Origin}
		add(names[i], held)
		d.objects = append(d.objects, held)
	}
	slices.Sort(names)
	add(layout.KustomizationFile, object{blob: c.kustomization(names...)})
	d.sort()
	d.lines = sync.OnceValue(d.inventoryLines)
	return d
}

func (d *dir) sort() {
	slices.SortFunc(d.files, func(a, b namedObject) int { return strings.Compare(a.name, b.name) })
}

// kustomization is a kustomization.yaml, made once per list of resources.
func (c *encoder) kustomization(resources ...string) *blob {
	key := strings.Join(resources, "\n")
	if b, ok := c.kustomizations[key]; ok {
		return b
	}
	f := kustomizeFile{"kustomize.config.k8s.io/v1beta1", "Kustomization", resources}
	c.check(output.Object{APIVersion: f.APIVersion, Kind: f.Kind, Name: layout.KustomizationFile, Value: f})
	b := c.blob(encoding{value: f})
	c.kustomizations[key] = b
	return b
}

// encode has the file of a manifest made and the manifest checked against the
// schema of what may be written, both once however many directories the manifest
// is in.
func (c *encoder) encode(o manifest.Rendered) *blob {
	m := o.Object
	b, ok := c.blobs[m]
	if ok {
		return b
	}
	if m.Patched != nil {
		b = c.blob(encoding{value: m.Patched.JSON}) // which was checked when it was patched
	} else {
		c.check(m.Output())
		b = c.blob(encoding{value: m, manifest: m})
	}
	c.blobs[m] = b
	return b
}

// check has an object checked against the schema of what may be written, if all are to be.
func (c *encoder) check(o output.Object) {
	if c.checkOutput {
		c.outputs = append(c.outputs, o)
	}
}

// blob is one that holds the YAML of a value when all are encoded.
func (c *encoder) blob(e encoding) *blob {
	e.to = &blob{}
	c.encodings = append(c.encodings, e)
	return e.to
}

// encodeAll makes the content of all blobs.
func (c *encoder) encodeAll() {
	errs := make([]error, len(c.encodings))
	parallel.Each(len(c.encodings), func(i int) { errs[i] = c.encodings[i].encode() })
	for i, e := range c.encodings {
		if errs[i] != nil {
			c.cannotEncode(e.value, errs[i])
		}
	}
	c.encodings = nil
}

// cannotEncode says that a value is none that YAML can be made of.
func (c *encoder) cannotEncode(v any, err error) {
	c.Add(diag.New(diag.Internal, diag.Position{}, "", fmt.Sprintf("cannot encode %T: %v", v, err), ""))
}

// fileNames are the names of the objects' files: <kind>-<name>.yaml in lower
// case, with the namespace behind the name where two would be the same.
func fileNames(objects []manifest.Rendered) []string {
	names := make([]string, len(objects))
	seen := map[string]int{}
	for i, o := range objects {
		names[i] = layout.FileName(o.Kind, o.Metadata.Name)
		seen[names[i]]++
	}
	for i, o := range objects {
		if seen[names[i]] > 1 && o.Metadata.Namespace != "" {
			names[i] = layout.FileName(o.Kind, o.Metadata.Name+"."+o.Metadata.Namespace)
		}
	}
	return names
}
