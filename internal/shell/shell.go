// Package shell writes words for shells.
package shell

import "mvdan.cc/sh/v3/syntax"

// Quote returns a word as a shell takes it, with $'…' where it has characters that no terminal shows.
// One with characters that no shell takes is returned as it is.
func Quote(word string) string {
	for _, language := range []syntax.LangVariant{syntax.LangPOSIX, syntax.LangBash} {
		if quoted, err := syntax.Quote(word, language); err == nil {
			return quoted
		}
	}
	return word
}
