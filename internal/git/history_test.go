package git

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// commitFile commits a file, and returns the commit.
func commitFile(t *testing.T, root, name, content string) string {
	t.Helper()
	write(t, filepath.Join(root, name), content)
	do(t, root, "add", ".")
	do(t, root, "commit", "-q", "-m", name+content)
	return strings.TrimSpace(do(t, root, "rev-parse", "HEAD"))
}

func TestHistory(t *testing.T) {
	root := newRepository(t)
	first := commitFile(t, root, "a.yaml", "1")
	do(t, root, "checkout", "-q", "-b", "side")
	side := commitFile(t, root, "b.yaml", "1")
	do(t, root, "checkout", "-q", "-b", "later", first)
	second := commitFile(t, root, "a.yaml", "2")
	newer := commitFile(t, root, "a.yaml", "3")
	do(t, root, "checkout", "-q", second)
	unknown := strings.Repeat("0", 40)
	// A graft would make the side branch an ancestor.
	write(t, filepath.Join(root, ".git", "info", "grafts"), second+" "+side+"\n")
	h, err := find(t, root).History(t.Context())
	if err != nil || h.Commit != second {
		t.Fatal(h, err)
	}
	for _, tt := range []struct {
		commit, follows, precede string // parts of the message, or "" for none
	}{
		{first, "", ""},
		{second, "", ""},
		{newer, "is newer than", "is newer than"},
		{side, "is not in the history of", ""},
		{unknown, "does not have 000000000000", "does not have"},
	} {
		for what, got := range map[string]*diag.Mistake{tt.follows: h.Follows(t.Context(), tt.commit), tt.precede: h.MayPrecede(t.Context(), tt.commit)} {
			if (got == nil) != (what == "") || got != nil && (!strings.Contains(got.Message, what) || got.Hint == "") {
				t.Errorf("%s: %v, want %q", tt.commit, got, what)
			}
		}
	}
	clone := t.TempDir()
	do(t, clone, "clone", "-q", "--depth", "1", "--branch", "later", "file://"+root, ".")
	if h, err = find(t, clone).History(t.Context()); err != nil {
		t.Fatal(err)
	}
	if why := h.Follows(t.Context(), first); why == nil || !strings.Contains(why.Message, "is shallow") {
		t.Error(why)
	}
}

// TestCheckCommitted checks that bytes are compared, whatever attributes Git has for them, and that no
// command of the repository runs.
func TestCheckCommitted(t *testing.T) {
	root := newRepository(t)
	commitFile(t, root, "fleet/a.yaml", "kind: A\n")
	commitFile(t, root, "fleet/b.yaml", "kind: B\n")
	commitFile(t, root, "other.yaml", "kind: C\n")
	ran := filepath.Join(t.TempDir(), "ran")
	do(t, root, "config", "filter.x.clean", "touch "+ran)
	do(t, root, "config", "filter.x.process", "touch "+ran)
	do(t, root, "config", "core.fsmonitor", "touch "+ran)
	write(t, filepath.Join(root, ".git", "info", "attributes"), "*.yaml filter=x\n")
	// quietly runs git without the commands that the repository configures.
	quietly := func(args ...string) {
		do(t, root, append([]string{"-c", "filter.x.clean=", "-c", "filter.x.process=", "-c", "core.fsmonitor=false"}, args...)...)
	}
	check := func() error {
		files := map[string][]byte{}
		dir := filepath.Join(root, "fleet")
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if files[filepath.Join(dir, e.Name())], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
		h, err := find(t, root).History(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return h.CheckCommitted(t.Context(), func(name string) bool { return strings.HasSuffix(name, ".yaml") }, []string{dir}, files)
	}
	if err := check(); err != nil {
		t.Error(err)
	}
	write(t, filepath.Join(root, "other.yaml"), "kind: Changed\n") // not one of the files
	a := filepath.Join(root, "fleet", "a.yaml")
	for _, tt := range []struct {
		name string
		do   func()
		want string
	}{
		{"changed", func() { write(t, a, "kind: X\n") }, "fleet/a.yaml"},
		{"changed, and nobody is to know", func() { quietly("update-index", "--assume-unchanged", "fleet/a.yaml") }, "fleet/a.yaml"},
		{"staged", func() {
			quietly("update-index", "--no-assume-unchanged", "fleet/a.yaml")
			quietly("add", "fleet/a.yaml")
		}, "fleet/a.yaml"},
		{"removed", func() { os.Remove(a) }, "fleet/a.yaml"},
		{"new", func() { write(t, a, "kind: A\n"); write(t, filepath.Join(root, "fleet", "new.yaml"), "kind: N\n") }, "fleet/new.yaml"},
	} {
		tt.do()
		err := check()
		if err == nil || err.Error() != "uncommitted changes: "+tt.want {
			t.Errorf("%s: %v", tt.name, err)
		}
		if _, err := os.Stat(ran); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a filter ran", tt.name)
		}
	}
	empty := t.TempDir()
	do(t, empty, "init", "-q")
	if _, err := find(t, empty).History(t.Context()); err == nil || !strings.Contains(err.Error(), "no commit yet") {
		t.Error(err)
	}
	t.Setenv("PATH", "")
	if _, err := find(t, root).History(t.Context()); err == nil || !strings.Contains(err.Error(), "git is not installed") {
		t.Error(err)
	}
}
