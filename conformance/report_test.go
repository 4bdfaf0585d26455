package conformance

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
)

// toolsDir holds the modules of the tools.
const toolsDir = "tools"

// A row is the result of a check in the report.
type row struct {
	check         string
	cases, passed int
}

var report struct {
	sync.Mutex
	rows []row
}

// TestMain prints the report after the tests. docs/conformance.md contains one. Parallel tests mostly wait
// for Flux and Flagger, so four run at once on any number of cores.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "4"); err != nil { // before flags are parsed
		panic(err)
	}
	code := m.Run()
	slices.SortFunc(report.rows, func(a, b row) int { return strings.Compare(a.check, b.check) })
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "check\tcases\tpassed")
	for _, r := range report.rows {
		fmt.Fprintf(w, "%s\t%d\t%d\n", r.check, r.cases, r.passed)
	}
	w.Flush()
	os.Exit(code)
}

// few returns the first n cases of a matrix with -short, and otherwise all.
func few[T any](cases []T, first int) []T {
	if testing.Short() {
		return cases[:min(first, len(cases))]
	}
	return cases
}

// scheduled skips a test with -short, because of its cost: .ci/scheduled runs it.
func scheduled(t *testing.T, takes string) {
	t.Helper()
	if testing.Short() {
		t.Skip("the test needs " + takes + "; .ci/scheduled runs it")
	}
}

// record counts the running test as a case of a check in the report.
func record(t *testing.T, check string) {
	t.Helper()
	recordAll(t, check, 1)
}

// recordAll counts one test as several cases. If it fails, all of them fail.
func recordAll(t *testing.T, check string, cases int) {
	t.Helper()
	t.Cleanup(func() {
		report.Lock()
		defer report.Unlock()
		i := slices.IndexFunc(report.rows, func(r row) bool { return r.check == check })
		if i < 0 {
			i = len(report.rows)
			report.rows = append(report.rows, row{check: check})
		}
		report.rows[i].cases += cases
		if !t.Failed() && !t.Skipped() {
			report.rows[i].passed += cases
		}
	})
}
