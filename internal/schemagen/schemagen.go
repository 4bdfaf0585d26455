// Package schemagen makes the schemas of fleetwright's input kinds from the Go
// types of package api: a JSON Schema for editors, and from that the shapes that
// documents are checked against and the closed CUE definition that says the same.
//
// It runs at development time only; what it makes is committed.
package schemagen

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/build"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/format"
	cuejsonschema "cuelang.org/go/encoding/jsonschema"
	"github.com/invopop/jsonschema"

	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

const (
	apiPackage       = "github.com/fleetwright/fleetwright/schema/api"
	kustomizePackage = "github.com/fluxcd/pkg/apis/kustomize"
)

// formats are the patterns that a +fleetwright:format marker, or the tag format, names.
// Lengths over 63 are checked when documents are loaded: a pattern that counts to 253 is
// slow to compile.
var formats = map[string]string{
	// RFC 1123 labels: Namespaces.
	"dns-label": `^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`,
	// RFC 1035 labels: Services.
	"dns-1035-label": `^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`,
	// Names of ports.
	"port-name": `^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$`,
	// Names of Helm's releases, which are 53 characters long at most.
	"release-name": `^[a-z0-9]([-.a-z0-9]{0,51}[a-z0-9])?$`,
	// RFC 1123 subdomains: the names of nearly everything else.
	"dns-subdomain": `^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`,
}

// kustomizeExamples are examples for the fields of kustomize's types, on which no
// marker can be put.
var kustomizeExamples = map[string]string{
	"Image.Name":                  "ghcr.io/stefanprodan/podinfo",
	"Image.NewName":               "registry.example.com/podinfo",
	"Image.NewTag":                "6.9.0",
	"Image.Digest":                "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	"Patch.Patch":                 `[{"op": "remove", "path": "/spec/replicas"}]`,
	"Selector.Group":              "apps",
	"Selector.Version":            "v1",
	"Selector.Kind":               "Deployment",
	"Selector.Namespace":          "webapp",
	"Selector.Name":               "backend",
	"Selector.AnnotationSelector": "example.com/owner=shop",
	"Selector.LabelSelector":      "app=backend",
}

// exampleMarker gives a field an example: text as it is, and everything else as
// JSON.
const exampleMarker = "fleetwright:example"

// doNotSuggest is what VS Code and the YAML language server have of their own in
// schemas: a field that is accepted, and not offered.
const doNotSuggest = "doNotSuggest"

// durationPattern is that of Flux' CRDs for intervals.
const durationPattern = `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`

// A File is a generated file.
type File struct {
	// Name is the path from the directory of package schema.
	Name string
	// Content is what the file must hold.
	Content []byte
}

// Generate makes the files of every input kind, the shapes of all, and the page of the
// fields. It reads the doc comments from the sources in dir, the directory of package
// schema.
func Generate(dir string) ([]File, error) {
	comments, err := comments(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the doc comments: %w", err)
	}
	var files []File
	shapes := map[string]*jsonschema.Schema{}
	for _, kind := range schema.Kinds() {
		g := generator{comments: comments}
		s, err := g.jsonSchema(kind)
		if err != nil {
			return nil, fmt.Errorf("%s: making the JSON Schema: %w", kind.Name, err)
		}
		maps.Copy(shapes, s.Definitions)
		shapes[kind.Name] = s
		jsonSchema, err := encode(s)
		if err != nil {
			return nil, fmt.Errorf("%s: writing the JSON Schema: %w", kind.Name, err)
		}
		shape, err := cueShape(kind, jsonSchema)
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
	tables, err := goShapes(shapes)
	if err != nil {
		return nil, fmt.Errorf("making the shapes: %w", err)
	}
	return append(files, File{Name: "shapes.go", Content: tables}, File{Name: "../docs/fields.md", Content: page}), nil
}

// comments reads the doc comments of package api and of the packages whose types it
// uses.
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
	for field, example := range kustomizeExamples {
		name := kustomizePackage + "." + field
		if all[name] == "" {
			return nil, fmt.Errorf("%s has no %s", kustomizePackage, field)
		}
		all[name] += "\n+" + exampleMarker + "=" + example
	}
	return all, nil
}

type generator struct {
	comments map[string]string
	// types are the Go types behind the definitions, by name.
	types map[string]reflect.Type
}

func (g *generator) jsonSchema(kind schema.Kind) (*jsonschema.Schema, error) {
	g.types = map[string]reflect.Type{}
	r := jsonschema.Reflector{
		Anonymous:                  true,
		ExpandedStruct:             true,
		RequiredFromJSONSchemaTags: true,
		LookupComment: func(t reflect.Type, field string) string {
			text, _ := splitMarkers(g.comment(t, field))
			return text
		},
		Namer:  func(t reflect.Type) string { g.types[t.Name()] = t; return t.Name() },
		Mapper: g.mapType,
	}
	root := reflect.TypeOf(kind.New()).Elem()
	s := r.ReflectFromType(root)
	if err := g.applyMarkers(s, root); err != nil {
		return nil, err
	}
	for name, def := range s.Definitions {
		if err := g.applyMarkers(def, g.types[name]); err != nil {
			return nil, err
		}
	}
	delete(s.Definitions, root.Name())
	for field, value := range map[string]string{"apiVersion": kind.APIVersion, "kind": kind.Name} {
		p, ok := s.Properties.Get(field)
		if !ok {
			return nil, fmt.Errorf("no field %s", field)
		}
		p.Const = value
	}
	s.Title = kind.Name
	return s, nil
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

// mapType gives the schemas of types that reflection would get wrong.
func (g *generator) mapType(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[api.LabelValue]():
		return &jsonschema.Schema{Type: "string", Pattern: `^(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?$`}
	case reflect.TypeFor[api.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: durationPattern}
	case reflect.TypeFor[api.SourceTimeout]():
		return &jsonschema.Schema{Type: "string", Pattern: strings.Replace(durationPattern, "|h", "", 1)}
	case reflect.TypeFor[api.FlaggerDuration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+m([0-9]+s)?|[0-9]+s)$`}
	case reflect.TypeFor[api.Severity]():
		_, markers := splitMarkers(g.comment(t, ""))
		s := &jsonschema.Schema{Type: "string"}
		if err := applyMarker(s, "kubebuilder:validation:Enum", markers["kubebuilder:validation:Enum"]); err != nil {
			panic(err)
		}
		return s
	case reflect.TypeFor[api.IntOrString]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
			{Type: "integer", Minimum: "1", Maximum: "65535"},
			{Type: "string", Pattern: formats["port-name"]},
		}}
	case reflect.TypeFor[int32]():
		return &jsonschema.Schema{Type: "integer", Minimum: json.Number(strconv.Itoa(math.MinInt32)), Maximum: json.Number(strconv.Itoa(math.MaxInt32))}
	}
	return nil
}

func (g *generator) comment(t reflect.Type, field string) string {
	name := t.PkgPath() + "." + t.Name()
	if field != "" {
		name += "." + field
	}
	return g.comments[name]
}

// applyMarkers applies the markers of t's fields to the properties of s.
func (g *generator) applyMarkers(s *jsonschema.Schema, t reflect.Type) error {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			if err := g.applyMarkers(s, f.Type); err != nil {
				return err
			}
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p, ok := s.Properties.Get(name)
		if !ok {
			continue
		}
		if f.Type == reflect.TypeFor[any]() {
			// Nothing is made of these values, so editors need not offer the field.
			p.Extras = map[string]any{doNotSuggest: true}
		}
		_, markers := splitMarkers(g.comment(t, f.Name))
		if _, optional := markers["optional"]; !optional && !strings.Contains(options, "omit") {
			s.Required = append(s.Required, name)
		}
		p.Pattern = cmp.Or(p.Pattern, formats[f.Tag.Get("format")])
		for _, marker := range slices.Sorted(maps.Keys(markers)) {
			target := p
			// The bounds of a list are those of its items.
			if p.Items != nil && p.Items.Ref == "" && strings.HasPrefix(marker, "kubebuilder:validation:") {
				target = p.Items
			}
			if err := applyMarker(target, marker, markers[marker]); err != nil {
				return fmt.Errorf("%s.%s: +%s: %w", t.Name(), f.Name, marker, err)
			}
		}
	}
	return nil
}

func applyMarker(s *jsonschema.Schema, marker, value string) error {
	switch marker {
	case "required", "optional", becomesMarker:
	case "kubebuilder:validation:Enum":
		for v := range strings.SplitSeq(value, ";") {
			s.Enum = append(s.Enum, v)
		}
	case "kubebuilder:validation:Minimum":
		s.Minimum = json.Number(value)
	case "kubebuilder:validation:Maximum":
		s.Maximum = json.Number(value)
	case "kubebuilder:validation:Pattern":
		if _, err := regexp.Compile(value); err != nil {
			return err
		}
		s.Pattern = value
	case "kubebuilder:default":
		v, err := literal(s, value)
		if err != nil {
			return err
		}
		s.Default = v
	case "fleetwright:format":
		pattern, ok := formats[value]
		if !ok {
			return fmt.Errorf("no format %q", value)
		}
		s.Pattern = pattern
	case exampleMarker:
		v, err := literal(s, value)
		if err != nil {
			return err
		}
		s.Examples = append(s.Examples, v)
		// An editor shows a list's example for the list, and inserts an item's.
		if items, ok := v.([]any); ok {
			s.Items.Examples = items
		}
	case "fleetwright:extension":
		// In words: editors complete no reference that has unknown keywords beside it.
		s.Description += " A fleetwright extension: Kurator does not have it."
	default:
		return fmt.Errorf("unknown marker")
	}
	return nil
}

// literal is what a marker's text stands for: text where s has some or may have it,
// and else the JSON that it is.
func literal(s *jsonschema.Schema, text string) (any, error) {
	if s.Type == "string" || s.Type == "" {
		return text, nil
	}
	var value any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&value); err != nil {
		return nil, fmt.Errorf("%s is no JSON: %w", text, err)
	}
	return value, nil
}

// splitMarkers parts a doc comment into its text and its markers.
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
// The definition is one tree without references, because CUE evaluates every
// definition of a file when it compiles the file, and each again where it is
// used: a tree costs half the time and a third of the memory.
func cueShape(kind schema.Kind, jsonSchema []byte) ([]byte, error) {
	var s map[string]any
	dec := json.NewDecoder(bytes.NewReader(jsonSchema))
	dec.UseNumber()
	if err := dec.Decode(&s); err != nil {
		return nil, err
	}
	defs, _ := s["$defs"].(map[string]any)
	delete(s, "$defs")
	tree, err := json.Marshal(inline(s, defs))
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
		switch d := d.(type) {
		case *ast.ImportDecl:
			return nil, fmt.Errorf("the shape imports a package: package schema compiles it without CUE's own packages")
		case *ast.EmbedDecl:
			shape = d.Expr
		}
	}
	// A definition is closed all the way down, so close() is not needed.
	shape = astutil.Apply(shape, nil, func(c astutil.Cursor) bool {
		if call, ok := c.Node().(*ast.CallExpr); ok {
			if fun, ok := call.Fun.(*ast.Ident); ok && fun.Name == "close" {
				c.Replace(call.Args[0])
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

// inline replaces the references of a JSON Schema by what they refer to, and
// leaves out what is there for readers only.
func inline(s any, defs map[string]any) any {
	switch s := s.(type) {
	case map[string]any:
		if ref, ok := s["$ref"].(string); ok {
			return inline(defs[strings.TrimPrefix(ref, "#/$defs/")], defs)
		}
		out := map[string]any{}
		for key, value := range s {
			switch key {
			case "$schema", "title", "description", "default", "examples", doNotSuggest:
			case "properties":
				properties := map[string]any{}
				for name, property := range value.(map[string]any) {
					properties[name] = inline(property, defs)
				}
				out[key] = properties
			default:
				out[key] = inline(value, defs)
			}
		}
		return out
	case []any:
		out := make([]any, len(s))
		for i, item := range s {
			out[i] = inline(item, defs)
		}
		return out
	}
	return s
}
