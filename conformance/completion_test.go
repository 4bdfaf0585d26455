package conformance

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// completionLimit is far more than a shell needs. A shell that never shows the expected text does not end.
const completionLimit = time.Minute

// TestShellsComplete tests completion in bash with the package bash-completion, zsh and fish, each with the
// script that the command prints for it.
func TestShellsComplete(t *testing.T) {
	examples, err := filepath.Abs("../examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line string
		want []string
	}{
		{line: "fleetwright schema at", want: []string{"attachedcluster"}},
		{line: "fleetwright explain FW21", want: []string{"FW210", "FW218"}},
		{line: "fleetwright check hub --format=s", want: []string{"sarif"}},
		{line: "fleetwright render own-mesh -o - --cluster m", want: []string{"milan"}},
		{line: "fleetwright render own-mesh -o - --cluster ", want: []string{"frankfurt", "milan"}},
		{line: "fleetwright check own-mesh/", want: []string{"application.yaml", "renderconfig.yaml"}},
		{line: "fleetwright render hub -o own-", want: []string{"own-mesh"}},
	} {
		t.Run(c.line, func(t *testing.T) {
			record(t, "8. shells complete")
			bash := words(completed(t, examples, "bash", "testdata/completion.bash", c.line))
			fish := words(completed(t, examples, "fish", "testdata/completion.fish", c.line))
			for _, want := range c.want {
				if !slices.Contains(bash, want) {
					t.Errorf("bash completes %q, want %q", bash, want)
				}
				if !slices.Contains(fish, want) {
					t.Errorf("fish completes %q, want %q", fish, want)
				}
				completed(t, examples, "zsh", "testdata/completion.zsh", c.line, want)
			}
			if len(c.want) == 1 && len(bash) != 1 {
				t.Errorf("bash completes %q", bash)
			}
			if slices.Contains(bash, "README.md") {
				t.Errorf("bash completes %q, a file that the command does not read", bash)
			}
		})
	}
}

// completed returns the output of a shell that runs a test script in a directory.
func completed(t *testing.T, dir, shell, script string, args ...string) string {
	t.Helper()
	script, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), completionLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, append([]string{script}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "PATH="+filepath.Dir(fleetwright(t))+string(filepath.ListSeparator)+os.Getenv("PATH"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s %q: %v\n%s%s", shell, script, args, err, out, stderr.String())
	}
	return string(out)
}

// words returns the completions without their directories, and without the flag.
func words(printed string) (all []string) {
	for _, word := range strings.Fields(printed) {
		_, value, isFlag := strings.Cut(word, "=")
		if isFlag {
			word = value
		}
		all = append(all, filepath.Base(word))
	}
	return all
}
