package schemagen

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/fleetwright/fleetwright/internal/catalogue"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/format"
	"github.com/fleetwright/fleetwright/internal/importer"
	"github.com/fleetwright/fleetwright/internal/sink/diff"
	"github.com/fleetwright/fleetwright/internal/sink/fleet"
	"github.com/fleetwright/fleetwright/internal/sink/plan"
	"github.com/fleetwright/fleetwright/internal/version"
)

// outputs are the JSON documents of commands.
var outputs = []struct {
	command, title string
	document       reflect.Type
}{
	{"check", "Diagnostics of check, render and publish", reflect.TypeFor[diag.Document]()},
	{"diff", "What a render changes", reflect.TypeFor[diff.Document]()},
	{"plan", "Rollouts, simulated", reflect.TypeFor[plan.Document]()},
	{"fleet", "Applications on clusters, and their order", reflect.TypeFor[fleet.Document]()},
	{"import", "Report of an import", reflect.TypeFor[importer.Document]()},
	{"explain", "Rules of the diagnostics", reflect.TypeFor[catalogue.Document]()},
	{"version", "Version of the program", reflect.TypeFor[version.Document]()},
}

// module is the path of this module. Its root is the parent of the directory of package schema.
const module = "github.com/fleetwright/fleetwright"

// jsonType matches the prefix of types that only JSON has.
var jsonType = regexp.MustCompile(`\bjson([A-Z])`)

// outputSchemas returns the JSON Schemas of the outputs, each on one line.
func outputSchemas(dir string) ([]File, error) {
	comments := map[string]string{}
	types := []reflect.Type{reflect.TypeFor[format.Header](), reflect.TypeFor[flagger.Tick]()}
	for _, o := range outputs {
		types = append(types, o.document)
	}
	for _, t := range types {
		if err := addComments(comments, t.PkgPath(), filepath.Join(dir, "..", strings.TrimPrefix(t.PkgPath(), module))); err != nil {
			return nil, fmt.Errorf("reading the doc comments of %s: %w", t.PkgPath(), err)
		}
	}
	var files []File
	for _, o := range outputs {
		text, err := json.Marshal(outputSchema(o.command, o.title, o.document, comments))
		if err != nil {
			return nil, fmt.Errorf("%s: writing the JSON Schema: %w", o.command, err)
		}
		files = append(files, File{Name: path.Join("../internal/outputs", o.command+".schema.json"), Content: append(text, '\n')})
	}
	return files, nil
}

// addComments adds the comments of the types in a directory and of their fields, including the unexported ones,
// which Reflector.AddGoComments omits.
func addComments(to map[string]string, pkg, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range decl.Specs {
				spec, ok := s.(*ast.TypeSpec)
				if !ok {
					continue
				}
				of := pkg + "." + spec.Name.Name
				to[of] = cmp.Or(spec.Doc.Text(), decl.Doc.Text())
				if fields, ok := spec.Type.(*ast.StructType); ok {
					for _, f := range fields.Fields.List {
						for _, name := range f.Names {
							to[of+"."+name.Name] = f.Doc.Text()
						}
					}
				}
			}
		}
	}
	return nil
}

func outputSchema(command, title string, document reflect.Type, comments map[string]string) *jsonschema.Schema {
	types := map[string]reflect.Type{}
	r := jsonschema.Reflector{
		Anonymous:      true,
		ExpandedStruct: true,
		// Fields may be added without a new version.
		AllowAdditionalProperties: true,
		Namer: func(t reflect.Type) string {
			name := strings.TrimPrefix(t.Name(), "json")
			if name == "" {
				return ""
			}
			name = strings.ToUpper(name[:1]) + name[1:]
			types[name] = t
			return name
		},
		LookupComment: func(t reflect.Type, field string) string {
			text, _ := splitMarkers((&generator{comments: comments}).comment(t, field))
			return jsonType.ReplaceAllString(text, "$1")
		},
	}
	s := r.ReflectFromType(document)
	allowNull(s, document)
	for name, of := range s.Definitions {
		allowNull(of, types[name])
	}
	s.ID, s.Title = jsonschema.ID(format.SchemaURL(command)), title
	s.Properties.Value("$schema").Const = format.SchemaURL(command)
	return s
}

// allowNull allows null for the fields of a struct that may be written as null.
func allowNull(s *jsonschema.Schema, of reflect.Type) {
	if of.Kind() != reflect.Struct {
		return
	}
	for _, f := range reflect.VisibleFields(of) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Type.Kind() != reflect.Pointer || name == "" || name == "-" || options != "" {
			continue
		}
		p := s.Properties.Value(name)
		s.Properties.Set(name, &jsonschema.Schema{AnyOf: []*jsonschema.Schema{p, {Type: "null"}}, Description: p.Description})
		p.Description = ""
	}
}
