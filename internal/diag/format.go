package diag

import (
	"io"
	"path/filepath"

	"github.com/fleetwright/fleetwright/internal/format"
)

// A Format writes all diagnostics of a run, in the order of the list.
type Format func(w io.Writer, list List, options FormatOptions) error

// FormatOptions are what formats know beside the diagnostics. The zero value will do.
type FormatOptions struct {
	// Excerpt returns the line at a position and carets that stand below the value there,
	// for text to show, or false where there is none. See package excerpt.
	Excerpt func(at Position) (line, carets string, ok bool)
	// Color has text print colours, for a terminal.
	Color bool
	// Version of fleetwright, for SARIF.
	Version string
	// URI is a file's name from the root of its repository, with slashes, by which
	// GitHub and SARIF know it. Without URI it is the name that positions carry.
	URI func(file string) string
}

// Formats are all formats, in the order in which they are offered.
var Formats = format.List[Format]{
	{Name: "text", Value: writeText},
	{Name: "json", Value: writeJSON},
	{Name: "github", Value: writeGitHub},
	{Name: "sarif", Value: writeSARIF},
}

// inRepository is a file's name from the root of its repository, or "" for no file.
func (o *FormatOptions) inRepository(file string) string {
	if o.URI == nil || file == "" {
		return filepath.ToSlash(file)
	}
	return o.URI(file)
}
