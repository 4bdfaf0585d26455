package tree

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"weak"

	"github.com/fleetwright/fleetwright/internal/blockyaml"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/parallel"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/schema/output"
)

// An Encoder makes the files of objects, each once however many directories hold it.
type Encoder struct {
	*report.Report
	// Held are the objects of each directory, for finding what meets in a cluster.
	Held map[*Dir][]Held
	// checks is set where each object is validated against the schemas of the output.
	checks bool
	// blobs are the objects that were encoded so far. It keeps none of them: once encoded, an object
	// is seldom asked for again, and all of them take more memory than their files.
	blobs map[weak.Pointer[manifest.Object]]*blob
	// waiting are blobs that are yet to be filled, in the order in which they were asked for.
	waiting []encoding
	// stages are those of the sync.yaml files made so far.
	stages map[string]*syncStage
	// kustomizations are the kustomization.yaml files made so far, by their resources.
	kustomizations map[string]*blob
}

// NewEncoder returns an encoder that has encoded nothing. With checks it validates every object against
// the schemas of the output, but for patched ones, which were checked when patched.
func NewEncoder(to *report.Report, checks bool) *Encoder {
	return &Encoder{
		Report: to, Held: map[*Dir][]Held{}, checks: checks,
		blobs: map[weak.Pointer[manifest.Object]]*blob{}, kustomizations: map[string]*blob{}, stages: map[string]*syncStage{},
	}
}

// check validates what is to be encoded. A failure is a mistake of the compiler, not of its user.
func (e *Encoder) check() {
	var outputs []output.Object
	for _, made := range e.waiting {
		switch v := made.value.(type) {
		case *manifest.Object:
			outputs = append(outputs, v.Output())
		case kustomizeFile:
			outputs = append(outputs, output.Object{APIVersion: v.APIVersion, Kind: v.Kind, Name: layout.KustomizationFile, Value: v})
		}
	}
	for _, bad := range output.Check(outputs) {
		e.Add(diag.New(diag.Internal, diag.Position{}, "", bad.Error(), "please report this as a mistake of fleetwright"))
	}
}

// A blob is the content of a file, made once however many clusters have it.
type blob struct {
	content []byte
	Sum     [sha256.Size]byte
}

func newBlob(content []byte) *blob { return &blob{content, sha256.Sum256(content)} }

// An encoding is a value whose YAML a blob is yet to hold.
type encoding struct {
	to    *blob
	value any
}

// encode makes the YAML of the value.
func (e encoding) encode() error {
	content, err := blockyaml.Marshal(e.value)
	if m, ok := e.value.(*manifest.Object); ok && err == nil {
		if changed, ok := m.Unsubstituted(content); ok {
			content, err = blockyaml.Marshal(changed)
		}
	}
	*e.to = *newBlob(content)
	return err
}

// most is how many values wait at most: enough for all cores and for the batches of a check, and few
// beside all files.
const most = 1024

// EncodeAll fills the blobs that wait.
func (e *Encoder) EncodeAll() {
	if e.checks {
		e.check()
	}
	errs := make([]error, len(e.waiting))
	parallel.Each(len(e.waiting), func(i int) { errs[i] = e.waiting[i].encode() })
	for i, err := range errs {
		if err != nil {
			e.Add(diag.New(diag.Internal, diag.Position{}, "", fmt.Sprintf("cannot encode %T: %v", e.waiting[i].value, err), ""))
		}
	}
	e.waiting = nil
}

// blob returns one that holds the YAML of a value when all are encoded.
func (e *Encoder) blob(value any) *blob {
	b := &blob{}
	e.waiting = append(e.waiting, encoding{b, value})
	if len(e.waiting) == most {
		e.EncodeAll()
	}
	return b
}

// encode has the file of a manifest made, once however many directories the manifest is in.
func (e *Encoder) encode(m *manifest.Object) *blob {
	key := weak.Make(m)
	b, ok := e.blobs[key]
	if !ok {
		if m.Patched != nil {
			b = e.blob(m.Patched)
		} else {
			b = e.blob(m)
		}
		e.blobs[key] = b
	}
	return b
}

// A kustomizeFile is a kustomization.yaml.
type kustomizeFile struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Resources  []string `json:"resources"`
}

// kustomization returns a kustomization.yaml, made once per list of resources.
func (e *Encoder) kustomization(resources ...string) *blob {
	key := strings.Join(resources, "\n")
	b, ok := e.kustomizations[key]
	if !ok {
		b = e.blob(kustomizeFile{"kustomize.config.k8s.io/v1beta1", "Kustomization", resources})
		e.kustomizations[key] = b
	}
	return b
}
