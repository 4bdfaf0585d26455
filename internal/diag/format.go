package diag

import (
	"io"
	"path/filepath"

	"github.com/fleetwright/fleetwright/internal/format"
)

// A Format writes all diagnostics of a run, in the order of the list.
type Format func(w io.Writer, list List, options FormatOptions) error

// FormatOptions are further inputs of formats. The zero value is valid.
type FormatOptions struct {
	// Excerpt returns the line at a position, with carets that mark the value below it, or false if there is no
	// such line. The text format prints it. See package excerpt.
	Excerpt func(at Position) (line, carets string, ok bool)
	// Color makes the text format print colors.
	Color bool
	// Version is the version of fleetwright, for JSON and SARIF.
	Version string
	// URI returns the slash-separated path of a file relative to the root of its repository, for GitHub and SARIF.
	// If URI is nil, they use the name in the position.
	URI func(file string) string
}

// Formats are all formats, in the order of the help.
var Formats = format.List[Format]{
	{Name: "text", Value: writeText},
	{Name: "json", Value: writeJSON},
	{Name: "github", Value: writeGitHub},
	{Name: "sarif", Value: writeSARIF},
}

// inRepository returns the path of a file relative to the root of its repository, or "" for no file.
func (o *FormatOptions) inRepository(file string) string {
	if o.URI == nil || file == "" {
		return filepath.ToSlash(file)
	}
	return o.URI(file)
}
