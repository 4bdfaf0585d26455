package settings

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"

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
	if err := json.Unmarshal(templates.Charts, &all); err != nil {
		panic(fmt.Sprintf("templates/charts.json: %v", err))
	}
	for _, c := range all {
		withIntegers(c.Values)
	}
	return all
})

// withIntegers replaces the numbers of values by the integers that they are.
func withIntegers(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, below := range v {
			v[key] = withIntegers(below)
		}
	case []any:
		for i, below := range v {
			v[i] = withIntegers(below)
		}
	case float64:
		return int(v)
	}
	return value
}

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

// LoadTesterImage returns the image of the load testers: the one in the values of the public load tester's
// chart, or else the given repository with the chart's version (fluxcd/flagger charts/loadtester/Chart.yaml,
// appVersion). For a range or another chart that version is unknown, and the pinned image is returned.
func (s *Settings) LoadTesterImage(repository string) string {
	pinned, own := pinnedCharts()["loadtester"], s.Charts["loadtester"]
	version := pinned.Version
	if own.Name == pinned.Name && IsExact(own.Version) {
		version = strings.TrimPrefix(own.Version, "v")
	}
	image, _ := own.Values["image"].(map[string]any)
	get := func(field, otherwise string) string {
		if v := image[field]; v != nil && v != "" {
			return fmt.Sprint(v)
		}
		return otherwise
	}
	return get("repository", repository) + ":" + get("tag", version)
}

// PinnedVersion returns the version of a chart that is installed unless the input names another.
func PinnedVersion(chart string) string { return pinnedCharts()[chart].Version }

// PinnedValues returns fleetwright's own values of a chart.
func PinnedValues(chart string) map[string]any { return pinnedCharts()[chart].Values }
