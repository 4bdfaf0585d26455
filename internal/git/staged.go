package git

import (
	"context"
	"slices"
	"strings"
)

// A File is a file that differs from the next commit.
type File struct {
	// Name is the path relative to the root of the repository, with slashes.
	Name string
	// New reports whether Git does not track the file; otherwise it was changed or removed.
	New bool
	// Ignored reports whether Git ignores it.
	Ignored bool
}

// maxPaths is the maximum number of paths per git process, because operating systems limit arguments.
const maxPaths = 1000

// Unstaged returns the files at or below paths that differ from the next commit, including ignored files. A file
// may occur twice. The paths must be real paths.
//
// The clean filters of the user's configuration run, as in git status: without them, a file of Git LFS or
// git-crypt would differ from the staged one. A clone does not include configuration.
func (r *Repository) Unstaged(paths ...string) (files []File, err error) {
	for some := range slices.Chunk(paths, maxPaths) {
		found, err := r.unstaged(some)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}

func (r *Repository) unstaged(paths []string) (files []File, err error) {
	list := func(flags ...string) ([]string, error) {
		output, err := r.run(context.Background(), slices.Concat([]string{"--literal-pathspecs", "ls-files", "-z"}, flags, []string{"--"}, paths)...)
		return strings.Split(strings.TrimSuffix(string(output), "\x00"), "\x00"), err
	}
	entries, err := list("-t", "--others", "--modified", "--deleted")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if tag, name, ok := strings.Cut(entry, " "); ok {
			files = append(files, File{Name: name, New: tag == "?"})
		}
	}
	if !slices.ContainsFunc(files, func(f File) bool { return f.New }) {
		return files, nil
	}
	names, err := list("--others", "--ignored", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	ignored := map[string]bool{}
	for _, name := range names {
		ignored[name] = true
	}
	for i := range files {
		files[i].Ignored = ignored[files[i].Name]
	}
	return files, nil
}

// Uncommitted returns the tracked files at or below paths that differ from the last commit, relative to the root
// of the repository. The paths must be real paths.
func (r *Repository) Uncommitted(paths ...string) ([]string, error) {
	args := []string{"--literal-pathspecs", "diff", "--name-only", "-z", "--no-ext-diff", "--no-textconv", "HEAD", "--"}
	output, err := r.run(context.Background(), append(args, paths...)...)
	if err != nil || len(output) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(output), "\x00"), "\x00"), nil
}
