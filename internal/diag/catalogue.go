package diag

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Rule is an entry of the catalogue: all there is to know about a code. What
// explain prints, the page of the documentation and the rules of a SARIF log are
// made from it.
type Rule struct {
	// Code that the rule's diagnostics carry.
	Code Code
	// Severity of the diagnostics, unless the settings say another.
	Severity Severity
	// Structural rules are what the compiler relies on: their severity cannot be
	// lowered, and no comment ignores them.
	Structural bool
	// Title says in a few words what the rule is about. Like a message it is lower
	// case and ends without a full stop.
	Title string
	// Ignored is what would happen on the cluster if the mistake went there.
	Ignored string
	// Fix is how to mend it.
	Fix string
	// Source is where upstream says so: a file of its source, an issue, a page of its
	// documentation. It is empty for what fleetwright decides by itself.
	Source string
	// On is the base that the examples change: kuma if it is empty, istio, nginx, or
	// none where they are all there is.
	On string
	// Bad is an example with the mistake, and Good the same without it. Each is parts of
	// documents, parted by "---". A part that begins with a comment such as
	//
	//	# Application spec.syncPolicies[0].rollout
	//
	// is fields to set there, in place of those of the base; any other part is a whole
	// document. In Bad the mark » stands before the character that the diagnostic points
	// at. Without a mark it is one that points nowhere.
	Bad, Good string
}

// Mark stands in the bad example of a rule before what the diagnostic points at.
const Mark = "»"

// CutMark is a bad example without its mark, and where that stands; marked is false
// where there is none.
func CutMark(bad string) (text string, at Position, marked bool) {
	before, after, marked := strings.Cut(bad, Mark)
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return before + after, Position{Line: strings.Count(before, "\n") + 1, Column: utf8.RuneCountInString(line) + 1}, marked
}

// A Family is the rules with one hundred of codes, in order.
type Family struct {
	// Name of the family, as a title.
	Name string
	// Rules of the family.
	Rules []Rule
}

// families are all rules, in order.
var families = [...]Family{
	{"Syntax and schema", schemaRules},
	{"References and placement", placementRules},
	{"Rollout and analysis", rolloutRules},
	{"Kuma", kumaRules},
	{"Flux", fluxRules},
	{"Collisions in a cluster", collisionRules},
	{"Istio and nginx", routingRules},
	{"The output", outputRules},
	{"Fleetwright itself", internalRules},
}

// Families are the rules of the catalogue, in the order of their codes.
func Families() []Family { return families[:] }

// internalRules are those of mistakes of our own, 9xx.
var internalRules = []Rule{
	{
		Code: Internal, Severity: Error, Structural: true,
		Title:   "fleetwright has made a mistake",
		Ignored: "Nothing is written: what would be rendered is not what a cluster takes, and fleetwright noticed it by itself.",
		Fix:     "Report it, with the input if you can. It is never the fault of the document.",
	},
}

// Rules are all rules of the catalogue, in the order of their codes.
func Rules() iter.Seq[*Rule] {
	return func(yield func(*Rule) bool) {
		for _, family := range families {
			for i := range family.Rules {
				if !yield(&family.Rules[i]) {
					return
				}
			}
		}
	}
}

// Rule is the code's entry in the catalogue, or nil where there is none.
func (c Code) Rule() *Rule {
	for _, family := range families {
		if i, ok := slices.BinarySearchFunc(family.Rules, c, func(r Rule, c Code) int { return cmp.Compare(r.Code, c) }); ok {
			return &family.Rules[i]
		}
	}
	return nil
}

// Severity is that of the catalogue; an error for a code that it does not have.
func (c Code) Severity() Severity {
	if r := c.Rule(); r != nil {
		return r.Severity
	}
	return Error
}

// Exists says whether the catalogue has the code.
func (c Code) Exists() bool { return c.Rule() != nil }

// Structural says whether the compiler relies on the rule, so that its severity
// cannot be lowered.
func (c Code) Structural() bool { r := c.Rule(); return r != nil && r.Structural }

// Title says in a few words what the rule is about.
func (c Code) Title() string {
	if r := c.Rule(); r != nil {
		return r.Title
	}
	return ""
}
