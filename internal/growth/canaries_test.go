package growth

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/schema"
)

// TestCanariesAreLinear checks that the allocations of a check of plain Canaries grow in proportion to the
// input.
func TestCanariesAreLinear(t *testing.T) {
	const (
		canary = "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: aN, namespace: NS}\nspec:\n  provider: istio\n" +
			"  targetRef: {apiVersion: apps/v1, kind: Deployment, name: aN}\n  service: {port: 80, targetPort: 8080}\n" +
			"  analysis: {interval: 1m, threshold: 5, stepWeight: 10, metrics: [{name: latency, interval: 1m, thresholdRange: {max: 500}, templateRef: {name: tN}}]}\n"
		deployment = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: aN, namespace: NS}\nspec:\n  selector: {matchLabels: {app: aN}}\n" +
			"  template: {metadata: {labels: {app: aN}}, spec: {containers: [{name: a, image: \"a:1\", ports: [{containerPort: 8080}]}]}}\n"
	)
	for name, in := range map[string]struct{ file, text, namespace string }{
		"in directories of one namespace":  {"apps/N/all.yaml", canary + deployment, "shop"},
		"in namespaces":                    {"apps/aN.yaml", canary + deployment, "sN"},
		"in clusters that have equal ones": {"clusters/N/all.yaml", strings.ReplaceAll(canary+deployment, "aN", "a"), "shop"},
	} {
		t.Run(name, func(t *testing.T) {
			cost := func(n int) uint64 {
				var files []schema.File
				for i := range n {
					number := strings.NewReplacer("NS", strings.ReplaceAll(in.namespace, "N", fmt.Sprint(i)), "aN", fmt.Sprintf("a%d", i), "tN", fmt.Sprintf("t%d", i), "/N/", fmt.Sprintf("/%d/", i))
					files = append(files, schema.File{Name: number.Replace(in.file), Data: []byte(number.Replace(in.text))})
				}
				return Allocated(func() {
					render.Begin(schema.LoadRollouts(files, plain.IsBeside), render.Options{}).Compile(nil)
				})
			}
			cost(10)
			const few, little = 50, 1 << 20
			before, after := cost(few), cost(Factor*few)
			if Exceeds(before, after, little) {
				t.Errorf("%d cost %d bytes, and %d cost %d", few, before, Factor*few, after)
			}
		})
	}
}
