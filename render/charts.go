package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/schema/api"
	"github.com/fleetwright/fleetwright/templates"
)

// A chart is a Helm chart and the values for it.
type chart struct {
	Repository string         `json:"repository"`
	Name       string         `json:"name"`
	Version    string         `json:"version"`
	Values     map[string]any `json:"values"`
}

// charts by what they install: kuma, ingress-nginx, prometheus, flagger and
// loadtester.
type charts map[string]chart

// parsedCharts are the charts of package templates.
var parsedCharts = sync.OnceValue(func() charts {
	var all charts
	if err := decodeTemplate(templates.Charts, &all); err != nil {
		panic(fmt.Sprintf("templates/charts.yaml: %v", err))
	}
	return all
})

// decodeTemplate decodes a template by its fields' json tags, with the reader of YAML
// that the input has gone through: a second one costs a start what reading it does.
func decodeTemplate(template []byte, to any) error {
	var value any
	if err := yaml.Unmarshal(template, &value); err != nil {
		return err
	}
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(to)
}

// pinnedCharts are the charts that are installed unless somebody says otherwise.
func pinnedCharts() charts { return maps.Clone(parsedCharts()) }

// with is the chart with what is not empty in another, which may be nil, replaced,
// and values merged over its own.
func (c chart) with(own *api.Chart, values map[string]any) chart {
	if own != nil {
		fill(&c.Repository, own.Repository)
		fill(&c.Name, own.Name)
		fill(&c.Version, own.Version)
	}
	c.Values = mergeValues(c.Values, values)
	return c
}

// mergeValues merges values as Helm does: mappings are merged, everything else
// is replaced. Neither argument is changed.
func mergeValues(base, over map[string]any) map[string]any {
	if len(over) == 0 {
		return base
	}
	merged := maps.Clone(base)
	if merged == nil {
		merged = map[string]any{}
	}
	for key, value := range over {
		below, ok := merged[key].(map[string]any)
		if m, isMap := value.(map[string]any); ok && isMap {
			merged[key] = mergeValues(below, m)
			continue
		}
		merged[key] = value
	}
	return merged
}

// isOCI says whether the chart comes from an OCI registry.
func (c chart) isOCI() bool { return isOCI(c.Repository) }
