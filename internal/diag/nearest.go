package diag

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest returns the word that is most similar to another, or "" if none is similar. It ignores long texts and
// lists of thousands of words.
func Nearest(word string, words []string) string {
	if len(word) > longestWord || len(words) > mostWords {
		return ""
	}
	best, bestDistance := "", 1+len(word)/3
	if len(word) < 4 {
		bestDistance = 1 // any two words of up to three letters are similar
	}
	for _, w := range words {
		distance := distance(strings.ToLower(word), strings.ToLower(w))
		if distance < bestDistance || distance == bestDistance && best == "" {
			best, bestDistance = w, distance
		}
	}
	return best
}

// IsTypo reports whether a word is at most one letter, or one swap of letters, away from another. Short words never are:
// too many of them are similar.
func IsTypo(word, other string) bool {
	return len(word) > 4 && len(word) <= longestWord && distance(strings.ToLower(word), other) <= 1
}

// DidYouMean returns a hint with the nearest word, or else the hint otherwise.
func DidYouMean(word string, words []string, otherwise string) string {
	if meant := Nearest(word, words); meant != "" {
		return "did you mean " + meant + "?"
	}
	return otherwise
}

// A comparison costs the product of the lengths, and each word of an input may be compared with all words.
const (
	longestWord = 64
	mostWords   = 1000
)

// distance returns the Levenshtein distance, less one for words with the same letters, because a swap is one
// mistake.
func distance(a, b string) int {
	d := levenshtein.Distance(a, b, nil)
	if d > 0 && slices.Equal(letters(a), letters(b)) {
		d--
	}
	return d
}

func letters(word string) []rune { return slices.Sorted(slices.Values([]rune(word))) }
