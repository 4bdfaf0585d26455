package importer_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/importer"
	"github.com/fleetwright/fleetwright/schema"
)

// kustomization returns a Flux Kustomization on the cluster's source; more is part of its spec.
func kustomization(name, path, more string) string {
	return `---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: ` + name + `, namespace: flux-system}
spec: {interval: 10m, path: ./` + path + `, prune: true, sourceRef: {kind: GitRepository, name: flux-system}` + more + `}
`
}

// release returns a HelmRelease with its HelmRepository.
func release(namespace, name string) string {
	return `---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: ` + name + `, namespace: ` + namespace + `}
spec: {interval: 1h, url: https://charts.example.com}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: ` + name + `, namespace: ` + namespace + `}
spec: {interval: 1h, chart: {spec: {chart: ` + name + `, sourceRef: {kind: HelmRepository, name: ` + name + `}}}}
`
}

const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"

// canary returns a Canary of the Deployment shop; more is part of its spec.
func canary(more string) string {
	return `---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: shop, namespace: shop}
spec: {` + more + `targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}, service: {port: 80}, analysis: {interval: 1m, threshold: 5, iterations: 5}}
`
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: shop, labels: {app: shop}}
spec:
  selector: {matchLabels: {app: shop}}
  template: {metadata: {labels: {app: shop}}, spec: {containers: [{name: shop, image: "shop:1.0.0", ports: [{containerPort: 80}]}]}}
`

const template = `---
apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata: {name: not-found, namespace: shop}
spec: {provider: {type: prometheus, address: "http://prometheus.monitoring:9090"}, query: "sum(rate(errors[1m]))"}
`

// flagger returns the HelmRelease of Flagger with values.
func flagger(values string) string {
	return strings.TrimSuffix(release("flagger-system", "flagger"), "}\n") + ", values: {" + values + "}}\n"
}

// TestMovesLiveClusters checks the report for repositories whose move is hazardous.
func TestMovesLiveClusters(t *testing.T) {
	for _, test := range []struct {
		name     string
		clusters []string
		files    map[string]string
		want     []string
		without  []string
	}{
		{
			name: "a Kustomization that another waits for keeps what it applies",
			files: map[string]string{
				"clusters/eu/infra.yaml":    kustomization("controllers", "infra/controllers", ", wait: true") + kustomization("configs", "infra/configs", ", dependsOn: [{name: controllers}]"),
				"infra/controllers/cm.yaml": release("certs", "certs"),
				"infra/configs/ns.yaml":     namespace,
			},
			want: []string{"infra/controllers/cm.yaml:7: HelmRelease certs/certs: Kustomization flux-system/controllers would have nothing left to apply, and Kustomization flux-system/configs waits for it"},
		},
		{
			name: "and so does one below it",
			files: map[string]string{
				"clusters/eu/infra.yaml": kustomization("infra", "infra", ", wait: true") + kustomization("apps", "apps", ", dependsOn: [{name: infra}]"),
				"infra/certs.yaml":       kustomization("certs", "certs", ""),
				"certs/cm.yaml":          release("certs", "certs"),
				"apps/ns.yaml":           namespace,
			},
			want: []string{"HelmRelease certs/certs: Kustomization flux-system/certs would have nothing left to apply, and Kustomization flux-system/apps waits for it"},
		},
		{
			name: "one that stays keeps what it applies",
			files: map[string]string{
				"clusters/eu/infra.yaml": kustomization("tools", "tools", ", force: maybe"),
				"tools/tool.yaml":        release("tools", "tool"),
			},
			want: []string{"HelmRelease tools/tool: Kustomization flux-system/tools would have nothing left to apply, and is not imported itself"},
		},
		{
			name: "a Kustomization is kept that generates objects, or applies those of another repository",
			files: map[string]string{
				"clusters/eu/apps.yaml":  kustomization("one", "one", "") + kustomization("two", "two", ""),
				"one/kustomization.yaml": "resources: [shop.yaml]\nconfigMapGenerator: [{name: shop, literals: [a=b]}]\n",
				"one/shop.yaml":          release("shop", "shop"),
				"two/kustomization.yaml": "resources: [cart.yaml, https://github.com/example/app//deploy]\n",
				"two/cart.yaml":          release("cart", "cart"),
			},
			want:    []string{"HelmRelease shop/shop becomes", "HelmRelease cart/cart becomes", "Kustomization flux-system/one becomes", "Kustomization flux-system/two becomes"},
			without: []string{"delete these Kustomizations"},
		},
		{
			name: "patches of former versions are rendered in blocks",
			files: map[string]string{
				"clusters/eu/shop.yaml": strings.NewReplacer("helm.toolkit.fluxcd.io/v2", "helm.toolkit.fluxcd.io/v2beta1", "spec: {interval: 1h, chart", "spec: {postRenderers: [{kustomize: {patchesJson6902: [{target: {kind: Service}, patch: [{op: remove, path: /spec/x}]}]}}], interval: 1h, chart").Replace(release("shop", "shop")),
			},
			want: []string{"HelmRelease shop/shop becomes", "HelmRelease shop/shop, spec.postRenderers[0].kustomize.patchesJson6902: it is rendered as patches"},
		},
		{
			name: "a second import goes beside the documents of the first",
			files: map[string]string{
				"clusters/eu/shop.yaml": release("shop", "shop"),
				"fleet/fleet.yaml":      "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: fleet, namespace: shop}\nspec: {clusters: []}\n",
			},
			want: []string{"documents of fleetwright exist already: fleet/fleet.yaml. Add the new Applications"},
		},
		{
			name: "a HelmRelease of a HelmChart stays",
			files: map[string]string{
				"clusters/eu/shop.yaml": strings.Replace(release("shop", "shop"), "chart: {spec: {chart: shop, sourceRef: {kind: HelmRepository, name: shop}}}", "chartRef: {kind: HelmChart, name: shop}", 1) + release("cart", "cart"),
			},
			want: []string{"HelmRelease shop/shop: an Application cannot use a HelmChart"},
		},
		{
			name: "the order that a Kustomization gave is reported",
			files: map[string]string{
				"clusters/eu/apps.yaml": kustomization("infra", "infra", ", wait: true") + kustomization("apps", "apps", ", dependsOn: [{name: infra}]"),
				"infra/ns.yaml":         namespace,
				"infra/certs.yaml":      release("certs", "certs"),
				"apps/ns.yaml":          namespace,
				"apps/shop.yaml":        release("shop", "shop"),
			},
			want: []string{
				"infra/certs.yaml:7: HelmRelease certs/certs: Kustomization flux-system/apps waits for Kustomization flux-system/infra, which will no longer include this object",
				"apps/shop.yaml:7: HelmRelease shop/shop: Kustomization flux-system/apps applies it only after Kustomization flux-system/infra is ready, but the rendered object is applied at once",
			},
		},
		{
			name: "what Flux does not apply is not imported",
			files: map[string]string{
				"clusters/eu/shop.yaml":     release("shop", "shop"),
				"clusters/eu/listed.json":   release("listed", "listed"),
				"clusters/eu/old/shop.yaml": release("old", "old"),
				".sourceignore":             "old/\n",
			},
			want:    []string{"HelmRelease shop/shop becomes", "clusters/eu/listed.json, clusters/eu/old/shop.yaml"},
			without: []string{"HelmRelease listed/listed", "HelmRelease old/old"},
		},
		{
			name: "what a tenant or nobody applies stays",
			files: map[string]string{
				"clusters/eu/apps.yaml": kustomization("old", "old", ", suspend: true") + kustomization("tenant", "tenant", ", serviceAccountName: shop"),
				"old/old.yaml":          release("old", "old"),
				"tenant/shop.yaml":      release("shop", "shop"),
			},
			want: []string{
				"HelmRelease old/old: Kustomization flux-system/old is suspended, so the object on the cluster may differ from the file",
				"HelmRelease shop/shop: Kustomization flux-system/tenant applies it as ServiceAccount shop, but Flux would apply the rendered object with its own permissions",
			},
		},
		{
			name:     "a Canary stays where clusters have another Flagger",
			clusters: []string{"ap", "eu", "us"},
			files: map[string]string{
				"clusters/ap/shop.yaml": kustomization("shop", "apps/shop", "") + canary("") + flagger("meshProvider: kubernetes"),
				"clusters/eu/shop.yaml": kustomization("shop", "apps/shop", "") + canary("") + flagger("meshProvider: istio"),
				"clusters/us/shop.yaml": kustomization("shop", "apps/shop", "") + canary("") + flagger(""),
				"apps/shop/shop.yaml":   deployment,
			},
			want: []string{
				"clusters/ap/shop.yaml:7: Canary shop/shop: a Fleet has one installed.flagger.meshProvider, but it is",
				"clusters/ap/shop.yaml:2: Kustomization flux-system/shop becomes",
			},
			without: []string{"].rollout"},
		},
		{
			name: "a metric gets the name of its MetricTemplate where a rollout has no such name",
			files: map[string]string{
				"clusters/eu/shop.yaml": kustomization("shop", "apps/shop", "") + strings.Replace(canary("provider: istio, "), "iterations: 5", `iterations: 5, metrics: [{name: "404s percentage", templateRef: {name: not-found}, thresholdRange: {max: 5}, interval: 1m}]`, 1) + template,
				"apps/shop/shop.yaml":   deployment,
			},
			want: []string{
				"Canary shop/shop becomes",
				"Canary shop/shop, spec.analysis.metrics[0].name: it is rendered as not-found, named after its MetricTemplate",
				"MetricTemplate shop/not-found, metadata.name: it is rendered as MetricTemplate shop/shop.not-found",
			},
		},
		{
			name:     "a MetricTemplate is to be deleted where its Canary was",
			clusters: []string{"ap", "eu"},
			files: map[string]string{
				"clusters/ap/shop.yaml": kustomization("shop", "apps/shop", "") + template,
				"clusters/eu/shop.yaml": kustomization("shop", "apps/shop", "") + template + strings.Replace(canary("provider: istio, "), "iterations: 5", "iterations: 5, metrics: [{name: errors, templateRef: {name: not-found}, thresholdRange: {max: 5}, interval: 1m}]", 1),
				"apps/shop/shop.yaml":   deployment,
			},
			want: []string{"delete these MetricTemplates with kubectl, unless a Canary outside the files uses them: shop/not-found on eu\n"},
		},
		{
			name: "a MetricTemplate stays that a Canary names which stays, unless it keeps its name",
			files: map[string]string{
				"clusters/eu/shop.yaml": kustomization("shop", "apps/shop", "") + template + strings.Replace(template, "not-found", "shop.same", 1) +
					strings.Replace(canary("provider: istio, "), "iterations: 5", "iterations: 5, metrics: [{name: errors, templateRef: {name: not-found}, thresholdRange: {max: 5}, interval: 1m}, {name: same, templateRef: {name: shop.same}, thresholdRange: {max: 5}, interval: 1m}]", 1) +
					strings.NewReplacer("name: shop", "name: cart", "iterations: 5", "iterations: 5, metrics: [{name: errors, templateRef: {name: not-found}}, {name: same, templateRef: {name: shop.same}}]").Replace(canary("provider: linkerd, ")),
				"apps/shop/shop.yaml": deployment,
			},
			want:    []string{"MetricTemplate shop/not-found: Canary shop/cart uses it, and is not imported", "MetricTemplate shop/shop.same becomes"},
			without: []string{"delete these MetricTemplates"},
		},
		{
			name: "a Canary stays with a query in a metric",
			files: map[string]string{
				"clusters/eu/shop.yaml": kustomization("shop", "apps/shop", "") + strings.Replace(canary("provider: istio, "), "iterations: 5", "iterations: 5, metrics: [{name: errors, query: sum(errors), threshold: 1, interval: 1m}]", 1),
				"apps/shop/shop.yaml":   deployment,
			},
			want: []string{"Canary shop/shop: its metric errors contains a query, which Flagger has deprecated; a rollout has no field for it"},
		},
		{
			name: "a Canary stays whose provider is in no file",
			files: map[string]string{
				"clusters/eu/shop.yaml": kustomization("shop", "apps/shop", "") + canary("") + strings.Replace(canary("provider: istio, "), "name: shop", "name: cart", 1),
				"apps/shop/shop.yaml":   deployment,
			},
			want: []string{"Canary shop/shop: it sets no spec.provider, and no file sets Flagger's meshProvider"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.clusters == nil {
				test.clusters = []string{"eu"}
			}
			var files []schema.File
			for _, name := range test.clusters {
				files = append(files, bootstrapOf("clusters/"+name))
			}
			for _, name := range slices.Sorted(maps.Keys(test.files)) {
				files = append(files, schema.File{Name: name, Data: []byte(test.files[name])})
			}
			got := report(t, []importer.Cluster{{Files: files}})
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("there is no %q in\n%s", want, got)
				}
			}
			for _, without := range test.without {
				if strings.Contains(got, without) {
					t.Errorf("there is %q in\n%s", without, got)
				}
			}
		})
	}
}
