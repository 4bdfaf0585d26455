package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The garbage collector runs when the heap has grown by minGrowth, or by minPercent of the memory in use
// if that is more. With Go's default, 100 percent, it runs more often in small heaps, where it costs
// time and saves little, and less often in large ones, which are then twice as large as the inputs need.
const (
	minGrowth  = 128 << 20
	minPercent = 40
)

// percent is the growth after which the collector runs: minPercent, or more once it is relaxed.
var percent = minPercent

// postponeGC keeps the garbage collector from running before the heap has 64 MB, 16 times Go's own
// minimum: a small render ends before that, and two collections would cost it a quarter of its time. Each collection then decides when the next one is. GOGC overrides it.
func postponeGC() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(1600)
	paceGC()
}

// paceGC sets, after the next collection and each one behind it, when the collector runs again.
func paceGC() {
	// No reference to this value remains, so the next collection runs its cleanup.
	sentinel := new([64]byte)
	runtime.AddCleanup(sentinel, func(struct{}) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		debug.SetGCPercent(max(percent, int(100*minGrowth/max(live[0].Value.Uint64(), 1<<20))))
		paceGC()
	}, struct{}{})
}

// relaxGC lets the heap grow to five times the memory in use before the garbage collector runs:
// a watched command allocates much at each save and keeps none of it, and the user waits for it.
// GOGC overrides it.
func relaxGC() {
	if os.Getenv("GOGC") == "" {
		percent = 400
		debug.SetGCPercent(percent)
	}
}
