package schema

import (
	"testing"

	"cuelang.org/go/cue"
)

// OnCUE does something whenever CUE is asked during a test.
func OnCUE(t *testing.T, do func()) {
	ask := cueContext
	cueContext = func() *cue.Context {
		do()
		return ask()
	}
	t.Cleanup(func() { cueContext = ask })
}
