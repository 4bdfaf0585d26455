package schemagen

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"
)

// uncount parts an expression such as ^a(b{0,61}c)?$ into one that does not count and
// the length up to which the two match the same: ^a(b*c)?$ and 63. It is ok where one
// thing is counted, all the rest has one length, and only what the counted is in may be
// left out, so that the length tells the count. Otherwise nothing is known.
func uncount(expression string) (uncounted string, most int, ok bool) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil || parsed.Op != syntax.OpConcat || len(parsed.Sub) < 3 {
		return "", 0, false
	}
	last := len(parsed.Sub) - 1
	if parsed.Sub[0].Op != syntax.OpBeginText || parsed.Sub[last].Op != syntax.OpEndText {
		return "", 0, false
	}
	u := uncounter{}
	for _, sub := range parsed.Sub[1:last] {
		u.add(sub)
	}
	count := fmt.Sprintf("{0,%d}", u.most)
	if u.failed || u.counted != 1 || strings.Count(expression, count) != 1 {
		return "", 0, false
	}
	return strings.Replace(expression, count, "*", 1), u.most + u.rest, true
}

type uncounter struct {
	// counted is how many things are, and most how often the last of them may occur.
	counted, most int
	// rest is the length of all that is not counted.
	rest   int
	failed bool
}

func (u *uncounter) add(e *syntax.Regexp) {
	switch e.Op {
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range e.Sub {
			u.add(sub)
		}
	case syntax.OpQuest:
		before := u.counted
		u.add(e.Sub[0])
		u.failed = u.failed || u.counted == before
	case syntax.OpRepeat:
		u.counted, u.most = u.counted+1, e.Max
		u.failed = u.failed || e.Min != 0 || e.Max < 2 || !isByte(e.Sub[0])
	default:
		u.rest++
		u.failed = u.failed || !isByte(e)
	}
}

// isByte says whether an expression matches one byte, always.
func isByte(e *syntax.Regexp) bool {
	if e.Flags&syntax.FoldCase != 0 || e.Op != syntax.OpCharClass && (e.Op != syntax.OpLiteral || len(e.Rune) != 1) {
		return false
	}
	return len(e.Rune) > 0 && e.Rune[len(e.Rune)-1] <= unicode.MaxASCII
}
