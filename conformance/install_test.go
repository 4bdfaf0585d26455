package conformance

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fleetwright/fleetwright/internal/pages"
)

// A mirror serves the files of releases, and counts the requests.
type mirror struct {
	*httptest.Server
	requests atomic.Int32
}

func newMirror(t *testing.T, files tree) *mirror {
	m := &mirror{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.requests.Add(1)
		data, ok := files[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(data)
	}))
	t.Cleanup(m.Close)
	return m
}

// A member is a member of an archive, or a link if target is set.
type member struct {
	name, target string
	data         []byte
}

func tarGz(t *testing.T, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o755, Size: int64(len(m.data)), Typeflag: tar.TypeReg}
		if m.target != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, m.target
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(name)
	if err == nil {
		_, err = f.Write(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unzipped returns the files of an archive.
func unzipped(t *testing.T, data []byte) tree {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := tree{}
	for _, f := range r.File {
		opened, err := f.Open()
		if err == nil {
			files[f.Name], err = io.ReadAll(opened)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// markReleased writes checksums.txt into a checkout: its sources are v1.2.3, with these programs.
func markReleased(t *testing.T, dir string, programs tree) {
	t.Helper()
	text := "# v1.2.3 " + pages.Shell(t, dir, "sh .github/install.sh sources")
	for name, data := range programs {
		text += fmt.Sprintf("%x  %s\n", sha256.Sum256(data), name)
	}
	mustCopy(t, tree{".github/checksums.txt": []byte(text)}, dir)
}

// toolsOnly creates a directory for PATH with some programs of this machine.
func toolsOnly(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		file, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(file, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// posix lists the programs that install.sh always needs.
var posix = []string{"sh", "git", "uname", "find", "sort", "cut", "head", "tar", "gzip", "mkdir", "mktemp", "chmod", "mv", "rm", "dirname", "env"}

// TestInstall runs the script that installs the program for the action and the hooks, in a checkout of a
// small program, with releases served on this machine.
func TestInstall(t *testing.T) {
	program := []byte("#!/bin/sh\necho \"released: $*\"\n")
	planted := []byte("#!/bin/sh\necho planted\n")
	const archive = "v1.2.3/fleetwright_1.2.3_linux_amd64.tar.gz"
	right := tarGz(t, member{name: "LICENSE"}, member{name: "fleetwright", data: program})
	got, built := "released: check a b\n", "built: check a b\n"
	windows := t.TempDir()
	mustCopy(t, tree{"uname": []byte("#!/bin/sh\n[ \"$1\" = -m ] && echo x86_64 || echo MINGW64_NT-10.0-26100\n")}, windows)
	linux := t.TempDir()
	mustCopy(t, tree{"uname": []byte("#!/bin/sh\n[ \"$1\" = -m ] && echo x86_64 || echo Linux\n")}, linux)
	for _, dir := range []string{windows, linux} {
		if err := os.Chmod(filepath.Join(dir, "uname"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := func(dirs ...string) string { return "PATH=" + strings.Join(dirs, ":") }
	all := os.Getenv("PATH")
	for _, c := range []struct {
		name string
		// served holds the files of the mirror, and change modifies the checkout after its release.
		served tree
		change tree
		env    []string
		// code is the exit code of a run, and prints is its expected output.
		code    int
		printed []string
		// requests is the number of requests to the mirror in two runs.
		requests int32
	}{
		{name: "a release", served: tree{archive: right}, printed: []string{got}, requests: 1},
		{name: "another program", served: tree{archive: tarGz(t, member{name: "fleetwright", data: planted})}, code: 2, printed: []string{"is not the release v1.2.3", "do not run it"}, requests: 2},
		{name: "a missing release", served: tree{}, code: 2, printed: []string{"cannot download http://", "FLEETWRIGHT_BUILD=1"}, requests: 2},
		{name: "a truncated archive", served: tree{archive: right[:len(right)/2]}, code: 2, printed: []string{"is not the release v1.2.3"}, requests: 2},
		{name: "no archive", served: tree{archive: []byte("<html>")}, code: 2, printed: []string{"is not the release v1.2.3"}, requests: 2},
		{
			name: "an archive with paths outside the directory",
			served: tree{archive: tarGz(t, member{name: "../../planted", data: planted}, member{name: "/tmp/fleetwright-planted", data: planted},
				member{name: "link", target: ".."}, member{name: "link/planted", data: planted}, member{name: "fleetwright", data: program})},
			printed: []string{got}, requests: 1,
		},
		{name: "a link instead of the program", served: tree{archive: tarGz(t, member{name: "fleetwright", target: "/bin/sh"})}, code: 2, printed: []string{"is not the release v1.2.3"}, requests: 2},
		{name: "two programs", served: tree{archive: tarGz(t, member{name: "fleetwright", data: planted}, member{name: "fleetwright", data: program})}, code: 2, printed: []string{"is not the release v1.2.3"}, requests: 2},
		{name: "offline", env: []string{"FLEETWRIGHT_RELEASES=http://127.0.0.1:1"}, code: 2, printed: []string{"cannot download http://127.0.0.1:1/" + archive, "FLEETWRIGHT_RELEASES=URL"}},
		{name: "sources that differ from the release", served: tree{archive: right}, change: tree{"internal/new.go": []byte("package internal\n")}, printed: []string{"building the program with Go, once", built}},
		{name: "a page that differs from the release", served: tree{archive: right}, change: tree{"README.md": nil}, printed: []string{got}, requests: 1},
		{name: "FLEETWRIGHT_BUILD", served: tree{archive: right}, env: []string{"FLEETWRIGHT_BUILD=1"}, printed: []string{built}},
		{name: "a release without Go", served: tree{archive: right}, env: []string{path(linux, toolsOnly(t, append(posix, "curl", "sha256sum")...))}, printed: []string{got}, requests: 1},
		{name: "neither Go nor a release", change: tree{".github/checksums.txt": nil}, env: []string{path(linux, toolsOnly(t, append(posix, "curl", "sha256sum")...))}, code: 2, printed: []string{"this revision has no released program for linux/amd64, and Go, which builds it, is not installed", "use the tag of a release"}},
		{name: "by wget and shasum", served: tree{archive: right}, env: []string{path(linux, toolsOnly(t, append(posix, "wget", "shasum", "perl")...))}, printed: []string{got}, requests: 1},
		{name: "by openssl", served: tree{archive: right}, env: []string{path(linux, toolsOnly(t, append(posix, "curl", "openssl")...))}, printed: []string{got}, requests: 1},
		{name: "without a download program", served: tree{archive: right}, env: []string{path(linux, toolsOnly(t, append(posix, "sha256sum")...))}, code: 2, printed: []string{"neither curl nor wget is installed"}},
		{name: "on Windows", served: tree{"v1.2.3/fleetwright_1.2.3_windows_amd64.zip": zipped(t, "fleetwright.exe", program)}, env: []string{path(windows, all)}, printed: []string{got}, requests: 1},
		{name: "a wrong program on Windows", served: tree{"v1.2.3/fleetwright_1.2.3_windows_amd64.zip": zipped(t, "fleetwright.exe", planted)}, env: []string{path(windows, all)}, code: 2, printed: []string{"is not the release v1.2.3"}, requests: 2},
		{name: "in a hook of another repository", served: tree{archive: right}, env: []string{"GIT_DIR=/nowhere", "GIT_INDEX_FILE=/nowhere/index"}, printed: []string{got}, requests: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			record(t, "8. a released program: verified")
			dir := filepath.Join(t.TempDir(), "a checkout")
			scripts := readTree(t, "../.github")
			mustCopy(t, tree{
				".github/install.sh": scripts["install.sh"], ".github/fleetwright.sh": scripts["fleetwright.sh"],
				"go.mod": []byte("module example.com/fleetwright\n"), "go.sum": nil,
				"cmd/fleetwright/main.go": []byte("package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"strings\"\n)\n\nfunc main() { fmt.Println(\"built:\", strings.Join(os.Args[1:], \" \")) }\n"),
				"internal/go.mod":         nil, "render/go.mod": nil, "schema/go.mod": nil, "templates/go.mod": nil,
			}, dir)
			markReleased(t, dir, tree{"fleetwright_linux_amd64": program, "fleetwright_windows_amd64.exe": program})
			mustCopy(t, c.change, dir)
			m, cache, elsewhere := newMirror(t, c.served), t.TempDir(), t.TempDir()
			env := append([]string{path(linux, all), "FLEETWRIGHT_RELEASES=" + m.URL, "FLEETWRIGHT_CACHE=" + cache, "GOCACHE=" + goEnv(t, "GOCACHE"), "HOME=" + t.TempDir()}, c.env...)
			for range 2 {
				cmd := exec.Command("sh", filepath.Join(dir, ".github/fleetwright.sh"), "check", "a b")
				cmd.Dir = elsewhere
				cmd.Env = env
				out, err := cmd.CombinedOutput()
				if cmd.ProcessState == nil {
					t.Fatal(err)
				}
				if code := cmd.ProcessState.ExitCode(); code != c.code {
					t.Errorf("exit code %d, want %d\n%s", code, c.code, out)
				}
				for _, text := range c.printed {
					if !strings.Contains(string(out), text) && !(text == "building the program with Go, once" && strings.Contains(string(out), built)) {
						t.Errorf("the output lacks %q:\n%s", text, out)
					}
				}
			}
			if got := m.requests.Load(); got != c.requests {
				t.Errorf("the mirror got %d requests, want %d", got, c.requests)
			}
			kept := readTree(t, cache)
			if want := map[bool]int{true: 1, false: 0}[c.code == 0]; len(kept) != want {
				t.Errorf("the cache has %d files, want %d", len(kept), want)
			}
			if planted := readTree(t, elsewhere); len(planted) > 0 {
				t.Errorf("the archive wrote %v", planted)
			}
		})
	}
	t.Run("concurrent hooks", func(t *testing.T) {
		record(t, "8. a released program: verified")
		dir, cache := t.TempDir(), t.TempDir()
		mustCopy(t, tree{".github/install.sh": readTree(t, "../.github")["install.sh"], ".github/fleetwright.sh": readTree(t, "../.github")["fleetwright.sh"], "go.mod": nil, "go.sum": nil, "cmd/a": nil, "internal/a": nil, "render/a": nil, "schema/a": nil, "templates/a": nil}, dir)
		markReleased(t, dir, tree{"fleetwright_linux_amd64": program})
		m := newMirror(t, tree{archive: right})
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if printed := pages.Shell(t, dir, "sh .github/fleetwright.sh check a b 2>/dev/null", path(linux, os.Getenv("PATH")), "FLEETWRIGHT_RELEASES="+m.URL, "FLEETWRIGHT_CACHE="+cache); printed != got {
					t.Errorf("output %q", printed)
				}
			})
		}
		all.Wait()
		if kept := readTree(t, cache); len(kept) != 1 {
			t.Errorf("the cache has %d files", len(kept))
		}
	})
}

// releasedCheckout returns a copy of this repository with a release of its sources, served by a mirror.
func releasedCheckout(t *testing.T, members ...member) (dir string, m *mirror) {
	t.Helper()
	program, err := os.ReadFile(fleetwright(t))
	if err != nil {
		t.Fatal(err)
	}
	platform := goEnv(t, "GOOS") + "_" + goEnv(t, "GOARCH")
	dir = pages.Clone(t, "..")
	markReleased(t, dir, tree{"fleetwright_" + platform: program})
	if members == nil {
		members = []member{{name: "fleetwright", data: program}}
	}
	return dir, newMirror(t, tree{"v1.2.3/fleetwright_1.2.3_" + platform + ".tar.gz": tarGz(t, members...)})
}

// TestActionRunsARelease checks that action.yml downloads a release without caching it, and rejects a wrong
// program.
func TestActionRunsARelease(t *testing.T) {
	record(t, "8. a released program: verified")
	cache := newCache(t)
	with := map[string]string{"paths": "apps\nfleets\n", "output": "clusters"}
	var m *mirror
	j := newJob(t, cache, nil)
	j.action, m = releasedCheckout(t)
	j.env = append(j.env, "FLEETWRIGHT_RELEASES="+m.URL)
	if code, _ := j.act(with); code != 0 || m.requests.Load() != 1 || len(cache.saved) != 0 {
		t.Errorf("exit code %d, with %d requests and %d caches\n%s", code, m.requests.Load(), len(cache.saved), j.log)
	}
	j = newJob(t, cache, nil)
	j.action, m = releasedCheckout(t, member{name: "fleetwright", data: []byte("#!/bin/sh\ntouch planted\n")})
	j.env = append(j.env, "FLEETWRIGHT_RELEASES="+m.URL)
	if code, _ := j.act(with); code != 2 || !strings.Contains(j.log, "\n::error title=fleetwright::cannot get the program") || j.shell("find . -name planted") != "" {
		t.Errorf("exit code %d\n%s", code, j.log)
	}
}

// TestPreCommitRunsARelease checks that pre-commit runs the hooks of a release without Go and without a
// build.
func TestPreCommitRunsARelease(t *testing.T) {
	record(t, "8. a released program: verified")
	dir, m := releasedCheckout(t)
	env := gitHome(t, dir)
	env = append(env, "FLEETWRIGHT_RELEASES="+m.URL, "PRE_COMMIT_HOME="+t.TempDir())
	repository := userRepository(t, env, tree{".pre-commit-config.yaml": []byte("repos:\n- repo: " + address + "\n  rev: main\n  hooks:\n  - id: fleetwright-check\n    args: [apps, fleets]\n")})
	start := time.Now()
	pages.Shell(t, repository, "git add .; pre-commit autoupdate; git add .; pre-commit install --install-hooks; git commit --quiet --message first", env...)
	t.Logf("the first commit took %s with a release served on this machine", time.Since(start).Round(time.Millisecond))
	start = time.Now()
	pages.Shell(t, repository, "git commit --quiet --message second --allow-empty", env...)
	t.Logf("the second commit took %s", time.Since(start).Round(time.Millisecond))
	if m.requests.Load() != 1 {
		t.Errorf("two commits download the program %d times", m.requests.Load())
	}
}
