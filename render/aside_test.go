package render_test

import (
	"os"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// TestOtherMistakesHideNoFindings checks that a mistake in the source, a policy or labels hides no finding about a
// rollout, unless a rule depends on the mistaken value.
func TestOtherMistakesHideNoFindings(t *testing.T) {
	data, err := os.ReadFile("testdata/catalogue/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	base := strings.Replace(string(data), "stepWeight: 10", "stepWeight: 60", 1)
	for name, tt := range map[string]struct {
		old, new string
		hidden   bool
	}{
		"the interval of a policy":   {"interval: 10m", "interval: 10 minutes", false},
		"no interval of a policy":    {"      interval: 10m\n", "", false},
		"an unknown field":           {"prune: true", "prune: true\n      wiat: true", false},
		"a URL":                      {"https://example.com/shop.git", "git@example.com:shop.git", false},
		"no interval of the source":  {"      interval: 5m\n", "", false},
		"a label":                    {"  name: shop\n", "  name: shop\n  labels: {a: 1}\n", false},
		"a field of another tool":    {"  destination:", "  project: shop\n  destination:", false},
		"the namespace of a policy":  {"targetNamespace: shop", "targetNamspace: shop", true},
		"the clusters of the policy": {"    fleet: production", "    flete: production", true},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(base, tt.old, tt.new, 1)
			if text == base {
				t.Fatal("nothing is replaced")
			}
			errors, steps := 0, 0
			for _, d := range diagnostics([]schema.File{{Name: "a.yaml", Data: []byte(text)}}) {
				switch {
				case d.Severity == diag.Error:
					errors++
				case d.Code == diag.StepTooLarge:
					steps++
				case d.Severity == diag.Warning:
					t.Errorf("also got %s", d)
				}
			}
			diagnostics([]schema.File{{Name: "a.yaml", Data: []byte(text)}, config("  topology: hub\n")}) // renders the sources
			if errors == 0 || (steps == 0) != tt.hidden {
				t.Errorf("%d errors, and the step is reported %d times", errors, steps)
			}
		})
	}
}
