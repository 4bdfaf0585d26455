// Package watch waits for changes of the input files.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/fleetwright/fleetwright/internal/inputs"
)

const (
	// quiet is the time without events that ends a burst: an editor causes several events per file, and a checkout
	// many.
	quiet = 100 * time.Millisecond
	// longest is the maximum duration of a burst.
	longest = time.Second
)

// A Watcher watches directories, because editors save a file by renaming another file to its name.
type Watcher struct {
	events *fsnotify.Watcher
	// watched are the watched directories.
	watched map[string]bool
	// walked are the directories in which every manifest counts, and names are the paths that count by themselves.
	walked, names map[string]bool
}

// New returns a Watcher that watches nothing yet.
func New() (*Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("cannot watch files: %w", err)
	}
	return &Watcher{events: events, watched: map[string]bool{}}, nil
}

// Close ends the watch.
func (w *Watcher) Close() error { return w.events.Close() }

// Set sets the watched places, and reports whether there are new ones, which may have changed in the meantime.
func (w *Watcher) Set(places inputs.Places) (more bool, err error) {
	w.walked, w.names = map[string]bool{}, map[string]bool{}
	wanted := map[string]bool{}
	for _, dir := range places.Dirs {
		w.walked[dir], wanted[dir] = true, true
	}
	for _, name := range places.Names {
		w.names[name], wanted[filepath.Dir(name)] = true, true
	}
	for dir := range w.watched {
		if !wanted[dir] {
			w.forget(dir)
		}
	}
	for dir := range wanted {
		if w.watched[dir] {
			continue
		}
		err := w.events.Add(dir)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue // already gone, which the parent directory reports, or not readable
		}
		if err != nil {
			return more, fmt.Errorf("cannot watch %s: %w", dir, err)
		}
		w.watched[dir], more = true, true
	}
	return more, nil
}

// forget stops watching a directory.
func (w *Watcher) forget(dir string) {
	_ = w.events.Remove(dir) // the directory and its watch may be gone
	delete(w.watched, dir)
}

// Wait waits for a change and the end of its burst, or until the context is done.
func (w *Watcher) Wait(ctx context.Context) error {
	var over, end <-chan time.Time
	for {
		happened := false
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over:
			return nil
		case <-end:
			return nil
		case e := <-w.events.Events:
			happened = w.counts(e)
		case <-w.events.Errors:
			happened = true // some events are lost
		}
		if happened {
			over = time.After(quiet)
			if end == nil {
				end = time.After(longest)
			}
		}
	}
}

// counts reports whether an event may concern an input. If a directory disappears, so do the watches below it,
// because a later directory of the same name is a different one.
func (w *Watcher) counts(e fsnotify.Event) bool {
	if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		for dir := range w.watched {
			if dir == e.Name || strings.HasPrefix(dir, e.Name+string(filepath.Separator)) {
				w.forget(dir)
			}
		}
	}
	dir, base := filepath.Split(e.Name)
	switch {
	case w.names[e.Name] || w.walked[e.Name]:
		return true
	case !w.walked[filepath.Clean(dir)] || strings.HasPrefix(base, "."):
		return false
	case inputs.IsManifest(base):
		return true
	case e.Has(fsnotify.Create):
		info, err := os.Lstat(e.Name)
		return err == nil && !info.Mode().IsRegular()
	}
	return false
}
