package diag

import (
	"cmp"
	"slices"
	"testing"
)

func TestCatalogueIsInOrder(t *testing.T) {
	if !slices.IsSortedFunc(Rules(), func(a, b Rule) int { return cmp.Compare(a.Code, b.Code) }) {
		t.Error("the rules are not in the order of their codes")
	}
	for _, r := range Rules() {
		if !r.Code.Exists() || r.Code.Rule() != r || r.Family() == "" {
			t.Errorf("%s is not found in the catalogue", r.Code)
		}
	}
	if c := Code("FW999"); c.Exists() || c.Rule() != (Rule{Severity: Error}) {
		t.Error("there is a code FW999")
	}
}
