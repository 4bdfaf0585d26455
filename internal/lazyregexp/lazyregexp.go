// Package lazyregexp compiles regular expressions when they are needed first: a start pays for none.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New returns a function that returns a regular expression. It panics where it is not one.
func New(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
