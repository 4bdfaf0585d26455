package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// command returns the path of the command under test, which it builds once.
var command = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "fleetwright-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "fleetwright")
	out, err := exec.Command("go", "build", "-C", "..", "-o", file, "./cmd/fleetwright").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return file, err
})

func fleetwright(t *testing.T) string {
	t.Helper()
	file, err := command()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// mustRun runs a command that must succeed.
func mustRun(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// inputs writes the documents of Kurator's example with some replacements, and returns their directory.
func inputs(t *testing.T, replace ...string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range readTree(t, "../examples/kuma-rollout") {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.NewReplacer(replace...).Replace(string(data))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A fault is an error that strace injects into a thread's n-th call of a system call.
type fault struct{ call, inject string }

func (f fault) String() string { return f.call + ":" + f.inject }

// faults are reasons for a write to fail in the middle: a full disk, a missing permission, and a kill.
var faults = []fault{
	{"write", "error=ENOSPC"}, {"openat", "error=EACCES"}, {"mkdirat", "error=ENOSPC"},
	{"renameat", "error=EACCES"}, {"unlinkat", "error=EACCES"},
	{"write", "signal=KILL"}, {"mkdirat", "signal=KILL"}, {"renameat", "signal=KILL"}, {"unlinkat", "signal=KILL"},
}

// TestFaults makes each system call of the writer fail in turn, in the real command. A writer that does not
// clean up its staging directory fails this test with "staged files are left".
func TestFaults(t *testing.T) {
	bin := fleetwright(t)
	// One cluster is new. Some files of the other change, and some are removed.
	before := inputs(t, "    - name: kurator-member2\n      kind: AttachedCluster\n", "")
	after := inputs(t, "stepWeight: 10", "stepWeight: 5", "testLoader: true", "testLoader: false")
	old, next := t.TempDir(), t.TempDir()
	mustRun(t, bin, "render", before, "-o", old, "--path", outputPath)
	mustRun(t, bin, "render", after, "-o", next, "--path", outputPath)
	foreign := tree{"kurator-member1/mine.yaml": []byte("mine"), "kurator-member1/fleetwright/apps/mine.txt": []byte("mine"), "theirs/fleetwright/sync.yaml": []byte("theirs")}
	oldTree, nextTree := with(readTree(t, old), foreign), with(readTree(t, next), foreign)
	for _, f := range few(faults, 3) {
		t.Run(f.String(), func(t *testing.T) {
			record(t, "5. faults of the writer, each system call in turn")
			failed := 0
			for n := 1; ; n++ {
				dir := t.TempDir()
				mustCopy(t, oldTree, dir)
				cmd := exec.Command("strace", "-f", "-o", os.DevNull, "-e", "trace="+f.call, "-e", fmt.Sprintf("inject=%s:%s:when=%d", f.call, f.inject, n),
					bin, "render", after, "-o", dir, "--path", outputPath)
				out, err := cmd.CombinedOutput()
				checkAfterFault(t, n, f, readTree(t, dir), oldTree, nextTree, foreign)
				mustRun(t, bin, "render", after, "-o", dir, "--path", outputPath)
				if got := readTree(t, dir); !maps.EqualFunc(got, nextTree, bytes.Equal) {
					t.Errorf("call %d: the next render does not complete the tree: %q", n, difference(got, nextTree))
				}
				os.RemoveAll(dir)
				if t.Failed() {
					t.Fatalf("call %d: the run printed\n%s", n, out)
				}
				if err == nil {
					// The fault hit an unrelated call of that name, or no calls are left.
					if failed > 0 && n > failed+20 {
						break
					}
					if n > 400 {
						break
					}
					continue
				}
				failed = n
			}
			if failed == 0 {
				t.Error("no run failed")
			}
			t.Logf("the last failing run was at call %d", failed)
		})
	}
}

// checkAfterFault checks that a failed run left the old tree or only complete files, and did not change
// foreign files.
func checkAfterFault(t *testing.T, n int, f fault, got, old, next, foreign tree) {
	t.Helper()
	visible, hidden := tree{}, tree{}
	for name, data := range got {
		if strings.HasPrefix(name, ".") || strings.Contains(name, "/.") {
			hidden[name] = data
		} else {
			visible[name] = data
		}
	}
	for name, data := range foreign {
		if !bytes.Equal(got[name], data) {
			t.Errorf("call %d: %s is now %q", n, name, got[name])
		}
	}
	told := slices.ContainsFunc(slices.Collect(maps.Keys(hidden)), func(name string) bool { return strings.HasSuffix(name, "/.journal.json") })
	if maps.EqualFunc(visible, old, bytes.Equal) {
		// The fault may hit the writer's other thread during its cleanup.
		if len(hidden) > 0 && !told && !strings.Contains(f.inject, "KILL") {
			t.Errorf("call %d: staged files are left: %q", n, slices.Sorted(maps.Keys(hidden)))
		}
		return
	}
	for name, data := range visible {
		if !bytes.Equal(data, old[name]) && !bytes.Equal(data, next[name]) {
			t.Errorf("call %d: %s is neither the old nor the new file", n, name)
		}
	}
	if maps.EqualFunc(visible, next, bytes.Equal) {
		return
	}
	if !told {
		t.Errorf("call %d: some files are new, but no message reports them: %q", n, difference(visible, next))
	}
}

func with(a, b tree) tree {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// difference returns the names of the files that differ.
func difference(a, b tree) (names []string) {
	for name := range with(a, b) {
		if !bytes.Equal(a[name], b[name]) || (a[name] == nil) != (b[name] == nil) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func mustCopy(t *testing.T, files tree, dir string) {
	t.Helper()
	for name, data := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestProcessesOnOneDirectory has two and eight processes render different trees into one directory at once.
// The directory must end up as one of the trees. A writer without a lock fails this test.
func TestProcessesOnOneDirectory(t *testing.T) {
	bin := fleetwright(t)
	for _, processes := range []int{2, 8} {
		t.Run(fmt.Sprint(processes), func(t *testing.T) {
			record(t, "5. processes on one directory")
			dir := t.TempDir()
			var trees []tree
			var all sync.WaitGroup
			for i := range processes {
				from, alone := inputs(t, "stepWeight: 10", fmt.Sprintf("stepWeight: %d", i+1)), t.TempDir()
				mustRun(t, bin, "render", from, "-o", alone, "--path", outputPath)
				trees = append(trees, readTree(t, alone))
				all.Go(func() {
					for range 3 {
						if out, err := exec.Command(bin, "render", from, "-o", dir, "--path", outputPath).CombinedOutput(); err != nil {
							t.Errorf("%v\n%s", err, out)
						}
					}
				})
			}
			all.Wait()
			got := readTree(t, dir)
			if !slices.ContainsFunc(trees, func(tree tree) bool { return maps.EqualFunc(got, tree, bytes.Equal) }) {
				t.Error("the directory is not one of the trees")
			}
		})
	}
}

// TestPlantedLinks puts symbolic links in the writer's path. A writer that follows them fails this test.
func TestPlantedLinks(t *testing.T) {
	bin := fleetwright(t)
	from := inputs(t)
	for _, at := range []string{"kurator-member1", "kurator-member1/fleetwright", "kurator-member1/fleetwright/mesh", "kurator-member1/fleetwright/sync.yaml", "kurator-member1/fleetwright/.sync.yaml.staged"} {
		t.Run(at, func(t *testing.T) {
			record(t, "5. planted links")
			dir, victim := t.TempDir(), t.TempDir()
			mustCopy(t, tree{"file": []byte("mine")}, victim)
			link := filepath.Join(dir, at)
			if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
				t.Fatal(err)
			}
			to := victim
			if filepath.Ext(at) != "" {
				to = filepath.Join(victim, "file")
			}
			if err := os.Symlink(to, link); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(bin, "render", from, "-o", dir).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "is a symbolic link") {
				t.Errorf("%v\n%s", err, out)
			}
			if got := readTree(t, victim); !maps.EqualFunc(got, tree{"file": []byte("mine")}, bytes.Equal) {
				t.Errorf("the target of the link is now %q", got)
			}
		})
	}
}

// The limits for hostile input.
const (
	hostileTime   = 2 * time.Minute
	hostileMemory = 2 << 30 // bytes
)

// TestHostileInput runs the command on hostile input. It must end within the limits, with a result or with
// diagnostics, and without a panic.
func TestHostileInput(t *testing.T) {
	bin := fleetwright(t)
	app, err := os.ReadFile("../examples/kuma-rollout/application.yaml")
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := os.ReadFile("../examples/kuma-rollout/fleet.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sound := string(app) + "\n---\n" + string(fleet)
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := range 20 {
		laughs += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
	}
	var documents strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&documents, "apiVersion: cluster.kurator.dev/v1alpha1\nkind: AttachedCluster\nmetadata: {name: c%d}\n---\n", i)
	}
	for name, tt := range map[string]struct {
		text string
		exit int
	}{
		"a name with ..":           {strings.ReplaceAll(sound, "name: rollout-kuma-demo", "name: ../../../rollout"), 2},
		"a billion laughs":         {laughs + "---\n" + sound, 2},
		"10 MB of nested lists":    {strings.Repeat("[", 5_000_000) + strings.Repeat("]", 5_000_000), 2},
		"10 MB of nested mappings": {strings.Repeat("{a: ", 2_500_000), 2},
		"a NUL":                    {strings.Replace(sound, "quickstart", "quick\x00start", 1), 2},
		"no UTF-8":                 {strings.Replace(sound, "quickstart", "quick\xffstart", 1), 2},
		"CRLF":                     {strings.ReplaceAll(sound, "\n", "\r\n"), 0},
		"a BOM":                    {"\ufeff" + sound, 0},
		"100,000 documents":        {documents.String() + sound, 0},
	} {
		t.Run(name, func(t *testing.T) {
			record(t, "5. hostile input")
			dir := t.TempDir()
			mustCopy(t, tree{"in.yaml": []byte(tt.text), "victim": []byte("mine")}, dir)
			ctx, cancel := context.WithTimeout(t.Context(), hostileTime)
			defer cancel()
			cmd := exec.CommandContext(ctx, bin, "render", filepath.Join(dir, "in.yaml"), "-o", filepath.Join(dir, "a/b/out"))
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if code := cmd.ProcessState.ExitCode(); code != tt.exit || bytes.Contains(out, []byte("goroutine ")) {
				t.Errorf("exit code %d, want %d\n%.2000s", code, tt.exit, out)
			}
			usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			if memory := usage.Maxrss * 1024; memory > hostileMemory {
				t.Errorf("the run took %d MB", memory>>20)
			}
			t.Logf("%v, %d MB", cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), usage.Maxrss>>10)
			for file := range readTree(t, dir) {
				if file != "in.yaml" && file != "victim" && !strings.HasPrefix(file, "a/b/out/kurator-member") {
					t.Errorf("the run wrote %s", file)
				}
			}
		})
	}
}

// fullDisk renders two trees in turn onto a small file system. It exits with 10 if the first does not fit, 11
// if the second does not, and 12 if both fit. A render that does not fit must leave the old files unchanged.
const fullDisk = `
size=$1 disk=$2 bin=$3 before=$4 after=$5 old=$6
mount -t tmpfs -o size=${size}k tmpfs "$disk" || exit 1
if ! "$bin" render "$before" -o "$disk/out" --path clusters; then
	test ! -e "$disk/out" || { find "$disk/out"; exit 2; }
	exit 10
fi
if ! "$bin" render "$after" -o "$disk/out" --path clusters; then
	diff -r "$old" "$disk/out" || exit 3
	exit 11
fi
exit 12
`

// TestFullDisk fills a real disk, at every point of a first and a second render. A writer that ignores the
// error of a write fails this test.
func TestFullDisk(t *testing.T) {
	record(t, "5. a full disk")
	bin := fleetwright(t)
	before, after := inputs(t), inputs(t, "stepWeight: 10", "stepWeight: 5", "1m -q 10", "1m -q 11 "+strings.Repeat("-H x ", 3000))
	old := t.TempDir()
	mustRun(t, bin, "render", before, "-o", old, "--path", outputPath)
	seen := map[int]int{}
	sizes := 8
	if testing.Short() {
		sizes = 40
	}
	for size := 8; size <= 800; size += sizes {
		cmd := exec.Command("unshare", "--mount", "sh", "-c", fullDisk, "sh", fmt.Sprint(size), t.TempDir(), bin, before, after, old)
		out, _ := cmd.CombinedOutput()
		code := cmd.ProcessState.ExitCode()
		if code < 10 {
			t.Fatalf("with %d kB the exit code is %d:\n%s", size, code, out)
		}
		seen[code]++
	}
	for _, code := range []int{10, 11, 12} {
		if seen[code] == 0 {
			t.Errorf("no size gave the exit code %d: %v", code, seen)
		}
	}
}
