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

// recorded is the file with the number of instructions of a start, for each architecture.
const recorded = "instructions.json"

// tolerance is how much a start may exceed the recorded number, in percent. Ten runs of one program differ by
// less than 1 %: by the time of day, the environment that the operating system passes to a process, and the
// seeds of maps.
const tolerance = 10

// steady makes runs of a Go program repeatable: one processor, no garbage collector, no preemption. Valgrind
// cannot follow the program into another one, so PATH is empty and it finds no Git.
var steady = []string{"GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1", "PATH="}

var collected = regexp.MustCompile(`Collected : (\d+)`)

// TestInstructions counts the instructions of a start, which renders the example to a stream, and fails if
// they exceed the recorded number. UPDATE=1 records the new number.
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
	t.Logf("3 runs of a start differ by %.2f %%", percent(counts[2], counts[0]))

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
		t.Fatalf("no number is recorded for %s; record it with UPDATE=1 make instructions", runtime.GOARCH)
	}
	more := percent(now, before)
	t.Logf("a start takes %d instructions, %+.1f %% compared with the recorded %d", now, more, before)
	if more > tolerance {
		t.Errorf("the limit is %+d %%; docs/performance.md describes how to find the slower code; if the cost is justified, record it with UPDATE=1 make instructions", tolerance)
	}
	if more < -tolerance {
		t.Errorf("record the faster start with UPDATE=1 make instructions")
	}
}

// percent returns by how many percent one number exceeds another.
func percent(n, than int) float64 { return 100 * float64(n-than) / float64(than) }
