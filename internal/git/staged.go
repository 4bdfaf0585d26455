package git

import (
	"context"
	"slices"
	"strings"
)

// A File is one that the next commit does not have as it is.
type File struct {
	// Name of the file from the working directory, with slashes.
	Name string
	// New says that Git does not know the file. If not, it was changed or removed since it
	// was staged.
	New bool
	// Ignored says that Git ignores it.
	Ignored bool
}

// Unstaged are the files of a directory, or the file itself, that the next commit does
// not have as they are; those that Git ignores are among them. One may stand there twice.
//
// In a hook of a commit Git names that commit's index, which need not be the
// repository's, in the environment; it is the one that is asked.
func Unstaged(path string) ([]File, error) {
	output, err := run(context.Background(), inHook, nil, "--literal-pathspecs", "ls-files", "-z", "-t", "--others", "--modified", "--deleted", "--", path)
	if err != nil {
		return nil, err
	}
	var files []File
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(output), "\x00"), "\x00") {
		if tag, name, ok := strings.Cut(entry, " "); ok {
			files = append(files, File{Name: name, New: tag == "?"})
		}
	}
	if !slices.ContainsFunc(files, func(f File) bool { return f.New }) {
		return files, nil
	}
	output, err = run(context.Background(), inHook, nil, "--literal-pathspecs", "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", path)
	if err != nil {
		return nil, err
	}
	ignored := map[string]bool{}
	for name := range strings.SplitSeq(string(output), "\x00") {
		ignored[name] = true
	}
	for i := range files {
		files[i].Ignored = ignored[files[i].Name]
	}
	return files, nil
}
