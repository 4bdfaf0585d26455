//go:build !man

// Fleetwright compiles Kurator's Applications and Fleets into the manifests that
// Flux, Flagger and Kuma run on every cluster. It never talks to a cluster.
package main

import "os"

func main() {
	postponeGC()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
