package schemagen

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
)

// TestUncount: together with the length, an expression that does not count matches the
// same as one that does.
func TestUncount(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, expression := range []string{
		`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`,
		`^(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?$`,
		`^[a-z]([-a-z0-9]{0,13}[a-z0-9])?$`,
		`^a(b{0,2}c)?$`, `^a(b{0,2}c)$`, `^((ab{0,3})?c)?d$`, `^a{0,4}$`,
	} {
		uncounted, most, ok := uncount(expression)
		if !ok {
			t.Errorf("%s: nothing is known", expression)
			continue
		}
		counted, other := regexp.MustCompile(expression), regexp.MustCompile(uncounted)
		matched := 0
		for range 30000 {
			text := make([]byte, random.IntN(most+4))
			// Mostly what may stand anywhere.
			for i := range text {
				text[i] = "aaaaaaabbbbbbcd09-._A"[random.IntN(21)]
			}
			if len(text) > 0 && random.IntN(2) == 0 {
				text = slices.Concat([]byte("a"), slices.Repeat([]byte("b"), len(text)), []byte("c"))
			}
			want := counted.Match(text)
			if got := len(text) <= most && other.Match(text); got != want {
				t.Errorf("%s matches %s: %t, but %s up to %d: %t", expression, text, want, uncounted, most, got)
			}
			if want {
				matched++
			}
		}
		if matched == 0 {
			t.Errorf("%s matched nothing", expression)
		}
	}
	for _, expression := range []string{
		`^a(b{0,2}c)?d?$`, `^ab*c{0,2}$`, `^a{1,3}$`, `a{0,4}$`, `^a{0,4}`, `^(a{0,4}|b)$`, `^a{0,4}b{0,4}$`, `^é{0,4}$`, `^[^a]{0,4}$`, `(?i)^a{0,4}$`, `^(ab){0,4}$`, `^(a{0,4})*$`, `^a{0,}$`, `^abc$`, `(?m)^a{0,4}$`, `^.{0,4}$`,
	} {
		if uncounted, most, ok := uncount(expression); ok {
			t.Errorf("%s is taken for %s up to %d", expression, uncounted, most)
		}
	}
}
