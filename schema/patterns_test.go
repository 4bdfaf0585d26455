package schema

import (
	"math/rand/v2"
	"regexp"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

// TestNothingIsTakenThatPatternsRefuse: the functions next to patterns take no text that
// these reject.
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

// TestAffixesArePartsOfNames: a prefix is what a name can begin with, and a suffix what one can end with.
func TestAffixesArePartsOfNames(t *testing.T) {
	prefix, suffix := regexp.MustCompile(patternNamed("name-prefix")), regexp.MustCompile(patternNamed("name-suffix"))
	check := func(text string) {
		if got, want := prefix.MatchString(text), len(validation.IsDNS1123Subdomain(text+"web")) == 0; got != want {
			t.Errorf("%q is taken as a prefix: %v, want %v", text, got, want)
		}
		if got, want := suffix.MatchString(text), len(validation.IsDNS1123Subdomain("web"+text)) == 0; got != want {
			t.Errorf("%q is taken as a suffix: %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{"staging-", "-blue", "v1.", ".v1", "a..b", "a.-b", "-", ".", "a\n"} {
		check(text)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		text := make([]byte, 1+random.IntN(7))
		for i := range text {
			text[i] = "aab1--..A_"[random.IntN(10)]
		}
		check(string(text))
	}
}
