package disk

import (
	"runtime"
	"sync"

	"github.com/fleetwright/fleetwright/internal/parallel"
)

// workers each do one thing at a time in the output directory, through separate handles.
type workers []files

// openWorkers opens a directory with one worker for each core.
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

// each calls a function for each job, in order, several at a time. After an error it starts no further call, and
// it returns the error of the first job that failed.
func each[Job any](w workers, jobs []Job, do func(Job, files) error) (err error) {
	var mu sync.Mutex
	failed := len(jobs) // index of the first job that failed
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
