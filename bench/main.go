// Bench measures whole processes: fleetwright next to kustomize, cp and diff, in turns, and a large input
// next to one of a tenth of its size. It prints each run as a Go benchmark for benchstat to compare.
// docs/performance.md explains the rows.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/fleetwright/fleetwright/internal/fleetgen"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// repository is the root of the project, relative to this module.
const repository = ".."

// example is Kurator's own rollout example.
const example = repository + "/examples/kuma-rollout"

// A bench measures in its own temporary directory.
type bench struct {
	ctx context.Context
	out io.Writer
	dir string
	// fleetwright and kustomize are the paths of the programs.
	fleetwright, kustomize string
	// starts and runs are the numbers of measurements: of a start, and of everything else.
	starts, runs int
	sizes        []size
	// kept counts the runs whose new trees were set aside.
	kept int
	// share is the divisor of the sizes: 10 measures a tenth of the large inputs.
	share int
}

// sections are the parts of the bench.
var sections = map[string]func(*bench) error{"start": (*bench).start, "fanout": (*bench).fanOut, "growth": (*bench).growth, "overrides": (*bench).overrides, "publish": (*bench).publish, "sources": (*bench).ofSources}

func run(ctx context.Context, out io.Writer, args []string) (err error) {
	b := &bench{ctx: ctx, out: out, share: 1}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	chosen := flags.String("sections", "start,fanout,growth,overrides,publish,sources", "sections to measure")
	sizes := flags.String("sizes", "", "applications x clusters of the fan-out (100x10,1000x100; with -quick 10x10)")
	flags.IntVar(&b.starts, "starts", 40, "number of measurements of a start")
	flags.IntVar(&b.runs, "runs", 6, "number of measurements of everything else; benchstat needs 6 for its intervals")
	quick := flags.Bool("quick", false, "measure small sizes")
	dir := flags.String("dir", "", "a directory on the disk to measure on (default: the one for temporary files)")
	generate := flags.String("generate", "", "only write the inputs of a size, such as 100x10, into -dir")
	sources := flags.String("build", "", "only build the sources in a directory")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *sources != "" {
		return buildSources(ctx, *sources)
	}
	if *generate != "" {
		return writeInputs(*dir, *generate)
	}
	if *quick {
		b.share, b.starts = 10, min(b.starts, 10)
		*sizes = cmp.Or(*sizes, "10x10")
	}
	for text := range strings.SplitSeq(cmp.Or(*sizes, "100x10,1000x100"), ",") {
		s, err := parseSize(text)
		if err != nil {
			return err
		}
		b.sizes = append(b.sizes, s)
	}
	var measures []func(*bench) error
	for name := range strings.SplitSeq(*chosen, ",") {
		if sections[name] == nil {
			return fmt.Errorf("unknown section %q: start, fanout, growth, overrides, publish or sources", name)
		}
		measures = append(measures, sections[name])
	}
	if b.dir, err = os.MkdirTemp(*dir, "bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.fleetwright, err = build(b.dir); err != nil {
		return err
	}
	kustomize, err := exec.Command("go", "tool", "-n", "kustomize").Output()
	if err != nil {
		return fmt.Errorf("go tool kustomize: %w", err)
	}
	b.kustomize = strings.TrimSpace(string(kustomize))
	fmt.Fprintf(out, "go: %s %s/%s\ncores: %d\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	for _, measure := range measures {
		if err := measure(b); err != nil {
			return err
		}
	}
	return nil
}

// build builds the command into a directory, and returns its name.
func build(dir string) (string, error) {
	name := filepath.Join(dir, "fleetwright")
	cmd := exec.Command("go", "build", "-o", name, "./cmd/fleetwright")
	cmd.Dir = repository
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, output)
	}
	return name, nil
}

// A size is a number of applications, each on a number of clusters, with or without overrides.
type size struct {
	applications, clusters int
	overrides              bool
}

// overridden is the suffix of a size with overrides.
const overridden = "-overridden"

func (s size) String() string {
	text := fmt.Sprintf("%dx%d", s.applications, s.clusters)
	if s.overrides {
		text += overridden
	}
	return text
}

func parseSize(text string) (s size, err error) {
	s.overrides = strings.HasSuffix(text, overridden)
	if _, err := fmt.Sscanf(text, "%dx%d", &s.applications, &s.clusters); err != nil || s.applications < 1 || s.clusters < 1 || s.String() != text {
		return s, fmt.Errorf("%q is not a size such as 100x10", text)
	}
	return s, nil
}

func writeInputs(dir, text string) error {
	s, err := parseSize(text)
	if err != nil {
		return err
	}
	files, err := fleetgen.Files(fleetgen.Size{Applications: s.applications, Clusters: s.clusters, Overrides: s.overrides})
	if err != nil {
		return err
	}
	return fleetgen.Write(dir, files)
}

// inputs writes the inputs of a size in another process: Linux counts the memory of a parent towards its
// child, so this process must stay small.
func (b *bench) inputs(s size) (string, error) {
	dir := b.path("inputs", s.String())
	return dir, b.generate(s, dir)
}

// generate writes the inputs of a size into a directory.
func (b *bench) generate(s size, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return b.do(self, "-generate", s.String(), "-dir", dir)
}

// path returns a path in the directory of the bench.
func (b *bench) path(elements ...string) string {
	return filepath.Join(append([]string{b.dir}, elements...)...)
}

// start compares starts on the example with kustomize, which builds two parts of the rendered directory: the
// chain of Flux Kustomizations, and everything that one cluster gets.
func (b *bench) start() error {
	rendered, built := b.path("rendered"), b.path("built", "kurator-member1")
	if err := b.do(b.fleetwright, "render", example, "-o", rendered); err != nil {
		return err
	}
	if err := b.do(b.fleetwright, "render", example, "-o", filepath.Dir(built)); err != nil {
		return err
	}
	if err := buildsEverything(built); err != nil {
		return err
	}
	chain := command(b.kustomize, "build", filepath.Join(rendered, "kurator-member1", "fleetwright"))
	everything := command(b.kustomize, "build", built)
	var pairs []pair
	for _, c := range []struct {
		name string
		ours *process
	}{
		{"stream", command(b.fleetwright, "render", example, "-o", "-")},
		{"new", command(b.fleetwright, "render", example, "-o", b.path(newTrees, "out"))},
		{"unchanged", command(b.fleetwright, "render", example, "-o", rendered)},
	} {
		pairs = append(pairs,
			pair{"Start/" + c.name + "/of=kustomize-chain", c.ours, chain},
			pair{"Start/" + c.name + "/of=kustomize-cluster", c.ours, everything})
	}
	return b.compare(b.starts, false, pairs...)
}

// buildsEverything writes a kustomization that lists all kustomizations below a directory.
func buildsEverything(dir string) error {
	text := "resources:\n"
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Name() == "kustomization.yaml" {
			below, _ := filepath.Rel(dir, filepath.Dir(name))
			text += "- " + filepath.ToSlash(below) + "\n"
		}
		return err
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o644)
}

// fanOut compares renders with copying and comparing the rendered trees.
func (b *bench) fanOut() error {
	for _, s := range b.sizes {
		inputs, err := b.inputs(s)
		if err != nil {
			return err
		}
		tree, copied := b.path(s.String()), b.path(s.String()+"-copy")
		if err := b.do(b.fleetwright, "render", inputs, "-o", tree); err != nil {
			return err
		}
		if err := b.do("cp", "-r", tree, copied); err != nil {
			return err
		}
		diff := command("diff", "-rq", tree, copied)
		name := "FanOut/" + s.String()
		if err := b.compare(b.runs, true,
			pair{name + "/new/of=cp", command(b.fleetwright, "render", inputs, "-o", b.path(newTrees, "out")), command("cp", "-r", tree, b.path(newTrees, "copy"))},
			pair{name + "/unchanged/of=diff", command(b.fleetwright, "render", inputs, "-o", tree), diff},
			pair{name + "/check/of=diff", command(b.fleetwright, "check", inputs, "-o", tree), diff},
		); err != nil {
			return err
		}
	}
	return nil
}

// overrides compares rendering applications that have three overrides each with rendering the same
// applications without overrides.
func (b *bench) overrides() error {
	for _, s := range b.sizes {
		plain, err := b.inputs(s)
		if err != nil {
			return err
		}
		s.overrides = true
		inputs, err := b.inputs(s)
		if err != nil {
			return err
		}
		name, tree, plainTree := "Overrides/"+strings.TrimSuffix(s.String(), overridden), b.path(s.String()), b.path(s.String()+"-without")
		for _, made := range [][2]string{{inputs, tree}, {plain, plainTree}} {
			if err := b.do(b.fleetwright, "render", made[0], "-o", made[1]); err != nil {
				return err
			}
		}
		if err := b.compare(b.runs, true,
			pair{name + "/new/of=without", command(b.fleetwright, "render", inputs, "-o", b.path(newTrees, "out")), command(b.fleetwright, "render", plain, "-o", b.path(newTrees, "copy"))},
			pair{name + "/unchanged/of=without", command(b.fleetwright, "render", inputs, "-o", tree), command(b.fleetwright, "render", plain, "-o", plainTree)},
			pair{name + "/stream/of=without", command(b.fleetwright, "render", inputs, "-o", "-"), command(b.fleetwright, "render", plain, "-o", "-")},
		); err != nil {
			return err
		}
	}
	return nil
}

// growth compares the cost per application and per cluster with the cost at a tenth of the size. Rendering to
// a stream excludes the cost of writing files.
func (b *bench) growth() error {
	of := func(applications, clusters, units int) (*process, error) {
		inputs, err := b.inputs(size{applications: applications, clusters: clusters})
		p := command(b.fleetwright, "render", inputs, "-o", "-")
		p.units = units
		return p, err
	}
	for _, n := range []int{1000, 10_000} {
		n /= b.share
		for _, unit := range []struct {
			name string
			of   func(n int) (*process, error)
		}{
			{"application", func(n int) (*process, error) { return of(n, 1, n) }},
			{"cluster", func(n int) (*process, error) { return of(10, n/10, n/10) }},
		} {
			tenth, err := unit.of(n / 10)
			if err != nil {
				return err
			}
			all, err := unit.of(n)
			if err != nil {
				return err
			}
			if err := b.compare(b.runs, false, pair{fmt.Sprintf("Growth/%s/of=%d-and-%d", unit.name, all.units, tenth.units), all, tenth}); err != nil {
				return err
			}
		}
	}
	return nil
}
