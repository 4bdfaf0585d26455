package main

import (
	"context"
	"maps"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// waitingSince returns since when changes wait, by cluster: the time of the oldest commit that changes the
// inputs after the last commit that changes the files of the cluster. For a new cluster, it is the time of the
// first commit that names it. The time is unknown without a Git repository, and for uncommitted changes.
func waitingSince(out string, paths []string, later []render.Change) map[string]time.Time {
	since := map[string]time.Time{}
	if len(later) == 0 || slices.ContainsFunc(paths, isStream) {
		return since
	}
	repository, err := git.Find(out)
	if err != nil {
		return since
	}
	dir, err := git.Real(out)
	rel, err2 := filepath.Rel(repository.Root, dir)
	if err != nil || err2 != nil {
		return since
	}
	rel = filepath.ToSlash(rel)
	ctx, end := context.WithCancel(context.Background())
	defer end()
	waiting := map[string]bool{}
	for _, c := range later {
		waiting[clusterOf(c.Cluster, c.Path)] = true
	}
	// last is the commit that has last changed the files of a cluster.
	last := map[string]string{}
	_ = repository.Log(ctx, "", []string{out}, func(c git.Commit) bool {
		for _, file := range c.Files {
			name, ok := renderedFor(rel, file)
			if ok && waiting[name] && last[name] == "" {
				last[name] = c.Hash
			}
		}
		return len(last) < len(waiting)
	})
	fresh := 0
	for _, name := range slices.Sorted(maps.Keys(waiting)) {
		if last[name] == "" && fresh < mostNew {
			fresh++
			if at := firstNamed(ctx, repository, name, paths); !at.IsZero() {
				since[name] = at
			}
		}
	}
	oldest := map[string]time.Time{}
	for name, commit := range last {
		at, known := oldest[commit]
		if !known {
			at = firstChange(ctx, repository, commit, paths, rel)
			oldest[commit] = at
		}
		if !at.IsZero() {
			since[name] = at
		}
	}
	return since
}

// mostNew is the number of clusters without any files that waitingSince searches for: each search walks the
// whole history.
const mostNew = 20

// firstNamed returns the time of the oldest commit that names a cluster in the inputs.
func firstNamed(ctx context.Context, repository *git.Repository, cluster string, paths []string) (at time.Time) {
	pattern := `name"?: *["']?` + strings.ReplaceAll(cluster, ".", "[.]") + `($|[^-.a-z0-9])`
	_ = repository.LogOf(ctx, pattern, paths, func(c git.Commit) bool {
		at = c.Time
		return true
	})
	return at
}

// clusterOf returns the cluster that a file is for: on a hub one that it applies to.
func clusterOf(root, file string) string {
	if name := layout.ClusterOf(file); name != "" {
		return name
	}
	return root
}

// renderedFor returns the cluster that a file of the repository is rendered for.
func renderedFor(out, file string) (cluster string, ok bool) {
	if out != "." {
		if file, ok = strings.CutPrefix(file, out+"/"); !ok {
			return "", false
		}
	}
	elements := strings.SplitN(file, "/", 3)
	if len(elements) < 3 || elements[1] != layout.Dir {
		return "", false
	}
	return clusterOf(elements[0], elements[2]), true
}

// firstChange returns the time of the oldest commit after another that changes the content of the inputs, except for
// their waves.
func firstChange(ctx context.Context, repository *git.Repository, after string, paths []string, out string) (at time.Time) {
	var commits []git.Commit
	_ = repository.Log(ctx, after, paths, func(c git.Commit) bool {
		c.Files = slices.DeleteFunc(c.Files, func(file string) bool {
			_, rendered := renderedFor(out, file)
			return rendered || !inputs.IsManifest(path.Base(file))
		})
		if len(c.Files) > 0 {
			commits = append(commits, c)
		}
		return true
	})
	for _, c := range slices.Backward(commits) {
		if changesMore(ctx, repository, c) {
			return c.Time
		}
	}
	return at
}

// mostCompared is how many files a commit has whose content is compared: one that raises through changes one.
const mostCompared = 4

// changesMore reports whether a commit changes more of the inputs than their waves.
func changesMore(ctx context.Context, repository *git.Repository, c git.Commit) bool {
	if len(c.Files) > mostCompared {
		return true
	}
	for _, file := range c.Files {
		before, ok := withoutWaves(repository.Blob(ctx, c.Hash+"^", file))
		after, ok2 := withoutWaves(repository.Blob(ctx, c.Hash, file))
		if !ok || !ok2 || !reflect.DeepEqual(before, after) {
			return true
		}
	}
	return false
}

// withoutWaves returns the documents of a file without their waves, unless one cannot be read.
func withoutWaves(data []byte) (objects []any, ok bool) {
	docs := schema.Load([]schema.File{{Data: data}})
	for _, d := range docs.All {
		config, isConfig := d.Object.(*api.RenderConfig)
		if isConfig {
			config.Spec.Waves, config.Spec.Through = nil, ""
		}
		if !isConfig || !reflect.DeepEqual(config.Spec, api.RenderConfigSpec{}) {
			objects = append(objects, d.Object)
		}
	}
	return objects, !docs.Diagnostics.HasErrors()
}
