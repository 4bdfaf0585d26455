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

// Unstaged are the files of a directory, or the file itself, that the next commit does
// not have as they are: those that Git does not know, ignored ones too, and those that
// were changed or removed since they were staged. Their names are relative to the
// working directory, with slashes; one may stand there twice.
//
// In a hook of a commit Git names that commit's index, which need not be the
// repository's, in the environment; it is the one that is asked.
func Unstaged(path string) ([]string, error) {
	cmd := exec.Command("git", "--literal-pathspecs", "ls-files", "-z", "--others", "--modified", "--deleted", "--", path)
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
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
}
