package schema

import "github.com/fleetwright/fleetwright/internal/diag"

// What is reported about documents, here and by package render.
type (
	// Diagnostic is one finding: where, how bad, what was found and what to write instead.
	Diagnostic = diag.Diagnostic
	// Diagnostics are all findings of a run.
	Diagnostics = diag.List
	// Code names the rule behind a diagnostic, such as FW326.
	Code = diag.Code
	// Severity is Error, Warning or Info.
	Severity = diag.Severity
	// Position is a place in an input file.
	Position = diag.Position
)

// The severities: an Error writes nothing, a Warning will probably not do what was meant, and
// Info changes nothing.
const (
	Error   = diag.Error
	Warning = diag.Warning
	Info    = diag.Info
)
