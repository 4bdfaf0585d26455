package render_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// policiesOn returns the names of the Kustomizations and HelmReleases of policies, by cluster.
func policiesOn(tree *render.Tree) map[string][]string {
	got := map[string][]string{}
	for _, c := range tree.Clusters {
		for f := range c.Files() {
			for _, kind := range []string{"/kustomization-", "/helmrelease-"} {
				if _, name, ok := strings.Cut(f.Path, kind); ok && strings.HasPrefix(f.Path, "apps/") {
					got[c.Name] = append(got[c.Name], strings.TrimSuffix(name, ".yaml"))
				}
			}
		}
		slices.Sort(got[c.Name])
	}
	return got
}

// wantPolicies checks the policies of the clusters.
func wantPolicies(t *testing.T, tree *render.Tree, want map[string]string) {
	t.Helper()
	got := policiesOn(tree)
	for cluster, names := range got {
		if text := strings.Join(names, " "); text != want[cluster] {
			t.Errorf("%s gets %q, want %q", cluster, text, want[cluster])
		}
	}
	for cluster, names := range want {
		if got[cluster] == nil && names != "" {
			t.Errorf("%s gets nothing, want %q", cluster, names)
		}
	}
}

// TestMatchExpressions selects from berlin {region: eu, tier: gold}, lisbon {region: eu} and tokyo {region:
// asia}.
func TestMatchExpressions(t *testing.T) {
	for _, tt := range []struct{ selector, want string }{
		{"matchExpressions: [{key: region, operator: In, values: [eu, us]}]", "berlin lisbon"},
		{"matchExpressions: [{key: region, operator: NotIn, values: [eu]}]", "tokyo"},
		{"matchExpressions: [{key: tier, operator: NotIn, values: [gold]}]", "lisbon tokyo"},
		{"matchExpressions: [{key: tier, operator: Exists}]", "berlin"},
		{"matchExpressions: [{key: tier, operator: DoesNotExist}]", "lisbon tokyo"},
		{"matchExpressions: [{key: tier, operator: Exists, values: []}]", "berlin"},
		{"matchExpressions: [{key: region, operator: Exists}, {key: tier, operator: DoesNotExist}]", "lisbon tokyo"},
		{"matchLabels: {region: eu}, matchExpressions: [{key: tier, operator: NotIn, values: [gold]}]", "lisbon"},
		{"matchLabels: {region: eu}, matchExpressions: []", "berlin lisbon"},
		{"matchExpressions: []", "berlin lisbon tokyo"},
		{"matchExpressions: [{key: tier, operator: NotIn, values: ['']}]", "berlin lisbon tokyo"},
	} {
		t.Run(tt.selector, func(t *testing.T) {
			tree := compile(t, worldAnd(app("a", "  destination: {fleet: shops, clusterSelector: {"+tt.selector+"}}\n  syncPolicies: [{name: p, "+policy+"}]\n"))...)
			want := map[string]string{}
			for _, cluster := range strings.Fields(tt.want) {
				want[cluster] = "p"
			}
			wantPolicies(t, tree, want)
		})
	}
}

// TestSelectorsThatDoNotWork checks selectors that Kubernetes rejects, and those that select nothing.
func TestSelectorsThatDoNotWork(t *testing.T) {
	for _, tt := range []struct {
		name     string
		selector string
		want     []string
	}{
		{"no cluster", "matchExpressions: [{key: tier, operator: In, values: [silver]}]",
			[]string{`a.yaml:6:31: warning FW204 spec.destination.clusterSelector: no cluster of the fleet shops meets these conditions → labels of the clusters: berlin {region=eu, tier=gold}, lisbon {region=eu}, tokyo {region=asia}`}},
		{"no cluster that matches both", "matchLabels: {region: asia}, matchExpressions: [{key: tier, operator: Exists}]",
			[]string{`a.yaml:6:31: warning FW204 spec.destination.clusterSelector: no cluster of the fleet shops meets these conditions → labels of the clusters: berlin {region=eu, tier=gold}, lisbon {region=eu}, tokyo {region=asia}`}},
		{"In without values", "matchExpressions: [{key: tier, operator: In}]",
			[]string{`a.yaml:6:90: error FW114 spec.destination.clusterSelector.matchExpressions[0].operator: operator In needs values to compare the label with → values: [eu, us]`}},
		{"NotIn without values", "matchExpressions: [{key: tier, operator: NotIn, values: []}]",
			[]string{`a.yaml:6:90: error FW114 spec.destination.clusterSelector.matchExpressions[0].operator: operator NotIn needs values to compare the label with → values: [eu, us]`}},
		{"Exists with values", "matchExpressions: [{key: tier, operator: Exists, values: [gold]}]",
			[]string{`a.yaml:6:98: error FW114 spec.destination.clusterSelector.matchExpressions[0].values: operator Exists allows no values → remove values, or write operator: In`}},
		{"an unknown operator", "matchExpressions: [{key: tier, operator: NotEquals, values: [gold]}]",
			[]string{`a.yaml:6:90: error FW113 spec.destination.clusterSelector.matchExpressions[0].operator: "NotEquals" is not one of In, NotIn, Exists, DoesNotExist`}},
		{"an operator in lower case", "matchExpressions: [{key: tier, operator: notIn, values: [gold]}]",
			[]string{`a.yaml:6:90: error FW113 spec.destination.clusterSelector.matchExpressions[0].operator: "notIn" is not one of In, NotIn, Exists, DoesNotExist → did you mean NotIn?`}},
		{"no key", "matchExpressions: [{operator: Exists}]",
			[]string{`a.yaml:6:68: error FW112 spec.destination.clusterSelector.matchExpressions[0]: key is missing → key: region`}},
		{"no operator", "matchExpressions: [{key: tier}]",
			[]string{`a.yaml:6:68: error FW112 spec.destination.clusterSelector.matchExpressions[0]: operator is missing → operator: In`}},
		{"no label key", "matchExpressions: [{key: 'a b', operator: Exists}]",
			[]string{`a.yaml:6:74: error FW115 spec.destination.clusterSelector.matchExpressions[0].key: "a b" is not a valid label key: at most 63 letters, digits, '-', '_' and '.', with or without a prefix such as example.com/: it has other characters, or is too long; the API server rejects it`}},
		{"no label value", "matchExpressions: [{key: tier, operator: In, values: ['a b']}]",
			[]string{`a.yaml:6:103: error FW115 spec.destination.clusterSelector.matchExpressions[0].values[0]: "a b" is not a label value: at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit`}},
		{"a mapping", "matchExpressions: {tier: gold}",
			[]string{`a.yaml:6:67: error FW111 spec.destination.clusterSelector.matchExpressions: expected a list, got a mapping`}},
		{"a number for a value", "matchExpressions: [{key: tier, operator: In, values: [1]}]",
			[]string{`a.yaml:6:103: error FW111 spec.destination.clusterSelector.matchExpressions[0].values[0]: expected text, got the number 1 → put it in quotes: "1"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantProblems(t, worldAnd(app("a", "  destination: {fleet: shops, clusterSelector: {"+tt.selector+"}}\n  syncPolicies: [{name: p, "+policy+"}]\n")), tt.want)
		})
	}
}

// wantProblems checks all warnings and errors, with hints after arrows.
func wantProblems(t *testing.T, files []schema.File, want []string) {
	t.Helper()
	var got []string
	for _, d := range problems(files) {
		got = append(got, strings.TrimSuffix(d.String()+" → "+d.Hint, " → "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// shared returns a Fleet of the cluster eu in the namespace platform, with further fields of its spec.
func shared(spec string) schema.File {
	return schema.File{Name: "shared.yaml", Data: []byte("apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: shared, namespace: platform}\nspec:\n  clusters: [{kind: AttachedCluster, name: eu}]\n" + spec +
		"---\n{apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: eu, namespace: platform, labels: {region: eu}}, spec: {kubeconfig: {name: eu}}}\n")}
}

// TestAnApplicationMayGoToSeveralFleets checks policies with a fleet each, or without one, and fleets that share
// clusters.
func TestAnApplicationMayGoToSeveralFleets(t *testing.T) {
	spec := "  destination: {fleet: shops, clusterSelector: {matchLabels: {region: eu}}}\n  syncPolicies:\n" +
		"  - {name: first, " + policy + "}\n" +
		"  - {name: second, destination: {fleet: labs}, " + policy + "}\n" +
		"  - {name: third, destination: {fleet: shared, fleetNamespace: platform}, " + policy + "}\n"
	files := worldAnd(app("a", spec), shared("  allowedNamespaces: [other, default]\n"), app("b", "  syncPolicies: [{name: here, "+policy+"}, {name: there, destination: {fleet: labs}, "+policy+"}]\n"))
	if list := problems(files); len(list) > 0 {
		t.Error(text(list))
	}
	wantPolicies(t, compile(t, files...), map[string]string{"berlin": "first", "lisbon": "first", "lab": "second there", "eu": "third", "host": "here"})
	wantPolicies(t, compile(t, worldAnd(app("a", "  destination: {fleet: shared, fleetNamespace: platform}\n  syncPolicies: [{name: p, "+policy+"}, {name: q, destination: {fleet: '', clusterSelector: {matchLabels: {region: us}}}, "+policy+"}]\n"),
		shared("  allowedNamespaces: [default]\n"))...), map[string]string{"eu": "p"})
}

// TestFleetsOfOtherNamespaces checks fleets that an Application must not use.
func TestFleetsOfOtherNamespaces(t *testing.T) {
	to := func(destination string) schema.File {
		return app("a", "  destination: {"+destination+"}\n  syncPolicies: [{name: p, "+policy+"}]\n")
	}
	elsewhere := to("fleet: shared, fleetNamespace: platform")
	for _, tt := range []struct {
		name  string
		files []schema.File
		want  []string
	}{
		{"allowed",
			[]schema.File{elsewhere, shared("  allowedNamespaces: [default]\n")},
			nil},
		{"its own namespace",
			worldAnd(to("fleet: shops, fleetNamespace: default")),
			nil},
		{"its own namespace on a hub",
			onHub(worldKubeconfigs(t, worldAnd(to("fleet: shops, fleetNamespace: default")))...),
			nil},
		{"not allowed",
			[]schema.File{elsewhere, shared("")},
			[]string{`a.yaml:6:48: error FW223 spec.destination.fleetNamespace: the fleet at shared.yaml:3:18 does not allow Applications from namespace default → allowedNamespaces: [default] in the Fleet's spec`}},
		{"another is allowed",
			[]schema.File{elsewhere, shared("  allowedNamespaces: [shop]\n")},
			[]string{`a.yaml:6:48: error FW223 spec.destination.fleetNamespace: the fleet at shared.yaml:3:18 does not allow Applications from namespace default → allowedNamespaces: [shop, default] in the Fleet's spec`}},
		{"all are not allowed by a pattern",
			[]schema.File{elsewhere, shared("  allowedNamespaces: ['*']\n")},
			[]string{`shared.yaml:6:23: error FW115 spec.allowedNamespaces[0]: "*" is not a valid Kubernetes name: at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit`}},
		{"on a hub",
			onHub(elsewhere, shared("  allowedNamespaces: [default]\n")),
			[]string{`a.yaml:6:48: error FW223 spec.destination.fleetNamespace: in the hub topology, the fleet's kubeconfigs are only in its namespace platform, but the Application is in default → write metadata: {namespace: platform} in the Application, and remove fleetNamespace`}},
		{"an unknown fleet in the other namespace",
			worldAnd(to("fleet: shops, fleetNamespace: platform")),
			[]string{`a.yaml:6:24: error FW202 spec.destination.fleet: the inputs have no Fleet shops in namespace platform → world.yaml:2:1 defines it in namespace default: remove fleetNamespace`}},
		{"no fleetNamespace",
			[]schema.File{to("fleet: shared"), shared("  allowedNamespaces: [default]\n")},
			[]string{`a.yaml:6:24: error FW202 spec.destination.fleet: the inputs have no Fleet shared in namespace default → shared.yaml:1:1 defines it in namespace platform: fleetNamespace: platform`}},
		{"no fleetNamespace on a hub",
			onHub(to("fleet: shared"), shared("")),
			[]string{`a.yaml:6:24: error FW202 spec.destination.fleet: the inputs have no Fleet shared in namespace default → shared.yaml:1:1 defines it in namespace platform: metadata: {namespace: platform} of the Application`}},
		{"no fleet",
			worldAnd(to("fleetNamespace: platform")),
			[]string{`a.yaml:6:3: error FW112 spec.destination: fleet is missing → fleet: production`}},
		{"of a policy",
			worldAnd(app("a", "  destination: {fleet: shops}\n  syncPolicies: [{name: p, destination: {fleet: shared, fleetNamespace: platform}, "+policy+"}]\n"), shared("")),
			[]string{`a.yaml:7:73: error FW223 spec.syncPolicies[0].destination.fleetNamespace: the fleet at shared.yaml:3:18 does not allow Applications from namespace default → allowedNamespaces: [default] in the Fleet's spec`}},
		{"no namespace",
			worldAnd(to("fleet: shops, fleetNamespace: A")),
			[]string{`a.yaml:6:47: error FW115 spec.destination.fleetNamespace: "A" is not a valid Kubernetes name: at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit → fleetNamespace: a`}},
	} {
		t.Run(tt.name, func(t *testing.T) { wantProblems(t, tt.files, tt.want) })
	}
}

// TestPoliciesOfOneName checks that policies with one name count as one policy on each cluster.
func TestPoliciesOfOneName(t *testing.T) {
	kustomization := func(path, dependsOn string) string {
		if dependsOn != "" {
			dependsOn = ", dependsOn: [{name: " + dependsOn + "}]"
		}
		return "kustomization: {interval: 5m, prune: true, path: " + path + dependsOn + "}"
	}
	in := func(region string) string {
		return "destination: {fleet: shops, clusterSelector: {matchLabels: {region: " + region + "}}}, "
	}
	of := func(policies ...string) []schema.File {
		return worldAnd(app("a", "  destination: {fleet: shops}\n  syncPolicies:\n  - "+strings.Join(policies, "\n  - ")+"\n"))
	}
	apart := []string{"{name: web, " + in("eu") + kustomization("./eu", "") + "}", "{name: web, " + in("asia") + kustomization("./asia", "") + "}"}
	files := of(append(slices.Clone(apart), "{name: after, "+kustomization("./after", "web")+"}")...)
	wantProblems(t, files, nil)
	tree := compile(t, files...)
	wantPolicies(t, tree, map[string]string{"berlin": "after web", "lisbon": "after web", "tokyo": "after web"})
	for cluster, want := range map[string]string{"berlin": "./eu", "lisbon": "./eu", "tokyo": "./asia"} {
		dir := cluster + "/fleetwright/apps/default.a/kustomization-"
		if got := at(get(t, tree, dir+"web.yaml"), "spec path"); got != want {
			t.Errorf("%s gets the path %v, want %s", cluster, got, want)
		}
		if got := at(get(t, tree, dir+"after.yaml"), "spec dependsOn 0 name"); got != "web" {
			t.Errorf("on %s it waits for %v", cluster, got)
		}
	}
	hub := compile(t, onHub(worldKubeconfigs(t, files)...)...)
	for cluster, want := range map[string]string{"berlin": "./eu", "lisbon": "./eu", "tokyo": "./asia"} {
		kind := map[bool]string{true: "cluster", false: "attachedcluster"}[cluster == "tokyo"]
		dir := "host/fleetwright/clusters/" + cluster + "/apps/default.a/kustomization-"
		if got := at(get(t, hub, dir+"web-"+kind+"-"+cluster+".yaml"), "spec path"); got != want {
			t.Errorf("on a hub %s gets the path %v, want %s", cluster, got, want)
		}
		if got := at(get(t, hub, dir+"after-"+kind+"-"+cluster+".yaml"), "spec dependsOn 0 name"); got != "web-"+kind+"-"+cluster {
			t.Errorf("on a hub for %s it waits for %v", cluster, got)
		}
	}

	lab := "{name: web, destination: {fleet: labs}, " + kustomization("./lab", "") + "}"
	for _, tt := range []struct {
		name  string
		files []schema.File
		want  []string
	}{
		{"apart",
			of(apart...),
			nil},
		{"in two fleets",
			of(apart[0], lab),
			nil},
		{"three, of which two share a cluster",
			of(apart[0], apart[1], "{name: web, "+in("eu")+kustomization("./more", "")+"}"),
			[]string{`a.yaml:10:12: error FW201 spec.syncPolicies[2].name: the policy at a.yaml:8:5 is also called web, and the cluster berlin gets both → rename one of the two, or send them to different clusters with clusterSelector`}},
		{"one for all",
			of(apart[0], "{name: web, "+kustomization("./all", "")+"}"),
			[]string{`a.yaml:9:12: error FW201 spec.syncPolicies[1].name: the policy at a.yaml:8:5 is also called web, and the cluster berlin gets both → rename one of the two, or send them to different clusters with clusterSelector`}},
		{"of two kinds",
			of(apart[0], "{name: web, helm: {interval: 5m, chart: {spec: {chart: ./web}}}}"),
			nil},
		{"one that selects nothing",
			of(apart[0], "{name: web, "+in("us")+kustomization("./us", "")+"}"),
			[]string{`a.yaml:9:63: warning FW204 spec.syncPolicies[1].destination.clusterSelector.matchLabels: no cluster of the fleet shops has these labels → labels of the clusters: berlin {region=eu, tier=gold}, lisbon {region=eu}, tokyo {region=asia}`}},
		{"a name by position",
			of("{name: a-1, "+in("eu")+kustomization("./eu", "")+"}", "{"+in("asia")+kustomization("./asia", "")+"}"),
			[]string{`a.yaml:9:5: warning FW208 spec.syncPolicies[1]: the policy is called a-1 after its position: a policy inserted before it renames it, and Flux deletes and recreates everything it applied → name: a-1`}},
		{"two Applications",
			append(of(apart[0]), app("b", "  destination: {fleet: shops}\n  syncPolicies:\n  - "+apart[1]+"\n")),
			nil},
		{"two Applications that share a cluster",
			append(of(apart[0]), app("b", "  destination: {fleet: shops}\n  syncPolicies:\n  - "+apart[0]+"\n")),
			[]string{`b.yaml:8:5: error FW601 spec.syncPolicies[0]: Kustomization default/web is also rendered for a.yaml:8:5 on the same cluster; each would overwrite the other → rename one of the two, or send them to different clusters with clusterSelector`}},
		{"one waits for a policy on other clusters",
			of(apart[0], lab, "{name: after, "+kustomization("./after", "web")+"}"),
			[]string{`a.yaml:10:96: warning FW211 spec.syncPolicies[2].kustomization.dependsOn[0].name: web does not go to tokyo, so this policy waits forever there → send both to the same clusters`}},
		{"one waits for its name on other clusters",
			of("{name: web, "+in("eu")+kustomization("./eu", "web")+"}", apart[1]),
			[]string{`a.yaml:8:166: error FW506 spec.syncPolicies[0].kustomization.dependsOn[0].name: the policy waits for itself → remove one of the dependencies`}},
		{"they wait for one another",
			of("{name: web, "+in("eu")+kustomization("./eu", "db")+"}", apart[1], "{name: db, "+kustomization("./db", "web")+"}"),
			[]string{`a.yaml:10:90: error FW506 spec.syncPolicies[2].kustomization.dependsOn[0].name: policies wait for each other: web -> db -> web → remove one of the dependencies`}},
		{"a cycle on no single cluster",
			of("{name: web, "+in("eu")+kustomization("./eu", "db")+"}", apart[1], "{name: db, "+in("eu")+kustomization("./db", "")+"}", "{name: db, "+in("asia")+kustomization("./db", "web")+"}"),
			nil},
		{"one is suspended",
			of(strings.Replace(apart[0], "prune: true", "prune: true, suspend: true", 1), apart[1], "{name: after, "+kustomization("./after", "web")+"}"),
			[]string{`a.yaml:10:96: warning FW515 spec.syncPolicies[2].kustomization.dependsOn[0].name: web is suspended; on a new cluster this policy waits until it is resumed → suspend: false in that policy, or remove the dependency`}},
	} {
		t.Run(tt.name, func(t *testing.T) { wantProblems(t, tt.files, tt.want) })
	}
}
