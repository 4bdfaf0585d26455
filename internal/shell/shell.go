// Package shell quotes words for shells.
package shell

import "mvdan.cc/sh/v3/syntax"

// Quote returns a word in shell syntax, with $'…' if it contains unprintable characters. It returns a word
// unchanged that no shell can represent.
func Quote(word string) string {
	for _, language := range []syntax.LangVariant{syntax.LangPOSIX, syntax.LangBash} {
		if quoted, err := syntax.Quote(word, language); err == nil {
			return quoted
		}
	}
	return word
}
