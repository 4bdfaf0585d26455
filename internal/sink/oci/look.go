package oci

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/parallel"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
)

// atOnce is the number of clusters that are read, pushed or tagged at the same time: most of the time goes into
// waiting for the registry.
const atOnce = 8

// Latest is the tag that clusters sync.
const Latest = "latest"

// A site is a cluster's repository, with its present artifact and the one to publish.
type site struct {
	// name is the name of the cluster. cluster is nil where nothing is rendered.
	name       string
	cluster    *render.Cluster
	repository name.Repository
	// latest is the artifact that clusters sync now, or nil.
	latest *published
	// foreign is set where another tool published latest, behind where latest must not move.
	foreign error
	behind  *diag.Mistake
	// pulled is the layer of latest, after the first read.
	pulled []byte
	// layer is the layer to publish, next the artifact with it, and digest the digest of next.
	layer  *blob
	next   remote.Taggable
	digest v1.Hash
}

// isCurrent reports whether clusters already sync the layer to publish.
func (s *site) isCurrent() bool {
	return s.latest != nil && s.latest.layer.Digest == s.layer.Digest
}

// look reads the present artifacts of a tree's clusters, and makes their layers.
func (f *Fleet) look(ctx context.Context, tree *render.Tree, progress func(done, total int)) ([]*site, error) {
	sites := make([]*site, len(tree.Clusters))
	for i, c := range tree.Clusters {
		repository, err := f.repository(c.Name)
		if err != nil {
			return nil, err
		}
		sites[i] = &site{name: c.Name, cluster: c, repository: repository}
	}
	packer := newPacker()
	err := f.each(sites, progress, func(s *site) (err error) {
		s.latest, err = f.find(ctx, s.repository.Tag(Latest))
		if mistake := (*diag.Mistake)(nil); errors.As(err, &mistake) {
			s.foreign = err
			return nil
		}
		if err != nil {
			return err
		}
		var stored disk.Stored
		var left []string
		if s.latest != nil && len(s.cluster.Waiting()) > 0 {
			if stored, err = f.stored(ctx, s); err != nil {
				return err
			}
			if left, err = stored.Left(s.cluster); err != nil {
				return err
			}
		}
		s.layer, err = packer.pack(filesOf(s.cluster, stored, left))
		if err == nil && s.isCurrent() {
			s.layer.parts = nil // never pushed
		}
		return err
	})
	var foreign []error
	for _, s := range sites {
		foreign = append(foreign, s.foreign)
	}
	return sites, cmp.Or(err, errors.Join(foreign...))
}

// stored returns the files that the cluster syncs now.
func (f *Fleet) stored(ctx context.Context, s *site) (_ disk.Stored, err error) {
	if s.latest == nil {
		return disk.Stored{}, nil
	}
	if s.pulled == nil {
		if s.pulled, err = f.pull(ctx, s.repository, s.latest.layer); err != nil {
			return disk.Stored{}, err
		}
	}
	return unpack(s.pulled, s.repository.Tag(Latest))
}

// each calls a function for each site, several at a time. After an error it starts no further call, and it returns
// the error of the first site that failed.
func (f *Fleet) each(sites []*site, progress func(done, total int), do func(*site) error) error {
	var mu sync.Mutex
	failed, done := len(sites), 0
	var first error
	parallel.On(make([]struct{}, atOnce), len(sites), func(_ struct{}, i int) {
		mu.Lock()
		skip := first != nil
		mu.Unlock()
		if skip {
			return
		}
		err := f.explain(sites[i].name, do(sites[i]))
		mu.Lock()
		defer mu.Unlock()
		done++
		if progress != nil {
			progress(done, len(sites))
		}
		if err != nil && i < failed {
			failed, first = i, err
		}
	})
	return first
}

// Compare returns the changes that publishing a tree would make.
func (f *Fleet) Compare(ctx context.Context, tree *render.Tree, opts disk.Options) (disk.Comparison, error) {
	sites, err := f.look(ctx, tree, opts.Progress)
	if err != nil {
		return disk.Comparison{}, err
	}
	store, changed := f.changed(ctx, sites, func(s *site) bool { return !s.isCurrent() })
	c, err := disk.CompareStored(store, tree.With(changed), opts)
	if err != nil {
		return disk.Comparison{}, err
	}
	// A new layer drops the files that somebody else added, so stray files count as deleted.
	for _, stray := range c.Stray {
		cluster, path, _ := strings.Cut(stray, "/"+layout.Dir+"/")
		stored, err := store(cluster)
		if err != nil {
			return disk.Comparison{}, err
		}
		c.Changes = append(c.Changes, render.Change{Cluster: cluster, Path: path, Old: stored.Content(path)})
	}
	c.Stray = nil
	slices.SortFunc(c.Changes, func(a, b render.Change) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Path, b.Path))
	})
	return c, nil
}

// changed returns the clusters of some sites, and a store of the files that they sync now.
func (f *Fleet) changed(ctx context.Context, sites []*site, some func(*site) bool) (disk.Store, []*render.Cluster) {
	byName := map[string]*site{}
	var clusters []*render.Cluster
	for _, s := range sites {
		if some(s) {
			byName[s.name] = s
			clusters = append(clusters, s.cluster)
		}
	}
	return func(cluster string) (disk.Stored, error) {
		stored, err := f.stored(ctx, byName[cluster])
		return stored, f.explain(cluster, err)
	}, clusters
}
