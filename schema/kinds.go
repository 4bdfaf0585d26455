package schema

import (
	"embed"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/fleetwright/fleetwright/schema/api"
)

// A Kind is one of the kinds of documents that fleetwright reads.
type Kind struct {
	// Name of the kind, as a document's kind.
	Name string
	// APIVersion of the kind, as a document's apiVersion.
	APIVersion string
	// New makes an empty object of the kind, a pointer to a struct.
	New func() any

	shape func() *Shape
}

// kinds are all kinds, in the order in which they are documented.
var kinds = []Kind{
	kindOf[api.Application]("Application", "apps.kurator.dev/v1alpha1"),
	kindOf[api.Fleet]("Fleet", "fleet.kurator.dev/v1alpha1"),
	kindOf[api.AttachedCluster]("AttachedCluster", "cluster.kurator.dev/v1alpha1"),
	kindOf[api.Cluster]("Cluster", "cluster.kurator.dev/v1alpha1"),
	kindOf[api.AlertProvider]("AlertProvider", "flagger.app/v1beta1"),
	kindOf[api.Mesh]("Mesh", "kuma.io/v1alpha1"),
	kindOf[api.RenderConfig]("RenderConfig", "fleetwright.dev/v1alpha1"),
}

// rolloutKinds are the kinds of rollouts as Flagger has them, which are only checked and planned.
var rolloutKinds = []Kind{
	rolloutKind[api.Canary]("Canary"),
	rolloutKind[api.MetricTemplate]("MetricTemplate"),
}

// kindOf returns the kind that a Go type is.
func kindOf[T any](name, apiVersion string) Kind { return kindIn[T](name, apiVersion, 0) }

// rolloutKind returns the kind of Flagger that a Go type is.
func rolloutKind[T any](name string) Kind { return kindIn[T](name, flaggerGroup+"/v1beta1", stored) }

const flaggerGroup = "flagger.app"

func kindIn[T any](name, apiVersion string, in mode) Kind {
	shape := sync.OnceValue(func() *Shape {
		fields := slices.Clone(fieldsIn(reflect.TypeFor[T](), in))
		for i, f := range fields {
			switch f.Name {
			case "apiVersion":
				fields[i].Shape = &Shape{Type: Text, Enum: []string{apiVersion}}
			case "kind":
				fields[i].Shape = &Shape{Type: Text, Enum: []string{name}}
			}
		}
		return &Shape{Type: Mapping, Fields: fields}
	})
	return Kind{name, apiVersion, func() any { return new(T) }, shape}
}

//go:embed input
var files embed.FS

// Kinds are the kinds of documents that fleetwright reads.
func Kinds() []Kind { return append([]Kind(nil), kinds...) }

// KindNamed finds a kind by its name, in any case.
func KindNamed(name string) (Kind, bool) {
	for _, k := range kinds {
		if strings.EqualFold(k.Name, name) {
			return k, true
		}
	}
	return Kind{}, false
}

// JSONSchema is the JSON Schema of the kind, for editors.
func (k Kind) JSONSchema() []byte { return k.file(".schema.json") }

// CUE returns the closed CUE definition of the kind, with the rules that CUE can express.
func (k Kind) CUE() []byte {
	definition := k.file(".cue")
	if rules := k.file(".rules.cue"); rules != nil {
		definition = slices.Concat(definition, []byte("\n"), rules)
	}
	return definition
}

// file returns an embedded file of the kind, or nil if there is none.
func (k Kind) file(suffix string) []byte {
	text, _ := files.ReadFile("input/" + strings.ToLower(k.Name) + suffix)
	return text
}

func (k Kind) group() string {
	group, _, _ := strings.Cut(k.APIVersion, "/")
	return group
}
