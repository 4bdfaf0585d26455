// Package watch waits until files that are read may have changed.
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
	// quiet ends a burst of events: an editor writes a file by several, a checkout writes many.
	quiet = 100 * time.Millisecond
	// longest is when a burst is taken for over that does not end.
	longest = time.Second
)

// A Watcher watches directories: editors save a file by renaming another one to it.
type Watcher struct {
	events *fsnotify.Watcher
	// watched are the directories that events come from.
	watched map[string]bool
	// walked are those of them in which every manifest counts, names what counts by itself.
	walked, names map[string]bool
}

// New makes a watcher that watches nothing yet.
func New() (*Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("cannot watch files: %w", err)
	}
	return &Watcher{events: events, watched: map[string]bool{}}, nil
}

// Close ends the watch.
func (w *Watcher) Close() error { return w.events.Close() }

// Set sets what is watched, and reports whether that is more, which may have changed meanwhile.
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
			continue // gone since, which is an event of the directory above, or not ours
		}
		if err != nil {
			return more, fmt.Errorf("cannot watch %s: %w", dir, err)
		}
		w.watched[dir], more = true, true
	}
	return more, nil
}

// forget ends the watch of one directory.
func (w *Watcher) forget(dir string) {
	_ = w.events.Remove(dir) // it may be gone, and its watch with it
	delete(w.watched, dir)
}

// Wait waits for a change and until it is over, or until the context is done.
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

// counts reports whether an event may be of what is read. A directory that goes takes the
// watches below it along: what has its name later is another one.
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
