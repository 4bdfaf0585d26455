package diff_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/internal/sink/diff"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// An edit replaces text of an example once.
type edit struct{ old, new string }

const (
	kuma = "kuma-rollout"
	hub  = "hub"
)

// TestNotes edits examples, and checks the description of the changes.
func TestNotes(t *testing.T) {
	for _, test := range []struct {
		name, example string
		edits         []edit
		want          []string
	}{
		{"a field of the rollout", kuma, []edit{{"stepWeight: 10", "stepWeight: 25"}}, []string{
			"default/rollout-kuma-demo: backend: promotion 12m → 7m30s; exposure at failure: at the first check 0.45 → 1.13, at the last 3.75 → 2.63 traffic-minutes on kurator-member1, kurator-member2",
			"default/rollout-kuma-demo: backend: stepWeight 10 → 25 on kurator-member1, kurator-member2",
		}},
		{"a threshold of a metric, which goes by its name", kuma, []edit{{"min: 99", "min: 95"}}, []string{
			"default/rollout-kuma-demo: backend: metrics[kuma-request-success-rate].thresholdRange.min 99 → 95 on kurator-member1, kurator-member2",
		}},
		{"a query, which is too long to be shown", kuma, []edit{{"status!~\"5.*\"", "status!~\"[45].*\""}}, []string{
			"default/rollout-kuma-demo: MetricTemplate backend.kuma-request-success-rate: query changed on kurator-member1, kurator-member2",
		}},
		{"a policy that is suspended", kuma, []edit{{"interval: 5m0s", "interval: 5m0s\n        suspend: true"}}, []string{
			"default/rollout-kuma-demo: danger: Kustomization rollout-kuma-demo-1: suspend none → true on kurator-member1, kurator-member2: Flux ignores later changes until you resume it",
			"default/rollout-kuma-demo: Kustomization app-default.rollout-kuma-demo of sync/default.rollout-kuma-demo.yaml: wait true → none on kurator-member1, kurator-member2",
		}},
		{"a rollout that is suspended", kuma, []edit{{"        rolloutPolicy:\n", "        rolloutPolicy:\n          suspend: true\n"}}, []string{
			"default/rollout-kuma-demo: danger: backend: suspend none → true on kurator-member1, kurator-member2: Flagger ignores later changes until you resume it",
		}},
		{"a policy that gets a name", kuma, []edit{{"    - destination:", "    - name: web\n      destination:"}}, []string{
			"default/rollout-kuma-demo: danger: Kustomization rollout-kuma-demo-0 renamed to web on kurator-member1, kurator-member2: Flux deletes all objects of the old Kustomization, and the new one applies them again",
		}},
		{"a policy for another namespace", kuma, []edit{{"targetNamespace: default", "targetNamespace: web"}}, []string{
			"default/rollout-kuma-demo: danger: Kustomization rollout-kuma-demo-1: targetNamespace default → web on kurator-member1, kurator-member2: Flux applies all objects to the new namespace, and deletes them from the old one",
			"default/rollout-kuma-demo: Namespace web added on kurator-member1, kurator-member2",
		}},
		{"an application that is renamed", kuma, []edit{{"name: rollout-kuma-demo\n", "name: web\n"}}, []string{
			"default/rollout-kuma-demo: danger: application removed on kurator-member1, kurator-member2: Flux deletes all objects of the application",
			"default/web: danger: Deployment backend-testloader moves here from rollouts/default.rollout-kuma-demo on kurator-member1, kurator-member2: another Flux Kustomization applies it, and the old one may delete it first",
			"default/web: danger: backend moves here from rollouts/default.rollout-kuma-demo on kurator-member1, kurator-member2: another Flux Kustomization applies it, and the old one may delete it first",
			"default/web: application added on kurator-member1, kurator-member2",
		}},
		{"a cluster that leaves the fleet", kuma, []edit{{"    - name: kurator-member2\n      kind: AttachedCluster\n", ""}}, []string{
			"default/rollout-kuma-demo: danger: application removed while still among the inputs on kurator-member2: Flux deletes all objects of the application; ../../../examples/kuma-rollout/fleet.yaml:7:3: the fleet quickstart does not list kurator-member2; render needs --allow-prune for this",
			"clusters: danger: cluster removed on kurator-member2: Flux deletes all objects that it has applied there",
		}},
		{"a version of a chart", kuma, []edit{{"apiVersion: fleet.kurator.dev", config("charts: {prometheus: {version: 27.50.0}}") + "apiVersion: fleet.kurator.dev"}}, []string{
			"infrastructure: HelmRelease prometheus: chart.spec.version 27.46.0 → 27.50.0 on kurator-member1, kurator-member2",
		}},
		{"another topology", kuma, []edit{{"apiVersion: fleet.kurator.dev", config("topology: hub") + "apiVersion: fleet.kurator.dev"}}, []string{
			"clusters: danger: cluster removed on kurator-member1, kurator-member2: Flux deletes all objects that it has applied there",
			"clusters: cluster added on host",
			"clusters: cluster of the hub host added on kurator-member1, kurator-member2",
		}},
		{"another application, which changes nothing of the first", kuma, []edit{{"apiVersion: apps", another + "apiVersion: apps"}}, []string{
			"default/zeta: application added on kurator-member1, kurator-member2",
		}},
		{"another application of a hub", hub, []edit{{"apiVersion: apps", another + "apiVersion: apps"}}, []string{
			"default/zeta: GitRepository zeta added on host",
			"default/zeta: application added on kurator-member1, kurator-member2",
		}},
		{"a cluster that leaves a hub", hub, []edit{{"    - name: kurator-member2\n      kind: Cluster\n", ""}}, []string{
			"default/dashboard: danger: application removed while still among the inputs on kurator-member2: Flux deletes all objects of the application; ../../../examples/hub/fleet.yaml:7:3: the fleet quickstart does not list kurator-member2; render needs --allow-prune for this",
			"default/webapp: danger: application removed while still among the inputs on kurator-member2: Flux deletes all objects of the application; ../../../examples/hub/fleet.yaml:7:3: the fleet quickstart does not list kurator-member2; render needs --allow-prune for this",
			"clusters: danger: cluster of the hub host removed on kurator-member2: Flux deletes all objects that it has applied there",
		}},
		{"a selector with a typing mistake", "cluster-selectors", []edit{{"stage: production", "stage: prod"}}, []string{
			"shop/podinfo: danger: production removed while still among the inputs on austin, berlin: Flux deletes all objects of the application; ../../../examples/cluster-selectors/application.yaml:27:11: clusterSelector matches no cluster of the fleet world (FW204); render needs --allow-prune for this",
			"shop/podinfo: Namespace podinfo is no longer rendered but stays on austin, berlin",
		}},
		{"one of a hub", hub, []edit{{"    - name: tools\n", "    - name: tools\n      destination: {fleet: quickstart, clusterSelector: {matchLabels: {stage: prod}}}\n"}}, []string{
			"default/webapp: danger: tools removed while still among the inputs on kurator-member1, kurator-member2: Flux deletes all objects of the application; ../../../examples/hub/application.yaml:47:58: clusterSelector matches no cluster of the fleet quickstart (FW204); render needs --allow-prune for this",
			"default/webapp: Namespace tools is no longer rendered but stays on kurator-member1, kurator-member2",
		}},
		{"a chart of another name", hub, []edit{{"chart: podinfo", "chart: other"}}, []string{
			"default/dashboard: danger: HelmRelease dashboard-*: chart.spec.chart podinfo → other on kurator-member1, kurator-member2: Flux uninstalls the release, and installs it again",
		}},
		{"a source of another URL", hub, []edit{{"https://github.com/stefanprodan/podinfo", "https://github.com/stefanprodan/other"}, {"https://stefanprodan.github.io/podinfo", "https://charts.example.com"}}, []string{
			"default/dashboard: danger: HelmRepository dashboard: url https://stefanprodan.github.io/podinfo → https://charts.example.com on host: Flux upgrades its releases to the charts of another repository",
			"default/webapp: danger: GitRepository webapp: url https://github.com/stefanprodan/podinfo → https://github.com/stefanprodan/other on host: Flux fetches another repository, and a Kustomization with prune deletes all objects that it does not contain",
		}},
		{"a field of the clusters of a hub, which are called otherwise each", hub, []edit{{"interval: 10m0s\n        path: ./kustomize", "interval: 15m0s\n        path: ./kustomize"}}, []string{
			"default/webapp: Kustomization tools-*: interval 10m0s → 15m0s on kurator-member1, kurator-member2",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			was := example(t, test.example)
			is := edited(t, was, test.edits)
			got := notesOf(reportOf(t, was, is))
			for i := range max(len(got), len(test.want)) {
				if i >= len(got) || i >= len(test.want) || got[i] != test.want[i] {
					t.Fatalf("it says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
				}
			}
		})
	}
}

const another = `apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {name: zeta}
spec:
  source: {gitRepository: {url: https://example.com/zeta.git, interval: 5m}}
  destination: {fleet: quickstart}
  syncPolicies: [{name: zeta, kustomization: {interval: 5m, prune: true, path: ./deploy}}]
---
`

// example returns the inputs of an example.
func example(t testing.TB, name string) []schema.File {
	t.Helper()
	files, err := inputs.Read([]string{filepath.Join("../../../examples", name)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// edited returns inputs with edits, each of which must change the text.
func edited(t testing.TB, files []schema.File, edits []edit) []schema.File {
	t.Helper()
	files = slices.Clone(files)
	for _, e := range edits {
		found := false
		for i, f := range files {
			if !found && strings.Contains(string(f.Data), e.old) {
				files[i].Data = []byte(strings.Replace(string(f.Data), e.old, e.new, 1))
				found = true
			}
		}
		if !found {
			t.Fatalf("nothing to edit: %q", e.old)
		}
	}
	return files
}

func compiled(t testing.TB, files []schema.File) *render.Tree {
	t.Helper()
	tree, list := render.Compile(schema.Load(files), render.Options{Path: "clusters"})
	if tree == nil {
		t.Fatal(list)
	}
	return tree
}

func reportOf(t testing.TB, was, is []schema.File) *diff.Report {
	t.Helper()
	old, made := compiled(t, was), compiled(t, is)
	changes := made.Changes(old)
	return diff.New(nil, changes, made.LossesOf(changes))
}

func notesOf(r *diff.Report) (lines []string) {
	for _, n := range r.Notes {
		about, danger := n.About, ""
		if about == "" {
			about = "clusters"
		}
		if n.Danger != "" {
			danger = "danger: "
		}
		lines = append(lines, about+": "+danger+n.String())
	}
	return lines
}

// config returns a RenderConfig followed by another document.
func config(spec string) string {
	return "apiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nspec: {" + spec + "}\n---\n"
}

// TestKumaToGatewayAPI makes the steps of docs/kuma-to-gatewayapi.md, and one step that changes too much.
func TestKumaToGatewayAPI(t *testing.T) {
	const (
		deletes = "; then run on each cluster, before the TrafficRoute for all traffic is removed: kubectl delete trafficroutes.kuma.io backend"
		leaving = "danger: backend: provider kuma → gatewayapi:v1 on kurator-member1, kurator-member2: one HTTPRoute disables every TrafficRoute split of its mesh, and a running analysis loses its weights: change all rollouts of the mesh in one commit, while no analysis runs" + deletes
		deleted = "danger: TrafficRoute route-all-default removed on kurator-member1, kurator-member2: as long as another TrafficRoute exists, Kuma routes only services that a TrafficRoute names"
	)
	gateway := edit{"trafficRoutingProvider: kuma\n---", "trafficRoutingProvider: kuma\n      gateway: {}\n---"}
	rollouts := edit{"trafficRoutingProvider: kuma\n        workload", "trafficRoutingProvider: gatewayapi\n        workload"}
	fleet := edit{"trafficRoutingProvider: kuma\n      gateway: {}\n", "trafficRoutingProvider: gatewayapi\n      gateway: {implementation: kuma}\n"}
	at := [][]schema.File{example(t, kuma)}
	for i, e := range []edit{gateway, rollouts, fleet} {
		at = append(at, edited(t, at[i], []edit{e}))
	}
	dangers := func(was, is []schema.File) (all []string) {
		for _, n := range notesOf(reportOf(t, was, is)) {
			if _, danger, ok := strings.Cut(n, ": danger: "); ok {
				all = append(all, "danger: "+danger)
			}
		}
		return all
	}
	for _, tt := range []struct {
		name    string
		was, is int
		want    []string
	}{
		{"Gateway API comes", 0, 1, nil},
		{"the rollouts change", 1, 2, []string{leaving}},
		{"the fleet changes", 2, 3, []string{deleted}},
		{"all at once", 0, 3, []string{leaving, deleted + ", and the TrafficRoutes of rollouts that leave kuma in this commit remain: change the rollouts first, delete their TrafficRoutes, and then change the fleet's provider"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := dangers(at[tt.was], at[tt.is]); !slices.Equal(got, tt.want) {
				t.Errorf("it says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestRolloutRemoved checks that Flagger does not restore a target that it scaled down, unless the Canary
// requires it.
func TestRolloutRemoved(t *testing.T) {
	was := example(t, kuma)
	text := string(was[0].Data)
	from, to := strings.Index(text, "      rollout:\n"), strings.LastIndex(text, "    - destination:")
	without := []edit{{text[from:to], ""}}
	want := "default/rollout-kuma-demo: danger: backend: rollout removed on kurator-member1, kurator-member2: Kubernetes also deletes the primary, and the target stays at 0 replicas unless its manifest sets replicas: set revertOnDeletion and render before you remove a rollout"
	if got := notesOf(reportOf(t, was, edited(t, was, without))); !slices.Contains(got, want) {
		t.Errorf("it says\n%s\nnot\n%s", strings.Join(got, "\n"), want)
	}
	stays := "default/rollout-kuma-demo: danger: backend: TrafficRoute backend remains on kurator-member1, kurator-member2: it routes all requests for backend to the deleted primary; after Flux has removed the Canary, run on each cluster: kubectl delete trafficroutes.kuma.io backend"
	if got := notesOf(reportOf(t, was, edited(t, was, without))); !slices.Contains(got, stays) {
		t.Errorf("it says\n%s\nnot\n%s", strings.Join(got, "\n"), stays)
	}
	revert := edit{"        rolloutPolicy:\n", "        rolloutPolicy:\n          revertOnDeletion: true\n"}
	was = edited(t, was, []edit{revert})
	without[0].old = strings.Replace(without[0].old, revert.old, revert.new, 1)
	want = "default/rollout-kuma-demo: backend: rollout removed on kurator-member1, kurator-member2"
	got := notesOf(reportOf(t, was, edited(t, was, without)))
	if !slices.Contains(got, want) {
		t.Errorf("it says\n%s\nnot\n%s", strings.Join(got, "\n"), want)
	}
	if left := "default/rollout-kuma-demo: Namespace webapp is no longer rendered but stays on kurator-member1, kurator-member2"; !slices.Contains(got, left) {
		t.Errorf("it says\n%s\nnot\n%s", strings.Join(got, "\n"), left)
	}
}

// TestClusterOfAnotherKind checks that a cluster's kind is part of its objects' names on a hub, so that
// another kind creates other objects.
func TestClusterOfAnotherKind(t *testing.T) {
	was := example(t, hub)
	is := edited(t, was, []edit{
		{"name: kurator-member2\n      kind: Cluster", "name: kurator-member2\n      kind: AttachedCluster"},
		{"kind: Cluster\nmetadata:\n  name: kurator-member2", "kind: AttachedCluster\nspec: {kubeconfig: {name: kurator-member2, key: value}}\nmetadata:\n  name: kurator-member2"},
	})
	got := notesOf(reportOf(t, was, is))
	for _, want := range []string{
		"releases: danger: HelmRelease kuma-cluster-kurator-member2 renamed to kuma-attachedcluster-kurator-member2 on kurator-member2: Flux uninstalls the release, and installs it again",
		"default/webapp: danger: Kustomization webapp-cluster-kurator-member2 renamed to webapp-attachedcluster-kurator-member2 on kurator-member2: Flux deletes all objects of the old Kustomization, and the new one applies them again",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("it says\n%s\nnot\n%s", strings.Join(got, "\n"), want)
		}
	}
}

// TestHubIsFolded checks that objects on a hub that differ only in the cluster's name are shown once.
func TestHubIsFolded(t *testing.T) {
	object := func(cluster, interval string) []byte {
		return fmt.Appendf(nil, "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: web-attachedcluster-%s}\nspec: {interval: %s}\n", cluster, interval)
	}
	var changes []render.Change
	for _, cluster := range []string{"ap", "eu", "us"} {
		changes = append(changes, render.Change{
			Cluster: "host", Path: "clusters/" + cluster + "/apps/default.web/kustomization-web-attachedcluster-" + cluster + ".yaml",
			Old: object(cluster, "5m"), New: object(cluster, "7m"),
		})
	}
	r := diff.New(nil, changes, nil)
	if len(r.Changes) != 1 || len(r.Changes[0].Clusters) != 3 {
		t.Errorf("there are %d changes, want one on 3 clusters", len(r.Changes))
	}
	if got, want := notesOf(r), "default/web: Kustomization web-*: interval 5m → 7m on ap, eu, us"; len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestOwnArtifacts checks that a Flux Kustomization belongs to the directory that it applies, even if the
// cluster's directory is the root.
func TestOwnArtifacts(t *testing.T) {
	for path, want := range map[string]string{
		"./mesh": "mesh", "./clusters/eu/mesh": "mesh", `"./clusters/eu/apps/default.web"`: "default/web",
		"./oci/host/fleetwright/clusters/eu/mesh": "mesh", "./eu/fleetwright/apps/default.web": "default/web",
	} {
		object := func(interval string) []byte {
			return fmt.Appendf(nil, "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x, namespace: y}\nspec:\n  interval: %s\n  path: %s\n", interval, path)
		}
		r := diff.New(nil, []render.Change{{Cluster: "host", Path: "sync.yaml", Old: object("5m"), New: object("7m")}}, nil)
		if got := notesOf(r); len(got) != 1 || !strings.HasPrefix(got[0], want+": ") {
			t.Errorf("%s: got %q, want %s", path, got, want)
		}
	}
}

// TestWordsAsClusters checks clusters whose names are also words of the output.
func TestWordsAsClusters(t *testing.T) {
	var changes []render.Change
	for _, cluster := range []string{"backend", "none", "prod"} {
		changes = append(changes, render.Change{
			Cluster: cluster, Path: "rollouts/default.backend/canary-backend.yaml",
			Old: []byte("apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: backend}\nspec: {}\n"),
			New: []byte("apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: backend}\nspec: {progressDeadlineSeconds: 5}\n"),
		})
	}
	r := diff.New(nil, changes, nil)
	if got, want := notesOf(r), "default/backend: backend: progressDeadlineSeconds none → 5 on backend, none, prod"; len(r.Changes) != 1 || len(got) != 1 || got[0] != want {
		t.Errorf("%d changes, described as %q, want %q", len(r.Changes), got, want)
	}
}

// TestPartsOfNamesAreNoClusters checks that a name that begins or ends with a cluster's name is another name.
func TestPartsOfNamesAreNoClusters(t *testing.T) {
	for _, format := range []string{"%s-db", "db-%s", "%s.example.com", "x%s"} {
		var changes []render.Change
		for _, cluster := range []string{"eu", "us"} {
			object := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  host: " + fmt.Sprintf(format, cluster) + "\n"
			changes = append(changes, render.Change{Cluster: cluster, Path: "mesh/configmap-x.yaml", Old: []byte(object), New: []byte(object + "  n: 1\n")})
		}
		if r := diff.New(nil, changes, nil); len(r.Changes) != 2 {
			t.Errorf("%s: there are %d changes, want 2", format, len(r.Changes))
		}
	}
}

// TestFilesEditedByHand checks that every manual change of a file is a difference, with the same description
// each time.
func TestFilesEditedByHand(t *testing.T) {
	const doc = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: app-%s}\nspec:\n  path: ./c/eu/fleetwright/apps/%[1]s\n"
	one, two := fmt.Sprintf(doc, "a"), fmt.Sprintf(doc, "b")
	written := one + "---\n" + two
	for _, test := range []struct{ name, old, want string }{
		{"a document twice", one + "---\n" + written, "Kustomization app-a of sync.yaml"},
		{"documents in another order", two + "---\n" + one, "sync.yaml has other text"},
		{"no last newline", strings.TrimSuffix(written, "\n"), "No newline at end of file"},
		{"conflict markers", "<<<<<<< ours\n" + written + "=======\n>>>>>>> theirs\n", "sync.yaml has no rendered objects"},
		{"carriage returns", strings.ReplaceAll(written, "\n", "\r\n"), "has other text but the same fields"},
		{"nothing", "", "sync.yaml has no rendered objects"},
		{"bytes", "\x00\x1b[31m\xff", `\x1b[31m`},
	} {
		t.Run(test.name, func(t *testing.T) {
			said := func() string {
				r := diff.New(nil, []render.Change{{Cluster: "eu", Path: "sync.yaml", Old: []byte(test.old), New: []byte(written)}}, nil)
				if r.Empty() || len(r.Changes) == 0 {
					t.Error("nothing would change")
				}
				var b bytes.Buffer
				write, _ := diff.Formats.Get("text")
				if err := write(&b, r, diff.Options{}); err != nil {
					t.Error(err)
				}
				return b.String()
			}
			first := said()
			if !strings.Contains(first, test.want) {
				t.Errorf("got\n%s\nwant %s", first, test.want)
			}
			for range 10 {
				if again := said(); again != first {
					t.Fatalf("first\n%s\nthen\n%s", first, again)
				}
			}
			if strings.Contains(first, "\x1b") {
				t.Errorf("the terminal is told something: %q", first)
			}
		})
	}
}

// TestNothing checks the output without changes.
func TestNothing(t *testing.T) {
	r := reportOf(t, example(t, kuma), example(t, kuma))
	if len(r.Changes)+len(r.Notes)+len(r.Clusters) > 0 || r.Summary() != "nothing would change" {
		t.Errorf("got %s %v", r.Summary(), r)
	}
}

// TestDangers checks that each danger is found in a change of a file.
func TestDangers(t *testing.T) {
	const meta = "metadata: {name: x, namespace: y"
	canary := func(provider, refs string) string {
		return "apiVersion: flagger.app/v1beta1\nkind: Canary\n" + meta + "}\nspec: {provider: '" + provider + "', targetRef: {name: web}, service: {gatewayRefs: [" + refs + "]}}\n"
	}
	const kept = ", annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}"
	source := func(more, spec string) string {
		return "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\n" + meta + more + "}\nspec: {" + spec + "}\n"
	}
	for _, test := range []struct{ name, old, new, want string }{
		{"Namespace", "apiVersion: v1\nkind: Namespace\n" + meta + "}\n", "", "Flux deletes it, and everything in it"},
		{"Namespace that Flux leaves", "apiVersion: v1\nkind: Namespace\n" + meta + ", annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}}\n", "", ""},
		{"Deployment", "apiVersion: apps/v1\nkind: Deployment\n" + meta + "}\n", "", "Flux deletes it, and its pods"},
		{"Kustomization", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" + meta + "}\nspec: {prune: true}\n", "", "Flux deletes all objects that it has applied"},
		{"Kustomization that prunes nothing", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" + meta + "}\nspec: {prune: false}\n", "", ""},
		{"Kustomization that leaves its objects", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" + meta + "}\nspec: {prune: true, deletionPolicy: Orphan}\n", "", ""},
		{"Kustomization that deletes them nevertheless", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" + meta + "}\nspec: {prune: false, deletionPolicy: Delete}\n", "", "Flux deletes all objects that it has applied"},
		{"prefix", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" + meta + "}\nspec: {prune: true}\n", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" + meta + "}\nspec: {prune: true, namePrefix: a-}\n", "Flux applies all objects with new names, and deletes the old ones"},
		{"prefix of what is never pruned", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" + meta + "}\nspec: {prune: false}\n", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" + meta + "}\nspec: {prune: false, namePrefix: a-}\n", ""},
		{"storage namespace", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" + meta + "}\nspec: {storageNamespace: a}\n", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" + meta + "}\nspec: {storageNamespace: b}\n", "Flux uninstalls the release, and installs it again"},
		{"chart", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" + meta + "}\nspec: {chart: {spec: {chart: a}}}\n", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" + meta + "}\nspec: {chart: {spec: {chart: b}}}\n", "Flux uninstalls the release, and installs it again"},
		{"chart that is updated in place", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" + meta + "}\nspec: {chart: {spec: {chart: a}}, upgrade: {chartNameChangeStrategy: InPlaceUpdate}}\n", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" + meta + "}\nspec: {chart: {spec: {chart: b}}, upgrade: {chartNameChangeStrategy: InPlaceUpdate}}\n", ""},
		{"HelmRelease that is suspended", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" + meta + "}\nspec: {suspend: true}\n", "", ""},
		{"HelmRelease", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" + meta + "}\n", "", "Flux uninstalls the release"},
		{"Mesh", "apiVersion: kuma.io/v1alpha1\nkind: Mesh\n" + meta + "}\n", "", "every sidecar of this Mesh loses its configuration"},
		{"catch-all", "apiVersion: kuma.io/v1alpha1\nkind: TrafficRoute\n" + meta + "}\n", "", "as long as another TrafficRoute exists, Kuma routes only services that a TrafficRoute names"},
		{"provider", canary("kuma", ""), canary("kubernetes", ""), "a running analysis loses its weights: change the rollout while no analysis runs"},
		{"provider, behind a Gateway", canary("kuma", ""), canary("gatewayapi:v1", "{name: public}"),
			"a running analysis loses its weights: change the rollout while no analysis runs; then run on each cluster, before the TrafficRoute for all traffic is removed: kubectl delete trafficroutes.kuma.io web"},
		{"provider, in the mesh too", canary("kuma", ""), canary("gatewayapi:v1", "{name: public}, {kind: Service, group: '', name: web}"),
			"one HTTPRoute disables every TrafficRoute split of its mesh, and a running analysis loses its weights: change all rollouts of the mesh in one commit, while no analysis runs; then run on each cluster, before the TrafficRoute for all traffic is removed: kubectl delete trafficroutes.kuma.io web"},
		{"signature of the source of the cluster", source(kept, "verify: {provider: cosign}"), source(kept, "verify: {provider: cosign, matchOIDCIdentity: [{issuer: a, subject: b}]}"),
			"the cluster syncs from this source: if Flux cannot fetch and verify such an artifact, no later change arrives either"},
		{"artifact of the cluster", source(kept, "url: oci://a/b"), source(kept, "url: oci://a/c"), "Flux fetches another artifact, and a Kustomization with prune deletes all objects that it does not contain"},
		{"signature of an application's source", source("", "verify: {provider: cosign}"), source("", "verify: {provider: notation}"), ""},
		{"source of the cluster", source(kept, "url: oci://a/b"), "", ""},
		{"ConfigMap", "apiVersion: v1\nkind: ConfigMap\n" + meta + "}\n", "", ""},
		{"selector", "apiVersion: apps/v1\nkind: Deployment\n" + meta + "}\nspec: {selector: {matchLabels: {app: a}}}\n", "apiVersion: apps/v1\nkind: Deployment\n" + meta + "}\nspec: {selector: {matchLabels: {app: b}}}\n", "the field is immutable: the API server rejects it, and Flux fails until the Deployment is deleted"},
		{"release name", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" + meta + "}\nspec: {releaseName: a}\n", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" + meta + "}\nspec: {releaseName: b}\n", "Flux uninstalls the release, and installs it again"},
		{"resumed", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" + meta + "}\nspec: {suspend: true}\n", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" + meta + "}\nspec: {}\n", "Flux applies all changes since it was suspended"},
		{"path", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" + meta + "}\nspec: {prune: true, path: ./a}\n", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n" + meta + "}\nspec: {prune: true, path: ./b}\n", "Flux deletes all objects that the new place does not contain"},
	} {
		t.Run(test.name, func(t *testing.T) {
			change := render.Change{Cluster: "eu", Path: "infrastructure/x.yaml", Old: []byte(test.old)}
			if test.new != "" {
				change.New = []byte(test.new)
			}
			r := diff.New(nil, []render.Change{change}, nil)
			got := ""
			for _, n := range r.Dangers() {
				got += n.Danger
			}
			if got != test.want {
				t.Errorf("the danger is %q, want %q", got, test.want)
			}
		})
	}
}

// TestCatchAllRemoved deletes the TrafficRoute for all traffic while a rollout changes. The rollout's own
// TrafficRoute remains only if the rollout leaves kuma.
func TestCatchAllRemoved(t *testing.T) {
	const (
		removed = "as long as another TrafficRoute exists, Kuma routes only services that a TrafficRoute names"
		stays   = removed + ", and the TrafficRoutes of rollouts that leave kuma in this commit remain: change the rollouts first, delete their TrafficRoutes, and then change the fleet's provider"
	)
	canary := func(provider, interval string) []byte {
		return []byte("apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: web, namespace: shop}\nspec: {provider: '" + provider + "', targetRef: {name: web}, analysis: {interval: " + interval + "}}\n")
	}
	for _, tt := range []struct {
		name    string
		was, is []byte
		want    string
	}{
		{"leaves", canary("kuma", "1m"), canary("gatewayapi:v1", "1m"), stays},
		{"is on kuma, and stays there", canary("kuma", "1m"), canary("kuma", "2m"), removed},
		{"left before", canary("gatewayapi:v1", "1m"), canary("gatewayapi:v1", "2m"), removed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := diff.New(nil, []render.Change{
				{Cluster: "eu", Path: "mesh/trafficroute-route-all-default.yaml", Old: []byte("apiVersion: kuma.io/v1alpha1\nkind: TrafficRoute\nmesh: default\nmetadata: {name: route-all-default}\n")},
				{Cluster: "eu", Path: "rollouts/shop.web/canary-web.yaml", Old: tt.was, New: tt.is},
			}, nil)
			var got string
			for _, n := range r.Dangers() {
				if strings.HasPrefix(n.Text, "TrafficRoute route-all-default") {
					got += n.Danger
				}
			}
			if got != tt.want {
				t.Errorf("the danger is %q, want %q", got, tt.want)
			}
		})
	}
}

// TestTakingOver compares trees of the former layout, whose sync.yaml had all Flux Kustomizations.
func TestTakingOver(t *testing.T) {
	const (
		kept   = "  annotations:\n    kustomize.toolkit.fluxcd.io/prune: disabled\n"
		danger = ": another Flux Kustomization applies it, and the old one may delete it first"
		list   = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
	)
	kustomization := func(name, annotations, dir string) string {
		return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: " + name + "\n" + annotations + "spec:\n  prune: true\n  path: ./" + dir + "\n"
	}
	alerts := func(annotations string) string {
		return "apiVersion: flagger.app/v1beta1\nkind: AlertProvider\nmetadata:\n  name: slack\n" + annotations + "spec:\n  type: slack\n"
	}
	join := func(documents ...string) string { return strings.Join(documents, "---\n") }
	// files holds the contents before and after, by path.
	type files map[string][2]string
	for _, tt := range []struct {
		name, cluster string
		files         files
		want          []string
	}{
		{"of a cluster", "eu", files{
			"inventory": {"", "# fleetwright.dev/v1alpha1 Inventory\n"}, "inventory.json": {"{}\n", ""}, "apps/shop.web/inventory": {"", "# fleetwright.dev/v1alpha1 Inventory\n"},
			"rollouts/shop.web/alertprovider-slack.yaml": {alerts(""), ""},
			"rollouts/shop.web/kustomization.yaml":       {list + "- alertprovider-slack.yaml\n- canary-web.yaml\n", list + "- canary-web.yaml\n"},
			"shared/alertprovider-slack.yaml":            {"", alerts("")},
			"sync.yaml": {
				join(kustomization("mesh", "", "eu/fleetwright/mesh"), kustomization("app-shop.web", "", "eu/fleetwright/apps/shop.web"), kustomization("rollout-shop.web", "", "eu/fleetwright/rollouts/shop.web")),
				join(kustomization("mesh", "", "eu/fleetwright/mesh"), kustomization("sync", "", "eu/fleetwright/sync")),
			},
			"sync/README.md":     {"", "Flux applies every YAML file that is here.\n"},
			"sync/shared.yaml":   {"", kustomization("shared", "", "eu/fleetwright/shared")},
			"sync/shop.web.yaml": {"", join(kustomization("app-shop.web", "", "eu/fleetwright/apps/shop.web"), kustomization("rollout-shop.web", "", "eu/fleetwright/rollouts/shop.web"))},
		}, []string{
			"shared: danger: AlertProvider slack moves here from rollouts/shop.web on eu" + danger,
			"shared: Kustomization shared of sync/shared.yaml added on eu",
			"shop/web: danger: Kustomization app-shop.web of sync/shop.web.yaml moves here from sync.yaml on eu" + danger,
			"shop/web: danger: Kustomization rollout-shop.web of sync/shop.web.yaml moves here from sync.yaml on eu" + danger,
			"sync: Kustomization sync of sync.yaml added on eu",
		}},
		{"where all is kept", "eu", files{
			"rollouts/shop.web/alertprovider-slack.yaml": {alerts(kept), ""},
			"shared/alertprovider-slack.yaml":            {"", alerts("")},
			"sync.yaml":                                  {kustomization("app-shop.web", kept, "eu/fleetwright/apps/shop.web"), kustomization("sync", "", "eu/fleetwright/sync")},
			"sync/shop.web.yaml":                         {"", kustomization("app-shop.web", "", "eu/fleetwright/apps/shop.web")},
		}, []string{
			"shared: AlertProvider slack moves here from rollouts/shop.web on eu",
			"shop/web: Kustomization app-shop.web of sync/shop.web.yaml moves here from sync.yaml on eu",
			"sync: Kustomization sync of sync.yaml added on eu",
		}},
		{"where it is kept from now on", "eu", files{
			"sync.yaml": {kustomization("app-shop.web", "", "eu/fleetwright/apps/shop.web"), kustomization("app-shop.web", kept, "eu/fleetwright/apps/shop.web")},
		}, []string{
			"shop/web: Kustomization app-shop.web of sync.yaml: metadata.annotations added on eu",
		}},
		{"of a hub", "host", files{
			"clusters/eu/infrastructure/kustomization.yaml":      {list + "- namespace-web.yaml\n- namespace-kuma-system.yaml\n", list + "- namespace-kuma-system.yaml\n"},
			"clusters/eu/infrastructure/namespace-web.yaml":      {"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: web\n" + kept, ""},
			"clusters/eu/namespaces/shop.web/namespace-web.yaml": {"", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: web\n" + kept},
			"sources/README.md":                   {"", "Flux applies every YAML file that is here.\n"},
			"sources/gitrepository-web.yaml":      {"kind: GitRepository\nmetadata:\n  name: web\n", ""},
			"sources/kustomization.yaml":          {list + "- gitrepository-web.yaml\n", ""},
			"sources/gitrepository-web.shop.yaml": {"", "kind: GitRepository\nmetadata:\n  name: web\n"},
			"sync.yaml": {
				join(kustomization("mesh-cluster-eu", "", "host/fleetwright/clusters/eu/mesh"), kustomization("app-shop.web-cluster-eu", "", "host/fleetwright/clusters/eu/apps/shop.web"), kustomization("app-shop.web-cluster-us", "", "host/fleetwright/clusters/us/apps/shop.web")),
				kustomization("sync", "", "host/fleetwright/sync"),
			},
			"sync/eu/cluster.yaml":  {"", kustomization("mesh-cluster-eu", "", "host/fleetwright/clusters/eu/mesh")},
			"sync/eu/shop.web.yaml": {"", kustomization("app-shop.web-cluster-eu", "", "host/fleetwright/clusters/eu/apps/shop.web")},
			"sync/us/shop.web.yaml": {"", kustomization("app-shop.web-cluster-us", "", "host/fleetwright/clusters/us/apps/shop.web")},
		}, []string{
			"mesh: danger: Kustomization mesh-cluster-eu of sync/eu/cluster.yaml moves here from sync.yaml on eu" + danger,
			"shop/web: danger: Kustomization app-shop.web-* of sync/*/shop.web.yaml moves here from sync.yaml on eu, us" + danger,
			"sync: Kustomization sync of sync.yaml added on host",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var changes []render.Change
			for _, path := range slices.Sorted(maps.Keys(tt.files)) {
				change := render.Change{Cluster: tt.cluster, Path: path}
				for i, to := range []*[]byte{&change.Old, &change.New} {
					if content := tt.files[path][i]; content != "" {
						*to = []byte(content)
					}
				}
				changes = append(changes, change)
			}
			if got := notesOf(diff.New(nil, changes, nil)); !slices.Equal(got, tt.want) {
				t.Errorf("it says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestLists changes lists without objects.
func TestLists(t *testing.T) {
	for _, tt := range []struct{ path, old, new, want string }{
		{"inventory", "a", "b", "clusters: only the inventory changes on eu"},
		{"apps/shop.web/inventory", "a", "b", "shop/web: only the inventory changes on eu"},
		{"apps/shop.web/inventory", "", "b", "shop/web: inventory is missing on eu"},
		{"apps/shop.web/inventory", "a", "", "shop/web: inventory is left over on eu"},
		{"sync/README.md", "", "kind: A\nmetadata: {name: a}\n", "sync: README.md is missing on eu"},
		{"sync/README.md", "kind: A\nmetadata: {name: a}\n", "kind: B\nmetadata: {name: b}\n", "sync: README.md has other text on eu"},
		{"sync/shop.web.yaml", "a", "b", "shop/web: shop.web.yaml has no rendered objects and is replaced on eu"},
		{"sync/us/shop.web.yaml", "a", "b", "shop/web: shop.web.yaml has no rendered objects and is replaced on us"},
		{"sync/shared.yaml", "a", "b", "sync: shared.yaml has no rendered objects and is replaced on eu"},
	} {
		change := render.Change{Cluster: "eu", Path: tt.path}
		if tt.old != "" {
			change.Old = []byte(tt.old)
		}
		if tt.new != "" {
			change.New = []byte(tt.new)
		}
		r := diff.New(nil, []render.Change{change}, nil)
		if got := notesOf(r); !slices.Equal(got, []string{tt.want}) || r.Changes[0].Object != (diff.Object{}) {
			t.Errorf("%s: got %q for %v, want %q", tt.path, got, r.Changes[0].Object, tt.want)
		}
	}
}

// TestManyClusters checks that a change on many clusters is shown once, with its clusters.
func TestManyClusters(t *testing.T) {
	var changes []render.Change
	for i := range 12 {
		name := fmt.Sprintf("c%d", i)
		changes = append(changes, render.Change{
			Cluster: name, Path: "mesh/mesh-default.yaml",
			Old: []byte("kind: Mesh\nmetadata:\n  name: default\n  labels: {cluster: " + name + ", step: 1}\n"),
			New: []byte("kind: Mesh\nmetadata:\n  name: default\n  labels: {cluster: " + name + ", step: 2}\n"),
		})
	}
	slices.SortFunc(changes, func(a, b render.Change) int { return strings.Compare(a.Cluster, b.Cluster) })
	r := diff.New(nil, changes, nil)
	if len(r.Changes) != 1 || len(r.Changes[0].Clusters) != 12 || len(r.Clusters) != 12 {
		t.Fatalf("%d changes, want one on 12 clusters: %v", len(r.Changes), r.Changes)
	}
	if got, want := notesOf(r), "mesh: Mesh default: metadata.labels.step 1 → 2 on 12 clusters"; len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, name := range []string{"text", "markdown"} {
		var b bytes.Buffer
		write, _ := diff.Formats.Get(name)
		if err := write(&b, r, diff.Options{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "c0, c1, c10, c11, c2, c3, c4, c5, c6, c7 and 2 more\n") {
			t.Errorf("%s does not list the first clusters and count the rest:\n%s", name, b.String())
		}
	}
}

// TestEachClusterHasItsOwnName checks that a cluster's document is shown with its own content, even if
// another cluster has it, too.
func TestEachClusterHasItsOwnName(t *testing.T) {
	mesh := func(cluster string, step int) []byte {
		return fmt.Appendf(nil, "kind: Mesh\nmetadata: {name: default, labels: {at: %s, step: %d}}\n", cluster, step)
	}
	r := diff.New(nil, []render.Change{
		{Cluster: "eu", Path: "mesh/mesh-default.yaml", Old: mesh("eu", 1), New: mesh("eu", 2)},
		{Cluster: "us", Path: "mesh/mesh-default.yaml", Old: mesh("us", 3), New: mesh("us", 1)},
	}, nil)
	got, want := notesOf(r), []string{"mesh: Mesh default: metadata.labels.step 1 → 2 on eu", "mesh: Mesh default: metadata.labels.step 3 → 1 on us"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCommentFits checks that a comment on a pull request never exceeds the limit, and that it shows each
// change completely or not at all.
func TestCommentFits(t *testing.T) {
	for _, n := range []int{1, 30, 300, 1000} {
		for _, long := range []int{0, 200, 30_000} {
			if n*long > 1_000_000 {
				continue // more would take long without showing more
			}
			var changes []render.Change
			for i := range n {
				old := fmt.Sprintf("kind: Deployment\napiVersion: apps/v1\nmetadata: {name: d%d}\nspec:\n  text: |\n    ```\n    %s\n  suspend: false\n", i, strings.Repeat("ab ", long/3))
				changes = append(changes, render.Change{
					Cluster: "eu", Path: fmt.Sprintf("apps/default.app-%05d/deployment-d.yaml", i),
					Old: []byte(old), New: []byte(strings.ReplaceAll(strings.Replace(old, "false", "true", 1), "ab", "ba")),
				})
			}
			var b bytes.Buffer
			r := diff.New(nil, changes, nil)
			write, _ := diff.Formats.Get("markdown")
			if err := write(&b, r, diff.Options{Dir: "clusters", Command: "fleetwright diff fleet -o clusters"}); err != nil {
				t.Fatal(err)
			}
			text := b.String()
			if len(text) > diff.LongestComment {
				t.Errorf("%d changes of %d make %d bytes", n, long, len(text))
			}
			if strings.Count(text, "<details>") != strings.Count(text, "</details>") || strings.Count(text, "\n````diff\n") != strings.Count(text, "\n````\n") {
				t.Errorf("%d changes of %d: something is cut", n, long)
			}
			shown := strings.Count(text, "````diff")
			if shown < n && !strings.Contains(text, fmt.Sprintf("\n%d more difference", n-shown)) {
				t.Errorf("%d changes of %d: %d are shown, without the number of the others:\n%s", n, long, shown, text[len(text)-200:])
			}
		}
	}
}

// TestJSONIsWhole checks that programs get every change of every cluster.
func TestJSONIsWhole(t *testing.T) {
	was := example(t, kuma)
	r := reportOf(t, was, edited(t, was, []edit{{"stepWeight: 10", "stepWeight: 25"}}))
	var b bytes.Buffer
	write, _ := diff.Formats.Get("json")
	if err := write(&b, r, diff.Options{}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Changes []struct {
			Action, Kind, Name string
			Clusters           []string
			Fields             []struct {
				Path     string
				Old, New any
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Changes) != 1 || len(got.Changes[0].Clusters) != 2 || fmt.Sprint(got.Changes[0].Fields) != "[{spec.analysis.stepWeight 10 25}]" {
		t.Errorf("got %s", b.String())
	}
}
