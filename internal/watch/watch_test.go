package watch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/fleetwright/fleetwright/internal/inputs"
)

// limit is far more than an event takes.
const limit = time.Minute

// settled reads paths until all of them are watched.
func settled(t *testing.T, w *Watcher, paths ...string) (contents string, err error) {
	t.Helper()
	for {
		files, places, err := inputs.ReadPlaces(paths)
		more, setErr := w.Set(places)
		if setErr != nil {
			t.Fatal(setErr)
		}
		if !more {
			for _, f := range files {
				contents += string(f.Data)
			}
			return contents, err
		}
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func write(name, content string) error { return os.WriteFile(name, []byte(content), 0o666) }

// TestWaitSeesWhatIsRead checks that every way of changing the inputs is noticed.
func TestWaitSeesWhatIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		path  string
		steps []func(t *testing.T)
	}{
		"a directory is moved away and another takes its place, twice": {"fleet", []func(t *testing.T){
			func(t *testing.T) {
				must(t, os.MkdirAll("new/deep", 0o777), write("new/deep/a.yaml", "2"), os.Rename("fleet", "old"), os.Rename("new", "fleet"))
			},
			func(t *testing.T) { must(t, write("fleet/deep/a.yaml", "3")) },
			func(t *testing.T) {
				must(t, os.MkdirAll("new/deep", 0o777), write("new/deep/a.yaml", "4"), os.RemoveAll("fleet"), os.Rename("new", "fleet"))
			},
			func(t *testing.T) { must(t, write("fleet/deep/a.yaml", "5")) },
		}},
		"a link on the way is made to lead elsewhere": {"current/a.yaml", []func(t *testing.T){
			func(t *testing.T) { must(t, os.Symlink("second", "link"), os.Rename("link", "current")) },
			func(t *testing.T) { must(t, write("second/a.yaml", "3")) },
		}},
		"a mounted volume, which changes by a hidden link": {"volume", []func(t *testing.T){
			func(t *testing.T) {
				must(t, os.Mkdir("volume/..2", 0o777), write("volume/..2/a.yaml", "2"), os.Symlink("..2", "volume/..tmp"), os.Rename("volume/..tmp", "volume/..data"))
			},
			func(t *testing.T) { must(t, write("volume/..2/a.yaml", "3")) },
		}},
		"a distant parent is moved away and back": {"above/below/a.yaml", []func(t *testing.T){
			func(t *testing.T) { must(t, os.Rename("above", "away")) },
			func(t *testing.T) { must(t, write("away/below/a.yaml", "3"), os.Rename("away", "above")) },
		}},
		"a link leads back up": {"up/a.yaml", []func(t *testing.T){
			func(t *testing.T) { must(t, os.Rename("second", "first/second")) },
			func(t *testing.T) { must(t, os.Rename("first/second", "second"), write("second/a.yaml", "3")) },
		}},
		"all that is above goes and comes back": {"above/below/a.yaml", []func(t *testing.T){
			func(t *testing.T) { must(t, os.RemoveAll("above")) },
			func(t *testing.T) { must(t, os.MkdirAll("above/below", 0o777)) },
			func(t *testing.T) { must(t, write("above/below/a.yaml", "4")) },
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			must(t, os.MkdirAll("fleet/deep", 0o777), write("fleet/deep/a.yaml", "1"))
			must(t, os.Mkdir("first", 0o777), write("first/a.yaml", "1"), os.Mkdir("second", 0o777), write("second/a.yaml", "2"), os.Symlink("first", "current"), os.Symlink("first/../second", "up"))
			must(t, os.MkdirAll("volume/..1", 0o777), write("volume/..1/a.yaml", "1"), os.Symlink("..1", "volume/..data"), os.Symlink("..data/a.yaml", "volume/a.yaml"))
			must(t, os.MkdirAll("above/below", 0o777), write("above/below/a.yaml", "1"))
			w, err := New()
			must(t, err)
			defer w.Close()
			before, err := settled(t, w, c.path)
			must(t, err)
			for i, step := range c.steps {
				step(t)
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				if err := w.Wait(ctx); err != nil {
					t.Fatalf("step %d is not seen: %v", i, err)
				}
				cancel()
				after, err := settled(t, w, c.path)
				if after == before && err == nil {
					t.Fatalf("after step %d still pending: %q", i, after)
				}
				before = after
			}
			if want := string(rune('1' + len(c.steps))); before != want {
				t.Errorf("at the end got %q, want %q", before, want)
			}
		})
	}
}

// TestWhatCounts checks which events cause the files to be read again.
func TestWhatCounts(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	must(t, os.Mkdir(filepath.Join(dir, "fleet"), 0o777), os.Mkdir(filepath.Join(dir, "fleet/new"), 0o777), write(filepath.Join(dir, "fleet/notes"), ""))
	must(t, write(filepath.Join(dir, "one"), ""))
	w, err := New()
	must(t, err)
	defer w.Close()
	_, err = settled(t, w, filepath.Join(dir, "fleet"), filepath.Join(dir, "one"))
	must(t, err)
	for _, c := range []struct {
		name string
		op   fsnotify.Op
		want bool
	}{
		{"fleet/a.yaml", fsnotify.Write, true},
		{"fleet/a.yml", fsnotify.Remove, true},
		{"fleet/a.json", fsnotify.Rename, true},
		{"fleet/new", fsnotify.Create, true},
		{"fleet", fsnotify.Rename, true},
		{"one", fsnotify.Write, true},
		{"fleet/notes", fsnotify.Create, false},
		{"fleet/a.txt", fsnotify.Write, false},
		{"fleet/.a.yaml", fsnotify.Write, false},
		{"fleet/.a.yaml.swp", fsnotify.Create, false},
		{"two.yaml", fsnotify.Create, false},
	} {
		if got := w.counts(fsnotify.Event{Name: filepath.Join(dir, c.name), Op: c.op}); got != c.want {
			t.Errorf("%v of %s counts: %v", c.op, c.name, got)
		}
	}
}
