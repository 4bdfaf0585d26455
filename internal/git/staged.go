package git

import (
	"context"
	"slices"
	"strings"
)

// A File is one that the next commit does not have as it is.
type File struct {
	// Name of the file from the root of the repository, with slashes.
	Name string
	// New reports whether Git does not track the file; else it was changed or removed since.
	New bool
	// Ignored reports whether Git ignores it.
	Ignored bool
}

// maxPaths is how many paths are passed to Git at once: operating systems limit arguments.
const maxPaths = 1000

// Unstaged returns the files of directories, or files themselves, that the next commit
// does not have as they are; those that Git ignores are among them. One may stand there
// twice. The paths are real ones.
//
// The clean filters of the user's configuration run, as they do for git status: a file of
// Git LFS or git-crypt differs from what is staged without them. A clone brings no
// configuration with it.
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

// Uncommitted returns the names of the tracked files below directories, or of files themselves, that are
// not as in the last commit, from the root of the repository. The paths are real ones.
func (r *Repository) Uncommitted(paths ...string) ([]string, error) {
	args := []string{"--literal-pathspecs", "diff", "--name-only", "-z", "--no-ext-diff", "--no-textconv", "HEAD", "--"}
	output, err := r.run(context.Background(), append(args, paths...)...)
	if err != nil || len(output) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(output), "\x00"), "\x00"), nil
}
