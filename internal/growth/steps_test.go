package growth

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/parallel"
)

// counted lists the packages whose steps are counted.
var counted = []string{
	"cmd/fleetwright", "schema", "schema/output", "render", "internal/blockyaml", "internal/diag",
	"internal/sink/diff", "internal/sink/disk", "internal/sink/fleet", "internal/inputs", "internal/sink/krm",
}

// TestStepsGrowAsInputsDo counts how often each block of the command's code runs, for inputs of all kinds and
// for larger ones.
func TestStepsGrowAsInputsDo(t *testing.T) {
	dir := t.TempDir()
	command := filepath.Join(dir, "fleetwright")
	packages := ""
	for _, p := range counted {
		packages += ",github.com/fleetwright/fleetwright/" + p
	}
	build := exec.Command("go", "build", "-cover", "-covermode=count", "-coverpkg="+packages[1:]+",github.com/agext/levenshtein", "-o", command, "../../cmd/fleetwright")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	var sizes []sized
	for _, factor := range []int{1, Factor} {
		sizes = append(sizes, sized{t: t, command: command, dir: filepath.Join(dir, strconv.Itoa(factor)), factor: factor})
	}
	before, after := sizes[0].steps(), sizes[1].steps()
	const little = 100_000 // sorting needs n log n comparisons
	for block, n := range after {
		if Exceeds(before[block], n, little) {
			t.Errorf("%s runs %d times, and %d times for inputs %d times as large", block, before[block], n, Factor)
		}
	}
}

// A sized runs the command on inputs of one size.
type sized struct {
	t            *testing.T
	command, dir string
	factor       int
}

// steps returns how often each block of code ran.
func (s sized) steps() map[string]uint64 {
	counters := filepath.Join(s.dir, "counters")
	if err := os.MkdirAll(counters, 0o755); err != nil {
		s.t.Fatal(err)
	}
	kinds := Kinds()
	parallel.Each(len(kinds), func(i int) { s.checkAndDiff(kinds[i]) })
	s.function()
	profile := filepath.Join(s.dir, "profile")
	if output, err := exec.Command("go", "tool", "covdata", "textfmt", "-i", counters, "-o", profile).CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, output)
	}
	text, err := os.ReadFile(profile)
	if err != nil {
		s.t.Fatal(err)
	}
	steps := map[string]uint64{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 {
			n, _ := strconv.ParseUint(fields[2], 10, 64)
			steps[fields[0]] += n
		}
	}
	return steps
}

// checkAndDiff checks the inputs of a kind. If they can be rendered, it compares the output with an
// incomplete directory.
func (s sized) checkAndDiff(kind Kind) {
	dir := filepath.Join(s.dir, strings.ReplaceAll(kind.Name, " ", "-"))
	for _, f := range kind.Make(s.factor * kind.Step) {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			s.t.Error(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			s.t.Error(err)
		}
	}
	if s.run(nil, "check", dir) != 0 {
		return
	}
	out := dir + ".out"
	s.run(nil, "render", dir, "-o", out)
	files, _ := filepath.Glob(filepath.Join(out, "*", "fleetwright", "*", "*", "*.yaml"))
	for i, file := range files {
		if i%2 == 0 {
			if err := os.Remove(file); err != nil {
				s.t.Error(err)
			}
		}
	}
	s.run(nil, "check", dir, "-o", out)
	s.run(nil, "diff", dir, "-o", out)
	s.run(nil, "plan", dir)
	s.run(nil, "fleet", dir)
}

// function passes many items to the KRM function, in one file and in separate files.
func (s sized) function() {
	for _, file := range []string{"f.yaml", "f%d.yaml"} {
		var list bytes.Buffer
		list.WriteString("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n")
		for i := range 100 * s.factor {
			name := strings.ReplaceAll(file, "%d", strconv.Itoa(i))
			fmt.Fprintf(&list, "- {apiVersion: cluster.kurator.dev/v1alpha1, kind: AttachedCluster, metadata: {name: c%d, namespace: default, annotations: {config.kubernetes.io/path: %s, config.kubernetes.io/index: '%d'}}, spec: {kubecnfig: 1}}\n", i, name, i)
		}
		s.run(list.Bytes())
	}
}

// run runs the command, and adds its counters to those of other runs.
func (s sized) run(stdin []byte, args ...string) (code int) {
	c := exec.Command(s.command, args...)
	c.Stdin = bytes.NewReader(stdin)
	c.Env = append(os.Environ(), "GOCOVERDIR="+filepath.Join(s.dir, "counters"))
	output, _ := c.CombinedOutput()
	if code = c.ProcessState.ExitCode(); code < 0 || code > 2 || bytes.Contains(output, []byte("FW901")) {
		s.t.Errorf("%s: exit code %d: %.2000s", strings.Join(args, " "), code, output)
	}
	return code
}
