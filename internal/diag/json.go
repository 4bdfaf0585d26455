package diag

import (
	"encoding/json"
	"io"

	"github.com/fleetwright/fleetwright/internal/format"
)

// A Document is a list of diagnostics as JSON. It is stable: a field keeps its name and its meaning, and new
// fields may be added.
type Document struct {
	format.Header
	Diagnostics []jsonDiagnostic `json:"diagnostics"`
	Summary     jsonSummary      `json:"summary"`
}

// A jsonDiagnostic omits unknown parts, but never severity, code and message.
type jsonDiagnostic struct {
	File string `json:"file,omitempty"`
	// Line counts from 1.
	Line int `json:"line,omitempty"`
	// Column counts characters from 1.
	Column   int    `json:"column,omitempty"`
	Severity string `json:"severity" jsonschema:"enum=error,enum=warning,enum=info"`
	Code     Code   `json:"code"`
	Title    string `json:"title,omitempty"`
	// Path is the path of the field from the root of its document.
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

type jsonSummary struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Infos    int `json:"infos"`
}

func writeJSON(w io.Writer, list List, options FormatOptions) error {
	report := Document{Header: format.NewHeader("check", options.Version), Diagnostics: make([]jsonDiagnostic, 0, len(list))}
	for _, d := range list {
		at := d.Position
		if d.Whole != "" {
			d.Message, d.Hint = d.Whole, "" // the hint only refers to this output
		}
		report.Diagnostics = append(report.Diagnostics, jsonDiagnostic{at.File, at.Line, at.Column, d.Severity.String(), d.Code, d.Code.Rule().Title, d.Path, d.Message, d.Hint})
	}
	report.Summary = jsonSummary{list.Count(Error), list.Count(Warning), list.Count(Info)}
	return WriteJSON(w, report)
}

// WriteJSON writes a document as indented JSON, without escaping <, > and &.
func WriteJSON(w io.Writer, document any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(document)
}
