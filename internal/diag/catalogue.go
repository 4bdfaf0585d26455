package diag

import (
	"cmp"
	"slices"
)

// A Code identifies a rule. Codes are stable and never reused. Each hundred is a family.
type Code string

// families are the names of the families.
var families = [...]string{
	1: "Syntax and schema",
	2: "References and placement",
	3: "Rollout and analysis",
	4: "Kuma",
	5: "Flux",
	6: "Collisions in a cluster",
	7: "Istio, nginx, Gateway API and Kubernetes",
	8: "The output",
	9: "Fleetwright itself",
}

// A Rule is the compiler's part of a code. Package catalogue has the texts about it.
type Rule struct {
	// Code is the code of the rule's diagnostics.
	Code Code
	// Severity is the default severity of the diagnostics.
	Severity Severity
	// Structural reports whether the compiler relies on the rule: its severity cannot be lowered.
	Structural bool
	// Title is a short lower-case description without a full stop, like a message.
	Title string
}

// rules are the rules of the catalogue, in the order of their codes.
var rules = make([]Rule, 0, 200)

// newRule adds a rule to the catalogue, and returns its code. Inlining it would add 48 kB of code that runs at
// every start.
//
//go:noinline
func newRule(code Code, severity Severity, structural bool, title string) Code {
	rules = append(rules, Rule{code, severity, structural, title})
	return code
}

// Rules returns the rules of the catalogue, in the order of their codes.
func Rules() []Rule { return rules }

// Family returns the name of the rule's family, as a title.
func (r *Rule) Family() string { return families[r.Code[2]-'0'] }

// Rule returns the rule of the code, or an empty rule of severity Error if the catalogue has none.
func (c Code) Rule() Rule {
	if i, ok := slices.BinarySearchFunc(rules, c, func(r Rule, c Code) int { return cmp.Compare(r.Code, c) }); ok {
		return rules[i]
	}
	return Rule{Severity: Error}
}

// Exists reports whether the catalogue has the code.
func (c Code) Exists() bool { return c.Rule().Code != "" }
