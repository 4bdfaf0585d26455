package bench

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// recordedFile holds what a start takes, for each architecture.
const recordedFile = "internal/bench/instructions.json"

// tolerance is how much more than recorded a start may take, in percent. Ten runs of the
// same program are within one of each other: the time of day, what the operating system
// passes to a process and the seeds of maps are all that differs.
const tolerance = 10

// A record is the number of instructions of a start, and which Go it was built by.
type record struct {
	Go           string `json:"go"`
	Instructions int64  `json:"instructions"`
}

// steady is what keeps a Go program from doing now this and now that: one processor, no
// collector, no preemption.
var steady = []string{"GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1"}

// collected is where callgrind says how many instructions there were.
var collected = regexp.MustCompile(`Collected : (\d+)`)

// instructions counts those of a start, the render of the example to a stream, and
// compares them with what is recorded.
func instructions(args []string) error {
	var write bool
	var runs int
	flags := flag.NewFlagSet("bench instructions", flag.ContinueOnError)
	flags.BoolVar(&write, "record", false, "record what is counted")
	flags.IntVar(&runs, "runs", 3, "how often it is counted")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if _, err := exec.LookPath("valgrind"); err != nil {
		return fmt.Errorf("%w; on Debian, as root: apt-get install valgrind", err)
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	command, err := buildCommand(dir)
	if err != nil {
		return err
	}
	var counts []int64
	for range max(runs, 1) {
		n, err := count(command, "render", example, "-o", "-")
		if err != nil {
			return err
		}
		counts = append(counts, n)
	}
	slices.Sort(counts)
	now := record{runtime.Version(), counts[len(counts)/2]}
	if spread := percent(counts[len(counts)-1], counts[0]); len(counts) > 1 {
		fmt.Printf("%d runs of a start are within %.2f %% of each other\n", len(counts), spread)
	}
	all, err := readRecords()
	if err != nil {
		return err
	}
	if write {
		all[runtime.GOARCH] = now
		fmt.Printf("a start takes %s instructions, which is recorded in %s\n", grouped(now.Instructions), recordedFile)
		return writeRecords(all)
	}
	text, err := judge(all[runtime.GOARCH], now)
	if err == nil {
		fmt.Println(text)
	}
	return err
}

// count is the number of instructions of a process.
func count(name string, args ...string) (int64, error) {
	cmd := exec.Command("valgrind", append([]string{"--tool=callgrind", "--callgrind-out-file=/dev/null", name}, args...)...)
	cmd.Env = append(os.Environ(), steady...)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", cmd, err, said.String())
	}
	found := collected.FindStringSubmatch(said.String())
	if found == nil {
		return 0, fmt.Errorf("%s does not say how many instructions there were:\n%s", cmd, said.String())
	}
	return strconv.ParseInt(found[1], 10, 64)
}

// judge compares with what is recorded, and fails where it is too much more.
func judge(recorded, now record) (string, error) {
	const how = "`make instructions INSTRUCTIONSFLAGS=-record` records it"
	if recorded.Instructions == 0 {
		return "", errors.New("nothing is recorded for " + runtime.GOARCH + ": " + how)
	}
	text := fmt.Sprintf("a start takes %s instructions, %+.1f %% of the recorded %s", grouped(now.Instructions), percent(now.Instructions, recorded.Instructions), grouped(recorded.Instructions))
	if recorded.Go != now.Go {
		text += fmt.Sprintf(" (of %s, this is %s)", recorded.Go, now.Go)
	}
	switch more := percent(now.Instructions, recorded.Instructions); {
	case more > tolerance:
		return "", fmt.Errorf("%s, and at most %+d %% pass; docs/performance.md says how to find what is slower; where that is worth it, %s", text, tolerance, how)
	case more < -tolerance:
		text += "; " + how + ", so that it stays so fast"
	}
	return text, nil
}

// percent is how much more one number is than another.
func percent(n, than int64) float64 { return 100 * float64(n-than) / float64(than) }

// grouped is a number with a comma after each three digits.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func readRecords() (map[string]record, error) {
	all := map[string]record{}
	text, err := os.ReadFile(recordedFile)
	if errors.Is(err, os.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	return all, err
}

func writeRecords(all map[string]record) error {
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(recordedFile, append(text, '\n'), 0o644)
}
