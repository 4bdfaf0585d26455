// Package parallel runs many similar tasks on all cores.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// few is the number of small tasks below which starting other cores costs more than it saves.
const few = 200

// Each calls do with each number from 0 to n-1, for small tasks. It starts them in order, on all cores unless they
// are few, and returns when all have ended.
func Each(n int, do func(i int)) {
	cores := runtime.GOMAXPROCS(0)
	if n < few {
		cores = 1
	}
	On(make([]struct{}, cores), n, func(_ struct{}, i int) { do(i) })
}

// On is Each with one task at a time on each of the workers, which must not be empty.
func On[Worker any](workers []Worker, n int, do func(w Worker, i int)) {
	var begun atomic.Int64
	work := func(w Worker) {
		for i := int(begun.Add(1)) - 1; i < n; i = int(begun.Add(1)) - 1 {
			do(w, i)
		}
	}
	var wg sync.WaitGroup
	for _, w := range workers[1:max(1, min(len(workers), n))] {
		wg.Go(func() { work(w) })
	}
	work(workers[0])
	wg.Wait()
}
