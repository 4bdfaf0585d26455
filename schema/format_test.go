package schema

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"cuelang.org/go/cue/format"
)

// TestCUEIsFormatted holds the CUE files to what gofmt is for Go. UPDATE=1 formats
// them.
func TestCUEIsFormatted(t *testing.T) {
	for _, pattern := range []string{"input/*.cue", "output/*.cue"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, name := range names {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			formatted, err := format.Source(source)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case bytes.Equal(formatted, source):
			case os.Getenv("UPDATE") != "":
				if err := os.WriteFile(name, formatted, 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("%s is not formatted; it should be\n%s", name, formatted)
			}
		}
	}
}
