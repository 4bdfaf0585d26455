// Package parallel does many things of one kind on all cores.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each does something for each number from 0 to below n. They are begun in order, as
// many at a time as there are cores, and all have ended when it returns.
func Each(n int, do func(i int)) {
	On(make([]struct{}, runtime.GOMAXPROCS(0)), n, func(_ struct{}, i int) { do(i) })
}

// On is Each with workers, of which each does one thing at a time. There is at least one.
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
