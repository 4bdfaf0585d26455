package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fleetwright/fleetwright/internal/outputs"
	"github.com/fleetwright/fleetwright/internal/pages"
	"github.com/fleetwright/fleetwright/schema"
)

// commandsOf returns a command and its subcommands, except Cobra's own help.
func commandsOf(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, c := range cmd.Commands() {
		all = append(all, commandsOf(c)...)
	}
	return all
}

func allCommands() []*cobra.Command {
	all := commandsOf((&app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}).newRoot())
	for _, cmd := range all {
		describe(cmd)
	}
	return all
}

// TestCommandsPageIsTheHelp compares docs/commands.md with the help. UPDATE=1 writes the page.
func TestCommandsPageIsTheHelp(t *testing.T) {
	page := commandsPage(allCommands())
	name := filepath.Join(repository, "docs/commands.md")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != page {
		t.Errorf("docs/commands.md differs from the help (%v); update it with make golden", err)
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	for _, cmd := range allCommands() {
		if cmd.Short == "" || cmd.Example == "" || !strings.Contains(cmd.Long, "Exit codes are ") {
			t.Errorf("the help of %s lacks a short text, an example, or its exit codes", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Long) {
			if len(strings.TrimSuffix(line, "\n")) > 88 {
				t.Errorf("%s: too long for a terminal: %s", cmd.CommandPath(), line)
			}
		}
		for _, example := range firstExamples(cmd.Example, 2) {
			if strings.Contains(example, "examples/") || strings.Contains(example, "testdata/") {
				t.Errorf("%s: the first two examples must run in any repository: %s", cmd.CommandPath(), example)
			}
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s has no description of --%s", cmd.CommandPath(), f.Name)
			}
		})
	}
}

// firstExamples returns the first commands of some examples.
func firstExamples(text string, n int) (commands []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") && len(commands) < n {
			commands = append(commands, line)
		}
	}
	return commands
}

func TestSchemaNamesAllKinds(t *testing.T) {
	cmd := newSchemaCmd(&app{})
	describe(cmd)
	names := outputs.Names()
	for _, k := range schema.Kinds() {
		names = append(names, strings.ToLower(k.Name))
	}
	for _, name := range names {
		if !strings.Contains(cmd.Long, name) {
			t.Errorf("help/schema.txt lacks %s", name)
		}
	}
}

const commandsIntro = `# Commands

The output of ` + "`fleetwright COMMAND --help`" + `.

| command | |
|---|---|
`

// commandsPage returns the page about some commands, the root first.
func commandsPage(commands []*cobra.Command) string {
	var b strings.Builder
	b.WriteString(commandsIntro)
	for _, cmd := range commands {
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", cmd.CommandPath(), strings.ReplaceAll(cmd.CommandPath(), " ", "-"), escaped(cmd.Short))
	}
	for _, cmd := range commands {
		fmt.Fprintf(&b, "\n## %s\n\n```\n%s\n```\n", cmd.CommandPath(), cmd.UseLine())
		summary, details, _ := strings.Cut(cmd.Long, "\n\n")
		fmt.Fprintf(&b, "\n%s\n\n```sh\n%s\n```\n", escaped(summary), unindented(cmd.Example))
		for paragraph := range strings.SplitSeq(details, "\n\n") {
			if strings.HasPrefix(paragraph, "  ") {
				fmt.Fprintf(&b, "\n```\n%s\n```\n", unindented(paragraph))
			} else {
				fmt.Fprintf(&b, "\n%s\n", escaped(paragraph))
			}
		}
		cmd.InitDefaultHelpFlag()
		flags := &strings.Builder{}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && f.Name != "version" {
				writeFlag(flags, f)
			}
		})
		if flags.Len() > 0 {
			fmt.Fprintf(&b, "\n| flag | | default |\n|---|---|---|\n%s", flags)
		}
	}
	return b.String()
}

// writeFlag writes the table row of a flag.
func writeFlag(b *strings.Builder, f *pflag.Flag) {
	value, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if value != "" {
		name += " " + value
	}
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	preset := ""
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
		preset = "`" + f.DefValue + "`"
	}
	fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, escaped(usage), preset)
}

func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}

// readersOwn are the files of a repository as the first examples expect it, with the Applications in apps and the
// Fleets in fleets.
const readersOwn = `mkdir apps fleets && cp %[1]s/application.yaml apps && cp %[1]s/fleet.yaml fleets
for config in %[1]s/renderconfig.yaml; do [ ! -e $config ] || cp $config fleets; done`

// TestExamplesOfTheCommandsRun runs the examples of each command in a copy of the repository, as a user with
// the directories for shell completions. A registry on this machine replaces registry.example.com.
func TestExamplesOfTheCommandsRun(t *testing.T) {
	home := t.TempDir()
	for _, d := range []string{".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"} {
		if err := os.MkdirAll(filepath.Join(home, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	address, end := newRegistry()
	defer end()
	for _, cmd := range allCommands() {
		dir := pages.Clone(t, repository)
		switch cmd.Name() {
		case "publish":
			pages.Shell(t, dir, fmt.Sprintf(readersOwn, "examples/oci"))
		case "import": // of a Flux repository
			pages.Shell(t, dir, "find . -mindepth 1 -maxdepth 1 ! -name testdata -exec rm -r {} + && cp -R testdata/import/rollouts/* . && find testdata -type f ! -path */live/* -delete")
		default:
			pages.Shell(t, dir, fmt.Sprintf(readersOwn, "examples/kuma-rollout"))
		}
		pages.Shell(t, dir, "git init -q -b main && git add -f . && git -c user.name=somebody -c user.email=somebody@example.com commit -q -m examples")
		for line := range strings.Lines(cmd.Example) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			command := line
			if strings.Contains(line, "oci://") {
				command = strings.Replace(line, "registry.example.com", address, 1) + " --insecure"
			}
			t.Run(line, func(t *testing.T) {
				shell := exec.Command("bash", "-c", command)
				shell.Dir = dir
				shell.Env = append(os.Environ(), "HOME="+home)
				if strings.HasSuffix(line, " --watch") {
					interruptWatch(t, shell)
					return
				}
				out, err := shell.CombinedOutput()
				if shell.ProcessState.ExitCode() == exitDifferent && (strings.Contains(line, " -o clusters") || strings.Contains(line, " -o promoted") || strings.Contains(line, " -o oci://")) {
					err = nil // the registry is still empty
				}
				if err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

// interruptWatch runs a command until it watches, and then interrupts it as Ctrl-C does.
func interruptWatch(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(awaitLimit); !strings.Contains(out.String(), "Ctrl-C ends it"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("the command does not watch; output:\n%s", out.String())
			break
		}
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// A lockedBuffer can be read while a process writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
