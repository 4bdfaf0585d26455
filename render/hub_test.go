package render_test

import (
	"path"
	"reflect"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

var hubConfig = schema.File{Name: "config.yaml", Data: []byte("apiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nspec:\n  topology: hub\n")}

// onHub returns documents with topology hub.
func onHub(files ...schema.File) []schema.File { return append(files, hubConfig) }

// TestHubReachesEachClusterByItsKubeconfig checks that every object with which Flux applies to another cluster
// names that cluster's Secret, in the object's own namespace.
func TestHubReachesEachClusterByItsKubeconfig(t *testing.T) {
	tree := compile(t, example(t, "../examples/hub")...)
	secrets := map[string]map[string]any{
		"kurator-member1": {"name": "kurator-member1", "key": "kubeconfig"},
		// That of a Cluster is the one of Cluster API.
		"kurator-member2": {"name": "kurator-member2-kubeconfig", "key": "value"},
	}
	reached := map[string]int{}
	for file, content := range contents(tree) {
		if !strings.HasSuffix(file, ".yaml") || strings.HasSuffix(file, "/kustomization.yaml") {
			continue
		}
		for _, document := range strings.Split(string(content), "\n---\n") {
			object := unmarshal(t, document)
			ref, _ := at(object, "spec kubeConfig secretRef").(map[string]any)
			path, _ := at(object, "spec path").(string)
			fromRepository := strings.HasPrefix(path, "./clusters/host/")
			switch kind := at(object, "kind"); {
			case kind == "HelmRelease", kind == "Kustomization" && !fromRepository, kind == "Kustomization" && hasAny(path, "/infrastructure", "/mesh", "/shared", "/namespaces/", "/rollouts/"):
				cluster := "kurator-member1"
				if strings.HasSuffix(at(object, "metadata name").(string), "kurator-member2") {
					cluster = "kurator-member2"
				}
				reached[cluster]++
				if !reflect.DeepEqual(ref, secrets[cluster]) {
					t.Errorf("%s: %v is reached by %v, want %v", file, at(object, "metadata name"), ref, secrets[cluster])
				}
				if got := at(object, "metadata namespace"); got != "default" {
					t.Errorf("%s: %v is in namespace %v, the Secret in default", file, at(object, "metadata name"), got)
				}
			case ref != nil:
				t.Errorf("%s: %v %v is for another cluster", file, kind, at(object, "metadata name"))
			}
		}
	}
	if reached["kurator-member1"] != reached["kurator-member2"] || reached["kurator-member1"] != 13 {
		t.Errorf("objects by cluster: %v", reached)
	}
	for _, c := range tree.Clusters[1:] {
		t.Errorf("%s has a directory next to the hub's", c.Name)
	}
}

func hasAny(text string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

// TestHubNamesAreUnique checks names that Kurator would truncate at 63 characters.
func TestHubNamesAreUnique(t *testing.T) {
	long := strings.Repeat("very-", 7) + "long-name"
	tree := compile(t, onHub(worldKubeconfigs(t, worldAnd(app("x", "  destination: {fleet: shops, clusterSelector: {matchLabels: {tier: gold}}}\n  syncPolicies:\n"+
		"  - {name: "+long+"-one, "+policy+"}\n  - {name: "+long+"-two, "+policy+"}\n")))...)...)
	names := map[any]bool{}
	for file, content := range contents(tree) {
		if strings.Contains(file, "/apps/") && path.Base(file) != layout.KustomizationFile && path.Base(file) != layout.InventoryFile {
			name := at(unmarshal(t, string(content)), "metadata name").(string)
			if len(name) > 63 {
				t.Errorf("%s has %d characters", name, len(name))
			}
			names[name] = true
		}
	}
	if len(names) != 2 {
		t.Errorf("two policies have the objects %v", names)
	}
}

// TestHubKeepsItsOwnApplications checks a hub with applications of its own and of other clusters.
func TestHubKeepsItsOwnApplications(t *testing.T) {
	tree := compile(t, onHub(worldKubeconfigs(t, worldAnd(
		app("x", "  destination: {fleet: labs}\n  syncPolicies: [{name: p, "+policy+"}]\n"),
		app("own", "  syncPolicies: [{name: p2, "+policy+"}]\n")))...)...)
	own := get(t, tree, "host/fleetwright/apps/default.own/kustomization-p2.yaml")
	if got := at(own, "spec kubeConfig"); got != nil {
		t.Errorf("the hub's own is reached by %v", got)
	}
	get(t, tree, "host/fleetwright/sources/gitrepository-x.default.yaml")
	get(t, tree, "host/fleetwright/clusters/lab/apps/default.x/kustomization-p-attachedcluster-lab.yaml")
}

// TestHubDependencies checks that Kurator's name stands for one cluster, and a policy's name for the same
// cluster.
func TestHubDependencies(t *testing.T) {
	tree := compile(t, onHub(worldKubeconfigs(t, worldAnd(app("x", "  destination: {fleet: shops}\n  syncPolicies:\n  - {name: a, "+policy+"}\n"+
		"  - {name: b, kustomization: {interval: 5m, prune: true, dependsOn: [{name: a}, {name: a-attachedcluster-berlin}]}}\n")))...)...)
	for cluster, want := range map[string]string{
		"lisbon": "[{name: a-attachedcluster-lisbon}, {name: a-attachedcluster-berlin}]",
		"tokyo":  "[{name: a-cluster-tokyo}, {name: a-attachedcluster-berlin}]",
	} {
		kind := "attachedcluster"
		if cluster == "tokyo" {
			kind = "cluster"
		}
		k := get(t, tree, "host/fleetwright/clusters/"+cluster+"/apps/default.x/kustomization-b-"+kind+"-"+cluster+".yaml")
		if got := at(k, "spec dependsOn"); !reflect.DeepEqual(got, unmarshal(t, "d: "+want)["d"]) {
			t.Errorf("on %s it depends on %v, want %s", cluster, got, want)
		}
	}
}

func TestHubNeedsKubeconfigs(t *testing.T) {
	files := onHub(rolledOut("kuma", "      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}\n")...)
	files = edit(t, files, "fleet.yaml", ", spec: {kubeconfig: {name: one}}", "")
	wantDiagnostic(t, files, "fleet.yaml:9:2: error FW215 spec: the hub cluster cannot reach this cluster: spec.kubeconfig names no Secret")
}

// TestRolloutsOfTwoSpokesDoNotCollide checks that objects which Flagger creates on one cluster do not collide with
// those of another cluster or the hub.
func TestRolloutsOfTwoSpokesDoNotCollide(t *testing.T) {
	rollout := "    rollout: {trafficRoutingProvider: kuma, workload: {name: cart, namespace: shop}, serviceName: cart, port: 8080, rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}}\n"
	one := func(name, label string) schema.File {
		return app(name, "  destination: {fleet: shops, clusterSelector: {matchLabels: {"+label+"}}}\n  syncPolicies:\n  - name: "+name+"\n    "+policy+"\n"+rollout)
	}
	compile(t, onHub(worldKubeconfigs(t, worldAnd(one("a", "tier: gold"), one("b", "region: asia")))...)...)
	wantDiagnostic(t, onHub(worldKubeconfigs(t, worldAnd(one("a", "tier: gold"), one("b", "region: eu")))...), "b.yaml:10:62: error FW601")
}

// worldKubeconfigs adds kubeconfigs to the world's clusters.
func worldKubeconfigs(t *testing.T, files []schema.File) []schema.File {
	t.Helper()
	for _, name := range []string{"{name: berlin, labels: {region: eu, tier: gold}}", "{name: lisbon, labels: {region: eu}}", "{name: lab}"} {
		files = edit(t, files, "world.yaml", "metadata: "+name, "spec: {kubeconfig: {name: k}}, metadata: "+name)
	}
	return files
}

// TestTheHubAppliesSharedObjects checks shared objects on a cluster where every component is installed, so that
// the hub applies nothing else.
func TestTheHubAppliesSharedObjects(t *testing.T) {
	files := append(example(t, "../examples/installed-kuma"), schema.File{Name: "hub.yaml", Data: []byte("{apiVersion: fleetwright.dev/v1alpha1, kind: RenderConfig, spec: {topology: hub}}")})
	stage := get(t, compile(t, files...), "host/fleetwright/sync/kurator-member1/cluster.yaml")
	if got, want := at(stage, "spec path"), "./clusters/host/fleetwright/clusters/kurator-member1/shared"; got != want {
		t.Errorf("the path is %v, want %s", got, want)
	}
}
