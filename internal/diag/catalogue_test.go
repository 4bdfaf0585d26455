package diag

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestCatalogueIsInOrder(t *testing.T) {
	form := regexp.MustCompile(`^FW[1-79][0-9]{2}$`)
	var codes []Code
	titles := map[string]bool{}
	for _, r := range catalogue {
		codes = append(codes, r.code)
		if !form.MatchString(string(r.code)) {
			t.Errorf("%s has not the form of a code", r.code)
		}
		if r.title == "" || titles[r.title] || strings.HasSuffix(r.title, ".") {
			t.Errorf("%s has the title %q", r.code, r.title)
		}
		titles[r.title] = true
		if !r.code.Exists() || r.code.Severity() != r.severity || r.code.Structural() != r.structural || r.code.Title() != r.title {
			t.Errorf("%s is not found in the catalogue", r.code)
		}
	}
	if !slices.IsSorted(codes) || len(slices.Compact(slices.Clone(codes))) != len(codes) {
		t.Errorf("the codes are %q", codes)
	}
	if c := Code("FW999"); c.Exists() || c.Severity() != Error || c.Structural() {
		t.Error("there is a code FW999")
	}
}
