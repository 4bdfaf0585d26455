package diff

import (
	"cmp"
	"fmt"
	"io"
	"path"
	"strings"

	godiff "github.com/rogpeppe/go-internal/diff"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/format"
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
	"github.com/fleetwright/fleetwright/render/layout"
)

// A Format writes a report.
type Format func(w io.Writer, r *Report, o Options) error

// Options configure a format.
type Options struct {
	// Dir is the output directory, for the names of files. It may be empty.
	Dir string
	// Color enables colours in text, for a terminal.
	Color bool
	// Version of fleetwright, for json.
	Version string
	// Command is the command that prints the whole difference, for formats that cut it.
	Command string
}

// Formats are all formats, in the order in which they are offered.
var Formats = format.List[Format]{
	{Name: "text", Value: writeText},
	{Name: "markdown", Value: writeMarkdown},
	{Name: "json", Value: writeJSON},
}

// A summary counts the changes.
type summary struct {
	Clusters     int `json:"clusters"`
	Applications int `json:"applications"`
	counts
	Dangers int `json:"dangers"`
}

func (r *Report) summary() summary {
	s := summary{Clusters: len(r.Clusters), Dangers: len(r.Dangers())}
	for _, c := range r.Clusters {
		s.Created += c.Created
		s.Changed += c.Changed
		s.Deleted += c.Deleted
	}
	applications := map[string]bool{}
	for i := range r.Changes {
		if name := about(r.Changes[i].dir); strings.Contains(name, "/") {
			applications[name] = true
		}
	}
	s.Applications = len(applications)
	return s
}

// Summary returns the numbers of changes, in one line.
func (r *Report) Summary() string {
	waiting := ""
	if n := r.Waiting(); n > 0 {
		waiting = fmt.Sprintf("; behind %s, changes wait for %s", r.through, diag.Plural(n, "cluster"))
	}
	if r.Empty() {
		return "nothing would change" + waiting
	}
	if len(r.Changes) == 0 {
		return "no object changes, " + diag.Plural(len(r.Notes), "note") + waiting
	}
	s := r.summary()
	return fmt.Sprintf("%s, %s: %s%s", diag.Plural(s.Clusters, "cluster"), diag.Plural(s.Applications, "application"), s.counts, waiting)
}

// aboutInWords returns the subject of the note.
func (n Note) aboutInWords() string { return cmp.Or(n.About, "clusters") }

// title returns the object that changes, with its clusters.
func (ch *Change) title() string {
	what := ch.Path
	if ch.Object != (Object{}) {
		what = ch.Object.String()
	}
	return fmt.Sprintf("%s %s on %s", what, ch.Action, clustersInWords(ch.Clusters))
}

// file returns the name of the file below the output directory.
func (p place) file() string { return path.Join(p.Root, layout.Dir, p.Path) }

// unified returns the difference in the format of diff -u, with the names of files below a directory.
func (ch *Change) unified(dir string) string {
	names, lines := [2]string{}, [2][]byte{}
	for i, d := range []*document{ch.old, ch.new} {
		if d == nil {
			names[i] = "/dev/null"
			continue
		}
		names[i], lines[i] = diag.Plain(nameIn(dir, d.file())), []byte(d.text)
		if !d.whole && d.text != "" {
			lines[i] = append(lines[i], '\n')
		}
	}
	text := godiff.Diff(names[0], lines[0], names[1], lines[1])
	_, rest, _ := strings.Cut(string(text), "\n") // diff OLD NEW
	return rest
}

// nameIn returns the name of a file in a directory, or in a registry, where each cluster has its own root.
func nameIn(dir, file string) string {
	if !strings.Contains(dir, "://") {
		return path.Join(dir, file)
	}
	return strings.TrimSuffix(dir, "/") + "/" + strings.Replace(file, "/"+layout.Dir+"/", "/", 1)
}

// cells matches the parts of a text between tabs and line breaks.
var cells = lazyregexp.New(`[^\t\n]+`)

// printable escapes the control characters of a difference.
func printable(text string) string { return cells().ReplaceAllStringFunc(text, diag.Plain) }
