package git

import (
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// A History is a commit and all its ancestors.
type History struct {
	// Commit is the checked-out commit.
	Commit string

	repository *Repository
	commits    map[string]bool
	isShallow  bool

	mu sync.Mutex
	// others are the reasons why commits are not in the history.
	others map[string]other
}

// History returns the history of the checked-out commit.
func (r *Repository) History(ctx context.Context) (*History, error) {
	if _, err := r.run(ctx, "rev-parse", "--verify", "--quiet", "HEAD"); err != nil {
		if exit := (*exec.ExitError)(nil); ctx.Err() == nil && errors.As(err, &exit) {
			return nil, diag.NewMistake("the Git repository has no commit yet", "commit the inputs")
		}
		return nil, cmp.Or(ctx.Err(), err)
	}
	output, err := r.run(ctx, "rev-list", "HEAD")
	if err != nil {
		return nil, err
	}
	shallow, err := r.run(ctx, "rev-parse", "--is-shallow-repository")
	if err != nil {
		return nil, err
	}
	commits := strings.Fields(string(output))
	h := &History{
		Commit: commits[0], repository: r, isShallow: strings.TrimSpace(string(shallow)) == "true",
		commits: make(map[string]bool, len(commits)), others: map[string]other{},
	}
	for _, commit := range commits {
		h.commits[commit] = true
	}
	return h, nil
}

// Follows returns nil for a commit in the history, or else the reason why it is not in it.
func (h *History) Follows(ctx context.Context, commit string) *diag.Mistake {
	if h.commits[commit] {
		return nil
	}
	return h.other(ctx, commit).why
}

// MayPrecede returns nil for a commit that does not come after the history, or else the reason why it may.
func (h *History) MayPrecede(ctx context.Context, commit string) *diag.Mistake {
	if h.commits[commit] || h.other(ctx, commit).diverged {
		return nil
	}
	return h.other(ctx, commit).why
}

// An other is a commit that is not in a history.
type other struct {
	// why is the reason, and diverged reports whether the commit certainly does not come after the history.
	why      *diag.Mistake
	diverged bool
}

func (h *History) other(ctx context.Context, commit string) other {
	h.mu.Lock()
	defer h.mu.Unlock()
	o, ok := h.others[commit]
	if !ok {
		o = h.lookUp(ctx, commit)
		h.others[commit] = o
	}
	return o
}

func (h *History) lookUp(ctx context.Context, commit string) other {
	r := h.repository
	own, name := short(h.Commit), short(commit)
	switch isKnown := r.hash(ctx, commit+"^{commit}") != ""; {
	case !isKnown && h.isShallow:
		return other{why: diag.NewMistake(fmt.Sprintf("this clone is shallow, so it is unknown whether %s comes after %s", own, name), "fetch the whole history: git fetch --unshallow, in CI fetch-depth: 0")}
	case !isKnown:
		return other{why: diag.NewMistake(fmt.Sprintf("this clone does not have %s: it is newer than the last fetch, or its branch was deleted", name), "run git fetch, and publish a commit that comes after it")}
	}
	if _, err := r.run(ctx, "merge-base", "--is-ancestor", h.Commit, commit); err == nil {
		return other{why: diag.NewMistake(fmt.Sprintf("%s is newer than %s", name, own), "publish a commit that comes after it")}
	}
	return other{diag.NewMistake(fmt.Sprintf("%s is not in the history of %s", name, own), "merge it, and publish a commit that comes after it"), true}
}

// short returns the short hash of a commit for messages.
func short(commit string) string { return commit[:min(len(commit), 12)] }

// CheckCommitted returns an error unless the commit contains exactly these files, by real path, and no other
// wanted files below dirs. It compares bytes itself, because the filters of a configuration are commands.
func (h *History) CheckCommitted(ctx context.Context, wanted func(name string) bool, dirs []string, files map[string][]byte) error {
	r := h.repository
	within, err := r.within(slices.Concat(dirs, slices.Sorted(maps.Keys(files))))
	if err != nil {
		return err
	}
	committed := map[string]string{}
	for some := range slices.Chunk(within, maxPaths) {
		output, err := r.run(ctx, append([]string{"--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", h.Commit, "--"}, some...)...)
		if err != nil {
			return cmp.Or(ctx.Err(), err)
		}
		t, err := newTree(h.Commit, string(output))
		if err != nil {
			return err
		}
		for _, e := range t.entries {
			if e.mode != linkMode && e.mode != submoduleMode {
				committed[e.name] = e.hash
			}
		}
	}
	var names []string
	for real, content := range files {
		rel, err := filepath.Rel(r.Root, real)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if hash := committed[name]; hash == "" || hash != blobHash(content, len(hash)) {
			names = append(names, name)
		}
		delete(committed, name)
	}
	for name := range committed {
		if _, err := os.Lstat(filepath.Join(r.Root, filepath.FromSlash(name))); wanted(name) && errors.Is(err, fs.ErrNotExist) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return diag.NewMistake("uncommitted changes: "+diag.Some(names, diag.MostNames), "commit them, or git stash --include-untracked; if Git changes line endings: git config core.autocrlf false")
}

// blobHash returns the hash of a file in a repository whose hashes have this number of digits
// (gitprotocol-common(5)).
func blobHash(content []byte, digits int) string {
	h := sha1.New()
	if digits == 2*sha256.Size {
		h = sha256.New()
	}
	fmt.Fprintf(h, "blob %d\x00", len(content))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}
