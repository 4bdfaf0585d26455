package krm

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// settings are the settings of the function.
type settings struct {
	api.FunctionConfig
	// path and topology override the RenderConfig's.
	path, topology string
	// configPath is the path in the RenderConfig.
	configPath string
	// inData reports whether the settings are in the data of a ConfigMap.
	inData bool
	// unsure reports whether some settings cannot be read.
	unsure bool
}

// A Mistake is an error in the settings of the function, or in their effect.
type Mistake struct {
	// Field of the functionConfig, or "".
	Field string
	// Message and Hint have the same form as in a diag.Mistake.
	Message, Hint string
}

// settingsOf reads the ConfigMap and the RenderConfig. The RenderConfig is the functionConfig, or one of the items.
func settingsOf(config *Object, items []*Object) (s settings, mistakes []Mistake) {
	s.inData = config != nil && config.ref().APIVersion == "v1" && config.kind() == "ConfigMap"
	renderConfig := config
	if config == nil || s.inData {
		renderConfig = nil
		if i := slices.IndexFunc(items, func(o *Object) bool { return o.kind() == "RenderConfig" && !o.isForeign() }); i >= 0 {
			renderConfig = items[i]
		}
	} else if config.isForeign() {
		return s, []Mistake{{"", fmt.Sprintf("the functionConfig is of kind %q, not a RenderConfig", config.kind()),
			"apiVersion: fleetwright.dev/v1alpha1, kind: RenderConfig; or a v1 ConfigMap whose data are " + strings.Join(dataKeys, ", ")}}
	}
	if renderConfig != nil {
		s.unsure = true
		if data, err := encode(renderConfig.own()); err == nil {
			for _, d := range schema.Load([]schema.File{{Data: data}}).All {
				if c, ok := d.Object.(*api.RenderConfig); ok {
					s.unsure = false
					if c.Spec.Function != nil {
						s.FunctionConfig = *c.Spec.Function
					}
					s.configPath = c.Spec.Path
				}
			}
		}
	}
	if s.inData {
		mistakes = s.readData(config)
	}
	if s.Directory != "" && !filepath.IsLocal(s.Directory) {
		mistakes = append(mistakes, Mistake{s.of("directory"), fmt.Sprintf("the directory %q is outside the package", s.Directory), "write a path below the package's root, such as clusters"})
	}
	return s, mistakes
}

// of returns the field that holds a setting.
func (s *settings) of(name string) string {
	switch {
	case s.inData:
		return "data." + name
	case name == "path" || name == "topology" || name == "through":
		return "spec." + name
	}
	return "spec.function." + name
}

// dataKeys are the settings that the data of a ConfigMap can hold.
var dataKeys = []string{"cluster", "directory", "mode", "path", "synced", "topology"}

// readData reads the settings from the data of a ConfigMap, which kpt creates from key=value arguments.
func (s *settings) readData(config *Object) (mistakes []Mistake) {
	data := resolve(field(config.node, "data"))
	if data == nil || isNull(data) {
		return nil
	}
	if data.Kind != yaml.MappingNode {
		return []Mistake{{"data", "data of the ConfigMap is not a mapping", "data: {cluster: eu}"}}
	}
	var synced string
	to := map[string]*string{"cluster": &s.Cluster, "directory": &s.Directory, "mode": &s.Mode, "path": &s.path, "synced": &synced, "topology": &s.topology}
	values := map[string][]string{"mode": {"render", "validate"}, "synced": {"true", "false"}, "topology": {"pull", "hub"}}
	for i := 0; i+1 < len(data.Content); i += 2 {
		key, value := resolve(data.Content[i]).Value, resolve(data.Content[i+1])
		switch said := values[key]; {
		case to[key] == nil:
			hint := diag.DidYouMean(key, dataKeys, "it is one of "+strings.Join(dataKeys, ", ")+"; everything else belongs in a RenderConfig")
			mistakes = append(mistakes, Mistake{"data", fmt.Sprintf("unknown setting %q", key), hint})
		case isNull(value):
		case value.Kind != yaml.ScalarNode:
			mistakes = append(mistakes, Mistake{"data." + key, "expected text", ""})
		case said != nil && !slices.Contains(said, value.Value):
			mistakes = append(mistakes, Mistake{"data." + key, fmt.Sprintf("%q is not one of %s", value.Value, strings.Join(said, ", ")), ""})
		default:
			*to[key] = value.Value
		}
	}
	if synced != "" {
		s.Synced = synced == "true"
	}
	return mistakes
}

// directory returns the directory of the package that holds the directories of the clusters.
func (s *settings) directory() string {
	if s.Directory != "" {
		return path.Clean(s.Directory)
	}
	return path.Clean("./" + cmp.Or(s.path, s.configPath))
}
