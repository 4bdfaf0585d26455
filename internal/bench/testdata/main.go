// This takes the place of main.go where the command is built to be profiled: it writes
// what it has done with its time into the file that FLEETWRIGHT_PROFILE names.
package main

import (
	"io"
	"log"
	"os"
	"runtime"
	"runtime/pprof"
)

// rate is how many samples there are in a second of work: as many as Linux gives at its
// usual 250 ticks. Go's own hundred are one or two of a start.
const rate = 250

func main() {
	postponeGC()
	file, err := os.Create(os.Getenv("FLEETWRIGHT_PROFILE"))
	if err != nil {
		log.Fatal(err)
	}
	runtime.SetCPUProfileRate(rate)
	stderr := os.Stderr
	os.Stderr = nil // to which Go says that the rate is set already, as is wanted
	err = pprof.StartCPUProfile(file)
	os.Stderr = stderr
	if err != nil {
		log.Fatal(err)
	}
	code := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	pprof.StopCPUProfile()
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

// run is the command with everything it touches. It returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	return a.execute(args)
}
