package tree

import (
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/schema/output"
)

// An Encoder makes the files of objects, each once however many directories hold it, and has
// what they hold checked.
type Encoder struct {
	*report.Report
	// blobs are the objects that were encoded so far.
	blobs map[*manifest.Object]*blob
	// encodings are what the blobs are yet to hold.
	encodings []encoding
	// stages are those of the sync.yaml files made so far.
	stages map[stageKey]*stage
	// kustomizations are the kustomization.yaml files made so far.
	kustomizations map[string]*blob
	// checkOutput has every object checked, and outputs are those, each once.
	checkOutput bool
	outputs     []output.Object
}

// NewEncoder returns an encoder that has encoded nothing. With checkOutput it has every object
// checked.
func NewEncoder(checkOutput bool, to *report.Report) *Encoder {
	return &Encoder{
		Report: to, checkOutput: checkOutput,
		blobs: map[*manifest.Object]*blob{}, kustomizations: map[string]*blob{}, stages: map[stageKey]*stage{},
	}
}

// CheckOutputs validates every object against the schema of what may be written. A failure
// is a mistake of the compiler, not of its user. Where there were errors before, what was
// rendered need not be sound.
func (c *Encoder) CheckOutputs(before diag.List) {
	if before.HasErrors() {
		return
	}
	for _, bad := range output.Check(c.outputs) {
		c.Add(diag.New(diag.Internal, diag.Position{}, "", bad.Error(), "please report this as a mistake of fleetwright"))
	}
}
