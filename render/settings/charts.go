package settings

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/schema/api"
	"github.com/fleetwright/fleetwright/templates"
)

// A Chart is a Helm chart and the values for it.
type Chart struct {
	Repository string         `json:"repository"`
	Name       string         `json:"name"`
	Version    string         `json:"version"`
	Values     map[string]any `json:"values"`
}

// pinnedCharts returns the charts installed unless the settings or a fleet override them.
var pinnedCharts = sync.OnceValue(func() map[string]Chart {
	var all map[string]Chart
	if err := yaml.Load(templates.Charts, &all, yaml.WithKnownFields()); err != nil {
		panic(fmt.Sprintf("templates/charts.yaml: %v", err))
	}
	return all
})

// With returns the chart with the fields of another, which may be nil, and with merged values.
func (c Chart) With(own *api.Chart, values map[string]any) Chart {
	if own != nil {
		c.Repository, c.Name, c.Version = cmp.Or(own.Repository, c.Repository), cmp.Or(own.Name, c.Name), cmp.Or(own.Version, c.Version)
	}
	c.Values = MergeValues(c.Values, values)
	return c
}

// MergeValues merges mappings as Helm does, and replaces the rest. Neither argument changes.
func MergeValues(base, over map[string]any) map[string]any {
	if len(over) == 0 {
		return base
	}
	merged := map[string]any{}
	maps.Copy(merged, base)
	for key, value := range over {
		below, ok := merged[key].(map[string]any)
		if m, isMap := value.(map[string]any); ok && isMap {
			value = MergeValues(below, m)
		}
		merged[key] = value
	}
	return merged
}

// LoadTesterVersion returns the version that the public load tester's chart runs: the
// chart's own (fluxcd/flagger charts/loadtester/Chart.yaml, appVersion). For a range or
// another chart it is unknown, and the pinned one is returned.
func (s *Settings) LoadTesterVersion() string {
	pinned := pinnedCharts()["loadtester"]
	if own := s.Charts["loadtester"]; own.Name == pinned.Name && isExact(own.Version) {
		return strings.TrimPrefix(own.Version, "v")
	}
	return pinned.Version
}
