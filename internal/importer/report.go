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

// Formats are those of the report, by name.
var Formats = format.List[func(io.Writer, *Result) error]{
	{Name: "text", Value: writeText},
	{Name: "json", Value: func(w io.Writer, r *Result) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}},
}

// A Step is a commit of the move, or what follows the last one.
type Step struct {
	// Do is what to do, and Wait what to wait for afterwards, or "".
	Do   string `json:"do"`
	Wait string `json:"wait,omitempty"`
	// Files are those to change.
	Files []StepFile `json:"files,omitempty"`
}

// A StepFile is a file with the objects in it that a step is about, or none where it is about the whole file.
type StepFile struct {
	File    string   `json:"file"`
	Objects []string `json:"objects,omitempty"`
}

// steps returns the commits that move a live cluster. Flux deletes an object that is gone from what a
// Kustomization applies, unless the object is annotated, or another Kustomization has applied it since
// (kustomize-controller internal/controller/kustomization_controller.go, prune; fluxcd/pkg ssa, DeleteAll with
// the owner's labels). The annotation goes when the rendered object is applied: it has none, and its manager is
// the same.
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
			Do:    "add the annotation " + manifest.FluxPrune + ": disabled to the imported objects in these files, and commit that: Flux then keeps them when their files go",
			Wait:  "until each of these objects has the annotation on every cluster: Flux deletes one without it, and a Kustomization that is suspended or fails adds none",
			Files: files,
		},
		{
			Do: strings.Join(append([]string{"in one commit, remove the same objects, with the entries of their files in a kustomization.yaml (where one loses all entries, remove the entry of its directory as well), and then add the documents with what fleetwright render makes of them"},
				listings...), "; and "),
			Wait:  "until Flux has applied the commit on every cluster; the rendered objects take the place of the former ones, under their names",
			Files: files,
		},
	}
	if len(emptied) > 0 {
		last := Step{Do: "delete these Kustomizations, which apply nothing any longer"}
		for _, n := range emptied {
			last.Files = append(last.Files, StepFile{n.File, []string{n.Object}})
		}
		steps = append(steps, last)
	}
	if len(former) > 0 {
		steps = append(steps, Step{Do: "delete these MetricTemplates by kubectl, unless a Canary that is in none of the files names them: " + strings.Join(former, ", ")})
	}
	return steps
}

// writeText writes the report for people.
func writeText(w io.Writer, r *Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "imported %s of %s: %s\n", diag.Plural(len(r.Imported), "object"), diag.Plural(len(r.Clusters), "cluster"), strings.Join(r.Clusters, ", "))
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
	notes("These stay where they are:", r.Stays)
	notes("These are rendered otherwise:", r.Differs)
	if len(r.Notes) > 0 {
		b.WriteString("\nLook at these:\n")
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
