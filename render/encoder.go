package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/schema"
)

// An encoder makes the files of objects, each once however many directories hold it, and has
// what they hold checked.
type encoder struct {
	*report.Report
	// keep is what keeps what is encoded, or nil.
	keep *Compiler
	// blobs are the objects that were encoded so far.
	blobs map[*manifest.Object]*blob
	// encodings are what the blobs are yet to hold.
	encodings []encoding
	// stages are those of the sync.yaml files made so far.
	stages map[stageKey]*stage
	// kustomizations are the kustomization.yaml files made so far.
	kustomizations map[string]*blob
	// outputs are the objects made so far, each once, until what is surely right of them
	// is left out, and patched where the patches of some of them are, by their names.
	outputs []schema.Output
	patched map[string]manifest.Origin
}

func newEncoder(keep *Compiler, to *report.Report) *encoder {
	return &encoder{
		Report: to, keep: keep,
		blobs: map[*manifest.Object]*blob{}, kustomizations: map[string]*blob{}, stages: map[stageKey]*stage{}, patched: map[string]manifest.Origin{},
	}
}

// checkOutputs validates every object against the schema of what may be written. A
// failure is a mistake of the compiler, not of its user, but for what the user's
// patches have made. Where there were errors before, what was rendered need not be
// sound: then only what patches have made of a sound rollout is checked.
func (c *encoder) checkOutputs(before diag.List) {
	outputs := c.outputs
	if before.HasErrors() {
		outputs = slices.DeleteFunc(slices.Clone(outputs), func(o schema.Output) bool {
			by, ok := c.patched[o.Name]
			return !ok || isOfRollout(by, before)
		})
	}
	for _, bad := range schema.CheckOutput(outputs) {
		if by, ok := c.patched[bad.Name]; ok {
			c.Add(by.Doc.Diagnostic(diag.PatchBreaks, by.Path, fmt.Sprintf("the patches make %s one that the cluster does not take: %s", bad.Name, bad.Explain()), bad.Hint))
			continue
		}
		c.Add(diag.New(diag.Internal, diag.Position{}, "", bad.Error(), "please report this as a mistake of fleetwright"))
	}
}

// isOfRollout reports whether an error from before is in the rollout that the patches at o
// are of, so that the patches may not be what breaks an object.
func isOfRollout(o manifest.Origin, before diag.List) bool {
	rollout := o.Path[:max(slices.Index(o.Path, any("patches")), 0)].String()
	return slices.ContainsFunc(before, func(d diag.Diagnostic) bool {
		return d.Severity == diag.Error && d.Position.File == o.Doc.Position().File && strings.HasPrefix(d.Path, rollout)
	})
}
