package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/sink/disk"
	"github.com/fleetwright/fleetwright/internal/sink/oci"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

const (
	// progressAfter is how long a run takes before it shows its phase.
	progressAfter = 500 * time.Millisecond
	// progressTick is how often the line moves.
	progressTick = 100 * time.Millisecond
	// progressWidth is the width of a line with counts of six digits.
	progressWidth = 60
)

// A progress shows the phase of a long run, and its progress, in one line of a terminal.
// The line disappears when the run prints something. A nil one shows nothing.
type progress struct {
	to    io.Writer
	began time.Time

	mu    sync.Mutex
	timer *time.Timer
	// phase of the run, or "" between two phases.
	phase string
	bar   *progressbar.ProgressBar
	// total of the bar, 0 without one.
	total int
}

// newProgress returns the progress of a run that begins now, or nil without a capable terminal.
func (a *app) newProgress() *progress {
	f, ok := a.stderr.(*os.File)
	if !ok || !isTerminal(f) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && 0 < width && width < progressWidth {
		return nil
	}
	return &progress{to: f, began: time.Now()}
}

func (p *progress) start(phase string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase = phase
	wait := progressAfter - time.Since(p.began)
	if wait <= 0 {
		p.show()
		wait = progressTick
	}
	p.timer = time.AfterFunc(wait, p.tick)
}

func (p *progress) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phase == "" {
		return
	}
	switch {
	case p.bar == nil:
		p.show()
	case p.total == 0:
		_ = p.bar.RenderBlank() // turns
	}
	p.timer.Reset(progressTick)
}

// counter returns a function that shows the count of the next phase, or nil if nothing is shown.
func (p *progress) counter(phase string) func(done, total int) {
	if p == nil {
		return nil
	}
	return func(done, total int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.phase = phase
		if p.bar == nil {
			return // not yet
		}
		if p.total != total {
			_ = p.bar.Clear()
			p.total = total
			p.show()
		}
		_ = p.bar.Set(done)
	}
}

// show begins a line, with a bar if a total is known. Errors of the terminal do no harm.
func (p *progress) show() {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(p.to),
		progressbar.OptionSetDescription(p.phase),
		progressbar.OptionSetTheme(progressbar.ThemeASCII),
		progressbar.OptionSetWidth(20),
		progressbar.OptionSpinnerType(9), // ASCII as well
		progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionThrottle(progressTick),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionClearOnFinish(),
	}
	length := -1 // unknown
	if p.total > 0 {
		length, options = p.total, append(options, progressbar.OptionShowCount())
	}
	p.bar = progressbar.NewOptions(length, options...)
	_ = p.bar.RenderBlank()
}

// clear ends the phase and takes the line off the terminal.
func (p *progress) clear() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	p.phase, p.bar, p.total = "", nil, 0
}

func (a *app) compile(files []schema.File, opts render.Options, from *origin) (*render.Tree, diag.List, error) {
	shown := a.newProgress()
	shown.start("compiling")
	defer shown.clear()
	opts.Program = a.program()
	return from.compile(files, opts)
}

// compareWith compares a tree with a directory or a registry.
func (a *app) compareWith(flags directoryFlags, tree *render.Tree, opts disk.Options) (disk.Comparison, error) {
	shown := a.newProgress()
	shown.start("comparing")
	defer shown.clear()
	if !oci.IsURL(flags.out) {
		return disk.Compare(flags.out, tree, opts)
	}
	if err := checkArtifacts(tree); err != nil {
		return disk.Comparison{}, err
	}
	fleet, err := a.openFleet(flags.out, flags.insecure)
	if err != nil {
		return disk.Comparison{}, err
	}
	ctx, stop := interruptible()
	defer stop()
	return fleet.Compare(ctx, tree, opts)
}
