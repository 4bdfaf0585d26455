package schema

import (
	"embed"
	"slices"
	"strings"

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

	shape *Shape
}

// kinds are all kinds, in the order in which they are documented.
var kinds = []Kind{
	{"Application", "apps.kurator.dev/v1alpha1", func() any { return new(api.Application) }, &applicationShape},
	{"Fleet", "fleet.kurator.dev/v1alpha1", func() any { return new(api.Fleet) }, &fleetShape},
	{"AttachedCluster", "cluster.kurator.dev/v1alpha1", func() any { return new(api.AttachedCluster) }, &attachedClusterShape},
	{"Cluster", "cluster.kurator.dev/v1alpha1", func() any { return new(api.Cluster) }, &clusterShape},
	{"AlertProvider", "flagger.app/v1beta1", func() any { return new(api.AlertProvider) }, &alertProviderShape},
	{"Mesh", "kuma.io/v1alpha1", func() any { return new(api.Mesh) }, &meshShape},
	{"RenderConfig", "fleetwright.dev/v1alpha1", func() any { return new(api.RenderConfig) }, &renderConfigShape},
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
func (k Kind) JSONSchema() []byte { return mustRead(k.file(".schema.json")) }

// CUE returns the closed CUE definition of the kind, with the rules that CUE can say.
func (k Kind) CUE() []byte {
	definition := mustRead(k.file(".cue"))
	if rules, err := files.ReadFile(k.file(".rules.cue")); err == nil {
		definition = slices.Concat(definition, []byte("\n"), rules)
	}
	return definition
}

func (k Kind) file(suffix string) string { return "input/" + strings.ToLower(k.Name) + suffix }

// group is the API group of the kind, without its version.
func (k Kind) group() string {
	group, _, _ := strings.Cut(k.APIVersion, "/")
	return group
}

// mustRead reads an embedded file. It panics where the file is missing, which
// the tests would show.
func mustRead(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return b
}
