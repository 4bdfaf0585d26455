package importer

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/format"
	"github.com/fleetwright/fleetwright/render/manifest"
)

// Formats are the formats of the report.
var Formats = format.List[func(w io.Writer, r *Result, version string) error]{
	{Name: "text", Value: writeText},
	{Name: "json", Value: func(w io.Writer, r *Result, version string) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(Document{format.NewHeader("import", version), r})
	}},
}

// A Document is the report in JSON. It is stable: a field keeps its name and its meaning, and new fields may be
// added.
type Document struct {
	format.Header
	*Result
}

// A Step is a commit of the move, or an action after the last commit.
type Step struct {
	// Do is the action, and Wait is the condition to wait for afterwards, or "".
	Do   string `json:"do"`
	Wait string `json:"wait,omitempty"`
	// Files are the files to change.
	Files []StepFile `json:"files,omitempty"`
}

// A StepFile is a file of a step with the objects to change, or without objects if the whole file changes.
type StepFile struct {
	File    string   `json:"file"`
	Objects []string `json:"objects,omitempty"`
}

// steps returns the commits that move a live cluster. Flux deletes an object that its Kustomization no longer
// applies, unless the object has the annotation, or another Kustomization has applied it since
// (kustomize-controller internal/controller/kustomization_controller.go, prune; fluxcd/pkg ssa, DeleteAll with the
// owner's labels). Applying the rendered object removes the annotation, because the field manager is the same and
// the rendered object has no annotation.
func (r *Result) steps(emptied []Note, listings, former []string) []Step {
	if len(r.Imported) == 0 {
		return nil
	}
	byFile := map[string]*StepFile{}
	var files []StepFile
	whole := map[string]map[diag.Position]bool{}
	for _, o := range r.Imported {
		if byFile[o.File] == nil {
			byFile[o.File], whole[o.File] = &StepFile{File: o.File}, map[diag.Position]bool{}
		}
		byFile[o.File].Objects = append(byFile[o.File].Objects, o.Object)
		whole[o.File][diag.Position{Line: o.Line, Column: o.column}] = true
	}
	for _, o := range r.Imported {
		if f := byFile[o.File]; f != nil {
			made := *f
			if len(whole[o.File]) == o.ofFile {
				made.Objects = nil
			}
			files = append(files, made)
			delete(byFile, o.File)
		}
	}
	steps := []Step{
		{
			Do:    "commit the annotation " + manifest.FluxPrune + ": disabled on the imported objects in these files, so that Flux keeps the objects when their files are removed",
			Wait:  "until all of these objects have the annotation on every cluster: Flux deletes an object without it, and a suspended or failing Kustomization does not add it",
			Files: files,
		},
		{
			Do: strings.Join(append([]string{"in one commit, remove the same objects, and the entries of their files in any kustomization.yaml (if one loses all its entries, also remove the entry of its directory), and then add the documents and the output of fleetwright render"},
				listings...), "; and "),
			Wait:  "until Flux has applied the commit on every cluster; the rendered objects replace the former ones under the same names",
			Files: files,
		},
	}
	if len(emptied) > 0 {
		last := Step{Do: "delete these Kustomizations, which no longer apply anything"}
		for _, n := range emptied {
			last.Files = append(last.Files, StepFile{n.File, []string{n.Object}})
		}
		steps = append(steps, last)
	}
	if len(former) > 0 {
		steps = append(steps, Step{Do: "delete these MetricTemplates with kubectl, unless a Canary outside the files uses them: " + strings.Join(former, ", ")})
	}
	return steps
}

// writeText writes the report as text.
func writeText(w io.Writer, r *Result, _ string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "imported %s from %s: %s\n", diag.Plural(len(r.Imported), "object"), diag.Plural(len(r.Clusters), "cluster"), strings.Join(r.Clusters, ", "))
	for _, o := range r.Imported {
		fmt.Fprintf(&b, "  %s:%d: %s becomes %s\n", o.File, o.Line, o.Object, o.Becomes)
	}
	notes := func(title string, all []Note) {
		if len(all) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", title)
		for _, n := range all {
			of := n.Object
			if n.Field != "" {
				of += ", " + n.Field
			}
			fmt.Fprintf(&b, "  %s:%d: %s: %s\n", n.File, n.Line, of, n.Reason)
		}
	}
	notes("Not imported; these stay where they are:", r.Stays)
	notes("Rendered with differences:", r.Differs)
	if len(r.Notes) > 0 {
		b.WriteString("\nCheck these:\n")
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "  %s\n", n)
	}
	for i, s := range r.Steps {
		if i == 0 {
			b.WriteString("\nMove the clusters in this order; Flux deletes nothing:\n")
		}
		fmt.Fprintf(&b, "  %d. %s\n", i+1, s.Do)
		if i > 0 && reflect.DeepEqual(s.Files, r.Steps[i-1].Files) {
			s.Files = nil
		}
		for _, f := range s.Files {
			line := f.File
			if len(f.Objects) > 0 {
				line += ": " + strings.Join(f.Objects, ", ")
			}
			fmt.Fprintf(&b, "       %s\n", line)
		}
		if s.Wait != "" {
			fmt.Fprintf(&b, "     Wait %s.\n", s.Wait)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
