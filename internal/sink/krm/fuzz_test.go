package krm

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// FuzzFunction checks that no input makes a function panic, that its output can be read, and that foreign
// objects pass through unchanged.
func FuzzFunction(f *testing.F) {
	for _, name := range []string{"kuma-rollout", "own-mesh", "hub", "no-fleet"} {
		for _, placed := range []bool{true, false} {
			for _, config := range []string{"{}", "{path: clusters, function: {cluster: kurator-member1}}", "{function: {mode: validate, directory: a}}", "{function: {inputs: [a, '-']}}"} {
				f.Add([]byte(encoded(f, listOf(f, example(f, name), placed).configured(f, config), nil)))
			}
		}
	}
	for _, config := range []string{"{path: clusters}", "{path: clusters, function: {synced: true}}"} {
		list := listOf(f, example(f, "no-fleet"), true).configured(f, config)
		run(f, list)
		list.Items = inFormerLayout(f, list.Items)
		f.Add([]byte(encoded(f, list, nil)))
	}
	f.Add([]byte(header + "items:\n- a: &x {b: 1} # c\n  d: *x\n- {kind: A, apiVersion: v1, metadata: {annotations: {fleetwright.dev/rendered: a}}}\nfunctionConfig: {kind: ConfigMap, apiVersion: v1, data: {cluster: a}}\n"))
	f.Add([]byte(header + "items:\n- apiVersion: v1\n  kind: List\n  items: [{apiVersion: v1, kind: Secret}, {apiVersion: kuma.io/v1alpha1, kind: Mesh}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := Parse(data)
		if err != nil {
			var mistake *diag.Mistake
			if err != ErrSyntax && !errors.As(err, &mistake) {
				t.Error(err)
			}
			return
		}
		var foreign []*Object
		for _, o := range list.Items {
			if o.isForeign() && o.annotation(renderedAnnotation) == "" && (list.FunctionConfig == nil || !o.isCopyOf(list.FunctionConfig)) {
				foreign = append(foreign, &Object{copied(o.node, false)})
			}
		}
		outcome := Run(list, func([]string) ([]schema.File, error) { return nil, os.ErrNotExist }, compile)
		output, err := list.Encode(outcome.Results)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(output)
		if err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		for _, o := range foreign {
			if !slices.ContainsFunc(again.Items, func(p *Object) bool { return same(o.node, p.node) }) {
				t.Errorf("%s is not in\n%s", o.source(), output)
			}
		}
		if !outcome.Failed() && !bytes.Equal(data, output) && len(again.Items) < len(foreign) {
			t.Error("items are missing")
		}
	})
}
