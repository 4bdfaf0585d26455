package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"
)

// TestMain runs the bench instead of the tests when the bench starts itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "-generate" || os.Args[1] == "-build") {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestBench runs the bench with small sizes, and checks that benchstat has rows to compare.
func TestBench(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, []string{"-quick", "-sizes", "8x2", "-starts", "2", "-runs", "1"}); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for reader := benchfmt.NewReader(&out, "bench"); reader.Scan(); {
		result, ok := reader.Result().(*benchfmt.Result)
		if !ok {
			t.Fatal(reader.Result())
		}
		for _, unit := range []string{"sec/op", "cpu-sec/op", "peak-B/op"} {
			if value, ok := result.Value(unit); !ok || value <= 0 {
				t.Errorf("%s has %g %s", result.Name, value, unit)
			}
		}
		name, _, _ := strings.Cut(string(result.Name), "/by=")
		got[name]++
	}
	for name, want := range map[string]int{
		"Start/stream/of=kustomize-chain": 4, "Start/new/of=kustomize-cluster": 4, "Start/unchanged/of=kustomize-chain": 4,
		"FanOut/8x2/new/of=cp": 2, "FanOut/8x2/unchanged/of=diff": 2, "FanOut/8x2/check/of=diff": 2,
		"Growth/application/of=1000-and-100": 2, "Growth/cluster/of=100-and-10": 2,
		"Overrides/8x2/new/of=without": 2, "Overrides/8x2/unchanged/of=without": 2, "Overrides/8x2/stream/of=without": 2,
		"Publish/8x2/new/of=tar-gzip-crane": 2, "Publish/8x2/unchanged/of=tar-gzip-crane": 2, "Publish/8x2/new/of=render": 2,
		"Sources/100/of=kustomize": 2,
	} {
		if got[name] != want {
			t.Errorf("%d runs of %s, want %d", got[name], name, want)
		}
	}
}

func TestSizes(t *testing.T) {
	if s, err := parseSize("1000x100"); err != nil || s != (size{applications: 1000, clusters: 100}) {
		t.Errorf("got %v, %v", s, err)
	}
	for _, bad := range []string{"", "10", "0x1", "10x", "x", "1x2x3"} {
		if _, err := parseSize(bad); err == nil {
			t.Errorf("%q was accepted as a size", bad)
		}
	}
}
