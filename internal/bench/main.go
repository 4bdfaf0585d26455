// Package bench measures whole processes of fleetwright, beside those of what people would use
// in its place, and beside copying and comparing the same files, and prints one table.
// It makes what it measures by itself, and installs the tools that it needs at their
// pinned versions. docs/performance.md says how to read the table.
package bench

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fleetwright/fleetwright/internal/fleetgen"
)

const usage = `bench [flags], from the root of the repository, measures; flags are below.
bench instructions counts the instructions of a start, and fails where there are a tenth
more than recorded; bench instructions -record records them.
bench profile says in which functions the time is spent.
`

// Sizes are those of the fan-out: all, and few for those who have little time.
const (
	allSizes   = "10x1,10x10,10x100,100x1,100x10,100x100,1000x1,1000x10,1000x100"
	quickSizes = "10x1,10x10,100x1,100x10"
)

// sections are the parts of the table, in their order.
var sections = []struct {
	name    string
	measure func(*bench) error
}{
	{"start", (*bench).startUp},
	{"fanout", (*bench).fanOut},
	{"growth", (*bench).growth},
	{"overlays", (*bench).overlays},
	{"large", (*bench).large},
}

// Run measures what the arguments of the command say, and prints it.
func Run(args []string) error {
	err := run(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	return err
}

func run(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "generate", "bases":
			return help(args[0], args[1:])
		case "instructions":
			return instructions(args[1:])
		case "profile":
			return profile(args[1:])
		}
	}
	b := &bench{results: map[size]cost{}}
	var chosen, sizes, dir string
	var quick bool
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&chosen, "sections", strings.Join(sectionNames(), ","), "parts of the table")
	flags.StringVar(&sizes, "sizes", allSizes, "applications x clusters of each of three fleets")
	flags.IntVar(&b.starts, "starts", 50, "how often each command of the start is run")
	flags.IntVar(&b.runs, "runs", 3, "how often all others are")
	flags.BoolVar(&quick, "quick", false, "only small sizes, each a few times: some minutes on two cores")
	flags.StringVar(&dir, "dir", "", "directory on the disk to measure on (a new one among the temporary)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag; bench -help has them", flags.Arg(0))
	}
	if b.starts < 1 || b.runs < 1 {
		return errors.New("-starts and -runs are at least 1")
	}
	wanted := strings.Split(chosen, ",")
	for _, name := range wanted {
		if !slices.Contains(sectionNames(), name) {
			return fmt.Errorf("no section %q; there are %s", name, strings.Join(sectionNames(), ","))
		}
	}
	b.overlaid, b.share = []overlaid{{size{100, 20}, 20}, {size{100, 100}, 50}}, 1
	if quick {
		b.overlaid, b.share = []overlaid{{size{30, 5}, 0}}, 20
		b.starts, b.runs = min(b.starts, 10), min(b.runs, 3)
		if sizes == allSizes {
			sizes = quickSizes
		}
	}
	var err error
	if b.sizes, err = parseSizes(sizes); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(dir, "bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	go b.removeAfterInterrupt()
	if b.dir, err = filepath.EvalSymlinks(b.dir); err != nil {
		return err
	}
	if err := b.build(); err != nil {
		return err
	}
	started := time.Now()
	for _, section := range sections {
		if !slices.Contains(wanted, section.name) {
			continue
		}
		if err := section.measure(b); err != nil {
			return fmt.Errorf("section %s: %w", section.name, err)
		}
	}
	fmt.Println(b.conditions(time.Since(started)))
	return b.table.print(os.Stdout)
}

func sectionNames() (names []string) {
	for _, section := range sections {
		names = append(names, section.name)
	}
	return names
}

// A size is of fleets: applications, on so many clusters each.
type size struct{ applications, clusters int }

func (s size) String() string { return fmt.Sprintf("%dx%d", s.applications, s.clusters) }

// fleets is what to generate.
func (s size) fleets() fleetgen.Size {
	return fleetgen.Size{Applications: s.applications, Clusters: s.clusters}
}

func parseSizes(text string) (all []size, err error) {
	for _, one := range strings.Split(text, ",") {
		var s size
		if _, err := fmt.Sscanf(one, "%dx%d", &s.applications, &s.clusters); err != nil || s.applications < 1 || s.clusters < 1 {
			return nil, fmt.Errorf("%q is no size such as 100x10", one)
		}
		all = append(all, s)
	}
	return all, nil
}
