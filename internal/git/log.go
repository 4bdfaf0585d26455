package git

import (
	"bufio"
	"context"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Commit is a commit that changes files.
type Commit struct {
	Hash string
	Time time.Time
	// Files are the changed files, relative to the root of the repository, with slashes.
	Files []string
}

// Log calls each for every commit that changes one of the paths, the newest first, until it returns false. The
// commits are ancestors of HEAD but not of since, or all ancestors if since is "". Log omits merges, and the
// commits at which a shallow clone ends, because their changes are unknown.
func (r *Repository) Log(ctx context.Context, since string, paths []string, each func(Commit) bool) error {
	return r.log(ctx, since, paths, nil, each)
}

// LogOf is Log for the commits that change how often a regular expression matches in a file.
func (r *Repository) LogOf(ctx context.Context, pattern string, paths []string, each func(Commit) bool) error {
	return r.log(ctx, "", paths, []string{"--pickaxe-regex", "-S" + pattern}, each)
}

func (r *Repository) log(ctx context.Context, since string, paths, only []string, each func(Commit) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	within, err := r.within(paths)
	if err != nil {
		return err
	}
	shallow, err := r.run(ctx, "rev-parse", "--is-shallow-repository")
	if err != nil {
		return err
	}
	isShallow := strings.TrimSpace(string(shallow)) == "true"
	args := []string{"--literal-pathspecs", "rev-list", "HEAD"}
	if since != "" {
		args = append(args, "^"+since)
	}
	// Unlike git log, these commands run no program from a configuration.
	list := r.command(ctx, append(append(args, "--"), within...)...)
	show := r.command(ctx, slices.Concat([]string{"--literal-pathspecs", "-c", "core.quotePath=false", "diff-tree"}, only,
		[]string{"--stdin", "--root", "-r", "--no-renames", "--no-textconv", "--name-only", "--format=%x01%H %ct %p", "--"}, within)...)
	if show.Stdin, err = list.StdoutPipe(); err != nil {
		return err
	}
	output, err := show.StdoutPipe()
	if err != nil {
		return err
	}
	for _, cmd := range []*exec.Cmd{list, show} {
		if err := cmd.Start(); err != nil {
			return err
		}
		defer cmd.Wait()
		defer cancel() // stops git if its output is not read to the end
	}
	var commit *Commit
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, maxListing)
	for lines.Scan() {
		line := lines.Text()
		head, isHead := strings.CutPrefix(line, "\x01")
		switch {
		case isHead:
			if commit != nil && !each(*commit) {
				return nil
			}
			commit = nil
			fields := strings.Fields(head)
			if len(fields) < 2 || isShallow && len(fields) == 2 {
				continue
			}
			seconds, _ := strconv.ParseInt(fields[1], 10, 64)
			commit = &Commit{Hash: fields[0], Time: time.Unix(seconds, 0).UTC()}
		case commit != nil && line != "":
			commit.Files = append(commit.Files, line)
		}
	}
	if commit != nil {
		each(*commit)
	}
	return lines.Err()
}

// Blob returns the content of a file at a revision, or nil.
func (r *Repository) Blob(ctx context.Context, revision, file string) []byte {
	hash := r.hash(ctx, revision+":"+file)
	if hash == "" {
		return nil
	}
	output, err := r.list(ctx, "cat-file", "blob", hash)
	if err != nil {
		return nil
	}
	return []byte(output)
}
