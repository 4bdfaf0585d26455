package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// ours are the functions of this project, and the collector, whose work is of no other.
const ours = `/fleetwright/|^main\.|^runtime\.gcBgMarkWorker$`

// profile says where the time goes, for a start, a full render, one of what is unchanged,
// and a watched change. The command is built with another main for it, which is not
// measured elsewhere.
func profile(args []string) error {
	var of, dir, show string
	var lines, starts int
	flags := flag.NewFlagSet("bench profile", flag.ContinueOnError)
	flags.StringVar(&of, "size", "100x10", "applications x clusters of each of three fleets")
	flags.StringVar(&dir, "dir", "", "directory to leave the profiles in, for go tool pprof (none)")
	flags.StringVar(&show, "show", ours, "functions that are shown, a regular expression; what they call counts as theirs")
	flags.IntVar(&lines, "lines", 10, "how many functions are printed")
	flags.IntVar(&starts, "starts", 100, "how many starts are put together")
	if err := flags.Parse(args); err != nil {
		return err
	}
	sizes, err := parseSizes(of)
	if err != nil {
		return err
	}
	b := &bench{runs: 5, dir: dir}
	if dir == "" {
		if b.dir, err = os.MkdirTemp("", "bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(b.dir)
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.fleetwright, err = buildProfiled(b.dir); err != nil {
		return err
	}
	inputs, err := b.inputs("profile", sizes[0].fleets())
	if err != nil {
		return err
	}
	out, err := os.MkdirTemp(b.dir, "rendered-")
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		runs int
		run  func() error
	}{
		{"start", starts, func() error { return b.only("render", example, "-o", "-") }},
		{"full", 1, func() error { return b.only("render", inputs, "-o", out) }},
		{"unchanged", b.runs, func() error { return b.only("render", inputs, "-o", out) }},
		{"watch", 1, func() error {
			_, err := b.watched(inputs, out)
			return err
		}},
	} {
		var profiles []string
		for i := range c.runs {
			profiles = append(profiles, b.path(c.name+"-"+strconv.Itoa(i)+".pprof"))
			if err := os.Setenv("FLEETWRIGHT_PROFILE", profiles[i]); err != nil {
				return err
			}
			if err := c.run(); err != nil {
				return err
			}
		}
		top := exec.Command("go", append([]string{"tool", "pprof", "-top", "-show=" + show, "-nodecount=" + strconv.Itoa(lines), b.fleetwright}, profiles...)...)
		text, err := top.Output()
		if err != nil {
			return fmt.Errorf("%s: %w", top, err)
		}
		fmt.Printf("%s\n%s\n", c.name, short(string(text)))
	}
	return nil
}

// short is what pprof prints from the heads of its columns on, with the names of functions
// as they are called within the repository.
func short(text string) string {
	if at := strings.Index(text, "      flat "); at >= 0 {
		text = text[at:]
	}
	return strings.ReplaceAll(text, "github.com/fleetwright/fleetwright/", "")
}

// only runs the command.
func (b *bench) only(args ...string) error {
	_, err := once(b.fleetwright, args...)
	return err
}

// buildProfiled builds the command with the main of testdata.
func buildProfiled(dir string) (string, error) {
	repository, err := os.Getwd()
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(repository, "cmd/fleetwright/main.go"): filepath.Join(repository, "internal/bench/testdata/main.go"),
	}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := writeFile(overlay, text); err != nil {
		return "", err
	}
	return buildCommand(dir, "-overlay", overlay)
}
