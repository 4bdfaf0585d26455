package diag_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
)

func TestTextPrintsTheFirstOfManyAlike(t *testing.T) {
	var list diag.List
	for line := range 103 {
		list = append(list, diag.New(diag.UnknownField, diag.Position{File: "a.yaml", Line: line + 1}, "", "unknown", "hint"))
	}
	list = append(list, diag.New(diag.MissingField, diag.Position{File: "a.yaml", Line: 200}, "", "missing", ""))
	for name, want := range map[string]int{"text": 2*100 + 1 + 1, "github": 104} {
		format, _ := diag.Formats.Get(name)
		var b bytes.Buffer
		if err := format(&b, list, diag.FormatOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), "\n"); got != want {
			t.Errorf("%s prints %d lines, want %d", name, got, want)
		}
		if rest := "… and 3 more FW110 in a.yaml; check --format json prints all\n"; name == "text" && !strings.Contains(b.String(), rest) {
			t.Errorf("text does not print %s", rest)
		}
	}
}

func TestLongWordsAreCut(t *testing.T) {
	long := strings.Repeat("é", 300)
	for text, want := range map[string]string{
		"short":                            "short",
		strings.Repeat("many words ", 100): strings.Repeat("many words ", 100),
		"the name " + long + " is long":    "the name " + strings.Repeat("é", 200) + "… is long",
		"\xff" + long:                      "\xff" + strings.Repeat("é", 199) + "…",
		strings.Repeat("a ", 3000):         strings.Repeat("a ", 2000) + "…",
	} {
		if got := diag.Cut(text); got != want {
			t.Errorf("%.50q: %q", text, got)
		}
	}
}
