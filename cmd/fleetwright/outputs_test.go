package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/fleetwright/fleetwright/internal/outputs"
)

// A judge validates the documents that commands print for programs. It rejects fields that the schemas lack,
// although the schemas allow them, so that each new field must be added to its schema.
type judge map[string]*jsonschema.Schema

func newJudge(t *testing.T) judge {
	t.Helper()
	j := judge{}
	compiler := jsonschema.NewCompiler()
	for _, name := range outputs.Names() {
		text, _ := outputs.JSONSchema(name)
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		closeObjects(document)
		id := document.(map[string]any)["$id"].(string)
		if err := compiler.AddResource(id, document); err != nil {
			t.Fatal(err)
		}
		if j[id], err = compiler.Compile(id); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// closeObjects makes all structs of a schema reject other fields.
func closeObjects(schema any) {
	switch schema := schema.(type) {
	case map[string]any:
		if _, ok := schema["properties"].(map[string]any); ok {
			schema["additionalProperties"] = false
		}
		for _, below := range schema {
			closeObjects(below)
		}
	case []any:
		for _, below := range schema {
			closeObjects(below)
		}
	}
}

// judge validates a document with the schema that it names, and returns the schema's $id.
func (j judge) judge(t *testing.T, where string, text io.Reader) string {
	t.Helper()
	var document any
	decoder := json.NewDecoder(text) // after import's document, lines for people follow
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		t.Errorf("%s: %v", where, err)
		return ""
	}
	fields, _ := document.(map[string]any)
	id, _ := fields["$schema"].(string)
	schema, ok := j[id]
	if !ok {
		t.Errorf("%s names no schema of an output: %q", where, id)
		return ""
	}
	if err := schema.Validate(document); err != nil {
		t.Errorf("%s: %v", where, err)
	}
	return id
}

// TestOutputsFitTheirSchemas runs the commands on all examples, and validates their output for programs.
func TestOutputsFitTheirSchemas(t *testing.T) {
	j := newJudge(t)
	judged := map[string]bool{}
	examples, err := filepath.Glob(filepath.Join(repository, "examples", "*"))
	if err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	try := func(args ...string) {
		var stdout, stderr bytes.Buffer
		run(append(args, "--format", "json"), strings.NewReader(""), &stdout, &stderr)
		printed := &stdout
		if args[0] == "import" {
			printed = &stderr
		}
		if printed.Len() == 0 || printed.Bytes()[0] != '{' {
			return // the example does not compile
		}
		judged[j.judge(t, strings.Join(args, " "), printed)] = true
	}
	try("explain")
	try("version")
	for _, example := range examples {
		if info, err := os.Stat(example); err != nil || !info.IsDir() {
			continue
		}
		try("check", example)
		try("plan", example, "--traffic", "200/s")
		try("fleet", example)
		try("diff", example, "-o", empty)
	}
	imports, err := filepath.Glob(filepath.Join(repository, "testdata/import", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range imports {
		try("import", dir)
	}
	scripts, err := filepath.Glob(filepath.Join(repository, "testdata/script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		archive, err := txtar.ParseFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if bytes.HasPrefix(f.Data, []byte("{\n  \"$schema\": \"https://fleetwright.dev/schema/")) {
				j.judge(t, filepath.Base(script)+": "+f.Name, bytes.NewReader(f.Data))
			}
		}
	}
	for id := range j {
		if !judged[id] {
			t.Errorf("no document has the schema %s", id)
		}
	}
}
