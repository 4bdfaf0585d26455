package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/excerpt"
	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/schema"
)

// diagnosticFlags are the format and the effect of diagnostics.
type diagnosticFlags struct {
	format string
	strict bool
}

func (f *diagnosticFlags) add(cmd *cobra.Command) {
	addFormat(cmd, &f.format, "`FORMAT` of the diagnostics: ", diag.Formats.Names())
	cmd.Flags().BoolVar(&f.strict, "strict", false, "turn warnings into errors")
}

var errNoPath = &usageError{"no PATH given", "name the files or directories that hold the Applications and Fleets, or - for the standard input"}

// read reads the files that a command names.
func (a *app) read(paths []string) ([]schema.File, error) {
	if len(paths) == 0 {
		return nil, errNoPath
	}
	return inputs.Read(paths, a.stdin)
}

// A printer prints the diagnostics of a command.
type printer struct {
	write  func(diag.List) error
	strict bool
	// whole reports whether each print is one document with all diagnostics.
	whole bool
}

func (a *app) newPrinter(flags diagnosticFlags, files []schema.File, to io.Writer) (*printer, error) {
	format, ok := diag.Formats.Get(flags.format)
	if !ok {
		return nil, unknown("format", flags.format, diag.Formats.Names())
	}
	options := diag.FormatOptions{Version: a.version.String(), URI: repositories{}.name}
	if isTerminal(to) {
		texts := make(map[string][]byte, len(files))
		for _, f := range files {
			texts[f.Name] = f.Data
		}
		options.Excerpt, options.Color = excerpt.From(texts), wantsColor()
	}
	write := func(list diag.List) error {
		return show(to, flags.format, func(w io.Writer) error { return format(w, list, options) })
	}
	return &printer{write, flags.strict, flags.format == "json"}, nil
}

// print prints diagnostics, in a watch those that are new. It returns them with the severities
// that --strict gives them, and their summary.
func (p *printer) print(list diag.List, w *watched) (diag.List, string, error) {
	if p.strict {
		list = list.Strict()
	}
	line, err := w.print(p, list)
	return list, line, err
}

func summary(list diag.List) string {
	text := diag.Plural(list.Count(diag.Error), "error") + ", " + diag.Plural(list.Count(diag.Warning), "warning")
	if n := list.Count(diag.Info); n > 0 {
		text += ", " + diag.Plural(n, "info")
	}
	return text
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminalWidth returns the number of columns of the standard output, or 0. It is COLUMNS, or the width of
// the terminal; for a pager, behind a pipe, the width of the standard error.
func terminalWidth(stdout, stderr io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	to, ok := stdout.(*os.File)
	if !ok {
		return 0
	}
	if info, err := to.Stat(); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		if to, ok = stderr.(*os.File); !ok {
			return 0
		}
	}
	n, _, err := term.GetSize(int(to.Fd()))
	if err != nil {
		return 0
	}
	return n
}

// wantsColor reports whether a terminal is to show colours (no-color.org).
func wantsColor() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }

// repositories caches the roots of the Git repositories around directories.
type repositories map[string]string

// around returns the root of the repository that a directory is in, or nothing.
func (r repositories) around(dir string) string {
	root, known := r[dir]
	if !known {
		root, _ = git.Around(dir)
		r[dir] = root
	}
	return root
}

// name returns the name of a file from the root of its repository, or as given outside of one.
func (r repositories) name(file string) string {
	abs, err := filepath.Abs(file)
	if err != nil || file == inputs.Stdin {
		return filepath.ToSlash(file)
	}
	root := r.around(filepath.Dir(abs))
	rel, err := filepath.Rel(root, abs)
	if root == "" || err != nil {
		return filepath.ToSlash(file)
	}
	return filepath.ToSlash(rel)
}

// report prints diagnostics to the standard error, and returns their summary.
func (a *app) report(files []schema.File, list diag.List) (string, error) {
	p, err := a.newPrinter(diagnosticFlags{format: diag.Formats[0].Name}, files, a.stderr)
	if err != nil {
		return "", err
	}
	_, line, err := p.print(list, &watched{})
	return line, err
}

// printErrors prints the diagnostics that stop a command whose output is something else.
func (a *app) printErrors(files []schema.File, list diag.List, so string) error {
	line, err := a.report(files, list)
	if err != nil {
		return err
	}
	a.print("%s; %s\n", line, so)
	return errReported
}
