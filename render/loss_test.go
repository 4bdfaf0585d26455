package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// twelve returns clusters p1 to p9 of stage prod and s1 to s3 of stage staging, in the fleet all. The fleet few
// has p1 and s1, and p10 is in no fleet.
func twelve() []schema.File {
	var members, clusters strings.Builder
	add := func(name, stage string, listed bool) {
		if listed {
			fmt.Fprintf(&members, "  - {kind: Cluster, name: %s}\n", name)
		}
		fmt.Fprintf(&clusters, "---\napiVersion: cluster.kurator.dev/v1alpha1\nkind: Cluster\nmetadata:\n  name: %s\n  labels:\n    region: eu\n    stage: %s\n", name, stage)
	}
	for i := range 9 {
		add(fmt.Sprintf("p%d", i+1), "prod", true)
	}
	for i := range 3 {
		add(fmt.Sprintf("s%d", i+1), "staging", true)
	}
	add("p10", "prod", false)
	const fleet = "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: %s}\nspec:\n  clusters:\n"
	return []schema.File{
		{Name: "fleet.yaml", Data: []byte(fmt.Sprintf(fleet, "all") + members.String())},
		{Name: "few.yaml", Data: []byte(fmt.Sprintf(fleet, "few") + "  - {kind: Cluster, name: p1}\n  - {kind: Cluster, name: s1}\n")},
		{Name: "clusters.yaml", Data: []byte(clusters.String())},
	}
}

// lossApp returns an Application, in the file NAME.yaml, with fields of its spec that begin on line 6.
func lossApp(name, spec string) schema.File {
	return schema.File{Name: name + ".yaml", Data: []byte(strings.Join([]string{
		"apiVersion: apps.kurator.dev/v1alpha1", "kind: Application", "metadata: {name: " + name + "}", "spec:",
		"  source: {gitRepository: {url: https://example.com/a.git, interval: 1m}}", ""}, "\n") + spec)}
}

const (
	toProd   = "  destination:\n    fleet: all\n    clusterSelector:\n      matchLabels:\n        stage: prod\n"
	toAll    = "  destination: {fleet: all}\n"
	policies = "  syncPolicies:\n"
	web      = "  - name: web\n    kustomization: {interval: 5m, path: ./web, prune: true}\n"
	db       = "  - name: db\n    kustomization: {interval: 5m, path: ./db, prune: true}\n"
)

// ofStage returns a policy called web for the clusters of a stage.
func ofStage(stage string) string {
	return "  - name: web\n    kustomization: {interval: 5m, path: ./" + stage + ", prune: true}\n    destination: {fleet: all, clusterSelector: {matchLabels: {stage: " + stage + "}}}\n"
}

// expression returns a destination with a condition on the stage.
func expression(operator string) string {
	return "  destination:\n    fleet: all\n    clusterSelector: {matchExpressions: [{key: stage, operator: " + operator + "}]}\n"
}

type lossEdit struct{ file, from, to string }

// TestLosses checks which changes of the inputs remove objects from clusters while their Applications still
// exist.
func TestLosses(t *testing.T) {
	const (
		nine    = "p1, p2, p3, p4, p5, p6, p7, p8, p9"
		nothing = nine + ": clusterSelector matches no cluster of the fleet all (FW204)"
	)
	shop := lossApp("shop", toProd+policies+web+db)
	both := []lossEdit{{"shop.yaml", "stage: prod", "stage: production"}}
	unnamed := lossApp("shop", toProd+policies+strings.ReplaceAll(web+db, "  - name: ", "  -\n    #"))
	for _, tt := range []struct {
		name  string
		app   schema.File
		edits []lossEdit
		want  []string
	}{
		{"a typo in a selector's value", shop, both, []string{"shop.yaml:9:7: Application default/shop would disappear from " + nothing}},
		{"a typo in a selector's key", shop, []lossEdit{{"shop.yaml", "stage: prod", "stag: prod"}}, []string{"shop.yaml:9:7: Application default/shop would disappear from " + nothing}},
		{"a selector of other clusters", shop, []lossEdit{{"shop.yaml", "stage: prod", "stage: staging"}}, []string{
			"shop.yaml:9:7: Application default/shop would disappear from " + nine + ": clusterSelector does not match p1, p2, p3 and 6 more; the labels of p1 are at clusters.yaml:8:12"}},
		{"a label that a cluster loses", shop, []lossEdit{{"clusters.yaml", "    stage: prod\n", ""}}, []string{
			"clusters.yaml:6:3: Application default/shop would disappear from p1: the labels of p1 do not match clusterSelector at shop.yaml:9:7"}},
		{"a label that changes", shop, []lossEdit{{"clusters.yaml", "stage: prod", "stage: prd"}}, []string{
			"clusters.yaml:8:12: Application default/shop would disappear from p1: the labels of p1 do not match clusterSelector at shop.yaml:9:7"}},
		{"a label that more clusters lose than keep", shop, []lossEdit{
			{"clusters.yaml", "name: p1\n  labels:\n    region: eu\n    stage: prod\n", "name: p1\n"}, {"clusters.yaml", "name: p2\n  labels:\n    region: eu\n    stage: prod\n", "name: p2\n"},
			{"clusters.yaml", "name: p3\n  labels:\n    region: eu\n    stage: prod\n", "name: p3\n"}, {"clusters.yaml", "name: p4\n  labels:\n    region: eu\n    stage: prod\n", "name: p4\n"},
			{"clusters.yaml", "name: p5\n  labels:\n    region: eu\n    stage: prod\n", "name: p5\n"}}, []string{
			"shop.yaml:9:7: Application default/shop would disappear from p1, p2, p3, p4, p5: clusterSelector does not match p1, p2, p3 and 2 more; the labels of p1 are at clusters.yaml:4:1"}},
		{"a cluster that leaves the fleet", shop, []lossEdit{{"fleet.yaml", "  - {kind: Cluster, name: p2}\n", ""}}, []string{
			"fleet.yaml:5:3: Application default/shop would disappear from p2: the fleet all does not list p2"}},
		{"a cluster that moves to another fleet", shop, []lossEdit{{"fleet.yaml", "  - {kind: Cluster, name: p1}\n", ""}}, []string{
			"fleet.yaml:5:3: Application default/shop would disappear from p1: the fleet all, the destination at shop.yaml:7:12, does not list p1"}},
		{"a cluster that leaves with its document", shop, []lossEdit{{"fleet.yaml", "  - {kind: Cluster, name: p2}\n", ""}, {"clusters.yaml", "kind: Cluster\nmetadata:\n  name: p2\n", "kind: Cluster\nmetadata:\n  name: other\n"}}, []string{
			"fleet.yaml:5:3: Application default/shop would disappear from p2: the fleet all does not list p2"}},
		{"another fleet of the Application", shop, []lossEdit{{"shop.yaml", "fleet: all", "fleet: few"}}, []string{
			"shop.yaml:7:12: Application default/shop would disappear from p2, p3, p4, p5, p6, p7, p8, p9: the destination is the fleet few, which at few.yaml:5:3 does not list p2, p3, p4 and 5 more"}},
		{"no destination", shop, []lossEdit{{"shop.yaml", toProd, ""}}, []string{
			"shop.yaml:3:18: Application default/shop would disappear from " + nine + ": without a destination it goes only to the cluster host"}},
		{"a new destination", lossApp("shop", policies+web), []lossEdit{{"shop.yaml", policies, toAll + policies}}, []string{
			"shop.yaml:6:24: Application default/shop would disappear from host: the destination is the fleet all, which at fleet.yaml:5:3 does not list host"}},
		{"the destination of a policy", shop, []lossEdit{{"shop.yaml", "path: ./db, prune: true}\n", "path: ./db, prune: true}\n    destination: {fleet: all, clusterSelector: {matchLabels: {stage: staging}}}\n"}}, []string{
			"shop.yaml:16:49: the policy db of Application default/shop would disappear from " + nine + ": clusterSelector does not match p1, p2, p3 and 6 more; the labels of p1 are at clusters.yaml:8:12"}},
		{"a mistake in the Application's, and a policy has its own", lossApp("shop", toProd+policies+web+db+"    destination: {fleet: all}\n"), both, []string{
			"shop.yaml:9:7: the policy web of Application default/shop would disappear from " + nothing}},
		{"a policy that is deleted", shop, []lossEdit{{"shop.yaml", db, ""}}, nil},
		{"one that is deleted, and a mistake about the other", shop, append(both, lossEdit{"shop.yaml", db, ""}), []string{
			"shop.yaml:9:7: Application default/shop would disappear from " + nothing}},
		{"one that is renamed", shop, []lossEdit{{"shop.yaml", "name: db", "name: database"}}, nil},
		{"an Application that is renamed", shop, append(both, lossEdit{"shop.yaml", "name: shop", "name: store"}), nil},
		{"one in another namespace", lossApp("shop", policies+web), []lossEdit{{"shop.yaml", "name: shop", "name: shop, namespace: store"}}, nil},
		{"more clusters", shop, []lossEdit{{"shop.yaml", toProd, toAll}}, nil},
		{"another path", shop, []lossEdit{{"shop.yaml", "./web", "./www"}}, nil},
		{"another kind", shop, []lossEdit{{"shop.yaml", "kustomization: {interval: 5m, path: ./web, prune: true}", "helm: {interval: 5m, chart: {spec: {chart: ./web}}}"}}, nil},
		{"another kind, and a mistake", shop, append(both, lossEdit{"shop.yaml", "kustomization: {interval: 5m, path: ./web, prune: true}", "helm: {interval: 5m, chart: {spec: {chart: ./web}}}"}), []string{
			"shop.yaml:9:7: Application default/shop would disappear from " + nothing}},
		{"a policy without prune", lossApp("shop", toProd+policies+web+strings.Replace(db, "true", "false", 1)), both, []string{
			"shop.yaml:9:7: the policy web of Application default/shop would disappear from " + nothing}},
		{"a policy that loses prune", shop, append(both, lossEdit{"shop.yaml", "path: ./db, prune: true", "path: ./db, prune: false"}), []string{
			"shop.yaml:9:7: Application default/shop would disappear from " + nothing}},
		{"a suspended policy", lossApp("shop", toProd+policies+strings.Replace(web, "prune", "suspend: true, prune", 1)), both, nil},
		{"a release", lossApp("shop", toProd+policies+"  - name: redis\n    helm: {interval: 5m, chart: {spec: {chart: ./redis}}}\n"), both, []string{
			"shop.yaml:9:7: Application default/shop would disappear from " + nothing}},
		{"a release that is suspended", lossApp("shop", toProd+policies+"  - name: redis\n    helm: {interval: 5m, suspend: true, chart: {spec: {chart: ./redis}}}\n"), both, nil},
		{"a plugin", shop, []lossEdit{{"fleet.yaml", "spec:\n", "spec:\n  plugin: {flagger: {trafficRoutingProvider: kuma}}\n"}}, nil},
		{"policies without names", unnamed, both, []string{"shop.yaml:9:7: Application default/shop would disappear from " + nothing}},
		{"one of which is inserted", unnamed, []lossEdit{{"shop.yaml", policies, policies + "  - kustomization: {interval: 5m, path: ./new, prune: true}\n    destination: {fleet: all, clusterSelector: {matchLabels: {stage: staging}}}\n"}}, nil},
		{"one of which is removed", lossApp("shop", toProd+policies+"  - kustomization: {interval: 5m, path: ./new, prune: true}\n    destination: {fleet: all, clusterSelector: {matchLabels: {stage: staging}}}\n  - kustomization: {interval: 5m, path: ./web, prune: true}\n"), []lossEdit{
			{"shop.yaml", "  - kustomization: {interval: 5m, path: ./new, prune: true}\n    destination: {fleet: all, clusterSelector: {matchLabels: {stage: staging}}}\n", ""}}, nil},
		{"a name with dots", lossApp("shop.eu.v2", toProd+policies+web), []lossEdit{{"shop.eu.v2.yaml", "stage: prod", "stage: production"}}, []string{
			"shop.eu.v2.yaml:9:7: Application default/shop.eu.v2 would disappear from " + nothing}},
		{"a name that is too long for a directory", lossApp("shop."+strings.Repeat("a.", 100)+"v2", toProd+policies+web), []lossEdit{{"shop." + strings.Repeat("a.", 100) + "v2.yaml", "stage: prod", "stage: production"}}, []string{
			"shop." + strings.Repeat("a.", 100) + "v2.yaml:9:7: Application default/shop." + strings.Repeat("a.", 100) + "v2 would disappear from " + nothing}},
		{"one of two policies of one name", lossApp("shop", toAll+policies+ofStage("prod")+ofStage("staging")), []lossEdit{{"shop.yaml", "stage: prod", "stage: production"}}, []string{
			"shop.yaml:10:49: the policy web of Application default/shop would disappear from " + nothing}},
		{"the other of two policies of one name", lossApp("shop", toAll+policies+ofStage("prod")+ofStage("staging")), []lossEdit{{"shop.yaml", "stage: staging", "stage: stag"}}, []string{
			"shop.yaml:13:49: the policy web of Application default/shop would disappear from s1, s2, s3: clusterSelector matches no cluster of the fleet all (FW204)"}},
		{"the one of two that is deleted", lossApp("shop", toAll+policies+ofStage("prod")+ofStage("staging")), []lossEdit{{"shop.yaml", ofStage("prod"), ""}}, []string{
			"shop.yaml:10:49: Application default/shop would disappear from " + nine + ": clusterSelector does not match p1, p2, p3 and 6 more; the labels of p1 are at clusters.yaml:8:12"}},
		{"two that swap their clusters", lossApp("shop", toAll+policies+ofStage("prod")+ofStage("staging")), []lossEdit{
			{"shop.yaml", "stage: prod", "stage: x"}, {"shop.yaml", "stage: staging", "stage: prod"}, {"shop.yaml", "stage: x", "stage: staging"}}, nil},
		{"one that two others take over", shop, []lossEdit{{"shop.yaml", web, ofStage("prod") + ofStage("staging")}, {"shop.yaml", toProd, toAll}}, nil},
		{"one of two that takes over", lossApp("shop", toAll+policies+ofStage("prod")+ofStage("staging")), []lossEdit{{"shop.yaml", ofStage("prod") + ofStage("staging"), web}}, nil},
		{"an excluding expression", lossApp("shop", expression("Exists")+policies+web), []lossEdit{{"shop.yaml", "operator: Exists", "operator: DoesNotExist"}}, []string{
			"shop.yaml:8:5: Application default/shop would disappear from " + nine + ", s1 and 2 more: clusterSelector matches no cluster of the fleet all (FW204)"}},
		{"an expression without one of the values", lossApp("shop", expression("In, values: [prod, staging]")+policies+web), []lossEdit{{"shop.yaml", "[prod, staging]", "[prod]"}}, []string{
			"clusters.yaml:80:12: Application default/shop would disappear from s1, s2, s3: the labels of s1, s2, s3 do not match clusterSelector at shop.yaml:8:5"}},
		{"a label that an expression asks for", lossApp("shop", expression("Exists")+policies+web), []lossEdit{{"clusters.yaml", "    stage: prod\n", ""}}, []string{
			"clusters.yaml:6:3: Application default/shop would disappear from p1: the labels of p1 do not match clusterSelector at shop.yaml:8:5"}},
		{"a label that an expression excludes", lossApp("shop", expression("NotIn, values: [lab]")+policies+web), []lossEdit{{"clusters.yaml", "stage: prod", "stage: lab"}}, []string{
			"clusters.yaml:8:12: Application default/shop would disappear from p1: the labels of p1 do not match clusterSelector at shop.yaml:8:5"}},
	} {
		for _, topology := range []string{"pull", "hub"} {
			t.Run(tt.name+"/"+topology, func(t *testing.T) {
				was := append(twelve(), tt.app)
				if topology == "hub" {
					was = onHub(was...)
				}
				is := was
				for _, e := range tt.edits {
					is = edit(t, is, e.file, e.from, e.to)
				}
				if got := losses(compile(t, is...), compile(t, was...)); !slices.Equal(got, tt.want) {
					t.Errorf("it finds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
				}
			})
		}
	}
}

// losses returns the losses of one tree compared with another, one per line.
func losses(tree, old *render.Tree) (lines []string) {
	for _, l := range tree.LossesOf(tree.Changes(old)) {
		lines = append(lines, l.Position.String()+": "+l.String())
	}
	return lines
}

// TestOneDecisiveLineIsReportedOnce checks that one line of the input which removes objects from several clusters
// is reported once.
func TestOneDecisiveLineIsReportedOnce(t *testing.T) {
	was := append(twelve(), lossApp("a", toProd+policies+web), lossApp("b", toAll+policies+db), lossApp("c", toProd+policies+strings.Replace(web, "web", "front", 1)))
	is := edit(t, edit(t, was, "fleet.yaml", "  - {kind: Cluster, name: p2}\n  - {kind: Cluster, name: p3}\n", ""), "c.yaml", "stage: prod", "stage: production")
	got, want := losses(compile(t, is...), compile(t, was...)), []string{
		"fleet.yaml:5:3: Applications default/a, default/b, default/c would disappear from p2, p3: the fleet all does not list p2, p3",
		"c.yaml:9:7: Application default/c would disappear from p1, p4, p5, p6, p7, p8, p9: clusterSelector matches no cluster of the fleet all (FW204)",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("it finds\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestLossesOfSelectedClusters checks a tree of selected clusters: only they can lose objects, and only their
// objects are known.
func TestLossesOfSelectedClusters(t *testing.T) {
	was := append(twelve(), lossApp("shop", toProd+policies+web))
	old := compile(t, was...)
	tree := compile(t, edit(t, was, "shop.yaml", "stage: prod", "stage: staging")...)
	some := func(tree *render.Tree) *render.Tree {
		return tree.With(slices.DeleteFunc(slices.Clone(tree.Clusters), func(c *render.Cluster) bool { return c.Name != "p4" && c.Name != "s1" }))
	}
	got, want := losses(some(tree), some(old)), "shop.yaml:9:7: Application default/shop would disappear from p4: clusterSelector does not match p4; the labels of p4 are at clusters.yaml:32:12"
	if len(got) != 1 || got[0] != want {
		t.Errorf("it finds %q, want %s", got, want)
	}
	if got := losses(tree.Shard(1, 1), &render.Tree{}); got != nil {
		t.Errorf("of a new directory it finds %q", got)
	}
}

// TestEditedFilesHideNoLoss checks files edited by hand: an unreadable file counts by its name, and a renamed
// one by its object.
func TestEditedFilesHideNoLoss(t *testing.T) {
	was := append(twelve(), lossApp("shop", toProd+policies+web+db))
	tree := compile(t, edit(t, was, "shop.yaml", "stage: prod", "stage: production")...)
	const (
		object = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: %s, namespace: %s}\nspec: {prune: %s}\n"
		file   = "apps/default.shop/kustomization-web.yaml"
	)
	for _, tt := range []struct {
		name, path, old string
		lost            bool
	}{
		{"as it was", file, fmt.Sprintf(object, "web", "default", "true"), true},
		{"that is not pruned", file, fmt.Sprintf(object, "web", "default", "false"), false},
		{"empty", file, "", true},
		{"no YAML", file, "{[", true},
		{"a list", file, "[1]", true},
		{"null", file, "null", true},
		{"a YAML bomb", file, "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n", true},
		{"bytes", file, "\x00\xff\xfe", true},
		{"fields of other types", file, "apiVersion: [1]\nkind: {}\nmetadata: []\nspec: 1\n", true},
		{"another object", file, "{apiVersion: v1, kind: ConfigMap, metadata: {name: web, namespace: default}}", true},
		{"another kind of Kustomization", file, "{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization, metadata: {name: web, namespace: default}, spec: {prune: false}}", true},
		{"one without prune", file, strings.Replace(fmt.Sprintf(object, "web", "default", "true"), "prune: true", "", 1), true},
		{"one of another name", file, fmt.Sprintf(object, "other", "default", "false"), true},
		{"one of another namespace", file, fmt.Sprintf(object, "web", "other", "false"), true},
		{"two, of which the first is not pruned", file, fmt.Sprintf(object, "web", "default", "false") + "---\n" + fmt.Sprintf(object, "web", "default", "true"), true},
		{"in another file", "apps/default.shop/mine/web.yaml", fmt.Sprintf(object, "web", "default", "true"), true},
		{"a policy that was deleted", "apps/default.shop/kustomization-other.yaml", "{[", false},
		{"a file of kustomize", "apps/default.shop/kustomization.yaml", "kind: Kustomization\n", false},
		{"an Application that was deleted", "apps/default.other/kustomization-web.yaml", fmt.Sprintf(object, "web", "default", "true"), false},
		{"elsewhere", "kustomization-web.yaml", fmt.Sprintf(object, "web", "default", "true"), false},
		{"on a former hub", "clusters/p1/apps/default.shop/kustomization-web-cluster-p1.yaml", fmt.Sprintf(object, "web-cluster-p1", "default", "true"), true},
		{"without a name", "clusters/apps/", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changes := []render.Change{{Cluster: "p1", Path: tt.path, Old: []byte(tt.old)}}
			got := tree.LossesOf(changes)
			if (len(got) > 0) != tt.lost {
				t.Errorf("it finds %v", got)
			}
		})
	}
}
