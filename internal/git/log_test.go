package git

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLog checks that the commits that change some files are listed, newest first.
func TestLog(t *testing.T) {
	root := newRepository(t)
	at := func(year int) {
		date := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
		t.Setenv("GIT_COMMITTER_DATE", date)
		t.Setenv("GIT_AUTHOR_DATE", date)
	}
	commit := func(year int, files ...string) {
		at(year)
		for _, f := range files {
			write(t, filepath.Join(root, f), fmt.Sprintf("kind: Y%d\n", year))
		}
		do(t, root, "add", ".")
		do(t, root, "commit", "-q", "-m", fmt.Sprint(year))
	}
	commit(2040, "fleet/a b.yaml", "other.yaml")
	commit(2041, "other.yaml")
	do(t, root, "checkout", "-q", "-b", "side")
	commit(2042, "fleet/side.yaml")
	do(t, root, "checkout", "-q", "-")
	commit(2043, "fleet/ü.yaml")
	at(2044)
	do(t, root, "merge", "-q", "--no-edit", "side")

	log := func(r *Repository, since string, most int) string {
		t.Helper()
		var all []string
		err := r.Log(t.Context(), since, []string{filepath.Join(r.Root, "fleet")}, func(c Commit) bool {
			slices.Sort(c.Files)
			all = append(all, fmt.Sprint(c.Time.Year(), " ", strings.Join(c.Files, ",")))
			return len(all) < most
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(all, "; ")
	}
	r := find(t, root)
	if got := log(r, "", 3); got != "2043 fleet/ü.yaml; 2042 fleet/side.yaml; 2040 fleet/a b.yaml" {
		t.Errorf("the log is %s", got)
	}
	if got := log(r, "HEAD~1", 3); got != "2042 fleet/side.yaml" {
		t.Errorf("since the first parent of the merge: %s", got)
	}
	if got := log(r, "", 1); got != "2043 fleet/ü.yaml" {
		t.Errorf("unexpected further commit: %s", got)
	}
	if err := r.Log(t.Context(), "", []string{t.TempDir()}, func(Commit) bool { return true }); err == nil {
		t.Error("another directory has a log here")
	}
	// The last commits of a shallow clone seem to add all their files.
	clone := filepath.Join(t.TempDir(), "clone")
	do(t, root, "clone", "-q", "--depth", "2", "file://"+root, clone)
	if got := log(find(t, clone), "", 9); got != "" {
		t.Errorf("the log of a shallow clone is %s", got)
	}
	for file, want := range map[string]string{"other.yaml": "kind: Y2041\n", "fleet/side.yaml": "", "nowhere": ""} {
		if got := string(r.Blob(t.Context(), "main~2", file)); got != want {
			t.Errorf("%s is %q, want %q", file, got, want)
		}
	}
}
