package settings

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"testing"

	"go.yaml.in/yaml/v4"
)

// TestChartsAreGenerated compares the generated charts with templates/charts.yaml without its comments. With
// UPDATE, which make generate sets, it writes them.
func TestChartsAreGenerated(t *testing.T) {
	const generated = "../../templates/charts.json"
	text, err := os.ReadFile("../../templates/charts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]Chart
	if err := yaml.Load(text, &want, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	data, err := json.MarshalIndent(want, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, '\n')
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(generated, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(generated); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%s differs from charts.yaml: run make generate (%v)", generated, err)
	}
	if got := pinnedCharts(); !maps.EqualFunc(got, want, func(a, b Chart) bool { return reflect.DeepEqual(a, b) }) {
		t.Errorf("the charts are\n%v\nwant\n%v", got, want)
	}
}
