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

// An Encoder encodes objects to files, each once however many directories contain it.
type Encoder struct {
	*report.Report
	// Held holds the objects of each directory, to find collisions in a cluster.
	Held map[*Dir][]Held
	// checks reports whether each object is validated against the output schemas.
	checks bool
	// blobs holds the encoded objects. It keeps none of them in memory: an encoded object is seldom needed
	// again, and all of them take more memory than their files.
	blobs map[weak.Pointer[manifest.Object]]*blob
	// waiting holds the blobs to encode, in the order of the requests.
	waiting []encoding
	// stages holds the stages of the sync.yaml files created so far.
	stages map[string]*syncStage
	// kustomizations holds the kustomization.yaml files created so far, by their resources.
	kustomizations map[string]*blob
}

// NewEncoder returns an empty encoder. With checks it validates every object against the output schemas, except
// patched ones, which were validated when patched.
func NewEncoder(to *report.Report, checks bool) *Encoder {
	return &Encoder{
		Report: to, Held: map[*Dir][]Held{}, checks: checks,
		blobs: map[weak.Pointer[manifest.Object]]*blob{}, kustomizations: map[string]*blob{}, stages: map[string]*syncStage{},
	}
}

// check validates the objects to encode. A failure is a mistake of the compiler, not of its user.
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
		e.Add(diag.New(diag.Internal, diag.Position{}, "", bad.Error(), "report this as a bug of fleetwright"))
	}
}

// A blob is the content of a file, created once however many clusters have it.
type blob struct {
	content []byte
	Sum     [sha256.Size]byte
}

func newBlob(content []byte) *blob { return &blob{content, sha256.Sum256(content)} }

// An encoding is a value to encode as YAML into a blob.
type encoding struct {
	to    *blob
	value any
}

// encode writes the YAML of the value to the blob.
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

// most is the maximum number of waiting values: enough for all cores and for the batches of a check, and few
// compared with all files.
const most = 1024

// EncodeAll fills the waiting blobs.
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

// blob returns a blob that will hold the YAML of a value after EncodeAll.
func (e *Encoder) blob(value any) *blob {
	b := &blob{}
	e.waiting = append(e.waiting, encoding{b, value})
	if len(e.waiting) == most {
		e.EncodeAll()
	}
	return b
}

// encode returns the file of a manifest, created once however many directories contain the manifest.
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

// kustomization returns a kustomization.yaml, created once per list of resources.
func (e *Encoder) kustomization(resources ...string) *blob {
	key := strings.Join(resources, "\n")
	b, ok := e.kustomizations[key]
	if !ok {
		b = e.blob(kustomizeFile{"kustomize.config.k8s.io/v1beta1", "Kustomization", resources})
		e.kustomizations[key] = b
	}
	return b
}
