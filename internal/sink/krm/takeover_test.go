package krm

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
)

// withAlerts returns an example whose rollout has alerts.
func withAlerts(t *testing.T, name string) []schema.File {
	t.Helper()
	files := example(t, name)
	for i, f := range files {
		files[i].Data = []byte(strings.Replace(string(f.Data), "        rolloutPolicy:\n", "        rolloutPolicy:\n          alerts: [{name: team, providerRef: {name: chat}}]\n", 1))
	}
	return append(files, schema.File{Name: "alerts.yaml", Data: []byte("{apiVersion: flagger.app/v1beta1, kind: AlertProvider, metadata: {name: chat, namespace: webapp}, spec: {type: slack, secretRef: {name: chat}}}")})
}

// inFormerLayout moves the output to the paths of the former layout: all Flux Kustomizations in sync.yaml,
// AlertProviders next to the rollout, and a hub's Namespaces in infrastructure/.
func inFormerLayout(t testing.TB, items []*Object) (all []*Object) {
	t.Helper()
	indices := map[string]int{}
	for _, o := range items {
		name, _, _ := o.path()
		if o.annotation(renderedAnnotation) != "" {
			dir, file, _ := strings.Cut(name, "/"+layout.Dir+"/")
			switch prefix, rest, ok := strings.Cut(file, layout.NamespacesDir+"/"); {
			case file == layout.SyncFile && o.ref().Name == layout.SyncDir:
				continue
			case strings.HasPrefix(file, layout.SyncDir+"/"):
				if ref := o.ref(); ref.Name == layout.SharedDir || strings.HasPrefix(ref.Name, layout.SharedDir+"-") || strings.HasPrefix(ref.Name, layout.NamespacesPrefix) {
					continue
				}
				file = layout.SyncFile
			case ok:
				file = prefix + layout.Infrastructure + "/" + path.Base(rest)
			case strings.Contains(file, layout.SharedDir+"/"):
				if o.kind() == "Namespace" {
					continue // the application's directory has it, too
				}
				file = strings.Replace(file, layout.SharedDir+"/", "rollouts/default.rollout-kuma-demo/", 1)
			}
			name = path.Join(dir, layout.Dir, file)
		}
		moved := &Object{o.own()}
		moved.place(name, indices[name])
		indices[name]++
		all = append(all, moved)
	}
	return all
}

// TestTakingOver runs a function in a package of the former layout.
func TestTakingOver(t *testing.T) {
	for _, tt := range []struct {
		name, example, settings, synced string
		moves                           []string
		first, waiting                  string
	}{
		{
			"a package", "kuma-rollout", "{path: clusters}", "{path: clusters, function: {synced: true}}",
			[]string{"AlertProvider/chat rollouts/default.rollout-kuma-demo", "Kustomization/app-default.rollout-kuma-demo sync.yaml", "Kustomization/rollout-default.rollout-kuma-demo sync.yaml"},
			"warning : clusters/kurator-member1/fleetwright, clusters/kurator-member2/fleetwright: another Flux Kustomization will apply 6 objects, and the old one would delete them; this run only adds kustomize.toolkit.fluxcd.io/prune: disabled | commit this, and wait until Flux has synced it on every cluster; then write synced: true into spec.function of the RenderConfig, and run again",
			"warning : clusters/kurator-member1/fleetwright, clusters/kurator-member2/fleetwright: this run changes no items until Flux has synced kustomize.toolkit.fluxcd.io/prune: disabled | when it has on every cluster, write synced: true into spec.function of the RenderConfig, and run again",
		},
		{
			"one of a hub", "hub", "path: clusters, topology: hub", "path: clusters, topology: hub, synced: 'true'",
			[]string{
				"Kustomization/app-default.dashboard-attachedcluster-kurator-member1 sync.yaml", "Kustomization/app-default.dashboard-cluster-kurator-member2 sync.yaml",
				"Kustomization/app-default.webapp-attachedcluster-kurator-member1 sync.yaml", "Kustomization/app-default.webapp-cluster-kurator-member2 sync.yaml",
				"Kustomization/infrastructure-attachedcluster-kurator-member1 sync.yaml", "Kustomization/infrastructure-cluster-kurator-member2 sync.yaml",
				"Kustomization/mesh-attachedcluster-kurator-member1 sync.yaml", "Kustomization/mesh-cluster-kurator-member2 sync.yaml",
				"Kustomization/releases-attachedcluster-kurator-member1 sync.yaml", "Kustomization/releases-cluster-kurator-member2 sync.yaml",
				"Kustomization/rollout-default.webapp-attachedcluster-kurator-member1 sync.yaml", "Kustomization/rollout-default.webapp-cluster-kurator-member2 sync.yaml",
			},
			"warning : clusters/host/fleetwright: another Flux Kustomization will apply 12 objects, and the old one would delete them; this run only adds kustomize.toolkit.fluxcd.io/prune: disabled | commit this, and wait until Flux has synced it on every cluster; then run the function with synced=true",
			"warning : clusters/host/fleetwright: this run changes no items until Flux has synced kustomize.toolkit.fluxcd.io/prune: disabled | when it has on every cluster, run the function with synced=true",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := withAlerts(t, tt.example)
			if tt.example == hub {
				files = example(t, hub)
			}
			list := listOf(t, files, true)
			configure := func(settings string) {
				if strings.HasPrefix(settings, "{") {
					list.configured(t, settings)
				} else {
					list.FunctionConfig = configMap(t, settings)
				}
			}
			configure(tt.settings)
			want := textsOf(t, run(t, list))
			list.Items = inFormerLayout(t, list.Items)
			former := textsOf(t, list.Items)
			// If told too early that everything is synced, the function still marks the objects that move.
			configure(tt.synced)
			outcome := Run(list, noFiles, compile)
			if !slices.Contains(said(outcome), tt.first) {
				t.Errorf("it says\n%s", strings.Join(said(outcome), "\n"))
			}
			var moves []string
			first := textsOf(t, list.Items)
			for _, o := range list.Items {
				name, index, _ := o.path()
				at := o.at()
				if first[at] == former[at] {
					continue
				}
				if plain := textsOf(t, []*Object{{withoutAnnotations(o.node, func(key string) bool { return key == manifest.FluxPrune })}}); o.annotation(manifest.FluxPrune) != "disabled" || plain[at] != former[at] {
					t.Errorf("%s#%d becomes\n%s", name, index, first[at])
				}
				_, file, _ := strings.Cut(name, "/"+layout.Dir+"/")
				if file != layout.SyncFile {
					file = path.Dir(file)
				}
				moves = append(moves, o.kind()+"/"+o.ref().Name+" "+file)
			}
			slices.Sort(moves)
			if moves = slices.Compact(moves); !slices.Equal(moves, tt.moves) || len(first) != len(former) {
				t.Errorf("the function marks %q of %d objects, want %q of %d", moves, len(first), tt.moves, len(former))
			}
			// Then the function waits,
			configure(tt.settings)
			outcome = Run(list, noFiles, compile)
			if again := textsOf(t, list.Items); !maps.Equal(again, first) || !slices.Contains(said(outcome), tt.waiting) {
				t.Errorf("the function changes objects before they are synced; messages:\n%s", strings.Join(said(outcome), "\n"))
			}
			// and renders everything when told so. A second run gives the same.
			for range 2 {
				configure(tt.synced)
				outcome = Run(list, noFiles, compile)
				if got := textsOf(t, list.Items); !maps.Equal(got, want) || len(outcome.Warnings) > 0 {
					t.Errorf("%d objects, want %d; messages:\n%s", len(got), len(want), strings.Join(said(outcome), "\n"))
				}
			}
		})
	}
}

const hub = "hub"

// at returns the place of an object in its package.
func (o *Object) at() string {
	name, index, _ := o.path()
	return name + "#" + string(rune('0'+index))
}

// textsOf returns the texts of objects by place.
func textsOf(t *testing.T, objects []*Object) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, o := range objects {
		if texts[o.at()] != "" {
			t.Errorf("there are two objects at %s", o.at())
		}
		text, err := encode(o.node)
		if err != nil {
			t.Fatal(err)
		}
		texts[o.at()] = string(text)
	}
	return texts
}

// TestTakingOverOneCluster takes over one of two clusters, and one of a hub. The others must not change.
func TestTakingOverOneCluster(t *testing.T) {
	for _, tt := range []struct{ example, settings string }{
		{"kuma-rollout", "path: clusters"},
		{hub, "path: clusters, topology: hub"},
	} {
		list := listOf(t, example(t, tt.example), true)
		list.FunctionConfig = configMap(t, tt.settings)
		run(t, list)
		list.Items = inFormerLayout(t, list.Items)
		before := textsOf(t, list.Items)
		list.FunctionConfig = configMap(t, tt.settings+", cluster: kurator-member2")
		run(t, list)
		after := textsOf(t, list.Items)
		if len(after) != len(before) {
			t.Errorf("%s: there are %d objects, and there were %d", tt.example, len(after), len(before))
		}
		for at, text := range after {
			if text != before[at] && !strings.HasPrefix(at, "clusters/kurator-member2/fleetwright/sync.yaml#") {
				t.Errorf("%s: %s becomes\n%s", tt.example, at, text)
			}
		}
	}
}

// TestKeeping marks objects with annotations in various forms.
func TestKeeping(t *testing.T) {
	const marked = "annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}"
	for from, want := range map[string]string{
		"{kind: A, metadata: {annotations: {}}}":                                                  "{kind: A, metadata: {" + marked + "}}",
		"{kind: A, metadata: {annotations: {kustomize.toolkit.fluxcd.io/prune: enabled}}}":        "{kind: A, metadata: {" + marked + "}}",
		"{kind: A, metadata: {annotations: {a: kustomize.toolkit.fluxcd.io/prune}}}":              "{kind: A, metadata: {annotations: {a: kustomize.toolkit.fluxcd.io/prune, kustomize.toolkit.fluxcd.io/prune: disabled}}}",
		"{kind: A, metadata: {labels: &a {a: b}, annotations: *a}}":                               "{kind: A, metadata: {labels: &a {a: b}, annotations: {a: b, kustomize.toolkit.fluxcd.io/prune: disabled}}}",
		"{kind: A, metadata: {annotations: {kustomize.toolkit.fluxcd.io/prune: disabled, a: b}}}": "{kind: A, metadata: {annotations: {kustomize.toolkit.fluxcd.io/prune: disabled, a: b}}}",
	} {
		o := objectOf(t, from)
		before, _ := encode(o.node)
		kept := o.keeping()
		if !same(kept.node, objectOf(t, want).node) {
			got, _ := encode(kept.node)
			t.Errorf("%s becomes\n%s", from, got)
		}
		if after, _ := encode(o.node); string(after) != string(before) {
			t.Errorf("%s itself becomes\n%s", from, after)
		}
	}
}
