//go:build !linux

package main

import (
	"errors"
	"math"
	"time"
)

// free is not known here.
func free(string) int64 { return math.MaxInt64 }

// cpuSoFar is not known here.
func cpuSoFar(int) (time.Duration, error) {
	return 0, errors.New("the CPU time of a running process is read on Linux alone")
}
