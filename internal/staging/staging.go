// Package staging asks Git what the next commit will have.
package staging

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// A File is one that the next commit does not have as it is.
type File struct {
	// Name of the file from the working directory, with slashes.
	Name string
	// New says that Git does not know the file. If not, it was changed or removed since it
	// was staged.
	New bool
}

// Unstaged are the files of a directory, or the file itself, that the next commit does
// not have as they are; those that Git ignores are among them. One may stand there twice.
//
// In a hook of a commit Git names that commit's index, which need not be the
// repository's, in the environment; it is the one that is asked.
func Unstaged(path string) ([]File, error) {
	cmd := exec.Command("git", "--literal-pathspecs", "ls-files", "-z", "-t", "--others", "--modified", "--deleted", "--", path)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		said, _, _ := strings.Cut(strings.TrimPrefix(stderr.String(), "fatal: "), "\n")
		return nil, errors.New(said)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot run git: %w", err)
	}
	var files []File
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if tag, name, ok := strings.Cut(entry, " "); ok {
			files = append(files, File{name, tag == "?"})
		}
	}
	return files, nil
}
