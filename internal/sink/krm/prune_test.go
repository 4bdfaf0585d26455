package krm

import (
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/schema"
)

const fleetOfThree = `
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: all}
spec: {clusters: [{kind: Cluster, name: eu}, {kind: Cluster, name: us}, {kind: Cluster, name: test}]}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: eu, labels: {stage: prod}}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: us, labels: {stage: prod}}}
---
{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: test, labels: {stage: test}}}
`

const twoPolicies = `
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {name: web}
spec:
  source: {gitRepository: {url: https://example.com/web.git, interval: 1m}}
  syncPolicies:
  - name: web
    destination: {fleet: all, clusterSelector: {matchLabels: {stage: prod}}}
    kustomization: {interval: 5m, path: ./web, prune: true}
  - name: db
    destination: {fleet: all}
    kustomization: {interval: 5m, path: ./db, prune: true}
`

// TestWhatIsStillThereDoesNotDisappear checks that the function fails without permission if it would remove a
// cluster's policy that is still among the items.
func TestWhatIsStillThereDoesNotDisappear(t *testing.T) {
	typo := func(text string) string { return strings.Replace(text, "stage: prod", "stage: production", 1) }
	const lost = "error FW802 web.yaml#0 Application/web spec.syncPolicies[0].destination.clusterSelector.matchLabels: the policy web of Application default/web would disappear from eu, us: clusterSelector matches no cluster of the fleet all (FW204) | correct this; if it is meant, write allowPrune: [default/web] into spec.function of the RenderConfig"
	for name, tt := range map[string]struct {
		spec string
		edit func(text string) string
		want string
	}{
		"a selector":       {"{}", typo, lost},
		"of a hub":         {"{topology: hub}", typo, lost},
		"of one cluster":   {"{function: {cluster: eu}}", typo, strings.Replace(lost, "eu, us", "eu", 1)},
		"of another":       {"{function: {cluster: test}}", typo, ""},
		"that is allowed":  {"{function: {allowPrune: [default/web]}}", typo, ""},
		"by its name":      {"{function: {allowPrune: [web]}}", typo, ""},
		"a removed policy": {"{}", func(text string) string { return text[:strings.Index(text, "  - name: db")] }, ""},
		"a renamed one":    {"{}", func(text string) string { return typo(strings.Replace(text, "- name: web", "- name: front", 1)) }, ""},
		"another kind": {"{}", func(text string) string {
			return strings.Replace(text, "kustomization: {interval: 5m, path: ./web, prune: true}", "helm: {interval: 5m, chart: {spec: {chart: ./web}}}", 1)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			list := listOf(t, []schema.File{{Name: "fleet.yaml", Data: []byte(fleetOfThree)}, {Name: "web.yaml", Data: []byte(twoPolicies)}}, true)
			list.configured(t, tt.spec)
			run(t, list)
			items := listOf(t, []schema.File{{Name: "web.yaml", Data: []byte(tt.edit(twoPolicies))}}, true).Items
			for _, o := range list.Items {
				if o.kind() != "Application" {
					items = append(items, o)
				}
			}
			list.Items = items
			if tt.want == "" {
				run(t, list)
			} else {
				wantMistake(t, list, tt.want)
			}
		})
	}
}

// TestReleasesOfWhatIsInstalledStay checks that the function fails if Flux would uninstall a component that
// is now listed as installed, unless a name that no Application has permits it.
func TestReleasesOfWhatIsInstalledStay(t *testing.T) {
	const fleet = "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: all}\nspec: {clusters: [{kind: Cluster, name: eu}], plugin: {flagger: {trafficRoutingProvider: istio}}}\n---\n" +
		"{apiVersion: cluster.kurator.dev/v1alpha1, kind: Cluster, metadata: {name: eu}}\n"
	installed := strings.Replace(fleet, "trafficRoutingProvider: istio", "trafficRoutingProvider: istio, installed: {flagger: {version: 1.44.0}}", 1)
	const lost = "error FW802 fleet.yaml#0 Fleet/all spec.plugin.flagger.installed.flagger: the release of flagger would disappear from eu: flagger is under installed, so its release is no longer rendered; to keep it, first commit handOver: true there, with the former chart and values | correct this; if it is meant, write allowPrune: [installed/flagger] into spec.function of the RenderConfig"
	for spec, want := range map[string]string{
		"{}":                        lost,
		"{topology: hub}":           lost,
		"{function: {cluster: eu}}": lost,
		"{function: {allowPrune: [installed/flagger]}}": "",
	} {
		t.Run(spec, func(t *testing.T) {
			list := listOf(t, []schema.File{{Name: "fleet.yaml", Data: []byte(fleet)}}, true)
			list.configured(t, spec)
			run(t, list)
			items := listOf(t, []schema.File{{Name: "fleet.yaml", Data: []byte(installed)}}, true).Items
			for _, o := range list.Items {
				if kind := o.kind(); kind != "Fleet" && kind != "Cluster" {
					items = append(items, o)
				}
			}
			list.Items = items
			if want == "" {
				run(t, list)
			} else {
				wantMistake(t, list, want)
			}
		})
	}
}
