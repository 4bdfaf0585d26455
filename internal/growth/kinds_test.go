package growth

import (
	"fmt"
	"strings"

	"github.com/fleetwright/fleetwright/schema"
)

// Kinds lists all known ways in which inputs grow.
func Kinds() []Kind {
	return []Kind{
		// Documents and files.
		{"applications", rows("", strings.ReplaceAll(small, "%[2]s", ""), ""), 50},
		{"applications in files", files(strings.ReplaceAll(small, "%[2]s", "")), 50},
		{"applications of one name", rows("", strings.ReplaceAll(strings.ReplaceAll(small, "%[2]s", ""), "name: a%[1]d", "name: a"), ""), 50},
		{"policies of one name", rows("", strings.ReplaceAll(strings.ReplaceAll(small, "%[2]s", ""), "name: p%[1]d", "name: p"), ""), 50},
		{"documents of others", rows(canary+fleet, "---\napiVersion: v1\nkind: Kind%[1]d\nmetadata: {name: x}\n", ""), 200},
		{"empty documents", rows(canary+fleet, "---\n", ""), 200},
		{"items of a List", rows(canary+fleet+"---\napiVersion: v1\nkind: List\nitems:\n", "- {apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: c%[1]d, namespace: default}, spec: {kubeconfig: {name: m, key: k}}}\n", ""), 100},
		{"Lists in Lists", func(n int) []schema.File {
			n = min(n, 400)
			return text(canary + fleet + "---\n" + strings.Repeat("{apiVersion: v1, kind: List, items: [", n) + strings.Repeat("]}", n))
		}, 50},
		{"misspelt kinds", rows(canary+fleet, "---\napiVersion: apps.kurator.dev/v1alpha1\nkind: Aplication\nmetadata: {name: x%[1]d}\n", ""), 100},
		{"misspelt groups", rows(canary+fleet, "---\napiVersion: app.kurator.dev/v1alpha1\nkind: Application\nmetadata: {name: x%[1]d}\n", ""), 100},
		{"documents without a kind", rows(canary+fleet, "---\napiVersion: apps.kurator.dev/v1alpha1\nmetadata: {name: x%[1]d}\n", ""), 100},
		{"documents with a misspelt key", rows(canary+fleet, "---\napiVersion: apps.kurator.dev/v1alpha1\nkid: Application\nmetadata: {name: x%[1]d}\n", ""), 100},
		{"documents without a name", rows(fleet, "---\napiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nspec: {}\n", ""), 50},
		{"missing specs", rows(fleet, "---\napiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {name: x%[1]d}\n", ""), 50},
		{"fields that only CUE judges", rows("", strings.ReplaceAll(small, "%[2]s", ", timeout: 1"), ""), 50},
		{"files with invalid YAML", files("---\napiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {name: x%[1]d, labels: {n%[2]d: x}}\nspec: [\n"), 50},
		{"unknown fleets and invalid YAML", and(rows("", strings.ReplaceAll(small, "%[2]s", "")+"    destination: {fleet: f%[1]d}\n", ""), "name: ["+strings.Repeat("x", 20000)), 50},
		{"unknown fleets and much invalid YAML", func(n int) []schema.File {
			all := rows("", strings.ReplaceAll(small, "%[2]s", "")+"    destination: {fleet: f%[1]d}\n", "")(n)
			broken := rows("x: [\n", "name: x%[1]d\n", "")(10 * n)[0]
			broken.Name = "broken.yaml"
			return append(all, broken)
		}, 50},
		{"unknown fleets and misspelt kinds", func(n int) []schema.File {
			all := rows("", strings.ReplaceAll(small, "%[2]s", "")+"    destination: {fleet: f%[1]d}\n", "")(n)
			broken := rows("", "---\napiVersion: apps.kurator.dev/v1alpha1\nkind: Aplication\nmetadata: {name: x%[1]d}\n", "")(n)[0]
			broken.Name = "broken.yaml"
			return append(all, broken)
		}, 50},
		{"unknown fleets and fleets of other names", func(n int) []schema.File {
			all := rows("", strings.ReplaceAll(small, "%[2]s", "")+"    destination: {fleet: f%[1]d}\n", "")(n)
			others := rows("", "---\napiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: fleet%[1]d, namespace: default}\nspec: {clusters: []}\n", "")(n)[0]
			others.Name = "others.yaml"
			return append(all, others)
		}, 50},
		{"broken documents", rows("", "---\napiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: b%[1]d, namespace: default}\nspec: {clusters: 1}\n"+strings.ReplaceAll(small, "%[2]s", "")+"    destination: {fleet: b%[1]d}\n", ""), 50},

		// YAML.
		{"unknown keys", rows(canary, "    key%[1]d: 1\n", fleet), 200},
		{"unknown keys of a rollout", rows(app+rollout+weights, "        key%[1]d: 1\n", metrics+command+fleet), 200},
		{"duplicate keys", rows(canary+"    destination: {fleet: f}\n", "    destination: {fleet: f}\n", fleet), 200},
		{"different duplicate keys", rows(canary, "  a%[1]d: 1\n  a%[1]d: 1\n", fleet), 200},
		{"keys that are not strings", rows(canary, "  ? [%[1]d]\n  : 1\n", fleet), 200},
		{"merged mappings", rows(head+"x: &x {a: 1}\nspec:\n", "  <<: *x\n", fleet), 200},
		{"lists of merged mappings", rows(head+"x: &x {a: 1}\nspec:\n  <<: [", "*x, ", "]\n"+fleet), 200},
		{"mappings merged in a chain", func(n int) []schema.File {
			var b strings.Builder
			b.WriteString(head + "x0: &x0 {k0: 1}\n")
			for i := 1; i <= n; i++ {
				fmt.Fprintf(&b, "x%d: &x%d {<<: *x%d, k%d: 1}\n", i, i, i-1, i)
			}
			return text(b.String())
		}, 50},
		{"mappings that merge one", rows(head+"x: &x {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1}\n", "y%[1]d: {<<: *x}\n", ""), 200},
		{"merges of other values than mappings", rows(head+"spec:\n  <<: [", "1, ", "]\n"+fleet), 200},
		{"aliases", rows(head+"x: &x {a: 1}\ny:\n", "- *x\n", fleet), 200},
		{"anchors", rows(head+"x:\n", "- &x%[1]d 1\n", fleet), 200},
		{"nested lists", func(n int) []schema.File {
			return text(head + "x: " + strings.Repeat("[", n) + strings.Repeat("]", n) + "\n")
		}, 20},
		{"nested mappings", func(n int) []schema.File {
			n = min(n, 490)
			return text(head + "x: " + strings.Repeat("{a: ", n) + strings.Repeat("}", n) + "\n")
		}, 50},
		{"comments", rows(canary+fleet, "# comment %[1]d\n", ""), 500},
		{"comments that ignore", rows(canary, "    # fleetwright: ignore FW308 because %[1]d\n", "    wait: true\n"+fleet), 500},
		{"comments that ignore, behind values", rows(canary+"    x:\n", "    - 1 # fleetwright: ignore FW308 because %[1]d\n", fleet), 500},
		{"comments that ignore nothing", rows(canary, "    # fleetwright: ignore FW999 because %[1]d\n", "    wait: true\n"+fleet), 500},
		{"comments that ignore, over errors", rows(canary, "    # fleetwright: ignore FW110 because\n    key%[1]d: 1\n", fleet), 200},
		{"comments that ignore in blocks", rows(canary+fleet+"# fleetwright: ignore FW308 x\n---\nx: |\n", "  # fleetwright: ignore FW308 x\n", ""), 500},
		{"blocks after comments", rows(canary+fleet+"# fleetwright: ignore FW308 x\n---\n", "x%[1]d: |\n  # y\n  z\n", ""), 200},
		{"open blocks after comments", rows(canary+fleet+"# fleetwright: ignore FW308 x\n---\n", "x%[1]d: |\n\n", ""), 200},
		{"multi-line quotes after comments", rows(canary+fleet+"# fleetwright: ignore FW308 x\n---\nx: \"", "# y\n\n  ", "\"\n"), 200},
		{"quotes on one line after comments", rows(canary+fleet+"# fleetwright: ignore FW308 x\n---\nx: [", "\" # y\", ", "]\n"), 200},
		{"number signs on one line after comments", rows(canary+fleet+"# fleetwright: ignore FW308 x\n---\nx: \"", " # ", "\"\n"), 200},
		{"comments on one line", rows(canary+fleet+"# fleetwright: ", "ignore FW308 ", "\n"), 500},
		{"errors on one line", rows(strings.Replace(head, "\n", "\r\n", -1)+"spec: {", "key%[1]d: 1, ", "}\n"), 200},
		{"a document on one line with many errors", func(n int) []schema.File {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, `, "key%d": 1`, i)
			}
			return text(`{"apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "metadata": {"name": "a"}, "spec": {"source": {}` + b.String() + "}}")
		}, 200},
		{"lines before a syntax error", rows(canary+fleet+"---\n", "x%[1]d: 1\n", "y: [\n"), 500},
		{"columns before a syntax error", rows(canary+fleet+"---\nx: [", "%[1]d, ", "\n"), 500},
		{"characters before a bad one", long(canary+fleet+"# %s\x00\n", "é"), 2000},
		{"tabs", rows(canary+fleet+"---\n", "x%[1]d:\n\ty\n", ""), 200},
		{"syntax errors", files("%[1]d: {\n%[2]d"), 50},
		{"surrogates", rows(canary+"    x:\n", "    - \"\\ud83d\\ude00\"\n", fleet), 200},
		{"null values", rows(canary+"    x:\n", "      k%[1]d:\n", fleet), 200},
		{"numbers that JSON lacks", rows(canary+"    x:\n", "    - .inf\n", fleet), 200},
		{"wrong tags", rows(canary+"    x:\n", "    - !!int a\n", fleet), 200},
		{"characters that an API server rejects", rows(canary+"    x:\n", "    - \"a\\x7f\"\n", fleet), 200},
		{"line breaks of all kinds", rows(canary+fleet, "# x\r\n# y\u0085# z\u2028# w\r", ""), 200},

		// Shapes.
		{"labels without a spec", rows("apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata:\n  name: a\n  labels:\n", "    l%[1]d: x\n", ""), 200},
		{"bad labels", rows("apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata:\n  name: a\n  labels:\n", "    l%[1]d: ' x'\n", ""), 200},
		{"bad label keys", rows("apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata:\n  name: a\n  labels:\n", "    ' l%[1]d': x\n", strings.TrimPrefix(app, head)+policy), 200},
		{"annotations", rows("apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata:\n  name: a\n  annotations:\n", "    l%[1]d: x\n", strings.TrimPrefix(app, head)+policy), 200},
		{"label texts of wrong types", rows("apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata:\n  name: a\n  labels:\n", "    l%[1]d: 1\n", ""), 200},
		{"policies that are not mappings", rows(app, "  - %[1]d\n", fleet), 200},
		{"policies with errors", rows(app, "  - name: p%[1]d\n    kustomization: {interval: 5x, path: ./x, prun: true}\n", fleet), 50},
		{"policies with long errors", rows(app, "  - name: p%[1]d\n    kustomization: {interval: 5x, path: ./x, prune: true, targetNamespace: A"+strings.Repeat("x", 300)+"}\n", fleet), 50},
		{"misplaced fields", rows(app, "  - name: p%[1]d\n    kustomization: {interval: 5m, path: ./x, prune: true, stepWeight: 1}\n", fleet), 50},
		{"durations that are too long", rows(app, "  - name: p%[1]d\n    kustomization: {interval: 99999999999h, path: ./x, prune: true}\n", fleet), 50},
		{"rollouts with errors", rows(app, strings.ReplaceAll(rollout+strings.ReplaceAll(weights, "stepWeight:", "stepWieght:")+metrics+command, "name: p\n", "name: p%[1]d\n"), fleet), 20},
		{"broken rules", rows(app, "  - name: p%[1]d\n", fleet), 50},
		{"clusters with errors", rows("apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f}\nspec:\n  clusters:\n", "  - {name: C%[1]d, kind: Attached}\n", ""), 100},

		// The output.
		{"policies", rows(app, strings.ReplaceAll(policy, "name: p\n", "name: p%[1]d\n"), fleet), 50},
		{"policies without a name", rows(app, strings.ReplaceAll(policy, "  - name: p\n    ", "  - "), fleet), 50},
		{"unknown dependencies", rows(app+policy+"      dependsOn:\n", "      - {name: d%[1]d}\n", fleet), 100},
		{"dependencies in a chain", func(n int) []schema.File {
			var b strings.Builder
			b.WriteString(app)
			for i := range n {
				fmt.Fprintf(&b, "  - name: p%d\n    kustomization: {interval: 5m, path: ./x, prune: true, dependsOn: [{name: p%d}]}\n", i, i+1)
			}
			fmt.Fprintf(&b, "  - name: p%d\n    kustomization: {interval: 5m, path: ./x, prune: true}\n", n)
			return text(b.String())
		}, 100},
		{"dependencies in a ring", func(n int) []schema.File {
			var b strings.Builder
			b.WriteString(app)
			for i := range n {
				fmt.Fprintf(&b, "  - name: p%d\n    kustomization: {interval: 5m, path: ./x, prune: true, dependsOn: [{name: p%d}]}\n", i, (i+1)%n)
			}
			return text(b.String())
		}, 100},
		{"rings of dependencies", func(n int) []schema.File { // each depends on the first and on the next
			var b strings.Builder
			b.WriteString(app)
			for i := range n {
				fmt.Fprintf(&b, "  - name: p%d\n    kustomization: {interval: 5m, path: ./x, prune: true, dependsOn: [{name: p0}, {name: p%d}]}\n", i, (i+1)%n)
			}
			return text(b.String())
		}, 100},
		{"dependencies on one", rows(app+policy, "  - name: p%[1]d\n    kustomization: {interval: 5m, path: ./x, prune: true, dependsOn: [{name: p}]}\n", fleet), 100},
		{"fleets", func(n int) []schema.File {
			return append(rows("", strings.ReplaceAll(strings.ReplaceAll(fleet, "name: f,", "name: f%[1]d,"), "name: m,", "name: m%[1]d,"), "")(n), schema.File{Name: "app.yaml", Data: []byte(strings.ReplaceAll(canary, "fleet: f", "fleet: f0"))})
		}, 20},
		{"clusters", clusters("", ""), 100},
		{"clusters and dependencies between their policies", clusters("  - name: q\n    destination: {fleet: f}\n    kustomization: {interval: 5m, path: ./x, prune: true, dependsOn: [{name: p}]}\n", ""), 100},
		{"clusters that a selector excludes", clusters("  - name: q\n    destination: {fleet: f, clusterSelector: {matchLabels: {stage: s1}}}\n    kustomization: {interval: 5m, path: ./x, prune: true, dependsOn: [{name: p}]}\n", ""), 100},
		{"applications with overrides", rows("", strings.ReplaceAll(small, "%[2]s", "")+"    overrides: [{clusterSelector: {}, kustomization: {timeout: 1m}}, {clusterSelector: {matchLabels: {a: b}}, kustomization: {force: true}}]\n", ""), 50},
		{"applications with variables", rows("", strings.ReplaceAll(small, "%[2]s", ", targetNamespace: '${cluster.name}'"), ""), 50},
		{"clusters with overrides", func(n int) []schema.File {
			return append(clusters("", "")(n), text(strings.Replace(head, "name: a", "name: o", 1)+"spec:\n  source: {gitRepository: {url: https://example.com, interval: 1m}}\n  destination: {fleet: f}\n  syncPolicies:\n  - {name: o, kustomization: {interval: 1m, prune: true, path: '${cluster.name}'}, overrides: [{clusterSelector: {matchLabels: {stage: s1}}, kustomization: {force: true}}]}\n")...)
		}, 50},
		{"fields of an override", rows(head+"spec:\n  source: {gitRepository: {url: https://example.com, interval: 1m}}\n  syncPolicies:\n  - name: p\n    helm: {interval: 1m, chart: {spec: {chart: ./a}}, values: {a: 1}}\n    overrides:\n    - clusterSelector: {}\n      helm:\n        values:\n", "          k%[1]d: ${cluster.name}\n", ""), 200},
		{"clusters in waves", func(n int) []schema.File {
			return append(clusters("", "")(n), schema.File{Name: "waves.yaml", Data: []byte("apiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nspec: {waves: [{name: a, clusterSelector: {matchLabels: {stage: s1}}}, {name: b}], through: a}\n")})
		}, 100},
		{"waves", func(n int) []schema.File {
			return append(text(canary), rows("apiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nspec:\n  waves:\n", "  - {name: w%[1]d, clusterSelector: {matchLabels: {l: v%[1]d}}}\n", "")(n)...)
		}, 100},
		{"clusters twice in a fleet", rows(canary+"---\napiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f, namespace: default}\nspec:\n  clusters:\n", "  - {name: m, kind: AttachedCluster}\n", strings.Replace(fleet, "name: f,", "name: g,", 1)), 100},
		{"unknown clusters", func(n int) []schema.File {
			return rows(canary+"---\napiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f, namespace: default}\nspec:\n  clusters:\n", "  - {name: u%[1]d, kind: AttachedCluster}\n", "")(n)
		}, 100},
		{"clusters of one name", rows(canary+fleet, "---\napiVersion: cluster.kurator.dev/v1alpha1\nkind: AttachedCluster\nmetadata: {name: m, namespace: n%[1]d}\nspec: {kubeconfig: {name: m, key: k}}\n", ""), 100},
		{"labels of a selector", func(n int) []schema.File {
			labels := rows("", "      l%[1]d: x\n", "")(n)[0].Data
			return text(app + policy + "    destination:\n      fleet: f\n      clusterSelector:\n       matchLabels:\n" + strings.ReplaceAll(string(labels), "      l", "        l") + fleet)
		}, 100},
		{"selectors that match nothing", rows(app, "  - name: p%[1]d\n    destination: {fleet: f, clusterSelector: {matchLabels: {stage: s%[1]d}}}\n    kustomization: {interval: 5m, path: ./x, prune: true}\n", fleet), 50},
		{"conditions of a selector", rows(app+policy+"    destination:\n      fleet: f\n      clusterSelector:\n        matchExpressions:\n", "        - {key: l%[1]d, operator: NotIn, values: [x]}\n", fleet), 100},
		{"conditions that nothing meets", rows(app+policy+"    destination:\n      fleet: f\n      clusterSelector:\n        matchExpressions:\n", "        - {key: l%[1]d, operator: Exists}\n", fleet), 100},
		{"values of a condition", rows(app+policy+"    destination:\n      fleet: f\n      clusterSelector:\n        matchExpressions:\n        - key: l\n          operator: NotIn\n          values:\n", "          - v%[1]d\n", fleet), 100},
		{"bad conditions", rows(app+policy+"    destination:\n      fleet: f\n      clusterSelector:\n        matchExpressions:\n", "        - {key: l%[1]d, operator: In}\n", fleet), 100},
		{"policies of one name that go nowhere", rows(app, "  - name: p\n    destination: {fleet: f, clusterSelector: {matchExpressions: [{key: k%[1]d, operator: Exists}]}}\n    kustomization: {interval: 5m, path: ./x, prune: true}\n", fleet), 50},
		{"dependencies on policies of one name", func(n int) []schema.File {
			return append(rows(app, "  - name: p\n    destination: {fleet: f, clusterSelector: {matchExpressions: [{key: k%[1]d, operator: Exists}]}}\n    kustomization: {interval: 5m, path: ./x, prune: true}\n", fleet)(n),
				more(rows(strings.ReplaceAll(app, "name: a,", "name: b,"), "  - name: q%[1]d\n    destination: {fleet: f}\n    kustomization: {interval: 5m, path: ./x, prune: true, dependsOn: [{name: p}]}\n", "")(n))...)
		}, 50},
		{"fleets of one cluster", sharing("trafficRoutingProvider: istio"), 200},
		{"fleets of one cluster with installed components", sharing("trafficRoutingProvider: istio, installed: {flagger: {version: 1.44.0}, istio: {}, ingress-nginx: {}}"), 200},
		{"fleets of one cluster that disagree", sharing("trafficRoutingProvider: istio, installed: {flagger: {version: 1.44.%[1]d}, istio: {revision: r%[1]d}}"), 200},
		{"namespaces that a fleet allows", func(n int) []schema.File {
			return append(rows("apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: g, namespace: platform}\nspec:\n  clusters: [{name: m, kind: AttachedCluster}]\n  allowedNamespaces:\n", "  - n%[1]d\n",
				"---\napiVersion: cluster.kurator.dev/v1alpha1\nkind: AttachedCluster\nmetadata: {name: m, namespace: platform}\n")(n),
				more(rows("", strings.ReplaceAll(strings.ReplaceAll(small, "%[2]s", ""), "namespace: default", "namespace: n%[1]d")+"    destination: {fleet: g, fleetNamespace: platform}\n", "")(n))...)
		}, 50},
		{"selectors among many clusters", func(n int) []schema.File {
			return append(rows(app, "  - name: p%[1]d\n    destination: {fleet: f, clusterSelector: {matchLabels: {stage: s%[1]d}}}\n    kustomization: {interval: 5m, path: ./x, prune: true}\n", "")(n), clusters("", "")(n)[1:]...)
		}, 20},
		{"rollouts", func(n int) []schema.File {
			return append(rows("", "---\n"+numbered(canary), "")(n), text(fleet)[0])
		}, 20},
		{"rollouts of one Application", rows(app, strings.TrimPrefix(numbered(canary), numbered(app)), fleet), 20},
		{"rollouts of one workload", rows(app, strings.ReplaceAll(strings.TrimPrefix(canary, app), "name: p\n", "name: p%[1]d\n"), fleet), 20},
		{"rollouts of one host", rows(app, strings.ReplaceAll(strings.TrimPrefix(numbered(canary), numbered(app)), "        trafficRouting:\n", "        trafficRouting:\n          hosts: [a.example.com]\n          gateways: [istio-system/g]\n"), fleet), 20},
		{"webhooks", rows(canary+"        webhooks:\n", "        - {name: w%[1]d, url: http://x.y/}\n", fleet), 100},
		{"webhooks of one name", rows(canary+"        webhooks:\n", "        - {name: w, url: http://x.y/}\n", fleet), 100},
		{"bad webhooks", rows(canary+"        webhooks:\n", "        - {name: w%[1]d, url: ht, type: x}\n", fleet), 100},
		{"webhook metadata", rows(canary+"        webhooks:\n        - name: w\n          url: http://x.y/\n          metadata:\n", "            k%[1]d: x\n", fleet), 100},
		{"alerts", rows(canary+"        alerts:\n", "        - {name: w%[1]d, providerRef: {name: p%[1]d}}\n", fleet), 100},
		{"alerts of one provider", rows(canary+"        alerts:\n", "        - {name: w%[1]d, providerRef: {name: p}}\n", "---\napiVersion: flagger.app/v1beta1\nkind: AlertProvider\nmetadata: {name: p, namespace: default}\nspec: {type: slack, address: https://x.y/}\n"+fleet), 100},
		{"alert providers", func(n int) []schema.File {
			return append(rows(canary+"        alerts:\n", "        - {name: w%[1]d, providerRef: {name: p%[1]d}}\n", fleet)(n), rows("", "---\napiVersion: flagger.app/v1beta1\nkind: AlertProvider\nmetadata: {name: p%[1]d, namespace: default}\nspec: {type: slack, address: https://x.y/}\n", "")(n)[0])
		}, 50},
		{"metrics", rows(app+rollout+weights+analysis+"          metrics:\n", "          - {name: m%[1]d, thresholdRange: {min: 99}, customMetric: {provider: {type: prometheus, address: http://p.m}, query: 'sum(rate(x{w=\"web-canary\"}[{{ interval }}]))'}}\n", command+fleet), 50},
		{"metrics without a template", rows(app+rollout+weights+analysis+"          metrics:\n", "          - {name: m%[1]d, thresholdRange: {min: 99}}\n", command+fleet), 50},
		{"metrics of one name", rows(app+rollout+weights+analysis+"          metrics:\n", "          - {name: request-success-rate, thresholdRange: {min: 99}}\n", command+fleet), 50},
		{"broken queries", rows(app+rollout+weights+analysis+"          metrics:\n", "          - {name: m%[1]d, thresholdRange: {min: 99}, customMetric: {provider: {type: prometheus, address: http://p.m}, query: 'sum(rate(x{w=web}[{{ intervl }}]))'}}\n", command+fleet), 50},
		{"template variables", rows(app+rollout+weights+analysis+"          metrics:\n          - name: m\n            thresholdRange: {min: 99}\n            customMetric: {provider: {type: prometheus, address: http://p.m}, query: x}\n            templateVariables:\n", "              v%[1]d: x\n", command+fleet), 100},
		{"series of a query", rows(app+rollout+weights+analysis+"          metrics:\n          - name: m\n            thresholdRange: {min: 99}\n            customMetric:\n              provider: {type: prometheus, address: http://p.m}\n              query: |\n                x{a=\"b\"}\n", "                + y%[1]d{a=\"b\"}\n", command+fleet), 50},
		{"actions of a query", rows(app+rollout+weights+analysis+"          metrics:\n          - name: m\n            thresholdRange: {min: 99}\n            customMetric:\n              provider: {type: prometheus, address: http://p.m}\n              query: |\n                x\n", "                + {{ interval }}%[1]d\n", command+fleet), 50},
		{"brackets of a query", rows(app+rollout+weights+analysis+"          metrics:\n          - {name: m, thresholdRange: {min: 99}, customMetric: {provider: {type: prometheus, address: http://p.m}, query: '", "(", "'}}\n"+command+fleet), 100},
		{"actions that nest in a query", rows(app+rollout+weights+analysis+"          metrics:\n          - {name: m, thresholdRange: {min: 99}, customMetric: {provider: {type: prometheus, address: http://p.m}, query: '", "{{ if true }}", "'}}\n"+command+fleet), 20},
		{"commands", rows(app+rollout+weights+metrics+"          webhooks:\n            command:\n", "            - hey -z 1m http://web-canary.default:8080/%[1]d\n", fleet), 50},
		{"words of a command", rows(app+rollout+weights+metrics+"          webhooks: {command: [\"hey -z 1m", " a%[1]d", " http://web-canary.default:8080/\"]}\n"+fleet), 200},
		{"commands of a command", rows(app+rollout+weights+metrics+"          webhooks: {command: [\"", "a%[1]d; ", " hey -z 1m http://web-canary.default:8080/\"]}\n"+fleet), 200},
		{"substitutions of a command", rows(app+rollout+weights+metrics+"          webhooks: {command: [\"echo ", "$(", "\"]}\n"+fleet), 200},
		{"functions of a command", rows(app+rollout+weights+metrics+"          webhooks: {command: [\"", "f%[1]d() { true; }; ", " f0\"]}\n"+fleet), 100},
		{"URLs of a command", rows(app+rollout+weights+metrics+"          webhooks: {command: [\"hey -z 1m", " http://a%[1]d.b:80/", "\"]}\n"+fleet), 100},
		{"matches", rows(strings.ReplaceAll(app+rollout+weights, "canaryStrategy: {maxWeight: 50, stepWeight: 10}", "analysisTimes: 5\n          match:"), "          - headers: {x%[1]d: {exact: y}}\n", metrics+command+fleet), 50},
		{"bad matches", rows(strings.ReplaceAll(app+rollout+weights, "canaryStrategy: {maxWeight: 50, stepWeight: 10}", "analysisTimes: 5\n          match:"), "          - {uri: {exact: x}, headers: {x%[1]d: {exact: y, prefix: z, regex: '('}}}\n", metrics+command+fleet), 50},
		{"steps", rows(strings.ReplaceAll(app+rollout+weights, "{maxWeight: 50, stepWeight: 10}", "\n            stepWeights:"), "            - 5\n", metrics+command+fleet), 200},
		{"steps up", rows(strings.ReplaceAll(app+rollout+weights, "{maxWeight: 50, stepWeight: 10}", "\n            stepWeights:"), "            - %[1]d\n", metrics+command+fleet), 1000},
		{"hosts", rows(app+rollout+weights+"          hosts:\n", "          - h%[1]d.example.com\n", metrics+command+fleet), 100},
		{"hosts of one name", rows(app+rollout+weights+"          hosts:\n", "          - h.example.com\n", metrics+command+fleet), 100},
		{"header names", rows(app+rollout+weights+"          headers:\n            request:\n              set:\n", "                h%[1]d: x\n", metrics+command+fleet), 100},
		{"removed headers", rows(app+rollout+weights+"          headers:\n            request:\n              remove:\n", "              - h%[1]d\n", metrics+command+fleet), 100},
		{"health checks", rows(app+policy+"      healthChecks:\n", "      - {kind: Deployment, name: d%[1]d-primary, namespace: default}\n", fleet), 100},
		{"fields that Flux ignores", rows(app+policy+"      ignore:\n", "      - {paths: [/spec/replicas], target: {kind: Deployment, name: d%[1]d}}\n", fleet), 100},
		{"variables of Flux", rows(app+policy+"      postBuild:\n        substitute:\n", "          V%[1]d: x\n", fleet), 100},
		{"patches of a policy", rows(app+policy+"      patches:\n", "      - {patch: '{apiVersion: v1, kind: X, metadata: {name: a%[1]d}}'}\n", fleet), 50},
		{"bad patches of a policy", rows(app+policy+"      patches:\n", "      - {patch: 'a%[1]d', target: {kind: '('}}\n", fleet), 50},
		{"patches of a rollout", rows(canary+"      patches:\n", "      - {patch: '[{op: add, path: /metadata/labels/l%[1]d, value: x}]', target: {kind: Canary}}\n", fleet), 10},
		{"operations of a patch", rows(canary+"      patches:\n      - target: {kind: Canary}\n        patch: |\n", "          - {op: add, path: /spec/analysis/threshold, value: %[1]d}\n", fleet), 10},
		{"operations that grow an object", rows(canary+"      patches:\n      - target: {kind: Canary}\n        patch: |\n          - {op: add, path: /metadata/labels, value: {a: b}}\n", "          - {op: add, path: /metadata/labels/l%[1]d, value: x}\n", fleet), 10},
		{"objects of a patch", rows(canary+"      patches:\n      - patch: |\n", "          {apiVersion: flagger.app/v1beta1, kind: Canary, metadata: {name: web, namespace: default, labels: {l%[1]d: x}}}\n          ---\n", fleet), 10},
		{"patches that match nothing", rows(canary+"      patches:\n", "      - {patch: '{apiVersion: v1, kind: X, metadata: {name: a%[1]d}}'}\n", fleet), 20},
		{"labels of a patch", func(n int) []schema.File {
			labels := strings.ReplaceAll(string(rows("", "              l%[1]d: x\n", "")(n)[0].Data), "", "")
			return text(canary + "      patches:\n      - patch: |\n          apiVersion: flagger.app/v1beta1\n          kind: Canary\n          metadata:\n            name: web\n            namespace: default\n            labels:\n" + labels + fleet)
		}, 50},
		{"values of a chart", func(n int) []schema.File { return helm(rows("      values:\n", "        v%[1]d: x\n", "")(n)) }, 200},
		{"nested values of a chart", func(n int) []schema.File {
			n = min(n, 400)
			return helm(text("      values: " + strings.Repeat("{a: ", n) + "1" + strings.Repeat("}", n) + "\n"))
		}, 50},
		{"releases", func(n int) []schema.File {
			return text(head + "spec:\n  source: {helmRepository: {interval: 5m, url: https://x.y}}\n  syncPolicies:\n" + string(rows("", "  - name: p%[1]d\n    helm: {interval: 5m, chart: {spec: {chart: c, version: '1'}}}\n", "")(n)[0].Data))
		}, 50},
		{"releases of one name", func(n int) []schema.File {
			return text(head + "spec:\n  source: {helmRepository: {interval: 5m, url: https://x.y}}\n  syncPolicies:\n" + string(rows("", "  - name: p%[1]d\n    helm: {interval: 5m, releaseName: r, chart: {spec: {chart: c, version: '1'}}}\n", "")(n)[0].Data))
		}, 50},
		{"values files", func(n int) []schema.File {
			return helm(rows("      valuesFrom:\n", "      - {kind: Secret, name: s%[1]d}\n", "")(n))
		}, 100},
		{"images", rows(app+policy+"      images:\n", "      - {name: i%[1]d, newTag: x}\n", fleet), 100},
		{"components", rows(app+policy+"      components:\n", "      - ./c%[1]d\n", fleet), 100},
		{"meshes", rows(canary+fleet, "---\napiVersion: kuma.io/v1alpha1\nkind: Mesh\nmetadata: {name: m%[1]d}\nspec: {}\n", ""), 50},
		{"AlertProviders of one name", rows(canary+fleet, "---\napiVersion: flagger.app/v1beta1\nkind: AlertProvider\nmetadata: {name: p, namespace: default}\nspec: {type: slack, address: https://x.y/}\n", ""), 50},
		{"AlertProviders without a Canary", rows(canary+fleet, "---\napiVersion: flagger.app/v1beta1\nkind: AlertProvider\nmetadata: {name: p%[1]d, namespace: default}\nspec: {type: slack, address: https://x.y/}\n", ""), 50},
		{"RenderConfigs", rows(canary+fleet, "---\napiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nmetadata: {name: r%[1]d}\nspec: {}\n", ""), 50},
		{"severities", rows(canary+fleet+"---\napiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nmetadata: {name: r}\nspec:\n  severities:\n", "    FW%[1]d: error\n", ""), 100},
		{"lines that Flux would substitute", rows(canary+fleet+"---\n"+head+"spec:\n"+source+"  syncPolicies:\n  - name: p\n    kustomization:\n      interval: 5m\n      path: ./x\n      prune: true\n      commonMetadata:\n        annotations:\n", "          a%[1]d: ${x}\n", ""), 100},

		// Texts.
		{"a long name", long(strings.Replace(canary, "{name: a,", "{name: %s,", 1)+fleet, "a"), 5000},
		{"a long bad name", long(strings.Replace(canary, "{name: a,", "{name: '%s',", 1)+fleet, "A_"), 5000},
		{"a long kind", long(canary+fleet+"---\napiVersion: apps.kurator.dev/v1alpha1\nkind: %s\n", "a"), 5000},
		{"a long apiVersion", long(canary+fleet+"---\napiVersion: %s/v1\nkind: Application\n", "a"), 5000},
		{"a long kind of Kuma", long(canary+fleet+"---\napiVersion: kuma.io/v1alpha1\nkind: %s\n", "a"), 5000},
		{"a long key", long(canary+"    %s: 1\n"+fleet, "a"), 5000},
		{"a long key of a document", long(canary+fleet+"---\nkind: Application\n%s: 1\n", "a"), 5000},
		{"a long choice", long(strings.Replace(canary, "Provider: istio", "Provider: %s", 1)+fleet, "a"), 5000},
		{"a long duration", long(strings.Replace(canary, "interval: 5m", "interval: %s", 1)+fleet, "5m"), 5000},
		{"a long bad duration", long(strings.Replace(canary, "interval: 5m", "interval: %s", 1)+fleet, "5 "), 5000},
		{"a long unit", long(strings.Replace(canary, "interval: 5m", "interval: 5%s", 1)+fleet, "m"), 5000},
		{"a long number", long(strings.Replace(canary, "port: 8080", "port: %s", 1)+fleet, "8"), 5000},
		{"a long fraction", long(strings.Replace(canary, "port: 8080", "port: 1.%s", 1)+fleet, "8"), 5000},
		{"a long URL", long(strings.Replace(canary, "https://example.com/r", "https://%s", 1)+fleet, "a"), 5000},
		{"a long bad URL", long(strings.Replace(canary, "https://example.com/r", "%s", 1)+fleet, "a"), 5000},
		{"a long path", long(strings.Replace(canary, "path: ./x", "path: ./%s", 1)+fleet, "../a"), 5000},
		{"a long fleet name", long(strings.Replace(canary, "fleet: f", "fleet: %s", 1)+fleet, "f"), 5000},
		{"a long label", long(strings.Replace(canary, "namespace: default}", "namespace: default, labels: {a: %s}}", 1)+fleet, "f"), 5000},
		{"a long label key", long(strings.Replace(canary, "namespace: default}", "namespace: default, labels: {%s: a}}", 1)+fleet, "f"), 5000},
		{"a long selector", long(strings.Replace(canary, "{fleet: f}", "{fleet: f, clusterSelector: {matchLabels: {stage: %s}}}", 1)+fleet, "f"), 5000},
		{"a long workload name", long(strings.Replace(canary, "name: web", "name: %s", 1)+fleet, "f"), 5000},
		{"a long service name", long(strings.Replace(canary, "serviceName: web", "serviceName: %s", 1)+fleet, "f"), 5000},
		{"a long command", long(strings.Replace(canary, "hey -z", "hey %s -z", 1)+fleet, "a"), 5000},
		{"a long duration of a command", long(strings.Replace(canary, "hey -z 1m", "hey -z %s", 1)+fleet, "1m"), 5000},
		{"a long command in quotes", long(strings.Replace(canary, "hey -z", "hey '%s' -z", 1)+fleet, "a$b "), 5000},
		{"a long query", long(app+rollout+weights+analysis+"          metrics: [{name: m, thresholdRange: {min: 99}, customMetric: {provider: {type: prometheus, address: http://p.m}, query: '%s'}}]\n"+command+fleet, "a + "), 2000},
		{"a long name in a query", long(app+rollout+weights+analysis+"          metrics: [{name: m, thresholdRange: {min: 99}, customMetric: {provider: {type: prometheus, address: http://p.m}, query: '%s'}}]\n"+command+fleet, "a"), 5000},
		{"a long pattern in a query", long(app+rollout+weights+analysis+"          metrics: [{name: m, thresholdRange: {min: 99}, customMetric: {provider: {type: prometheus, address: http://p.m}, query: 'x{a=~\"%s\"}'}}]\n"+command+fleet, "a.*"), 1000},
		{"a long metric name", long(app+rollout+weights+analysis+"          metrics: [{name: '%s', thresholdRange: {min: 99}}]\n"+command+fleet, "a"), 5000},
		{"a long patch", long(app+policy+"      patches: [{patch: '%s'}]\n"+fleet, "a"), 5000},
		{"a long JSON patch", long(app+policy+"      patches: [{target: {kind: X}, patch: '[{op: %s}]'}]\n"+fleet, "a"), 5000},
		{"a long target of a patch", long(app+policy+"      patches: [{patch: x, target: {kind: '%s'}}]\n"+fleet, "a"), 1000},
		{"a long selector of a patch", long(app+policy+"      patches: [{patch: x, target: {labelSelector: '%s'}}]\n"+fleet, "a,"), 2000},
		{"a long match", long(strings.ReplaceAll(app+rollout+weights, "canaryStrategy: {maxWeight: 50, stepWeight: 10}", "analysisTimes: 5\n          match: [{headers: {x: {regex: '%s'}}}]")+metrics+command+fleet, "a*"), 500},
		{"a long host", long(app+rollout+weights+"          hosts: ['%s']\n"+metrics+command+fleet, "a."), 5000},
		{"a long ignore pattern", long(strings.Replace(canary, "ref: {branch: main}", "ref: {branch: main}, ignore: '%s'", 1)+fleet, "a/**/"), 2000},
		{"a long version", long(strings.Replace(fleet, "istio}}", "kuma, config: {chart: {version: '%s'}}}}", 1)+canary, "1."), 5000},
		{"a long anchor", long(canary+"    x: &%s a\n"+fleet, "a"), 5000},
		{"a long tag", long(canary+"    x: !%s a\n"+fleet, "a"), 5000},
		{"a long block", long(canary+"    x: |\n%s\n"+fleet, "     a\n"), 2000},
		{"a long folded text", long(canary+"    x: >\n%s\n"+fleet, "     a\n"), 2000},
		{"a long quoted text", long(canary+"    x: \"%s\"\n"+fleet, "\\u0041"), 2000},
		{"a long plain text", long(canary+"    x: a\n%s\n"+fleet, "      a\n"), 2000},
		{"a long comment that ignores", long(canary+"    # fleetwright: ignore %s x\n    x: 1\n"+fleet, "a"), 5000},
		{"a long directive", long("%YAML %s\n---\n"+canary+fleet, "1"), 2000},
		{"a long provider", long(strings.Replace(fleet, "Provider: istio", "Provider: %s", 1)+canary, "a"), 5000},
	}
}

// numbered returns a rollout with a number in its names.
func numbered(s string) string {
	return strings.NewReplacer("{name: a,", "{name: a%[1]d,", "name: p\n", "name: p%[1]d\n", "name: web,", "name: web%[1]d,", "serviceName: web", "serviceName: web%[1]d", "web-canary", "web%[1]d-canary").Replace(s)
}

// clusters returns a fleet with a rollout on n clusters, followed by policies.
func clusters(policies, more string) func(n int) []schema.File {
	return func(n int) []schema.File {
		names := string(rows("", "  - {name: c%[1]d, kind: AttachedCluster}\n", "")(n)[0].Data)
		all := string(rows("", "---\napiVersion: cluster.kurator.dev/v1alpha1\nkind: AttachedCluster\nmetadata: {name: c%[1]d, namespace: default, labels: {stage: s%[1]d}}\nspec: {kubeconfig: {name: m, key: k}}\n", "")(n)[0].Data)
		return []schema.File{
			{Name: "app.yaml", Data: []byte(canary + policies)},
			{Name: "fleet.yaml", Data: []byte("apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f, namespace: default}\nspec:\n  plugin: {flagger: {publicTestloader: true, trafficRoutingProvider: istio}}\n  clusters:\n" + names + all + more)},
		}
	}
}

// sharing returns n fleets with the same cluster, each with a plugin.
func sharing(plugin string) func(n int) []schema.File {
	return and(rows("", "---\napiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: g%[1]d, namespace: default}\nspec:\n  clusters: [{name: m, kind: AttachedCluster}]\n  plugin: {flagger: {"+plugin+"}}\n",
		"---\n"+strings.SplitAfter(fleet, "---\n")[2]), strings.ReplaceAll(canary, "fleet: f", "fleet: g0"))
}

// more adds documents in a separate file.
func more(files []schema.File) []schema.File {
	files[0].Name = "more.yaml"
	return files
}

// helm returns an Application with a chart, followed by a text.
func helm(more []schema.File) []schema.File {
	return text(head + "spec:\n  source: {helmRepository: {interval: 5m, url: https://x.y}}\n  syncPolicies:\n  - name: p\n    helm:\n      interval: 5m\n      chart: {spec: {chart: c, version: '1'}}\n" + string(more[0].Data))
}
