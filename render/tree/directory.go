package tree

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

// A Blob is the content of a file, made once however many clusters have it.
type blob struct {
	content []byte
	Sum     [sha256.Size]byte
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

// A Dir is a directory of one cluster's tree. It may be shared by many clusters
// and is not changed once it is built.
type Dir struct {
	// Path below DIR/<cluster>/fleetwright, "" for that itself.
	Path string
	// Files by name, sorted.
	Files []namedObject
	// Objects are what the files hold, for finding what meets in a cluster.
	Objects []Held
	// Spoke is the cluster that a hub applies the directory to, or nil where it is
	// for the cluster that it stands in.
	Spoke *place.Target
	// Cluster is the name of the spoke.
	Cluster string
	// App is the id of the application that the directory is of, or nothing.
	App string
	// lines are those of the files in an inventory.
	lines func() []byte
}

// A namedObject is a file, and the object that it holds, if it holds one.
type namedObject struct {
	// Path below DIR/<cluster>/fleetwright, and name in its directory.
	path, Name string
	Held
}

// forget drops what only compiling needs: a tree outlives the documents that it was made
// of.
func (d *Dir) forget() {
	d.Objects, d.Spoke = nil, nil
	for i := range d.Files {
		o := &d.Files[i].Held
		*o = Held{apiVersion: o.apiVersion, ID: o.ID, Blob: o.Blob}
	}
}

// Under is the directory at another path.
func (d *Dir) Under(above string) *Dir {
	moved := *d
	moved.Path = path.Join(above, d.Path)
	moved.Files = slices.Clone(d.Files)
	for i, f := range d.Files {
		moved.Files[i].path = path.Join(above, f.path)
	}
	moved.lines = sync.OnceValue(moved.inventoryLines)
	return &moved
}

type Held struct {
	apiVersion string
	ID         manifest.Identity
	// Blob is nil for what fleetwright does not render, and for what each cluster has
	// its own of.
	Blob   *blob
	Origin manifest.Origin
	// Maker of what fleetwright does not render.
	Maker string
}

// A kustomizeFile is a kustomization.yaml.
type kustomizeFile struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Resources  []string `json:"resources"`
}

// NewDir makes a payload directory: one file per object, and a
// kustomization.yaml that names them.
func (c *Encoder) NewDir(at string, objects ...manifest.Rendered) *Dir {
	d := &Dir{Path: at}
	add := func(name string, o Held) {
		d.Files = append(d.Files, namedObject{path.Join(at, name), name, o})
	}
	names := fileNames(objects)
	for i, o := range objects {
		held := Held{apiVersion: o.APIVersion, ID: o.Object.Identity(), Blob: c.encode(o), Origin: o.Origin}
		add(names[i], held)
		d.Objects = append(d.Objects, held)
	}
	slices.Sort(names)
	add(layout.KustomizationFile, Held{Blob: c.kustomization(names...)})
	d.sort()
	d.lines = sync.OnceValue(d.inventoryLines)
	return d
}

func (d *Dir) sort() {
	slices.SortFunc(d.Files, func(a, b namedObject) int { return strings.Compare(a.Name, b.Name) })
}

// kustomization is a kustomization.yaml, made once per list of resources.
func (c *Encoder) kustomization(resources ...string) *blob {
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
func (c *Encoder) encode(o manifest.Rendered) *blob {
	m := o.Object
	b, ok := c.blobs[m]
	if ok {
		return b
	}
	if m.Patched != nil {
		b = c.blob(encoding{value: m.Patched}) // which was checked when it was patched
	} else {
		c.check(m.Output())
		b = c.blob(encoding{value: m, manifest: m})
	}
	c.blobs[m] = b
	return b
}

// check has an object checked against the schema of what may be written, if all are to be.
func (c *Encoder) check(o output.Object) {
	if c.checkOutput {
		c.outputs = append(c.outputs, o)
	}
}

// Blob is one that holds the YAML of a value when all are encoded.
func (c *Encoder) blob(e encoding) *blob {
	e.to = &blob{}
	c.encodings = append(c.encodings, e)
	return e.to
}

// EncodeAll makes the content of all blobs.
func (c *Encoder) EncodeAll() {
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
func (c *Encoder) cannotEncode(v any, err error) {
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
