package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/internal/sources"
	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema/api"
)

// manifests are typical of an application in a repository with many.
const manifests = `apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, labels: {app: NAME}}
spec:
  replicas: 2
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      containers:
      - name: app
        image: ghcr.io/shop/NAME:1.2.3
        ports: [{name: http, containerPort: 8080}]
        envFrom: [{configMapRef: {name: settings}}]
        readinessProbe: {httpGet: {path: /healthz, port: http}}
        resources: {limits: {memory: 128Mi}, requests: {cpu: 100m, memory: 64Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: NAME}
spec: {selector: {app: NAME}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: NAME}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: NAME}, minReplicas: 2, maxReplicas: 4}
`

// ofSources compares building the sources of many applications in one tree, each twice, with kustomize, which
// builds each once in a separate process.
func (b *bench) ofSources() error {
	n := 1000 / b.share
	dir := b.path("sources")
	for i := range n {
		name := fmt.Sprintf("app%d", i)
		kustomization := fmt.Sprintf("namespace: %s\nresources: [all.yaml]\nconfigMapGenerator:\n- {name: settings, literals: [color=blue]}\n", name)
		if err := write(filepath.Join(dir, name), "kustomization.yaml", kustomization); err != nil {
			return err
		}
		if err := write(filepath.Join(dir, name), "all.yaml", strings.ReplaceAll(manifests, "NAME", name)); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	each := command("sh", "-c", `for d in "$2"/app*; do "$1" build "$d" >/dev/null || exit 1; done`, "sh", b.kustomize, dir)
	return b.compare(b.runs, false, pair{fmt.Sprintf("Sources/%d/of=kustomize", n), command(self, "-build", dir), each})
}

func write(dir, name, text string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
}

// buildSources builds all directories of a tree as the command does for rollouts: with a rendered patch, and
// without it.
func buildSources(ctx context.Context, dir string) error {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(rel)], err = os.ReadFile(name)
		return err
	})
	if err != nil {
		return err
	}
	var builds []source.Build
	for name := range files {
		app, file := filepath.Split(name)
		if app == "" || file != "kustomization.yaml" {
			continue
		}
		builds = append(builds, source.Build{
			Key:           source.Key{Application: app},
			Source:        &api.ApplicationSource{GitRepository: &api.GitRepository{}},
			Kustomization: &source.Kustomization{Path: app},
			Added: []kustomize.Patch{{
				Target: &kustomize.Selector{Group: "apps", Kind: "Deployment"},
				Patch:  "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: any}\nspec: {replicas: null}",
			}},
		})
	}
	all := sources.InMemory(files)
	for key, built := range sources.Build(ctx, builds, func(*source.Build) (*sources.Files, string) { return all, "" }) {
		if len(built.Objects) != 4 || len(built.Plain) != 4 {
			return fmt.Errorf("%s: %+v", key.Application, built)
		}
	}
	return nil
}
