package diag

import (
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest is the one of the words that was probably meant by another, or nothing.
func Nearest(word string, words []string) string {
	best, bestDistance := "", 1+len(word)/3
	for _, w := range words {
		distance := levenshtein.Distance(strings.ToLower(word), strings.ToLower(w), nil)
		if distance < bestDistance || distance == bestDistance && best == "" {
			best, bestDistance = w, distance
		}
	}
	return best
}
