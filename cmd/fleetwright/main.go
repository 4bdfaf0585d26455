// Fleetwright compiles Kurator's Applications and Fleets into the manifests that
// Flux, Flagger and Kuma run on every cluster. It never talks to a cluster.
package main

import (
	"io"
	"os"
)

func main() {
	postponeGC()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the command with everything it touches. It returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	return a.execute(args)
}
