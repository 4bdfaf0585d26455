package catalogue_test

import (
	"bytes"
	"fmt"
	"go/format"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/catalogue"
)

const generated = "../diag/codes.go"

// TestCodesAreGenerated compares the Go table of codes with the files that it is generated from. make
// generate sets UPDATE, which writes the table.
func TestCodesAreGenerated(t *testing.T) {
	want := codes(t)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(generated, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(generated)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from the files of templates/diagnostics: run make generate", generated)
	}
}

// codes returns the Go file of the catalogue's codes, severities and titles.
func codes(t *testing.T) []byte {
	var rules strings.Builder
	family := byte(0)
	for _, code := range catalogue.Codes() {
		e, err := catalogue.Read(code)
		if err != nil {
			t.Fatal(err)
		}
		if !token.IsExported(e.Name) || !token.IsIdentifier(e.Name) {
			t.Fatalf("%s has the name %q, want an exported one of Go", code, e.Name)
		}
		if family != code[2] {
			family = code[2]
			rules.WriteByte('\n')
		}
		fmt.Fprintf(&rules, "%s = newRule(%q, %s%s, %t, %q)\n", e.Name, code, strings.ToUpper(e.Severity[:1]), e.Severity[1:], e.Structural, e.Title)
	}
	text := fmt.Sprintf(`// Code generated from templates/diagnostics by make generate; DO NOT EDIT.

package diag

// The codes of the catalogue, in their order.
var (%s)
`, &rules)
	formatted, err := format.Source([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return formatted
}
