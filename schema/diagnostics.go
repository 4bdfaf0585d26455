package schema

import "github.com/fleetwright/fleetwright/internal/diag"

// The types of the diagnostics of this package and of package render.
type (
	// Diagnostic is one finding: its place, severity, message and hint.
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

// The severities: with an Error nothing is written, a Warning is a probable mistake, and an Info
// needs no change.
const (
	Error   = diag.Error
	Warning = diag.Warning
	Info    = diag.Info
)
