package diff

import (
	"fmt"
	"io"
	"path"
	"strings"

	godiff "github.com/rogpeppe/go-internal/diff"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/format"
	"github.com/fleetwright/fleetwright/render/layout"
)

// A Format writes a report.
type Format interface {
	Write(w io.Writer, r *Report) error
}

// FormatOptions are what formats know beside the report.
type FormatOptions struct {
	// Dir is the directory that is rendered into, for the names of files. It may be
	// empty.
	Dir string
	// Color has text print colours, for a terminal.
	Color bool
	// Command prints the whole difference, for those that cannot.
	Command string
}

// formats are all formats, in the order in which they are offered.
var formats = format.List[func(FormatOptions) Format]{
	{Name: "text", Value: func(o FormatOptions) Format { return textFormat{o} }},
	{Name: "markdown", Value: func(o FormatOptions) Format { return markdownFormat{o} }},
	{Name: "json", Value: func(o FormatOptions) Format { return jsonFormat{o} }},
}

// Formats are the names that NewFormat knows. The first is the default.
func Formats() []string { return formats.Names() }

// NewFormat is the format of a name, or false where there is none.
func NewFormat(name string, options FormatOptions) (Format, bool) {
	return format.New(formats, name, options)
}

// Summary counts what changes, in one line.
func (r *Report) Summary() string {
	if r.Empty() {
		return "nothing would change"
	}
	created, changed, deleted := r.Objects()
	return fmt.Sprintf("%s, %s: %s created, %d changed, %d deleted",
		diag.Plural(len(r.Clusters), "cluster"), diag.Plural(len(r.Applications()), "application"), diag.Plural(created, "object"), changed, deleted)
}

// title says what changes, and where.
func (ch *Change) title() string {
	what := ch.Path
	if ch.Object != (Object{}) {
		what = ch.Object.String()
	}
	return fmt.Sprintf("%s %s on %s", what, ch.Action, clustersInWords(ch.Clusters))
}

// file is the name of a file of the first cluster, below the directory that is rendered
// into.
func (ch *Change) file(name string) string { return path.Join(ch.Root, layout.Dir, name) }

// unified is the difference as diff -u has it, with the names of files below a
// directory.
func (ch *Change) unified(dir string) string {
	file := func(name string) string { return diag.Plain(path.Join(dir, ch.file(name))) }
	const none = "/dev/null"
	oldName, newName := none, none
	var old, new string
	if ch.old != nil {
		old, oldName = ch.old.lines(), file(ch.Path)
		if ch.OldPath != "" {
			oldName = file(ch.OldPath)
		}
	}
	if ch.new != nil {
		new, newName = ch.new.lines(), file(ch.Path)
	}
	text := godiff.Diff(oldName, []byte(old), newName, []byte(new))
	_, rest, _ := strings.Cut(string(text), "\n") // diff OLD NEW
	return rest
}

// lines are those of the document, each of them ended; of a file as they are.
func (d *document) lines() string {
	if d.whole || d.text == "" {
		return d.text
	}
	return d.text + "\n"
}
