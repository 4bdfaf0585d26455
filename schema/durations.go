package schema

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// checkDurations says which durations have the form of one and are too long: Flux
// holds them, as Go does, in nanoseconds.
func (d *Document) checkDurations(object any) diag.List {
	var list diag.List
	var walk func(v reflect.Value, path Path)
	walk = func(v reflect.Value, path Path) {
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				walk(v.Elem(), path)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
				if at := path; v.Type().Field(i).IsExported() {
					if name != "" {
						at = path.With(name)
					}
					walk(v.Field(i), at)
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), path.With(i))
			}
		case reflect.String:
			switch v.Interface().(type) {
			case Duration, SourceTimeout:
				if _, err := time.ParseDuration(v.String()); err != nil && v.String() != "" {
					list = append(list, d.Diagnostic(diag.OutOfBounds, path, fmt.Sprintf("%s is too long, the most is 2562047h", v), ""))
				}
			}
		}
	}
	walk(reflect.ValueOf(object), nil)
	return list
}
