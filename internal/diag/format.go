package diag

import (
	"io"
	"path/filepath"

	"github.com/fleetwright/fleetwright/internal/format"
)

// A Format writes diagnostics.
type Format interface {
	// Write writes all there is to say about a run, in the order of the list.
	Write(w io.Writer, list List) error
}

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

// formats are all formats, in the order in which they are offered.
var formats = format.List[func(FormatOptions) Format]{
	{Name: "text", Value: func(o FormatOptions) Format { return textFormat{o} }},
	{Name: "json", Value: func(FormatOptions) Format { return jsonFormat{} }},
	{Name: "github", Value: func(o FormatOptions) Format { return githubFormat{o} }},
	{Name: "sarif", Value: func(o FormatOptions) Format { return sarifFormat{o} }},
}

// Formats are the names that NewFormat knows. The first is the default.
func Formats() []string { return formats.Names() }

// NewFormat is the format of a name, or false where there is none.
func NewFormat(name string, options FormatOptions) (Format, bool) {
	return format.New(formats, name, options)
}

// inRepository is a file's name from the root of its repository, or "" for no file.
func (o FormatOptions) inRepository(file string) string {
	if o.URI == nil || file == "" {
		return filepath.ToSlash(file)
	}
	return o.URI(file)
}
