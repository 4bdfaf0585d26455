package bench

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// A bench measures, and notes what it finds.
type bench struct {
	sizes    []size
	overlaid []overlaid
	// starts and runs are how often things are measured.
	starts, runs int
	// share is the part of the large inputs that is made: one of so many.
	share int

	// dir holds everything that is written, and done what of it is of no more use.
	dir  string
	done []string
	// fleetwright is the command that is measured, self this one.
	fleetwright, self string

	// results are what full renders have taken.
	results map[size]cost
	table   table
}

// build builds the command, as its users do.
func (b *bench) build() (err error) {
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	b.fleetwright, err = buildCommand(b.dir)
	return err
}

// buildCommand builds the fleetwright of the repository that is the working directory.
func buildCommand(dir string, flags ...string) (string, error) {
	name := filepath.Join(dir, "fleetwright")
	args := append(append([]string{"build"}, flags...), "-o", name, "./cmd/fleetwright")
	if output, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build, which must run in the root of the repository: %w\n%s", err, output)
	}
	return name, nil
}

// conditions say where the figures are from.
func (b *bench) conditions(took time.Duration) string {
	return fmt.Sprintf("%s, %s/%s, %d cores, medians of %d starts and %d runs; measured in %s",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), b.starts, b.runs, took.Round(time.Second))
}

// removeAfterInterrupt leaves nothing behind when the user ends the bench: what it writes
// may fill a disk.
func (b *bench) removeAfterInterrupt() {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	<-interrupted
	b.say("removing what was written")
	os.RemoveAll(b.dir)
	os.Exit(1)
}

// say tells whoever waits what is done.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// path is a place in the directory of the bench.
func (b *bench) path(elements ...string) string {
	return filepath.Join(append([]string{b.dir}, elements...)...)
}

// discard says that directories are of no more use. They are removed when there is need
// for their space, and not before: what is measured after a removal pays for it.
func (b *bench) discard(dirs ...string) { b.done = append(b.done, dirs...) }

const (
	// spare is what is left of a disk.
	spare = 2 << 30
	// pause is how long a file system that has lost many files is left alone: ext4
	// passes over inodes that were freed within the last minute when it looks for one.
	pause = 70 * time.Second
)

// room makes room for as many bytes.
func (b *bench) room(bytes int64) error {
	if free(b.dir) > bytes+spare || len(b.done) == 0 {
		return nil
	}
	b.say("making room")
	if err := exec.Command("rm", append([]string{"-rf"}, b.done...)...).Run(); err != nil {
		return err
	}
	b.done = nil
	if err := exec.Command("sync").Run(); err != nil {
		return err
	}
	time.Sleep(pause)
	return nil
}

// files counts those below a directory.
func files(dir string) (n int, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			n++
		}
		return err
	})
	return n, err
}
