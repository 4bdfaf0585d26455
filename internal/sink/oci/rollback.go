package oci

import (
	"context"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// Rollback points latest of clusters at the artifact of another of their tags, and sets further tags. If any cluster
// lacks the tag, it moves none.
func (f *Fleet) Rollback(ctx context.Context, clusters []string, from string, opts PublishOptions) (Summary, error) {
	if !isCommit(from) {
		if err := CheckTag(from); err != nil {
			return Summary{}, err
		}
	}
	clusters = slices.Compact(slices.Sorted(slices.Values(clusters)))
	sites := make([]*site, len(clusters))
	for i, cluster := range clusters {
		repository, err := f.repository(cluster)
		if err != nil {
			return Summary{}, err
		}
		sites[i] = &site{name: cluster, repository: repository}
	}
	err := f.each(sites, opts.progress("comparing"), func(s *site) error {
		latest, err := f.find(ctx, s.repository.Tag(Latest))
		if err != nil {
			return err
		}
		to, err := f.find(ctx, s.repository.Tag(from))
		if err == nil && to != nil {
			s.latest, s.next, s.digest = latest, to.Descriptor, to.Digest
		}
		return err
	})
	if err != nil {
		return Summary{}, err
	}
	var missing []string
	for _, s := range sites {
		if s.next == nil {
			missing = append(missing, s.name)
		}
	}
	if len(missing) > 0 {
		return Summary{}, diag.NewMistake("no artifact has the tag "+from+" for "+diag.Some(missing, diag.MostNames),
			"name a tag that all of them have, or a full commit; or choose clusters with --cluster")
	}
	return f.tag(ctx, sites, opts.Tags, nil, opts.progress("tagging"))
}

// Removed returns the clusters below the path that have an artifact but are not declared, sorted. It returns none
// if the registry does not list its repositories; many do not.
func (f *Fleet) Removed(ctx context.Context, declared []string) []string {
	below := f.prefix.RepositoryStr() + "/"
	known := map[string]bool{}
	for _, name := range declared {
		known[name] = true
	}
	var removed []string
	last, asked := below, 0
	for range mostPages {
		page, err := remote.CatalogPage(f.prefix.Registry, last, catalogPage, append([]remote.Option{remote.WithContext(ctx)}, f.options...)...)
		if err != nil || len(page) == 0 {
			return removed
		}
		for _, repository := range page {
			name, ok := strings.CutPrefix(repository, below)
			if ok && !known[name] {
				asked++
			}
			if asked > mostAsked {
				return removed
			}
			if ok && !known[name] && !strings.Contains(name, "/") && f.isPublished(ctx, name) {
				removed = append(removed, name)
			}
			known[name] = known[name] || ok
		}
		isPast := slices.IsSorted(page) && !strings.HasPrefix(page[len(page)-1], below)
		if last == page[len(page)-1] || isPast {
			return removed
		}
		last = page[len(page)-1]
	}
	return removed
}

// catalogPage is the number of repositories requested at once.
const catalogPage = 1000

// mostAsked limits the number of undeclared repositories that are read.
const mostAsked = 1000

// isPublished reports whether fleetwright has published an artifact for a cluster.
func (f *Fleet) isPublished(ctx context.Context, cluster string) bool {
	repository, err := f.repository(cluster)
	if err != nil {
		return false
	}
	latest, err := f.find(ctx, repository.Tag(Latest))
	// flux push writes another configuration (fluxcd/pkg/oci up to v0.68), or one with the time.
	return err == nil && latest != nil && latest.config == describe(configType, config).Digest
}
