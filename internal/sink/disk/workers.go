package disk

import (
	"runtime"
	"sync"

	"github.com/fleetwright/fleetwright/internal/parallel"
)

// workers do one thing each at a time, on the output directory, with handles of their own.
type workers []files

// openWorkers opens a directory for as many workers as there are cores.
func openWorkers(dir string) (w workers, err error) {
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

// each does something for each job, in order, and with the next one while workers are still at
// those before. After an error nothing more is begun; of several it returns that of the first job.
func each[Job any](w workers, jobs []Job, do func(Job, files) error) (err error) {
	var mu sync.Mutex
	failed := len(jobs) // the first that has
	parallel.On(w, len(jobs), func(files files, i int) {
		mu.Lock()
		skip := i > failed
		mu.Unlock()
		if skip {
			return
		}
		if e := do(jobs[i], files); e != nil {
			mu.Lock()
			defer mu.Unlock()
			if i < failed {
				failed, err = i, e
			}
		}
	})
	return err
}
