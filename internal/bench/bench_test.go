package bench

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain has this program stand in for the bench where that starts itself.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && (os.Args[1] == "generate" || os.Args[1] == "bases") {
		if err := help(os.Args[1], os.Args[2:]); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// TestFanOut measures small fleets, and finds a row for everything it is to compare.
func TestFanOut(t *testing.T) {
	t.Chdir("../..")
	b := &bench{results: map[size]cost{}, sizes: []size{{8, 1}, {8, 2}}, runs: 2, share: 1, dir: t.TempDir()}
	if err := b.build(); err != nil {
		t.Fatal(err)
	}
	if err := b.fanOut(); err != nil {
		t.Fatal(err)
	}
	if err := b.growth(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := b.table.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"8x2 render of ", "cp -r", "8x2 render, unchanged", "diff -rq", "8x2 check -o", "8x2 render, one changed", "8x2 --watch, one changed",
		"an application, with 8 of them", "a cluster more, from 1 to 2", "memory of 8x2", "≤ 0.01", "goals are met",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// TestBases makes a base for each fleet and an overlay for each cluster.
func TestBases(t *testing.T) {
	t.Chdir("../..")
	b := &bench{dir: t.TempDir()}
	if err := b.build(); err != nil {
		t.Fatal(err)
	}
	inputs, err := b.inputs("fleets", size{40, 2}.fleets())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := once(b.fleetwright, "render", inputs, "-o", b.path("out")); err != nil {
		t.Fatal(err)
	}
	if _, err := once(b.self, "bases", b.path("out"), b.path("kustomize")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bases/kuma", "bases/istio", "bases/nginx", "overlays/kuma-eu-0000", "overlays/nginx-us-0001"} {
		if _, err := os.Stat(b.path("kustomize", name, "kustomization.yaml")); err != nil {
			t.Error(err)
		}
	}
}

func TestMedians(t *testing.T) {
	for _, c := range []struct {
		name       string
		of         []cost
		wall, peak int64
	}{
		{"the middle one of each part", []cost{{wall: 3, peak: 10}, {wall: 1, peak: 30}, {wall: 2, peak: 20}}, 2, 20},
		{"between the two in the middle", []cost{{wall: 4, peak: 1}, {wall: 2, peak: 1}}, 3, 1},
		{"one", []cost{{wall: 7, peak: 8}}, 7, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			if m := medianCost(c.of); m.wall != time.Duration(c.wall) || m.peak != c.peak {
				t.Errorf("got %+v", m)
			}
		})
	}
}

// TestGoals has a mark where a goal is missed, and none elsewhere.
func TestGoals(t *testing.T) {
	second, two := cost{wall: time.Second, cpu: time.Second, peak: 1}, cost{wall: 2 * time.Second, cpu: 40 * time.Second, peak: 1}
	for _, c := range []struct {
		name string
		row  row
		want string
	}{
		{"within", row{ours: second, theirs: two, by: wall, goal: 0.6}, "wall 0.5 ≤ 0.6 1 of 1"},
		{"above", row{ours: two, theirs: second, by: wall, goal: 1.3}, "wall 2 ≤ 1.3 MISSED"},
		{"times less", row{ours: second, theirs: two, by: cpu, goal: 20, inverse: true}, "CPU 40 ≥ 20 1 of 1"},
		{"not enough times less", row{ours: second, theirs: two, by: cpu, goal: 50, inverse: true}, "CPU 40 ≥ 50 MISSED"},
		{"no goal", row{ours: second, theirs: two, by: memory}, "memory 1 0 of 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var all table
			all.section("title")
			all.add(c.row)
			var out strings.Builder
			if err := all.print(&out); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), c.want) {
				t.Errorf("no %q in\n%s", c.want, out.String())
			}
		})
	}
}

// TestGrowth compares what one more takes, not what one takes of all.
func TestGrowth(t *testing.T) {
	at := func(ms int) cost {
		return cost{wall: time.Duration(ms) * time.Millisecond, cpu: time.Duration(ms) * time.Millisecond}
	}
	b := &bench{results: map[size]cost{{10, 1}: at(110), {100, 1}: at(200), {1000, 1}: at(2000)}}
	rows := b.grows("an application", func(s size) (int, bool) { return s.applications, true })
	last := rows[len(rows)-1]
	if ratio, met := last.ratio(); ratio != 2 || met {
		t.Errorf("2 ms for one more, 1 ms before: ratio %g, met %v", ratio, met)
	}
	if first := rows[0]; first.ours.wall != 11*time.Millisecond || first.by != "" {
		t.Errorf("the first row is %+v", first)
	}
}

func TestSizes(t *testing.T) {
	all, err := parseSizes("10x1,1000x100")
	if err != nil || len(all) != 2 || all[1] != (size{1000, 100}) {
		t.Errorf("got %v, %v", all, err)
	}
	for _, bad := range []string{"", "10", "0x1", "10x", "x"} {
		if _, err := parseSizes(bad); err == nil {
			t.Errorf("%q is a size", bad)
		}
	}
}

// TestInstructions fails where a start takes more than a tenth more.
func TestInstructions(t *testing.T) {
	recorded := record{"go1.26.8", 100_000_000}
	for _, c := range []struct {
		name     string
		recorded record
		now      record
		text     string
		err      string
	}{
		{"the same", recorded, record{"go1.26.8", 100_400_000}, "100,400,000 instructions, +0.4 % of the recorded 100,000,000", ""},
		{"more than a tenth more", recorded, record{"go1.26.8", 111_000_000}, "", "111,000,000 instructions, +11.0 % of the recorded 100,000,000, and at most +10 % pass"},
		{"another Go", recorded, record{"go1.27.0", 120_000_000}, "", "(of go1.26.8, this is go1.27.0)"},
		{"much less", recorded, record{"go1.26.8", 50_000_000}, "INSTRUCTIONSFLAGS=-record", ""},
		{"nothing to compare with", record{}, recorded, "", "nothing is recorded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := judge(c.recorded, c.now)
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) || !strings.Contains(text, c.text) {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
}
