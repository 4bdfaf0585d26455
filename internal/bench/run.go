//go:build ignore

// run is the command: see docs/performance.md. It is none of those that "go install ./..."
// installs, which users do.
package main

import (
	"fmt"
	"os"

	"github.com/fleetwright/fleetwright/internal/bench"
)

func main() {
	if err := bench.Run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}
