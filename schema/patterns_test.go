package schema

import (
	"math/rand/v2"
	"regexp"
	"testing"
)

// TestNothingIsTakenThatPatternsRefuse: the functions beside patterns take no text that
// these refuse.
func TestNothingIsTakenThatPatternsRefuse(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, p := range patterns {
		if p.takes == nil {
			continue
		}
		pattern, taken := regexp.MustCompile(p.begins), 0
		for range 20_000 {
			text := make([]byte, random.IntN(4)*random.IntN(25))
			for i := range text {
				text[i] = "aaaams09AZ-._\n/"[random.IntN(8+7*random.IntN(2))]
			}
			if random.IntN(4) == 0 {
				text = append([]byte("https://"), text...)
			}
			if !p.takes(string(text)) {
				continue
			}
			if taken++; !pattern.MatchString(string(text)) {
				t.Errorf("%s does not match %q", p.begins, text)
			}
		}
		if taken < 10 {
			t.Errorf("%s: only %d texts are taken", p.begins, taken)
		}
	}
}
