package render_test

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/fleetgen"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// TestAnApplicationChangesItsOwnFiles checks that two branches that each add, change or remove another
// application merge in Git, because each changes only its inventories and the files listed in them before or
// after. A reversed edit is also an edit, so removing an application stands for adding it.
// There is one exception: a rollout labels its namespace, and so all objects that create the namespace. No
// application of the inputs creates one for a rollout of another.
func TestAnApplicationChangesItsOwnFiles(t *testing.T) {
	type object = map[string]any
	spec := func(app object) object { return app["spec"].(object) }
	edits := map[string]func(app object) object{
		"removed": func(object) object { return nil },
		"with another source": func(app object) object {
			for _, source := range spec(app)["source"].(object) {
				source.(object)["interval"] = "7m"
			}
			return app
		},
		"on other clusters": func(app object) object {
			if destination, ok := spec(app)["destination"].(object); ok {
				destination["clusterSelector"] = object{"matchLabels": object{"region": "us"}}
			}
			return app
		},
		"on no cluster": func(app object) object {
			if destination, ok := spec(app)["destination"].(object); ok {
				destination["clusterSelector"] = object{"matchLabels": object{"region": "nowhere"}}
			}
			return app
		},
		"without its last policy": func(app object) object {
			policies := spec(app)["syncPolicies"].([]any)
			spec(app)["syncPolicies"] = policies[:max(1, len(policies)-1)]
			return app
		},
		"without rollouts": func(app object) object {
			for _, p := range spec(app)["syncPolicies"].([]any) {
				delete(p.(object), "rollout")
			}
			return app
		},
	}
	all := fleets(t)
	maps.Copy(all, sharing(t))
	for name, files := range all {
		documents, apps := documentsOf(files)
		before := compile(t, documents...)
		old, listedBefore := contents(before), listed(before)
		compiled := 0
		for i := 0; i < len(apps); i += max(1, len(apps)/4) {
			for what, edit := range edits {
				edited := slices.Clone(documents)
				app := edit(unmarshal(t, string(documents[apps[i]].Data)))
				id := dirOf(unmarshal(t, string(documents[apps[i]].Data)))
				edited[apps[i]].Data = nil
				if app != nil {
					edited[apps[i]].Data = []byte(marshal(t, app))
				}
				after, _ := render.Compile(schema.Load(edited), render.Options{DefaultPath: "clusters"})
				if after == nil {
					continue // others need it
				}
				compiled++
				listedAfter := listed(after)
				for _, file := range changed(old, contents(after)) {
					if !listedBefore[id][file] && !listedAfter[id][file] && !isSourceOf(file, id) && !isShared(file) && !isOfNewDirectory(before, after, file) {
						t.Errorf("%s, %s %s: %s changes, and no inventory of it lists that", name, id, what, file)
					}
				}
			}
		}
		if compiled < len(edits)/2 {
			t.Errorf("%s: of %d edits %d compile", name, len(edits), compiled)
		}
	}
}

// sharing returns Applications that use one AlertProvider, that roll out in a namespace which every cluster has,
// and that have no fleet.
func sharing(t *testing.T) map[string][]schema.File {
	t.Helper()
	alerts := rolledOut("kuma", "      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}, alerts: [{name: team, providerRef: {name: chat, namespace: web}}]}\n")
	alerts = append(alerts, another(alerts[1], "web"), schema.File{Name: "alerts.yaml", Data: []byte("{apiVersion: flagger.app/v1beta1, kind: AlertProvider, metadata: {name: chat, namespace: web}, spec: {type: slack, secretRef: {name: s}}}")})
	inDefault := rolledOut("kuma", "      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}\n")
	inDefault = edit(t, inDefault, inDefault[1].Name, "namespace: web", "namespace: default")
	inDefault = append(inDefault, another(inDefault[1], "default"))
	onHost := worldKubeconfigs(t, worldAnd(app("a", "  syncPolicies: [{name: p, "+policy+"}]\n"), app("b", "  syncPolicies: [{name: q, "+policy+"}]\n")))
	// An installed component has no directory to which an application could add the first file.
	there := having("kuma", "", "flagger: {version: 1.42.0}, kuma: {version: 2.13.10}, prometheus: {address: http://p.m:9090}, loadtester: {url: http://tester.web/}, istio: {}, ingress-nginx: {}", canaryOf("kuma"))
	there = append(there, another(there[1], "web"), rollingOut("public", "f", "nginx"), rollingOut("meshed", "f", "istio"),
		app("plain", "  destination: {fleet: f}\n  syncPolicies: [{name: plain, kustomization: {interval: 5m, prune: true, targetNamespace: plain}}]\n"))
	byConfig := []schema.File{installedConfig("flagger: {version: 1.42.0}", "istio: {}", "ingress-nginx: {}"), clusterOne, fleetWith("f"),
		rollingOut("public", "f", "nginx"), rollingOut("meshed", "f", "istio"), rollingOut("here", "", "istio")}
	all := map[string][]schema.File{"what is installed": there, "what a RenderConfig says": byConfig, "an AlertProvider": alerts, "namespace default": inDefault, "the cluster host": onHost}
	for name, files := range maps.Clone(all) {
		all[name+" on a hub"] = onHub(files...)
	}
	return all
}

// another returns the Application of rolledOut under another name, with another workload in a namespace.
func another(app schema.File, namespace string) schema.File {
	text := strings.NewReplacer("name: x", "name: other", "- name: web\n", "- name: shop\n", "serviceName: web", "serviceName: shop",
		"{name: web, namespace: web}", "{name: shop, namespace: "+namespace+"}", "{name: web, namespace: default}", "{name: shop, namespace: "+namespace+"}").Replace(string(app.Data))
	return schema.File{Name: "other.yaml", Data: []byte(text)}
}

// isSourceOf reports whether a file is the source of an application on a hub, whose inventory lists all sources
// by a pattern.
func isSourceOf(file, id string) bool {
	of := sourceFile.FindStringSubmatch(file)
	return of != nil && of[2]+"."+of[1] == id
}

// isShared reports whether a file contains an object that several applications may use. The first application
// adds it and the last one removes it, so it is missing or left over after a merge if these are on two branches;
// the next render corrects that.
func isShared(file string) bool { return path.Base(path.Dir(file)) == layout.SharedDir }

// TestApplicationsMerge adds and removes two Applications in two branches, and merges the trees as Git merges
// files that only one side has changed. The result must be the tree of the merged inputs, except for shared
// files and for the cluster host, which exists only while an application has no fleet.
func TestApplicationsMerge(t *testing.T) {
	all := fleets(t)
	maps.Copy(all, sharing(t))
	for name, files := range all {
		documents, apps := documentsOf(files)
		for n := 0; n+1 < min(len(apps), 6); n++ {
			// trees holds the trees with and without each of the two.
			var trees [2][2]map[string][]byte
			sound := true
			for i := range 2 {
				for j := range 2 {
					some := slices.Clone(documents)
					for at, isThere := range []int{i, j} {
						if isThere == 0 {
							some[apps[n+at]].Data = nil
						}
					}
					tree, _ := render.Compile(schema.Load(some), render.Options{DefaultPath: "clusters"})
					if sound = sound && tree != nil; sound {
						trees[i][j] = contents(tree)
					}
				}
			}
			for i := 0; i < 2 && sound; i++ {
				for j := range 2 {
					merged := mergedTree(trees[i][j], trees[1-i][j], trees[i][1-j])
					for _, file := range changed(merged, trees[1-i][1-j]) {
						if isShared(file) || strings.HasPrefix(file, "host/") && !strings.HasSuffix(name, "hub") {
							continue
						}
						t.Errorf("%s: %s and %s, merged from a base with %d and %d of them: %s differs from the rendered file", name, dirOf(unmarshal(t, string(documents[apps[n]].Data))),
							dirOf(unmarshal(t, string(documents[apps[n+1]].Data))), i, j, file)
					}
				}
			}
		}
	}
}

// mergedTree merges two trees with a common base: a file that one of them has changed has that one's content.
func mergedTree(base, ours, theirs map[string][]byte) map[string][]byte {
	merged := maps.Clone(base)
	for _, side := range []map[string][]byte{ours, theirs} {
		for _, file := range changed(base, side) {
			if content, ok := side[file]; ok {
				merged[file] = content
			} else {
				delete(merged, file)
			}
		}
	}
	return merged
}

// TestSharedDirectoriesAreNeverEmpty checks that a directory of several applications has a file that always stays. If
// one side empties a directory and another directory gets its files, as when an Application moves to another
// cluster, Git treats it as renamed, and a file that the other side adds to it causes a conflict.
func TestSharedDirectoriesAreNeverEmpty(t *testing.T) {
	all := fleets(t)
	maps.Copy(all, sharing(t))
	all["a hub without plugins"] = onHub(worldKubeconfigs(t, worldAnd(app("a", "  destination: {fleet: labs}\n  syncPolicies: [{name: p, "+policy+"}]\n")))...)
	for name, files := range all {
		stays, needed := map[string]bool{}, map[string]bool{}
		for file, content := range contents(compile(t, files...)) {
			of := ofApplication(file)
			switch {
			case of == nil && path.Base(file) == layout.InventoryFile:
				cluster, _, _ := strings.Cut(file, "/")
				for _, listed := range layout.InventoryFiles(content) {
					stays[path.Dir(path.Join(cluster, layout.Dir, listed))] = true
				}
			case of == nil || !strings.Contains(file, "/"+of[1]+"/"):
				needed[path.Dir(file)] = true
			}
		}
		for _, dir := range slices.Sorted(keys(needed)) {
			if !stays[dir] {
				t.Errorf("%s: all files of %s go with Applications", name, dir)
			}
		}
	}
}

// documentsOf returns the documents of files, each in a file of its own, and the indices of the Applications.
func documentsOf(files []schema.File) (all []schema.File, apps []int) {
	for _, f := range files {
		for i, text := range strings.Split("\n"+string(f.Data), "\n---\n") {
			var object map[string]any
			if yaml.Unmarshal([]byte(text), &object) == nil && object["kind"] == "Application" {
				apps = append(apps, len(all))
			}
			all = append(all, schema.File{Name: fmt.Sprintf("%s-%03d.yaml", f.Name, i), Data: []byte(text)})
		}
	}
	return all, apps
}

// dirOf returns the name of an application's directory.
func dirOf(app map[string]any) string {
	if ns, ok := at(app, "metadata namespace").(string); ok {
		return fmt.Sprintf("%s.%v", ns, at(app, "metadata name"))
	}
	return fmt.Sprintf("default.%v", at(app, "metadata name"))
}

// listed returns the inventories of each application and the files listed in them.
func listed(tree *render.Tree) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for file, content := range contents(tree) {
		of := ofApplication(file)
		if of == nil || path.Base(file) != layout.InventoryFile {
			continue
		}
		if all[of[1]] == nil {
			all[of[1]] = map[string]bool{}
		}
		all[of[1]][file] = true
		cluster, _, _ := strings.Cut(file, "/")
		for _, listed := range layout.InventoryFiles(content) {
			all[of[1]][path.Join(cluster, layout.Dir, listed)] = true
		}
	}
	return all
}

// changed returns the files in which two trees differ, sorted.
func changed(before, after map[string][]byte) (files []string) {
	for file, content := range after {
		if was, ok := before[file]; !ok || !bytes.Equal(was, content) {
			files = append(files, file)
		}
	}
	for file := range before {
		if _, ok := after[file]; !ok {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	return files
}

// isOfNewDirectory reports whether a file belongs to a cluster that one of two trees does not have. The cluster
// host exists only while an application has no fleet.
func isOfNewDirectory(before, after *render.Tree, file string) bool {
	has := func(tree *render.Tree) bool {
		return slices.ContainsFunc(tree.Clusters, func(c *render.Cluster) bool { return c.Name == "host" })
	}
	return strings.HasPrefix(file, "host/") && has(before) != has(after)
}

// TestAClusterChangesItsOwnFiles checks that adding, removing or relabelling a cluster changes no other
// cluster's files, and on a hub not even the hub's inventory.
func TestAClusterChangesItsOwnFiles(t *testing.T) {
	small, err := fleetgen.Files(fleetgen.Size{Applications: 12, Clusters: 3})
	if err != nil {
		t.Fatal(err)
	}
	large, err := fleetgen.Files(fleetgen.Size{Applications: 12, Clusters: 4})
	if err != nil {
		t.Fatal(err)
	}
	const fleet = "fleets/kuma.yaml"
	added := slices.Clone(small)
	i := slices.IndexFunc(small, func(f schema.File) bool { return f.Name == fleet })
	added[i] = large[i]
	for _, tt := range []struct {
		name, cluster string
		before, after []schema.File
	}{
		{"added", "kuma-eu-0003", small, added},
		{"with other labels", "kuma-us-0001", small, edit(t, small, fleet, "region: us\n    stage: production", "region: eu\n    stage: staging")},
	} {
		for on, own := range map[string][]string{"pull": {tt.cluster + "/"}, "hub": {"host/fleetwright/clusters/" + tt.cluster + "/", "host/fleetwright/sync/" + tt.cluster + "/"}} {
			before, after := slices.Clone(tt.before), slices.Clone(tt.after)
			if on == "hub" {
				before, after = onHub(before...), onHub(after...)
			}
			files := changed(contents(compile(t, before...)), contents(compile(t, after...)))
			for _, file := range files {
				if !slices.ContainsFunc(own, func(dir string) bool { return strings.HasPrefix(file, dir) }) {
					t.Errorf("%s, a cluster %s: %s changes", on, tt.name, file)
				}
			}
			if len(files) == 0 {
				t.Errorf("%s, a cluster %s: nothing changes", on, tt.name)
			}
		}
	}
}

// TestApplicationsAddTwoFiles checks that an application adds only two files to a cluster in addition to its
// objects and kustomization.yaml: its stages and its inventory.
func TestApplicationsAddTwoFiles(t *testing.T) {
	all := fleets(t)
	maps.Copy(all, sharing(t))
	for name, files := range all {
		added := map[string][]string{}
		for file, content := range contents(compile(t, files...)) {
			of := ofApplication(file)
			if of == nil || path.Base(file) == layout.KustomizationFile {
				continue
			}
			if isStages := strings.Contains(file, "/sync/"); !isStages && path.Ext(file) == ".yaml" {
				if n := bytes.Count(append([]byte("\n"), content...), []byte("\napiVersion: ")); n != 1 {
					t.Errorf("%s: %s holds %d objects", name, file, n)
				}
				continue
			}
			dir, rest, _ := strings.Cut(file, "/"+layout.Dir+"/")
			if clusters := strings.Split(rest, "/"); len(clusters) > 3 || clusters[0] == layout.SyncDir && len(clusters) > 2 {
				dir += " " + clusters[1] // one of the hub's
			}
			key := dir + " " + of[1]
			added[key] = append(added[key], rest)
		}
		for of, files := range added {
			if len(files) > 2 {
				t.Errorf("%s: for %s there are %q", name, of, files)
			}
		}
	}
}

// TestAClusterWithoutApplicationsHasItsStaticFiles checks that the first application adds only its own files.
func TestAClusterWithoutApplicationsHasItsStaticFiles(t *testing.T) {
	files := worldAnd(app("a", "  destination: {fleet: shops, clusterSelector: {matchLabels: {tier: gold}}}\n  syncPolicies: [{name: p, "+policy+"}]\n"))
	var got []string
	for file := range contents(compile(t, files...)) {
		if strings.HasPrefix(file, "lab/") { // of the fleet labs, which has no plugin
			got = append(got, strings.TrimPrefix(file, "lab/fleetwright/"))
		}
	}
	slices.Sort(got)
	if want := []string{"inventory", "kustomization.yaml", "sync.yaml", "sync/README.md"}; !slices.Equal(got, want) {
		t.Errorf("it has %q, want %q", got, want)
	}
	got = nil
	for file := range contents(compile(t, onHub(worldKubeconfigs(t, files)...)...)) {
		if strings.Contains(file, "/lab/") {
			got = append(got, strings.TrimPrefix(file, "host/fleetwright/"))
		}
	}
	slices.Sort(got)
	if want := []string{"clusters/lab/inventory", "sync/lab/README.md"}; !slices.Equal(got, want) {
		t.Errorf("on a hub it has %q, want %q", got, want)
	}
}
