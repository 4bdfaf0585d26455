package diag_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
)

func TestWriteText(t *testing.T) {
	at := func(file string, line, column int) diag.Position {
		return diag.Position{File: file, Line: line, Column: column}
	}
	list := diag.List{
		diag.New(diag.UnknownField, at("b.yaml", 2, 3), "spec", "unknown field \"x\"", "did you mean y?"),
		diag.New(diag.SelectsNothing, at("a.yaml", 10, 1), "", "no cluster", ""),
		diag.New(diag.OtherDocuments, at("a.yaml", 9, 1), "", "left out", "first\nsecond"),
		diag.New(diag.Encoding, at("a.yaml", 0, 0), "", "UTF-16", ""),
		diag.New(diag.NothingToCompile, diag.Position{}, "", "nothing", ""),
		diag.New(diag.SelectsNothing, at("a.yaml", 10, 1), "", "no cluster", ""),
	}
	var b strings.Builder
	if err := diag.WriteText(&b, list.Sorted()); err != nil {
		t.Fatal(err)
	}
	want := `error FW200 nothing
a.yaml: error FW104 UTF-16
a.yaml:9:1: info FW106 left out
  hint: first
  hint: second
a.yaml:10:1: warning FW204 no cluster
b.yaml:2:3: error FW110 spec: unknown field "x"
  hint: did you mean y?
`
	if b.String() != want {
		t.Errorf("it prints\n%s\nwant\n%s", b.String(), want)
	}
}

func TestWhatIsQuotedCommandsNoTerminal(t *testing.T) {
	var b strings.Builder
	list := diag.List{diag.New(diag.UnknownKind, diag.Position{File: "a\nb.yaml", Line: 1, Column: 1}, "x\x1b[31m", "kind \r\u009b", "y\tz\nü")}
	if err := diag.WriteText(&b, list); err != nil {
		t.Fatal(err)
	}
	want := `a\nb.yaml:1:1: error FW105 x\x1b[31m: kind \r\u009b` + "\n  hint: y\\tz\n  hint: ü\n"
	if b.String() != want {
		t.Errorf("it prints\n%swant\n%s", b.String(), want)
	}
}

func TestSortedChangesNothing(t *testing.T) {
	list := diag.List{diag.New(diag.Syntax, diag.Position{File: "b"}, "", "", ""), diag.New(diag.Syntax, diag.Position{File: "a"}, "", "", "")}
	before := slices.Clone(list)
	list.Sorted()
	if !slices.Equal(list, before) {
		t.Errorf("the list was reordered: %v", list)
	}
}

func TestSeverityNames(t *testing.T) {
	for _, s := range []diag.Severity{diag.Info, diag.Warning, diag.Error, diag.Off} {
		if got, ok := diag.SeverityNamed(s.String()); !ok || got != s {
			t.Errorf("%s is %s", s, got)
		}
	}
	if _, ok := diag.SeverityNamed("fatal"); ok {
		t.Error("there is a severity fatal")
	}
}

// TestNearest checks that the probable word is suggested: two swapped letters are one mistake, and short
// words do not match everything.
func TestNearest(t *testing.T) {
	for _, tt := range []struct {
		word  string
		words []string
		want  string
	}{
		{"ehy", []string{"ghz", "git", "hey"}, "hey"},
		{"Not", []string{"ghz", "git", "hey"}, ""},
		{"Kuma", []string{"istio", "kuma", "nginx"}, "kuma"},
		{"istoi", []string{"istio", "kuma", "nginx"}, "istio"},
		{"stepWieght", []string{"stepWeights", "stepWeight"}, "stepWeight"},
		{"linkerd", []string{"istio", "kuma", "nginx"}, ""},
	} {
		if got := diag.Nearest(tt.word, tt.words); got != tt.want {
			t.Errorf("Nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}
