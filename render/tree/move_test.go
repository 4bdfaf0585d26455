package tree_test

import (
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/report"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/render/tree"
)

// TestMoves compares files of the former layout with clusters of a tree.
func TestMoves(t *testing.T) {
	e := tree.NewEncoder(&report.Report{}, false)
	object := func(apiVersion, kind, namespace, name string) manifest.Rendered {
		return manifest.Rendered{Object: &manifest.Object{APIVersion: apiVersion, Kind: kind, Metadata: manifest.Metadata{Namespace: namespace, Name: name}}}
	}
	app := e.NewDir("apps/shop.web", object(manifest.KustomizeV1, "Kustomization", "flux-system", "web"))
	rollout := e.NewDir("rollouts/shop.web", object(manifest.FlaggerV1beta1, "Canary", "web", "backend"))
	sync := func(file, stage string, dir *tree.Dir) *tree.Dir {
		s := tree.NewSyncFile(e, &settings.Settings{}, file)
		s.Add(tree.SyncStage{Name: stage, Dir: dir})
		return s.Dir()
	}
	cluster := tree.NewCluster("eu", tree.NewLayout(
		sync("sync.yaml", "infrastructure", app),
		sync("sync/shop.web.yaml", "app-shop.web", app),
		sync("sync/eu/cluster.yaml", "mesh-cluster-eu", app),
		app, rollout,
		e.NewShared("shared", object(manifest.FlaggerV1beta1, "AlertProvider", "web", "slack")),
		e.NewListed("sources", object(manifest.SourceV1, "GitRepository", "shop", "web")),
		e.NewListed("clusters/eu/namespaces/shop.web", object(manifest.CoreV1, "Namespace", "", "web")),
		e.NewListed("clusters/eu/namespaces/shop.api", object(manifest.CoreV1, "Namespace", "", "web")),
		e.NewDir("clusters/us/infrastructure", object(manifest.CoreV1, "Namespace", "", "web")),
	))
	stages := cluster.Stages()
	for _, tt := range []struct {
		name, file, object string
		want               bool
	}{
		{"an application's Kustomization", "sync.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: app-shop.web}", true},
		{"of an apiVersion that is no longer rendered", "sync.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1beta2\nkind: Kustomization\nmetadata: {name: app-shop.web}", true},
		{"of a hub's cluster", "sync.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: mesh-cluster-eu}", true},
		{"in the new file", "sync/shop.web.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: app-shop.web}", false},
		{"the cluster's Kustomization", "sync.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: infrastructure}", false},
		{"one that is no longer rendered", "sync.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: app-shop.api}", false},
		{"another group", "sync.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: app-shop.web}", false},
		{"an AlertProvider", "rollouts/shop.web/alertprovider-slack.yaml", "apiVersion: flagger.app/v1beta1\nkind: AlertProvider\nmetadata: {namespace: web, name: slack}", true},
		{"another namespace", "rollouts/shop.web/alertprovider-slack.yaml", "apiVersion: flagger.app/v1beta1\nkind: AlertProvider\nmetadata: {namespace: api, name: slack}", false},
		{"another file of the directory", "rollouts/shop.web/canary.yaml", "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {namespace: web, name: backend}", false},
		{"a source, below the directory that Flux lists", "sources/gitrepository-web.yaml", "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {namespace: shop, name: web}", false},
		{"a namespace that two applications now have", "clusters/eu/infrastructure/namespace-web.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}", true},
		{"that of one of them", "clusters/eu/namespaces/shop.api/namespace-web.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}", false},
		{"that of another cluster", "clusters/us/infrastructure/namespace-web.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}", false},
		{"that of the hub itself", "infrastructure/namespace-web.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}", false},
		{"a list of files", "kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [sync.yaml]", false},
		{"no object", "sync.yaml", "kind: [", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var object map[string]any
			if err := yaml.Unmarshal([]byte(tt.object), &object); err != nil && tt.want {
				t.Fatal(err)
			}
			if got, _ := stages.MustBeKept(tt.file, object); got != tt.want {
				t.Errorf("it moves: %t, want %t", got, tt.want)
			}
		})
	}
}

func TestIsKept(t *testing.T) {
	for text, want := range map[string]bool{
		"{}": false,
		`metadata: {annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}}`: true,
		`metadata: {annotations: {kustomize.toolkit.fluxcd.io/prune: enabled}}`:  false,
		`metadata: {annotations: [kustomize.toolkit.fluxcd.io/prune]}`:           false,
	} {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
		if got := tree.IsKept(object); got != want {
			t.Errorf("%s is kept: %t", text, got)
		}
	}
}
