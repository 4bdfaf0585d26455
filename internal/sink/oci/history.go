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

// commitOf returns the commit that a revision names, as Flux and flux push artifact write them, or "".
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

// checkHistory refuses to move latest from a revision that is not in the history of the inputs: an older run would
// undo a newer one that has ended before it.
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
	all[0] = diag.NewMistake(fmt.Sprintf("would move %s back, or to another branch: %s", Latest, diag.Some(refused, 5)),
		hint+"; to go back on purpose, name what to go back to: --from TAG; if the history of latest is gone for good, delete the tag latest in the registry")
	return errors.Join(all...)
}

// leads returns why latest may not be moved to a revision, or nil. An artifact stays where nothing changes, and
// the newer commits that have the same are its tags.
func (f *Fleet) leads(ctx context.Context, s *site, revision Revision) (why *diag.Mistake, err error) {
	commit := commitOf(s.latest.revision)
	if commit == "" {
		return diag.NewMistake(fmt.Sprintf("its revision %q names no commit", diag.Plain(s.latest.revision)), "publish to another path"), nil
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
			hint := why.Hint + "; if that commit is gone for good, delete its tag in the registry"
			return diag.NewMistake(why.Message, hint), nil
		}
		if err != nil && !isMissing(err) {
			return nil, err
		}
	}
	return nil, nil
}

// mostPages is how many pages of tags, or of repositories, are asked for: a registry may send one after the other.
const mostPages = 1000

// tags returns the tags of a repository.
func (f *Fleet) tags(ctx context.Context, repository name.Repository) (tags []string, err error) {
	pages, err := f.puller.Lister(ctx, repository)
	for n := 0; err == nil && pages.HasNext(); n++ {
		if n == mostPages {
			return nil, diag.NewMistake(fmt.Sprintf("%s%s has too many tags", Scheme, repository.Name()), "delete those of commits that nobody goes back to")
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
