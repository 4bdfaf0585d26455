package schemagen

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fleetwright/fleetwright/schema"
)

// becomesMarker says what becomes of a field, or, on a type, of those of its fields
// that do not say it themselves. {path} stands for the path of the field below the
// one, or the type, that the marker is on.
const becomesMarker = "fleetwright:becomes"

// documented are the kinds whose fields are listed, each with what is said first.
var documented = []struct{ kind, intro string }{
	{"Application", "`apps.kurator.dev/v1alpha1`. A field is compiled, or refused with a diagnostic that says why."},
	{"Fleet", "`fleet.kurator.dev/v1alpha1`. Of Kurator's plugins fleetwright renders flagger."},
}

// fieldsPage is the page that lists what becomes of every field of Kurator's kinds.
func fieldsPage(comments map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("<!-- Made by go generate ./schema from the Go types of package schema; do not edit. -->\n\n" +
		"# What becomes of each field\n\n" +
		"*Extension* marks what Kurator's API does not have.\n")
	for _, d := range documented {
		kind, ok := schema.KindNamed(d.kind)
		if !ok {
			return nil, fmt.Errorf("no kind %s", d.kind)
		}
		l := lister{generator: generator{comments: comments}}
		if err := l.list(reflect.TypeOf(kind.New()).Elem(), "", answer{}); err != nil {
			return nil, fmt.Errorf("%s: %w", d.kind, err)
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| field | default | what becomes of it |\n|---|---|---|\n%s", d.kind, d.intro, l.rows.String())
	}
	b.WriteString("\n## Formats\n\n" +
		"What a text must be where its pattern in the JSON Schema does not say all of it (FW115), and who would refuse it. " +
		"An item of a list has the format, and so has a value of a mapping; `{}` marks its keys. Fields without a kind are an Application's.\n\n" +
		"| what the text is | refused by | fields |\n|---|---|---|\n")
	fields := formatFields()
	for _, f := range schema.Formats() {
		if all := fields[f.Name]; len(all) > 0 {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", f.Words, f.Reader, strings.Join(all, "<br>"))
		}
	}
	return b.Bytes(), nil
}

// formatFields are the fields of all kinds by the formats that they have.
func formatFields() map[string][]string {
	all := map[string][]string{}
	var list func(t reflect.Type, path string)
	list = func(t reflect.Type, path string) {
		for _, f := range schema.FieldsOf(t) {
			at, field := join(path, f.Name), t.FieldByIndex(f.Index)
			format, keys := schema.FormatsOf(f.In, field)
			all[format] = append(all[format], "`"+at+"`")
			all[keys] = append(all[keys], "`"+at+"{}`")
			if below, suffix := element(field.Type); isObject(below) {
				list(below, at+suffix)
			}
		}
	}
	for _, k := range schema.Kinds() {
		path := k.Name + ":"
		if k.Name == "Application" {
			path = ""
		}
		list(reflect.TypeOf(k.New()).Elem(), path)
	}
	return all
}

// An answer is what becomes of a field, and of those below it that say nothing themselves.
type answer struct {
	text string
	// path is that of the field below the one that the text is from.
	path string
}

func (a answer) String() string { return strings.ReplaceAll(a.text, "{path}", a.path) }

type lister struct {
	generator
	rows bytes.Buffer
}

// list writes a row for each field of a struct, and of the structs below it.
func (l *lister) list(t reflect.Type, path string, from answer) error {
	_, markers := splitMarkers(l.comment(t, ""))
	if text, ok := markers[becomesMarker]; ok {
		from = answer{text: text}
	}
	for _, f := range schema.FieldsOf(t) {
		if err := l.field(f, t.FieldByIndex(f.Index), path, from); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) field(f schema.Field, field reflect.StructField, path string, from answer) error {
	at := join(path, f.Name)
	from.path = join(from.path, f.Name)
	_, markers := splitMarkers(l.comment(f.In, field.Name))
	if text, ok := markers[becomesMarker]; ok {
		from = answer{text, f.Name}
	}
	if from.text == "" {
		return fmt.Errorf("%s: nothing says what becomes of it: add // +%s=…", at, becomesMarker)
	}
	what := from.String()
	if _, ok := markers["fleetwright:extension"]; ok {
		what = "*Extension.* " + what
	}
	value := ""
	if v, ok := markers["kubebuilder:default"]; ok {
		value = "`" + v + "`"
	}
	fmt.Fprintf(&l.rows, "| `%s` | %s | %s |\n", at, value, strings.ReplaceAll(what, "|", `\|`))
	below, suffix := element(field.Type)
	if !isObject(below) {
		return nil
	}
	from.path += suffix
	return l.list(below, at+suffix, from)
}

// element is what a type holds in the end, and how a path goes there.
func element(t reflect.Type) (of reflect.Type, suffix string) {
	for {
		switch t.Kind() {
		case reflect.Pointer:
			t = t.Elem()
		case reflect.Slice:
			t, suffix = t.Elem(), suffix+"[]"
		case reflect.Map:
			t, suffix = t.Elem(), suffix+".*"
		default:
			return t, suffix
		}
	}
}

// isObject reports whether a type is a struct with fields in YAML.
func isObject(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[intstr.IntOrString]()
}

func join(path, name string) string {
	switch {
	case path == "":
		return name
	case strings.HasSuffix(path, ":"):
		return path + " " + name
	}
	return path + "." + name
}
