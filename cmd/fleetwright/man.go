//go:build man

package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// main writes what packages contain in addition to the program: go run -tags man
// ./cmd/fleetwright DIR writes man pages into DIR/manpages, and the scripts by which shells
// complete into DIR/completions.
func main() {
	if err := writeCompanions(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "fleetwright:", err)
		os.Exit(exitTrouble)
	}
}

func writeCompanions(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	manpages, completions := filepath.Join(dir, "manpages"), filepath.Join(dir, "completions")
	if err := cmp.Or(os.MkdirAll(manpages, 0o777), os.MkdirAll(completions, 0o777)); err != nil {
		return err
	}
	for _, shell := range shells {
		var script, problem bytes.Buffer
		if run([]string{"completion", shell}, strings.NewReader(""), &script, &problem) != exitOK {
			return fmt.Errorf("completion %s: %s", shell, &problem)
		}
		if err := os.WriteFile(filepath.Join(completions, "fleetwright."+shell), script.Bytes(), 0o666); err != nil {
			return err
		}
	}
	root := (&app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}).newRoot()
	for _, cmd := range append(root.Commands(), root) {
		if err := writeManPage(cmd, manpages); err != nil {
			return err
		}
	}
	return nil
}

// writeManPage writes the page of a command. Its text becomes Markdown, in which lines that are
// indented by more than ours stay as they are.
func writeManPage(cmd *cobra.Command, dir string) error {
	describe(cmd)
	cmd.Long = strings.ReplaceAll("\n"+cmd.Long, "\n  ", "\n      ")
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	var page bytes.Buffer
	if err := doc.GenMan(cmd, &doc.GenManHeader{Title: strings.ToUpper(name), Section: "1", Source: "fleetwright", Manual: "fleetwright"}, &page); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, name+".1.gz"))
	if err != nil {
		return err
	}
	zipped := gzip.NewWriter(file)
	_, err = zipped.Write(page.Bytes())
	return cmp.Or(err, zipped.Close(), file.Close())
}
