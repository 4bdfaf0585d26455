// Package outputs holds the JSON Schemas of the documents that commands print for programs. They are
// generated from the Go types: see internal/schemagen.
package outputs

import (
	"bytes"
	"embed"
	"encoding/json"
	"io/fs"
	"strings"
)

//go:embed *.schema.json
var files embed.FS

// Names are the names of all outputs, sorted: the command's, with -output behind it.
func Names() []string {
	all, _ := fs.Glob(files, "*") // the pattern is sound
	for i, file := range all {
		all[i] = strings.TrimSuffix(file, ".schema.json") + "-output"
	}
	return all
}

// JSONSchema returns the JSON Schema of an output, indented, or false for an unknown name.
func JSONSchema(name string) ([]byte, bool) {
	command, ok := strings.CutSuffix(name, "-output")
	text, err := files.ReadFile(command + ".schema.json")
	if !ok || err != nil {
		return nil, false
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return nil, false
	}
	return b.Bytes(), true
}
