package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// postponeGC keeps the garbage collector from running before the heap has 64 MB,
// 16 times Go's own minimum. A small render ends before that, and collecting
// twice on the way would cost it a quarter of its time; a large one goes on with
// the usual setting once it has got there. GOGC overrides it.
func postponeGC() {
	if os.Getenv("GOGC") != "" {
		return
	}
	usual := debug.SetGCPercent(1600)
	// The first collection finds that nothing refers to this.
	sentinel := new([64]byte)
	runtime.AddCleanup(sentinel, func(percent int) { debug.SetGCPercent(percent) }, usual)
}

// relaxGC has the garbage collector run when the heap has grown to five times what is in
// use, in place of twice: a watched command makes much at each save that it keeps nothing
// of, and the user waits for it. GOGC overrides it.
func relaxGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}
