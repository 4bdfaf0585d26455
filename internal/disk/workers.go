package disk

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// workers do one thing each at a time, on the output directory, with handles of their
// own.
type workers []files

// openWorkers opens a directory for as many workers as there are cores.
func openWorkers(dir string) (workers, error) {
	var w workers
	for range runtime.GOMAXPROCS(0) {
		files, err := openFiles(dir)
		if err != nil {
			w.close()
			return nil, err
		}
		w = append(w, files)
	}
	return w, nil
}

func (w workers) close() {
	for _, files := range w {
		files.(*rootFiles).Close()
	}
}

// each does something for each plan, in order, and with the next one while workers are
// still at those before. After an error nothing more is begun; of several it returns
// that of the first plan.
func each(w workers, plans []*plan, do func(*plan, files) error) error {
	errs := make([]error, len(plans))
	var begun atomic.Int64
	var failed atomic.Bool
	work := func(files files) {
		defer files.Release()
		for !failed.Load() {
			i := int(begun.Add(1)) - 1
			if i >= len(plans) {
				return
			}
			if errs[i] = do(plans[i], files); errs[i] != nil {
				failed.Store(true)
			}
		}
	}
	var wg sync.WaitGroup
	for _, files := range w[1:min(len(w), max(1, len(plans)))] {
		wg.Go(func() { work(files) })
	}
	work(w[0])
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
