package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render"
)

// thirty rollouts, of every strategy and with names of every length.
func thirty() (all []render.Rollout) {
	canaries := []flagger.Canary{weighted, gated, blueGreen, skipping, suspended, endless, tooLong}
	for i := range 30 {
		var clusters []string
		for c := range 1 + i%12 {
			clusters = append(clusters, fmt.Sprintf("cluster-%02d", c))
		}
		all = append(all, rollout("default/team", fmt.Sprintf("%s-%d", strings.Repeat("service", 1+i%5), i), canaries[i%len(canaries)], clusters...))
	}
	return all
}

func inText(t *testing.T, rollouts []render.Rollout, o Options) string {
	t.Helper()
	var b strings.Builder
	if err := writeText(&b, rollouts, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTableFits checks that each rollout is one row of lines that do not wrap, whatever the width, with the time until a
// good version is promoted and a bad one rolled back.
func TestTableFits(t *testing.T) {
	for _, width := range []int{40, 60, 80, 120, 200} {
		text := inText(t, thirty(), Options{Width: width})
		lines := strings.Split(text, "\n")
		for _, line := range lines {
			if n := displaywidth.String(line); n > width {
				t.Errorf("in %d columns a line has %d: %s", width, n, line)
			}
		}
		table, _, _ := strings.Cut(text, "\n\n")
		if n := strings.Count(table, "\n") - strings.Count(table, "\n  "); n != 30 {
			t.Errorf("in %d columns there are %d rows", width, n)
		}
		if good := "  4m "; !strings.Contains(table, good) {
			t.Errorf("in %d columns no rollout takes %s:\n%s", width, good, table)
		}
	}
}

func TestEqualRolloutsAreOneLine(t *testing.T) {
	one, two := rollout("default/a", "web", weighted, "one", "three"), rollout("default/a", "web", weighted, "two")
	two.Flagger = "1.42.0"
	other := rollout("default/a", "web", gated, "four")
	all := []render.Rollout{one, two, other}
	entries := entriesOf(all, namesOf(all))
	if len(entries) != 2 || !slices.Equal(entries[0].Clusters, []string{"one", "three", "two"}) {
		t.Errorf("the entries are %+v", entries)
	}
	// One line alone is no table: what it stands for is told at once.
	if text := inText(t, []render.Rollout{one, two}, Options{}); strings.Contains(text, "ROLLED BACK") || strings.Count(text, "STATUS") != 6 {
		t.Errorf("of two that are equal it says\n%s", text)
	}
}

func TestTimesOfTheTable(t *testing.T) {
	for name, c := range map[string]struct {
		canary flagger.Canary
		want   string
	}{
		"by weight":    {weighted, "4m 5m30s 2"},
		"skipped":      {skipping, "1m never –"},
		"suspended":    {suspended, "– – –"},
		"without end":  {endless, "never never –"},
		"very long":    {tooLong, ">"},
		"in two steps": {flagger.Canary{Provider: flagger.Istio, Analysis: flagger.Analysis{Interval: "1m", StepWeights: []int{10, 50}}}, "5m never –"},
	} {
		promoted, rolledBack, traffic := atWorst(flagger.New(c.canary, flagger.Newest))
		if got := promoted + " " + rolledBack + " " + traffic; !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestNamesAreWhole(t *testing.T) {
	text := inText(t, []render.Rollout{rollout("default/a", "checkout-of-the-whole-shop-with-everything-in-it", weighted, "one"), rollout("default/b", "web", weighted, "one")}, Options{Width: 40})
	if want := "web/checkout-of-the-     4m    5m30s  1\n  whole-shop-with-\n  everything-in-it\n"; !strings.Contains(text, want) {
		t.Error(text)
	}
}

// TestStepsFit: the steps of a rollout do not wrap either, and say as much.
func TestStepsFit(t *testing.T) {
	for name, canary := range map[string]flagger.Canary{"by weight": weighted, "with gates": gated, "blue/green": blueGreen, "skipped": skipping, "suspended": suspended, "endless": endless} {
		for _, width := range []int{40, 60, 80, 120} {
			text := inText(t, []render.Rollout{rollout("default/team", "web", canary, "one", "two")}, Options{Width: width, Asked: true})
			for line := range strings.Lines(text) {
				if n := displaywidth.String(strings.TrimSuffix(line, "\n")); n > width {
					t.Errorf("%s: in %d columns a line has %d: %s", name, width, n, line)
				}
			}
		}
	}
	narrow := inText(t, []render.Rollout{rollout("default/team", "web", weighted, "one")}, Options{Width: 40})
	for _, want := range []string{"backs out in", "traffic-minutes", "failed 5", "good 5, bad first"} {
		if !strings.Contains(strings.Join(strings.Fields(narrow), " "), want) {
			t.Errorf("it does not say %q:\n%s", want, narrow)
		}
	}
}
