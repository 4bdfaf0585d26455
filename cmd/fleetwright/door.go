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
	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

// The command prints all text for people through this file. Names of files, links,
// revisions and other text from a repository must do nothing to a terminal or a log, and no
// credential may get into either. Formats for programs have their encodings.

// print prints lines to the standard error. Line breaks in the arguments are escaped.
func (a *app) print(format string, args ...any) {
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

// show writes the output of a format. Output for people goes through a door.
func show(to io.Writer, format string, write func(io.Writer) error) error {
	if slices.Contains(encoded, format) {
		return write(to)
	}
	d := newDoor(to)
	return errors.Join(write(d), d.Flush())
}

// A door writes whole lines. It escapes everything that a terminal would not print unchanged,
// except the colours of the command.
type door struct {
	to    io.Writer
	color bool
	// line is the beginning of the last line.
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

// Flush lets the last line through, which has no end.
func (d *door) Flush() error {
	line := string(d.line)
	d.line = nil
	return d.let(line)
}

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

// kept matches the parts of a line that are not escaped: tabs, with carets below them in excerpts, and colours.
var kept = lazyregexp.New("\t|" + ansi.Pattern)

func (d *door) escape(b *strings.Builder, line string) {
	end := 0
	if strings.ContainsAny(line, "\t\x1b") {
		for _, at := range kept().FindAllStringIndex(line, -1) {
			if line[at[0]] == '\t' || d.color {
				b.WriteString(diag.Printable(line[end:at[0]]) + line[at[0]:at[1]])
				end = at[1]
			}
		}
	}
	b.WriteString(diag.Printable(line[end:]))
}
