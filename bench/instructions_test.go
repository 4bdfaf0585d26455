package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"testing"
)

// recorded is the file with the instructions of a start, for each architecture.
const recorded = "instructions.json"

// tolerance is how much more than recorded a start may take, in percent. Ten runs of the
// same program are within one of each other: the time of day, what the operating system
// passes to a process and the seeds of maps differ.
const tolerance = 10

// steady keeps a Go program from varying: one processor, no collector, no preemption.
// Valgrind ends where it starts another one, so it finds no Git.
var steady = []string{"GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1", "PATH="}

var collected = regexp.MustCompile(`Collected : (\d+)`)

// TestInstructions counts the instructions of a start, which renders the example to a
// stream, and fails where there are more than recorded. UPDATE=1 records them.
func TestInstructions(t *testing.T) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		t.Fatalf("%v; on Debian, as root: apt-get install valgrind", err)
	}
	command, err := build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var counts []int
	for range 3 {
		cmd := exec.Command("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", command, "render", example, "-o", "-")
		cmd.Env = append(os.Environ(), steady...)
		output, err := cmd.CombinedOutput()
		found := collected.FindSubmatch(output)
		if err != nil || found == nil {
			t.Fatalf("%s: %v\n%s", cmd, err, output)
		}
		n, err := strconv.Atoi(string(found[1]))
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, n)
	}
	slices.Sort(counts)
	now := counts[1]
	t.Logf("3 runs of a start are within %.2f %% of each other", percent(counts[2], counts[0]))

	text, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") != "" {
		all[runtime.GOARCH] = now
		text, err := json.MarshalIndent(all, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(recorded, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before := all[runtime.GOARCH]
	if before == 0 {
		t.Fatalf("nothing is recorded for %s; UPDATE=1 make instructions records it", runtime.GOARCH)
	}
	more := percent(now, before)
	t.Logf("a start takes %d instructions, %+.1f %% of the recorded %d", now, more, before)
	if more > tolerance {
		t.Errorf("at most %+d %% pass; docs/performance.md says how to find what is slower; where that is worth it, UPDATE=1 make instructions records it", tolerance)
	}
	if more < -tolerance {
		t.Errorf("UPDATE=1 make instructions records it, so that it stays so fast")
	}
}

// percent is how much more one number is than another.
func percent(n, than int) float64 { return 100 * float64(n-than) / float64(than) }
