package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"

	"github.com/fleetwright/fleetwright/internal/blockyaml"
	"github.com/fleetwright/fleetwright/schema"
)

// example is Kurator's own example of a rollout.
const example = "examples/kuma-rollout"

// startUp compares starts on the example with those of what does a part of it: kustomize
// builds one rendered directory, the chain of Kustomizations alone or all that it
// applies; helm renders a chart with the same objects; cue checks the same Application
// against the same schema.
func (b *bench) startUp() error {
	kustomize, err := b.tool(kustomizeTool)
	if err != nil {
		return err
	}
	helm, err := b.tool(helmTool)
	if err != nil {
		return err
	}
	cue, err := b.tool(cueTool)
	if err != nil {
		return err
	}
	b.say("starts")
	rendered := b.path("start")
	if _, err := once(b.fleetwright, "render", example, "-o", rendered); err != nil {
		return err
	}
	cluster := filepath.Join(rendered, "kurator-member1", "fleetwright")
	if err := b.base(cluster); err != nil {
		return err
	}
	if err := b.chart(cluster); err != nil {
		return err
	}
	if err := b.checked(); err != nil {
		return err
	}
	names := []string{"render to a stream", "render into a new directory", "render what is unchanged"}
	against := []string{"kustomize build, the chain", "kustomize build, all of a cluster", "helm template, the same objects", "cue vet, the Application"}
	costs, err := compare(b.starts, false,
		always(b.fleetwright, "render", example, "-o", "-"),
		command{b.fleetwright, func(run int) []string {
			return []string{"render", example, "-o", b.path("starts", strconv.Itoa(run))}
		}},
		always(b.fleetwright, "render", example, "-o", rendered),
		always(kustomize, "build", cluster),
		always(kustomize, "build", b.path("base")),
		always(helm, "template", "example", b.path("chart")),
		always(cue, "vet", "-c=false", "-d", "#Application", b.path("checked.cue"), filepath.Join(example, "application.yaml")),
		always(b.fleetwright, "--version"),
	)
	if err != nil {
		return err
	}
	b.table.section("Start, on " + example + " (2 clusters)")
	for i, name := range names {
		for k, other := range against {
			b.table.add(row{what: name, ours: costs[i], against: other, theirs: costs[len(names)+k], by: cpu, goal: 1})
		}
	}
	b.table.add(row{what: "--version", ours: costs[len(costs)-1]})
	return nil
}

// base writes a kustomization of all that is in the directory of a cluster.
func (b *bench) base(cluster string) error {
	kustomizations, err := kustomizations(cluster)
	if err != nil {
		return err
	}
	return writeKustomization(b.path("base"), kustomizations)
}

// A chart is the file that makes a directory a chart.
type chart struct {
	APIVersion string `json:"apiVersion"`
	Name       string `json:"name"`
	Version    string `json:"version"`
}

// chart writes a Helm chart of the objects in the directory of a cluster.
func (b *bench) chart(cluster string) error {
	text, err := blockyaml.Marshal(chart{APIVersion: "v2", Name: "example", Version: "0.1.0"})
	if err != nil {
		return err
	}
	if err := writeFile(b.path("chart", "Chart.yaml"), text); err != nil {
		return err
	}
	objects, err := manifests(cluster)
	if err != nil {
		return err
	}
	for i, name := range objects {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		// Flagger's templates in it are no templates of Helm's.
		text = bytes.ReplaceAll(text, []byte("{{"), []byte(`{{ "{{" }}`))
		if err := writeFile(b.path("chart", "templates", strconv.Itoa(i)+".yaml"), text); err != nil {
			return err
		}
	}
	return nil
}

// checked writes what cue is to check: the definition of an Application, with its rules.
func (b *bench) checked() error {
	kind, _ := schema.KindNamed("Application")
	return writeFile(b.path("checked.cue"), kind.CUE())
}
