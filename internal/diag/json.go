package diag

import (
	"encoding/json"
	"io"
)

// writeJSON is for programs, and stable: a field keeps its name and its meaning, and others may
// be added. Lines and columns count from 1, columns characters. Unknown fields are omitted,
// but never severity, code, message and the summary.
func writeJSON(w io.Writer, list List, _ FormatOptions) error {
	type diagnostic struct {
		File     string `json:"file,omitempty"`
		Line     int    `json:"line,omitempty"`
		Column   int    `json:"column,omitempty"`
		Severity string `json:"severity"`
		Code     Code   `json:"code"`
		Title    string `json:"title,omitempty"`
		Path     string `json:"path,omitempty"`
		Message  string `json:"message"`
		Hint     string `json:"hint,omitempty"`
	}
	var report struct {
		Diagnostics []diagnostic `json:"diagnostics"`
		Summary     struct {
			Errors   int `json:"errors"`
			Warnings int `json:"warnings"`
			Infos    int `json:"infos"`
		} `json:"summary"`
	}
	report.Diagnostics = make([]diagnostic, 0, len(list))
	for _, d := range list {
		at := d.Position
		if d.Whole != "" {
			d.Message, d.Hint = d.Whole, "" // which says where all names are
		}
		report.Diagnostics = append(report.Diagnostics, diagnostic{at.File, at.Line, at.Column, d.Severity.String(), d.Code, d.Code.Rule().Title, d.Path, d.Message, d.Hint})
	}
	report.Summary.Errors, report.Summary.Warnings, report.Summary.Infos = list.Count(Error), list.Count(Warning), list.Count(Info)
	return WriteJSON(w, report)
}

// WriteJSON writes a document as people read it: indented, and < as <.
func WriteJSON(w io.Writer, document any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(document)
}
