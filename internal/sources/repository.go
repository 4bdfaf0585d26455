package sources

import (
	"context"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A repository is a Git repository with cached answers.
type repository struct {
	*git.Repository
	// remotes are the names of the remotes, by URL in normal form.
	remotes    map[string]string
	remotesErr error
	// branch or commit is checked out. They are known if asked is true.
	branch, commit string
	headErr        error
	asked          bool
}

// remoteOf returns the name of the remote with a URL in its normal form, or "".
func (r *repository) remoteOf(ctx context.Context, url string) (string, error) {
	if r.remotes == nil {
		if !r.MayConfigure(path.Base(url)) {
			return "", nil
		}
		r.remotes = map[string]string{}
		var all []git.Remote
		all, r.remotesErr = r.Remotes(ctx)
		for _, remote := range all {
			if url := normal(remote.URL); r.remotes[url] == "" || remote.Name == "origin" {
				r.remotes[url] = remote.Name
			}
		}
	}
	return r.remotes[url], r.remotesErr
}

// isOn reports whether a branch is checked out, or whether the CI system names it for the checked-out commit.
func (r *repository) isOn(ctx context.Context, remote, branch string) (bool, error) {
	if !r.asked {
		r.asked = true
		r.branch, r.commit, r.headErr = r.Head(ctx)
	}
	if r.branch != "" || r.headErr != nil {
		return r.branch == branch, r.headErr
	}
	return slices.Contains(ciBranches(os.Getenv, r.commit, remote), branch), nil
}

// why returns the reason why the repository cannot be read.
func (r *repository) why(err error) string { return reason(err, r.Root) }

// isPinned reports whether a reference contains more than a branch.
func isPinned(ref api.GitReference) bool {
	return ref.Commit != "" || ref.Name != "" || ref.Tag != "" || ref.SemVer != ""
}

// revisions returns the possible names of a reference in a clone, of which the first existing one counts, and its
// name for messages. The order is the order of fluxcd/pkg git/gogit/client.go, clone.
func (r *repository) revisions(ctx context.Context, remote string, ref api.GitReference) (revisions []string, what string, err error) {
	switch {
	case ref.Commit != "":
		return []string{ref.Commit + "^{commit}"}, "commit " + ref.Commit, nil
	case strings.HasPrefix(ref.Name, "refs/heads/"):
		return branchRevisions(remote, strings.TrimPrefix(ref.Name, "refs/heads/")), ref.Name, nil
	case ref.Name != "":
		return []string{strings.TrimSuffix(ref.Name, "^{}")}, ref.Name, nil
	case ref.Tag != "":
		return []string{"refs/tags/" + ref.Tag}, "tag " + ref.Tag, nil
	case ref.SemVer != "":
		tags, err := r.Tags(ctx)
		if tag := newest(tags, ref.SemVer); tag != "" {
			revisions = []string{"refs/tags/" + tag}
		}
		return revisions, "a tag that satisfies " + ref.SemVer, err
	}
	return branchRevisions(remote, ref.Branch), "branch " + ref.Branch, nil
}

// branchRevisions returns the names of a branch as fetched and as local.
func branchRevisions(remote, branch string) []string {
	return []string{"refs/remotes/" + remote + "/" + branch, "refs/heads/" + branch}
}

// newest returns the tag that Flux chooses for a range of versions, or "": the highest version, and among versions
// that differ only in build metadata the one with the latest commit (fluxcd/pkg git/gogit/clone.go, cloneSemVer).
func newest(tags []git.Tag, versions string) (name string) {
	wanted := parseRange(versions)
	var best version
	var when int64
	for _, tag := range tags {
		v, ok := parseVersion(tag.Name)
		if !ok || !wanted.has(v) {
			continue
		}
		order := v.compare(best)
		if name == "" || order > 0 || order == 0 && tag.Time >= when {
			best, when, name = v, tag.Time, tag.Name
		}
	}
	return name
}
