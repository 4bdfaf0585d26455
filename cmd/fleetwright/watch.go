package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/internal/watch"
	"github.com/fleetwright/fleetwright/schema"
)

// watchFormats are the formats of diagnostics that may come more than once.
var watchFormats = []string{"text", "json"}

var errWatchStaged = &usageError{"--watch and --staged exclude each other: a Git hook must end", "omit one of them"}

// A watched command compiles after each change, and reports new diagnostics. Other commands compile once.
type watched struct {
	// before are the diagnostics of the last time.
	before diag.List
	// again reports whether there was one.
	again bool
	// readable reports that the inputs are readable again.
	readable bool
}

// news returns the diagnostics that are new, wherever they have moved, and how many are gone.
func news(before, after diag.List) (fresh diag.List, gone int) {
	known := map[diag.Diagnostic]int{}
	for _, d := range before {
		known[unplaced(d)]++
	}
	for _, d := range after {
		if known[unplaced(d)] == 0 {
			fresh = append(fresh, d)
			continue
		}
		known[unplaced(d)]--
	}
	return fresh, len(before) + len(fresh) - len(after)
}

// unplaced returns a diagnostic without its place in the file.
func unplaced(d diag.Diagnostic) diag.Diagnostic {
	d.Position.Line, d.Position.Column = 0, 0
	return d
}

// print prints the new diagnostics, and returns the line about them, or "" if none are new.
func (w *watched) print(p *printer, list diag.List) (line string, err error) {
	before, again := w.before, w.again
	w.before, w.again = list, true
	if !again {
		return summary(list), p.write(list)
	}
	fresh, gone := news(before, list)
	if !p.whole {
		err = p.write(fresh)
	} else if !slices.Equal(before, list) {
		err = p.write(list)
	}
	if len(fresh) == 0 && gone == 0 && !w.readable {
		return "", err
	}
	return fmt.Sprintf("%d new, %d gone: %s", len(fresh), gone, summary(list)), err
}

// maxNames is how many files a watch names that one save has changed.
const maxNames = 10

// A changeLog prints the files that a run has written and removed.
type changeLog struct {
	print func(format string, args ...any)
	out   string
	said  int
}

func (l *changeLog) add(name string, removed bool) {
	what := "wrote"
	if removed {
		what = "removed"
	}
	if l.said++; l.said <= maxNames {
		l.print("%s %s\n", what, path.Join(l.out, name))
	}
}

// end prints how many files were not named.
func (l *changeLog) end() {
	if l.said > maxNames {
		l.print("and %d more\n", l.said-maxNames)
	}
}

// watch compiles the files under some paths, again when one is saved, until the user ends it.
func (a *app) watch(from *origin, flags diagnosticFlags, compile func([]schema.File, *watched) error) error {
	paths := from.paths
	switch {
	case len(paths) == 0:
		return errNoPath
	case slices.Contains(paths, "-"):
		return &usageError{"--watch cannot read the standard input", "name files or directories"}
	case slices.Contains(diag.Formats.Names(), flags.format) && !slices.Contains(watchFormats, flags.format):
		return &usageError{fmt.Sprintf("--watch cannot print --format %s", flags.format), "use one of " + strings.Join(watchFormats, ", ")}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second one ends it at once
	w, err := watch.New()
	if err != nil {
		return cannotWatch(err)
	}
	defer w.Close()
	var last []schema.File
	var said watched
	// failed is the last failure that was reported, unread whether it was one to read.
	failed, unread := "", false
	for first := true; ; first = false {
		files, places, err, watchErr := watchedFiles(w, from)
		if watchErr != nil {
			return cannotWatch(watchErr)
		}
		if first && err != nil {
			return err
		}
		if err == nil && (first || failed != "" || from.readsFiles() || !slices.EqualFunc(files, last, sameFile)) {
			last, said.readable = files, unread
			err = compile(files, &said)
			unread = false
		} else if err != nil {
			unread = true
		}
		var usage *usageError
		switch {
		case err == nil || errors.Is(err, errDifferent) || errors.Is(err, errReported):
			failed = ""
		case first && errors.As(err, &usage):
			return err
		case err.Error() != failed:
			a.fail(err)
			failed = err.Error()
		}
		if first {
			a.print("watching %s; Ctrl-C ends it\n", strings.Join(paths, " "))
			relaxGC()
		}
		if more, err := w.Set(from.with(places)); err != nil {
			return cannotWatch(err)
		} else if more {
			continue // sources were read before they were watched
		}
		if w.Wait(ctx) != nil {
			return nil
		}
	}
}

func cannotWatch(err error) error {
	return &usageError{err.Error(), "the system limits how many directories are watched: name fewer, or raise the limit (on Linux fs.inotify.max_user_watches and max_user_instances)"}
}

// watchedFiles reads the files of an origin, once all places where they may be are watched.
func watchedFiles(w *watch.Watcher, from *origin) (files []schema.File, places inputs.Places, err, watchErr error) {
	for more := true; more && watchErr == nil; {
		files, places, err = inputs.ReadPlaces(from.paths)
		more, watchErr = w.Set(from.with(places))
	}
	return files, places, err, watchErr
}

func sameFile(a, b schema.File) bool { return a.Name == b.Name && string(a.Data) == string(b.Data) }
