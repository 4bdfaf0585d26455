package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/ansi"
	"github.com/fleetwright/fleetwright/internal/diag"
)

// All that the command prints for people goes through this file. Names of files, links,
// revisions and what else comes from a repository must do nothing to a terminal or a log,
// and no credential may get into either. What programs read has an encoding of its own.

// say prints a line, or several, to the standard error. Only the format has line breaks:
// those of the arguments are escaped.
func (a *app) say(format string, args ...any) {
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			args[i] = diag.Plain(arg)
		case error:
			args[i] = diag.Plain(arg.Error())
		}
	}
	fmt.Fprintf(a.stderr, format, args...)
}

// encoded are the formats that programs read.
var encoded = []string{"json", "sarif"}

// show writes what is of a format to where people or programs read it.
func show(to io.Writer, format string, write func(io.Writer) error) error {
	if slices.Contains(encoded, format) {
		return write(to)
	}
	d := newDoor(to)
	return errors.Join(write(d), d.Flush())
}

// A shownFormat of diagnostics shows what it writes.
type shownFormat struct {
	diag.Format
	name string
}

func (s shownFormat) Write(w io.Writer, list diag.List) error {
	return show(w, s.name, func(w io.Writer) error { return s.Format.Write(w, list) })
}

// A door lets whole lines through, with nothing in them that a terminal would not print
// as it is, but the colours that the command paints.
type door struct {
	to    io.Writer
	color bool
	// line is the beginning of the last one.
	line []byte
}

func newDoor(to io.Writer) *door { return &door{to: to, color: isTerminal(to) && wantsColor()} }

func (d *door) Write(text []byte) (int, error) {
	end := bytes.LastIndexByte(text, '\n') + 1
	if end == 0 {
		d.line = append(d.line, text...)
		return len(text), nil
	}
	lines := string(d.line) + string(text[:end])
	d.line = append(d.line[:0], text[end:]...)
	return len(text), d.let(lines)
}

// Flush lets a line through that has no end.
func (d *door) Flush() error {
	line := string(d.line)
	d.line = nil
	return d.let(line)
}

// let lets lines through.
func (d *door) let(lines string) error {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		line, ended := strings.CutSuffix(line, "\n")
		d.escape(&b, diag.Redact(line))
		if ended {
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(d.to, b.String())
	return err
}

// escape writes a line. Tabs stay: they are in excerpts, with carets below them.
func (d *door) escape(b *strings.Builder, line string) {
	for line != "" {
		i := strings.IndexAny(line, "\t\x1b")
		if i < 0 {
			i = len(line)
		}
		b.WriteString(diag.Printable(line[:i]))
		line = line[i:]
		keep := ""
		switch {
		case line == "":
			return
		case line[0] == '\t':
			keep = "\t"
		case d.color:
			keep = ansi.Prefix(line)
		}
		if keep == "" {
			b.WriteString(diag.Printable(line[:1]))
			line = line[1:]
			continue
		}
		b.WriteString(keep)
		line = line[len(keep):]
	}
}
