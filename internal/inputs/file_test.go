package inputs_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/inputs"
)

// endless is a standard input without an end.
type endless struct{ read int }

func (e *endless) Read(data []byte) (int, error) {
	if e.read += len(data); e.read > 2*inputs.MaxBytes {
		return 0, errors.New("more was read than may be")
	}
	return len(data), nil
}

func TestInputsTogetherAreLimited(t *testing.T) {
	directory(t, "a.yaml", "b.yaml", "c.yaml")
	for _, name := range []string{"a.yaml", "b.yaml"} {
		if err := os.Truncate(name, inputs.MaxBytes/2+1); err != nil { // a sparse file, which needs no space on the disk
			t.Fatal(err)
		}
	}
	_, err := inputs.Read([]string{"a.yaml", "b.yaml", "c.yaml"}, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "b.yaml: too large: all inputs together may have at most 256 MiB; ") || strings.Contains(err.Error(), "c.yaml") {
		t.Errorf("%v", err)
	}
	if _, err := inputs.Read([]string{"a.yaml"}, nil); err != nil {
		t.Error(err)
	}
	if _, err := inputs.Read([]string{"-"}, &endless{}); err == nil || !strings.HasPrefix(err.Error(), "stdin: too large") {
		t.Errorf("%v", err)
	}
}
