// Package lazyregexp compiles regular expressions on first use, so that starting the program costs nothing.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New returns a function that returns a regular expression. The function panics if the expression is invalid.
func New(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
