package catalogue

import "github.com/fleetwright/fleetwright/internal/format"

// A Document holds rules for programs. It is stable: a field keeps its name and its meaning, and new fields may be
// added.
type Document struct {
	format.Header
	Rules []Rule `json:"rules"`
}

// A Rule is a code with its entry.
type Rule struct {
	Code string `json:"code"`
	// Family is the name of the rules with the same first digit.
	Family string `json:"family"`
	Entry
}
