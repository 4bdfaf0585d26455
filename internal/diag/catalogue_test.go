package diag

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestCatalogueIsInOrder(t *testing.T) {
	form := regexp.MustCompile(`^FW[1-9][0-9]{2}$`)
	var codes []Code
	titles := map[string]bool{}
	for r := range Rules() {
		codes = append(codes, r.Code)
		if !form.MatchString(string(r.Code)) {
			t.Errorf("%s has not the form of a code", r.Code)
		}
		if r.Title == "" || titles[r.Title] || strings.HasSuffix(r.Title, ".") {
			t.Errorf("%s has the title %q", r.Code, r.Title)
		}
		titles[r.Title] = true
		if r.Code.Rule() != r {
			t.Errorf("%s is not found in the catalogue", r.Code)
		}
	}
	if !slices.IsSorted(codes) || len(slices.Compact(slices.Clone(codes))) != len(codes) {
		t.Errorf("the codes are %q", codes)
	}
	if c := Code("FW999"); c.Exists() || c.Severity() != Error || c.Structural() || c.Title() != "" {
		t.Error("there is a code FW999")
	}
}
