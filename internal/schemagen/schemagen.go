// Package schemagen generates the schemas of fleetwright's input kinds from the Go types of package api: a JSON
// Schema for editors, and from that an equivalent closed CUE definition. It also generates the JSON Schemas of the
// JSON that commands print.
//
// It runs only during development; the generated files are committed.
package schemagen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/build"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/token"
	cuejsonschema "cuelang.org/go/encoding/jsonschema"
	"github.com/invopop/jsonschema"

	"github.com/fleetwright/fleetwright/schema"
)

const (
	apiPackage       = "github.com/fleetwright/fleetwright/schema/api"
	kustomizePackage = "github.com/fluxcd/pkg/apis/kustomize"
)

// A File is a generated file.
type File struct {
	// Name is the path relative to the directory of package schema.
	Name string
	// Content is the content of the file.
	Content []byte
}

// Generate generates the files of every input kind and the page of the fields. It reads the doc comments from the
// sources in dir, the directory of package schema.
func Generate(dir string) ([]File, error) {
	comments, err := comments(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the doc comments: %w", err)
	}
	var files []File
	for _, kind := range schema.Kinds() {
		g := generator{comments: comments}
		s, err := g.jsonSchema(kind)
		if err != nil {
			return nil, fmt.Errorf("%s: making the JSON Schema: %w", kind.Name, err)
		}
		jsonSchema, err := encode(s)
		if err != nil {
			return nil, fmt.Errorf("%s: writing the JSON Schema: %w", kind.Name, err)
		}
		shape, err := cueShape(kind)
		if err != nil {
			return nil, fmt.Errorf("%s: making the CUE shape: %w", kind.Name, err)
		}
		base := "input/" + strings.ToLower(kind.Name)
		files = append(files,
			File{Name: base + ".schema.json", Content: jsonSchema},
			File{Name: base + ".cue", Content: shape})
	}
	page, err := fieldsPage(comments)
	if err != nil {
		return nil, fmt.Errorf("listing the fields: %w", err)
	}
	files = append(files, File{Name: "../docs/fields.md", Content: page})
	printed, err := outputSchemas(dir)
	if err != nil {
		return nil, err
	}
	return append(files, printed...), nil
}

// comments reads the doc comments of package api and of the packages whose types it uses.
func comments(dir string) (map[string]string, error) {
	kustomize, err := build.Import(kustomizePackage, dir, build.FindOnly)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(filepath.Join(dir, "api")); err != nil {
		return nil, err
	}
	all := map[string]string{}
	for pkg, path := range map[string]string{apiPackage: dir, kustomizePackage: kustomize.Dir} {
		r := jsonschema.Reflector{}
		if err := r.AddGoComments("", path, jsonschema.WithFullComment()); err != nil {
			return nil, err
		}
		for name, text := range r.CommentMap {
			all[pkg+strings.TrimPrefix(name, filepath.ToSlash(path))] = text
		}
	}
	return all, nil
}

type generator struct {
	// comments are the doc comments for editors, or nil if only CUE reads the schema.
	comments map[string]string
	// definitions are the JSON Schemas of the types below the kind, by name. Without comments, the types are
	// inlined.
	definitions jsonschema.Definitions
	// names are the names of the definitions.
	names map[definition]string
}

// A definition is a type with a shape.
type definition struct {
	reflect.Type
	nullable, templated bool
}

func (g *generator) jsonSchema(kind schema.Kind) (*jsonschema.Schema, error) {
	g.definitions, g.names = jsonschema.Definitions{}, map[definition]string{}
	t := reflect.TypeOf(kind.New()).Elem()
	s, err := g.define(t, schema.FieldsOf(t))
	if err != nil {
		return nil, err
	}
	s.Properties.Value("apiVersion").Const = kind.APIVersion
	s.Properties.Value("kind").Const = kind.Name
	if g.comments != nil {
		s.Version, s.Title, s.Definitions = jsonschema.Version, kind.Name, g.definitions
	}
	return s, nil
}

func (g *generator) define(t reflect.Type, fields []schema.Field) (*jsonschema.Schema, error) {
	text, _ := splitMarkers(g.comment(t, ""))
	s := &jsonschema.Schema{Type: "object", Description: text}
	if t.Kind() != reflect.Struct {
		return s, nil
	}
	s.Properties, s.AdditionalProperties = jsonschema.NewProperties(), jsonschema.FalseSchema
	for _, f := range fields {
		field := t.FieldByIndex(f.Index)
		p, err := g.value(field.Type, f.Shape)
		if err == nil && g.comments != nil {
			err = g.describe(p, f.In, field)
		}
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", f.In.Name(), field.Name, err)
		}
		if f.Required {
			s.Required = append(s.Required, f.Name)
		}
		s.Properties.Set(f.Name, g.widen(p, f.Shape))
	}
	return s, nil
}

// widen returns a JSON Schema that also accepts the special values of a shape: null, and cluster variables, which
// are resolved before CUE validates the value.
func (g *generator) widen(s *jsonschema.Schema, of *schema.Shape) *jsonschema.Schema {
	if of.Type == schema.Anything && len(of.Either) == 0 {
		return s
	}
	all := []*jsonschema.Schema{s}
	if isBound := of.Type != schema.Mapping && of.Type != schema.List && of.Type != schema.Anything && (of.Type != schema.Text || of.Pattern != "" || len(of.Enum) > 0); isBound && of.Templated() && g.comments != nil {
		all = append(all, &jsonschema.Schema{Type: "string", Pattern: `\$\{cluster\.`})
	}
	if of.Nullable() {
		all = append(all, &jsonschema.Schema{Type: "null"})
	}
	if len(all) == 1 {
		return s
	}
	wide := &jsonschema.Schema{AnyOf: all, Description: s.Description, Default: s.Default, Examples: s.Examples, Extras: s.Extras}
	s.Description, s.Default, s.Examples, s.Extras = "", nil, nil, nil
	return wide
}

// name returns the name of the definition of a type with a shape, which is unique for each shape.
func (g *generator) name(t reflect.Type, of *schema.Shape) string {
	key := definition{t, of.Nullable(), of.Templated()}
	name, ok := g.names[key]
	if ok {
		return name
	}
	name = t.Name()
	if t.Kind() == reflect.Struct && of.Nullable() {
		name = "Partial" + name
	}
	if _, taken := g.definitions[name]; taken && of.Templated() {
		name += "WithVariables"
	} else if taken {
		name += "WithoutVariables"
	}
	g.names[key] = name
	return name
}

// value returns the JSON Schema of the values of a type with a shape.
func (g *generator) value(t reflect.Type, of *schema.Shape) (s *jsonschema.Schema, err error) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if of.Pattern != "" && !strings.HasPrefix(of.Pattern, "^") {
		return nil, fmt.Errorf("unknown pattern %q", of.Pattern)
	}
	s = &jsonschema.Schema{Pattern: of.Pattern}
	for _, word := range of.Enum {
		s.Enum = append(s.Enum, word)
	}
	for _, alternative := range of.Either {
		a, err := g.value(t, alternative)
		if err != nil {
			return nil, err
		}
		s.OneOf = append(s.OneOf, a)
	}
	if of.Min != nil {
		s.Minimum = json.Number(strconv.FormatFloat(*of.Min, 'f', -1, 64))
	}
	if of.Max != nil {
		s.Maximum = json.Number(strconv.FormatFloat(*of.Max, 'f', -1, 64))
	}
	s.Type = map[schema.Type]string{
		schema.Mapping: "object", schema.List: "array", schema.Text: "string",
		schema.Boolean: "boolean", schema.Integer: "integer", schema.Number: "number",
	}[of.Type]
	switch {
	case of.Type == schema.List:
		if s.Items, err = g.value(t.Elem(), of.Items); err == nil {
			s.Items = g.widen(s.Items, of.Items)
		}
	case of.Type == schema.Mapping && t.Name() == "":
		if s.AdditionalProperties, err = g.value(t.Elem(), of.Items); err == nil {
			s.AdditionalProperties = g.widen(s.AdditionalProperties, of.Items)
		}
	case of.Type == schema.Mapping:
		fields := []schema.Field(nil)
		if of, below := of.Struct(); of != nil {
			t, fields = of, below
		}
		if g.comments == nil {
			return g.define(t, fields)
		}
		name := g.name(t, of)
		s = &jsonschema.Schema{Ref: "#/$defs/" + name}
		if _, ok := g.definitions[name]; !ok {
			g.definitions[name] = nil // reserves its name
			g.definitions[name], err = g.define(t, fields)
		}
	}
	return s, err
}

func encode(s *jsonschema.Schema) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (g *generator) comment(t reflect.Type, field string) string {
	name := t.PkgPath() + "." + t.Name()
	if field != "" {
		name += "." + field
	}
	return g.comments[name]
}

// describe adds the comment, the markers and the tag of a struct's field for editors.
func (g *generator) describe(s *jsonschema.Schema, of reflect.Type, field reflect.StructField) error {
	if field.Type == reflect.TypeFor[any]() {
		// These values have no effect: VS Code and the YAML language server accept the field, but do not suggest
		// it.
		s.Extras = map[string]any{"doNotSuggest": true}
	}
	text, markers := splitMarkers(g.comment(of, field.Name))
	s.Description = text
	if example, ok := schema.TagOf(of, field).Lookup("example"); ok {
		markers["fleetwright:example"] = example
	}
	for _, marker := range slices.Sorted(maps.Keys(markers)) {
		switch marker {
		case becomesMarker, "required", "optional": // the others belong to kustomize
		case "fleetwright:extension":
			// Use words, because editors complete no reference with unknown keywords next to it.
			s.Description += " A fleetwright extension: Kurator does not have it."
		case "kubebuilder:default", "fleetwright:example":
			v, err := literal(s, markers[marker])
			if err != nil {
				return fmt.Errorf("+%s: %w", marker, err)
			}
			if marker == "kubebuilder:default" {
				s.Default = v
				continue
			}
			s.Examples = append(s.Examples, v)
			// An editor shows the example of a list with the list, and inserts the example of an item.
			if items, ok := v.([]any); ok {
				s.Items.Examples = items
			}
		default:
			return fmt.Errorf("unknown marker +%s", marker)
		}
	}
	return nil
}

// literal returns the value of a marker's text: a string if s allows strings, or else the parsed JSON.
func literal(s *jsonschema.Schema, text string) (any, error) {
	if s.Type == "string" || s.Type == "" && s.Ref == "" {
		return text, nil
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return nil, fmt.Errorf("%s is not valid JSON: %w", text, err)
	}
	return value, nil
}

// splitMarkers splits a doc comment into its text and its markers.
func splitMarkers(comment string) (text string, markers map[string]string) {
	markers = map[string]string{}
	var lines []string
	for line := range strings.Lines(comment) {
		line = strings.TrimSpace(line)
		if marker, ok := strings.CutPrefix(line, "+"); ok {
			name, value, _ := strings.Cut(marker, "=")
			markers[name] = value
			continue
		}
		lines = append(lines, line)
	}
	return strings.TrimSpace(strings.Join(lines, " ")), markers
}

// cueShape extracts the closed CUE definition of a kind from its JSON Schema.
//
// The definition is one tree without references, because CUE evaluates every definition of a file when it compiles
// the file, and again at each use. A tree costs half the time and a third of the memory.
func cueShape(kind schema.Kind) ([]byte, error) {
	s, err := (&generator{}).jsonSchema(kind)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var fields map[string]any // JSON sorts its fields by name
	if err := json.Unmarshal(encoded, &fields); err != nil {
		return nil, err
	}
	tree, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	v := cuecontext.New().CompileBytes(tree)
	if err := v.Err(); err != nil {
		return nil, err
	}
	f, err := cuejsonschema.Extract(v, &cuejsonschema.Config{StrictFeatures: true})
	if err != nil {
		return nil, err
	}
	var shape ast.Expr
	for _, d := range f.Decls {
		if d, ok := d.(*ast.EmbedDecl); ok {
			shape = d.Expr
		}
	}
	// A definition is closed all the way down, so close() is not needed.
	shape = astutil.Apply(shape, nil, func(c astutil.Cursor) bool {
		if call, ok := c.Node().(*ast.CallExpr); ok {
			fun, _ := call.Fun.(*ast.Ident)
			switch {
			case fun != nil && fun.Name == "close":
				c.Replace(call.Args[0])
			case fun != nil && fun.Name == "matchN":
				// matchN does not close anything, but a disjunction does.
				if _, isAnyOf := call.Args[0].(*ast.UnaryExpr); isAnyOf {
					c.Replace(ast.NewBinExpr(token.OR, call.Args[1].(*ast.ListLit).Elts...))
				}
			}
		}
		return true
	}).(ast.Expr)
	src, err := format.Node(&ast.File{Decls: []ast.Decl{
		&ast.Field{Label: ast.NewIdent("#" + kind.Name), Value: shape},
	}})
	if err != nil {
		return nil, err
	}
	header := fmt.Sprintf("// Code generated by go generate; DO NOT EDIT.\n\n// #%s is the shape of %s %s.\n", kind.Name, kind.APIVersion, kind.Name)
	return append([]byte(header), src...), nil
}
