package oci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// commitOf returns the commit in a revision, as Flux and flux push artifact write revisions, or "".
func commitOf(revision string) string {
	commit := revision[strings.LastIndexAny(revision, ":@/")+1:]
	if !isCommit(commit) {
		return ""
	}
	return commit
}

func isCommit(text string) bool {
	return (len(text) == 40 || len(text) == 64) && strings.Trim(text, "0123456789abcdef") == ""
}

// checkHistory returns an error where latest holds a revision that is not in the history of the inputs: an older run
// would otherwise undo a newer one that finished first.
func (f *Fleet) checkHistory(ctx context.Context, changed []*site, revision Revision) error {
	err := f.each(changed, nil, func(s *site) (err error) {
		if s.latest != nil {
			s.behind, err = f.leads(ctx, s, revision)
		}
		return err
	})
	if err != nil {
		return err
	}
	var refused []string
	all := []error{nil}
	hint := ""
	for _, s := range changed {
		if s.behind == nil {
			continue
		}
		refused, hint = append(refused, s.name), cmp.Or(hint, s.behind.Hint)
		if len(all) <= diag.MostNames {
			all = append(all, fmt.Errorf("%s/%s: %s", f.url, s.name, s.behind.Message))
		}
	}
	if len(refused) == 0 {
		return nil
	}
	all[0] = diag.NewMistake(fmt.Sprintf("this would move %s back, or to another branch, for %s", Latest, diag.Some(refused, 5)),
		hint+"; to roll back on purpose, add --from TAG; if the history of latest is lost, delete the tag latest in the registry")
	return errors.Join(all...)
}

// leads returns why latest must not move to a revision, or nil. An unchanged artifact stays in place, and newer
// commits with the same content become tags of it.
func (f *Fleet) leads(ctx context.Context, s *site, revision Revision) (why *diag.Mistake, err error) {
	commit := commitOf(s.latest.revision)
	if commit == "" {
		return diag.NewMistake(fmt.Sprintf("the revision %q has no commit", diag.Plain(s.latest.revision)), "publish to another path"), nil
	}
	if why := revision.Follows(commit); why != nil {
		return why, nil
	}
	tags, err := f.tags(ctx, s.repository)
	if err != nil {
		return nil, err
	}
	for _, tag := range tags {
		if !isCommit(tag) || tag == commit {
			continue
		}
		why := revision.MayPrecede(tag)
		if why == nil {
			continue
		}
		d, err := f.puller.Head(ctx, s.repository.Tag(tag))
		if err == nil && d.Digest == s.latest.Digest {
			hint := why.Hint + "; if that commit is lost, delete its tag in the registry"
			return diag.NewMistake(why.Message, hint), nil
		}
		if err != nil && !isMissing(err) {
			return nil, err
		}
	}
	return nil, nil
}

// mostPages limits the pages of tags, or of repositories, that are requested: a hostile registry could send them
// endlessly.
const mostPages = 1000

// tags returns the tags of a repository.
func (f *Fleet) tags(ctx context.Context, repository name.Repository) (tags []string, err error) {
	pages, err := f.puller.Lister(ctx, repository)
	for n := 0; err == nil && pages.HasNext(); n++ {
		if n == mostPages {
			return nil, diag.NewMistake(fmt.Sprintf("%s%s has too many tags", Scheme, repository.Name()), "delete the tags of commits that nobody will roll back to")
		}
		var page *remote.Tags
		if page, err = pages.Next(ctx); err == nil {
			tags = append(tags, page.Tags...)
		}
	}
	if isMissing(err) {
		return nil, nil
	}
	return tags, err
}
