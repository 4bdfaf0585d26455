package diag

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest returns the word that was probably meant by another, or nothing. Nobody means a
// word by a long text, nor looks for one among thousands.
func Nearest(word string, words []string) string {
	if len(word) > longestWord || len(words) > mostWords {
		return ""
	}
	best, bestDistance := "", 1+len(word)/3
	if len(word) < 4 {
		bestDistance = 1 // of three letters any two are in too many words
	}
	for _, w := range words {
		distance := distance(strings.ToLower(word), strings.ToLower(w))
		if distance < bestDistance || distance == bestDistance && best == "" {
			best, bestDistance = w, distance
		}
	}
	return best
}

// DidYouMean returns a hint at the nearest of words, or another hint where none is near.
func DidYouMean(word string, words []string, otherwise string) string {
	if meant := Nearest(word, words); meant != "" {
		return "did you mean " + meant + "?"
	}
	return otherwise
}

// What is compared with each other takes the product of the lengths, and each word of an
// input may be compared with all that there are.
const (
	longestWord = 64
	mostWords   = 1000
)

// distance is Levenshtein's, less one for words of the same letters: a swap is one mistake.
func distance(a, b string) int {
	d := levenshtein.Distance(a, b, nil)
	if d > 0 && slices.Equal(letters(a), letters(b)) {
		d--
	}
	return d
}

func letters(word string) []rune { return slices.Sorted(slices.Values([]rune(word))) }
