package schema

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/fluxcd/pkg/apis/kustomize"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fleetwright/fleetwright/schema/api"
)

// anything is the shape of all values.
var anything = &Shape{}

// typePatterns are the names of the patterns that types of text have.
var typePatterns = map[string]string{
	"Duration":        "duration",
	"SourceTimeout":   "source-timeout",
	"FlaggerDuration": "flagger-duration",
	"MetricInterval":  "metric-interval",
	"LabelValue":      "label-value",
}

// kustomizeTags are the tags of kustomize's types, on which none can be put.
var kustomizeTags = map[string]reflect.StructTag{
	"Image.Name":    `format:"image-pattern" example:"ghcr.io/stefanprodan/podinfo"`,
	"Image.NewName": `format:"image-name" example:"registry.example.com/podinfo"`,
	"Image.NewTag":  `format:"image-tag" example:"6.9.0"`,
	"Image.Digest":  `format:"image-digest" example:"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"`,
	"Patch.Patch":   `example:"[{\"op\": \"remove\", \"path\": \"/spec/replicas\"}]"`,

	"Selector.Group":              `example:"apps"`,
	"Selector.Version":            `example:"v1"`,
	"Selector.Kind":               `example:"Deployment"`,
	"Selector.Namespace":          `example:"webapp"`,
	"Selector.Name":               `example:"backend"`,
	"Selector.AnnotationSelector": `example:"example.com/owner=shop"`,
	"Selector.LabelSelector":      `example:"app=backend"`,
}

// TagOf returns the tag of a struct's field, without its name in JSON.
func TagOf(of reflect.Type, field reflect.StructField) reflect.StructTag {
	if of.PkgPath() == reflect.TypeFor[kustomize.Image]().PkgPath() {
		return kustomizeTags[of.Name()+"."+field.Name]
	}
	_, tag, _ := strings.Cut(string(field.Tag), `" `)
	return reflect.StructTag(tag)
}

// shapeOf returns the shape of a type's values in a mode.
func shapeOf(t reflect.Type, in mode) *Shape {
	if p, ok := reflect.Zero(t).Interface().(interface{ Whole() reflect.Type }); ok {
		return shapeOf(p.Whole(), in|partial)
	}
	s := newShape(t, in)
	s.mode = in
	return s
}

func newShape(t reflect.Type, in mode) *Shape {
	if t == reflect.TypeFor[intstr.IntOrString]() {
		return &Shape{Either: []*Shape{
			{Type: Integer, Min: new(1.0), Max: new(65535.0)},
			{Type: Text, Pattern: patternNamed("port-name")},
		}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return shapeOf(t.Elem(), in)
	case reflect.Interface:
		return &Shape{}
	case reflect.Bool:
		return &Shape{Type: Boolean}
	case reflect.Int:
		return &Shape{Type: Integer}
	case reflect.Int32:
		return &Shape{Type: Integer, Min: new(float64(math.MinInt32)), Max: new(float64(math.MaxInt32))}
	case reflect.Float64:
		return &Shape{Type: Number}
	case reflect.String:
		duration := t == reflect.TypeFor[api.Duration]() || t == reflect.TypeFor[api.SourceTimeout]()
		return &Shape{Type: Text, Pattern: patternNamed(typePatterns[t.Name()]), duration: duration}
	case reflect.Slice:
		return &Shape{Type: List, Items: shapeOf(t.Elem(), in&^partial)}
	case reflect.Map:
		return &Shape{Type: Mapping, Items: shapeOf(t.Elem(), in)}
	case reflect.Struct:
		return &Shape{Type: Mapping, of: t}
	}
	panic(fmt.Sprintf("no shape for %s", t))
}

// A structIn is a struct in a mode.
type structIn struct {
	reflect.Type
	mode
}

// structs are the fields of the structs that were asked for.
var structs sync.Map // structIn → []Field

// FieldsOf returns the fields of a struct in its order, including the fields of embedded structs.
func FieldsOf(t reflect.Type) []Field { return fieldsIn(t, 0) }

func fieldsIn(t reflect.Type, in mode) (fields []Field) {
	if known, ok := structs.Load(structIn{t, in}); ok {
		return known.([]Field)
	}
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous {
			for _, f := range fieldsIn(field.Type, in) {
				if declares(t, f.Name) {
					continue
				}
				f.Index = append([]int{i}, f.Index...)
				fields = append(fields, f)
			}
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		tag := TagOf(t, field)
		below := in
		if tag.Get("variables") != "" {
			below |= templated
		}
		f := Field{Name: name, Shape: shapeOf(field.Type, below), Index: field.Index, In: t}
		if f.Required = in&partial == 0 && !strings.Contains(options, "omit") && tag.Get("required") == ""; f.Required {
			f.Example = tag.Get("example")
		}
		f.Shape.restrict(tag)
		f.Shape.mayBeEmpty = in&stored != 0 && !f.Required && field.Type == reflect.TypeFor[string]()
		fields = append(fields, f)
	}
	structs.Store(structIn{t, in}, fields)
	return fields
}

// declares reports whether a struct has a field itself, which hides that of an embedded one, as in JSON.
func declares(t reflect.Type, name string) bool {
	return slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool {
		own, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return len(f.Index) == 1 && own == name
	})
}

// byName returns fields in the order of their names.
func byName(fields []Field) []Field {
	fields = slices.Clone(fields)
	slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return fields
}

// restrict applies the tag of a field to the shape of its texts and numbers, at any depth.
func (s *Shape) restrict(tag reflect.StructTag) {
	switch {
	case tag == "":
	case s.of != nil:
		if names, ok := tag.Lookup("oneof"); ok {
			names, s.orNone = strings.CutSuffix(names, ",")
			s.oneOf = strings.Split(names, ",")
		}
	case s.Items != nil:
		s.keys = formatNamed(tag.Get("keys"))
		s.Items.restrict(tag)
	case s.Type == Text:
		if words, ok := tag.Lookup("enum"); ok {
			s.Enum = strings.Split(words, ",")
		}
		pattern, format := tag.Get("pattern"), tag.Get("format")
		s.Pattern = cmp.Or(patternNamed(pattern), pattern, patternNamed(format), s.Pattern)
		s.format = formatNamed(format)
	case s.Type == Integer || s.Type == Number:
		if least, ok := tag.Lookup("min"); ok {
			s.Min = boundOf(least)
		}
		if most, ok := tag.Lookup("max"); ok {
			s.Max = boundOf(most)
		}
	}
}

func boundOf(tag string) *float64 {
	value, err := strconv.ParseFloat(tag, 64)
	if err != nil {
		panic(err)
	}
	return &value
}
