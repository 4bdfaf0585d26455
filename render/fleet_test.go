package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/fleetgen"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// members returns the clusters of documents with their applications.
func members(t *testing.T, files []schema.File) []*render.Member {
	t.Helper()
	all, list := render.Begin(schema.Load(files), render.Options{}).Fleet(nil)
	if list.HasErrors() {
		t.Fatal(list)
	}
	return all
}

// TestMembersHaveTheRenderedStages checks that the stages before the applications, and the dependencies of an
// application, match the rendered ones.
func TestMembersHaveTheRenderedStages(t *testing.T) {
	for directory, want := range map[string]string{
		"kuma-rollout":      "infrastructure [kuma prometheus flagger loadtester], mesh after infrastructure, shared after mesh; [mesh]",
		"waves":             "infrastructure [flagger], shared after infrastructure; [infrastructure]",
		"no-fleet":          "; []",
		"gatewayapi-canary": "gateway-api [gateway-api], infrastructure after gateway-api [contour flagger loadtester], mesh after infrastructure, shared after mesh; [mesh]",
		"hub":               "infrastructure, releases after infrastructure [kuma prometheus flagger loadtester], mesh after releases, shared after mesh; [sources]",
	} {
		m := members(t, example(t, "../examples/"+directory))[0]
		var stages []string
		for _, s := range m.Base.Stages {
			text := s.Name
			if s.After != "" {
				text += " after " + s.After
			}
			if len(s.Components) > 0 {
				text += fmt.Sprint(" ", s.Components)
			}
			stages = append(stages, text)
		}
		if got := fmt.Sprint(strings.Join(stages, ", "), "; ", m.Placements[0].After); got != want {
			t.Errorf("%s: it is %q, want %q", directory, got, want)
		}
	}
}

// TestMembersSharePlacements checks that the number of placements does not grow with the number of clusters.
func TestMembersSharePlacements(t *testing.T) {
	placements := func(clusters int) map[*render.Placement]bool {
		files, err := fleetgen.Files(fleetgen.Size{Applications: 12, Clusters: clusters})
		if err != nil {
			t.Fatal(err)
		}
		all := map[*render.Placement]bool{}
		for _, m := range members(t, files) {
			for _, p := range m.Placements {
				all[p] = true
			}
		}
		return all
	}
	if few, many := len(placements(10)), len(placements(40)); few != many {
		t.Errorf("there are %d placements on 10 clusters, and %d on 40", few, many)
	}
}

// TestMembersNameTheirOverrides checks that a placement names the overrides and the variables that apply to it.
func TestMembersNameTheirOverrides(t *testing.T) {
	var got []string
	for _, m := range members(t, example(t, "../examples/overrides")) {
		for _, p := range m.Placements {
			text := m.Name + " " + p.Application
			for _, o := range p.Overrides {
				text += fmt.Sprintf(" %s/%s by %s", o.Policy, o.Section, o.Selector)
			}
			got = append(got, strings.Join(append([]string{text}, p.Variables...), " "))
		}
	}
	want := []string{
		"production-ap default/podinfo /source by stage=production podinfo/rollout by stage=production",
		"production-ap default/shop shop/helm by stage=production cluster.labels.region cluster.labels.shards cluster.name",
		"production-eu default/podinfo /source by stage=production podinfo/rollout by stage=production",
		"production-eu default/shop shop/helm by stage=production shop/helm by region in (eu) cluster.labels.region cluster.labels.shards cluster.name",
		"production-us default/podinfo /source by stage=production podinfo/kustomization by region=us podinfo/rollout by stage=production",
		"production-us default/shop shop/helm by stage=production cluster.labels.region cluster.labels.shards cluster.name",
		"staging-eu default/podinfo",
		"staging-eu default/shop shop/helm by region in (eu) cluster.labels.region cluster.labels.shards cluster.name",
	}
	if !slices.Equal(got, want) {
		t.Errorf("they are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
