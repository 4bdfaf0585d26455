// Package git asks Git, by its command, what a revision has and what is staged.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// An Error is a mistake of the user's.
type Error struct {
	// Message says what is wrong.
	Message string
	// Hint says what to do about it.
	Hint string
}

func (e *Error) Error() string { return e.Message }

// A place says which repository git works on.
type place bool

const (
	// inHook is that of the hook that Git runs this in, with the index of its commit,
	// where there is one (githooks(5)).
	inHook place = true
	// apart is that of a directory, whoever runs this.
	apart place = false
)

// hookVariables say where a hook's repository is. Where its objects are stays known.
var hookVariables = []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}

// run runs git, and returns what it prints. The error is what git says.
func run(ctx context.Context, at place, stdin io.Reader, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if at == apart {
		cmd.Env = slices.DeleteFunc(cmd.Env, func(variable string) bool {
			name, _, _ := strings.Cut(variable, "=")
			return slices.Contains(hookVariables, name)
		})
	}
	cmd.Stdin = stdin
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	said, _, _ := strings.Cut(strings.TrimPrefix(stderr.String(), "fatal: "), "\n")
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, &Error{"there is no git, which --base and --staged need", "install git, or leave these out"}
	case err != nil && said != "":
		return nil, fmt.Errorf("git: %s", said)
	}
	return output, err
}
