package conformance

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/fleetwright/fleetwright/internal/pages"
)

// releaseVersion is the version of the releases that the tests build.
const releaseVersion = "v1.2.3"

// A snapshot is a release in a clone of this repository, without a tag.
type snapshot struct {
	dir, dist string
	env       []string
}

func (s snapshot) run(t *testing.T, command string) string {
	t.Helper()
	return pages.Shell(t, s.dir, command, s.env...)
}

// artifacts returns the published files of a release by name.
func (s snapshot) artifacts(t *testing.T) tree {
	t.Helper()
	entries, err := os.ReadDir(s.dist)
	if err != nil {
		t.Fatal(err)
	}
	all := tree{}
	for _, e := range entries {
		switch name := e.Name(); {
		case e.IsDir(), name == "config.yaml", name == "metadata.json", name == "artifacts.json":
		default:
			all[name] = fileOf(t, s.dist, name)
		}
	}
	return all
}

// snapshots builds a release in two directories: for one architecture with -short, and otherwise for both.
// The second build compiles everything again.
func snapshots(t *testing.T) (first, second snapshot) {
	repository, env := published(t)
	env = append(env, "VERSION="+releaseVersion)
	again := ""
	if testing.Short() {
		env = append(env, "ONE_ARCHITECTURE=1")
	} else {
		again = ` GORELEASER="-exec 'env GOCACHE=` + t.TempDir() + `' $(sed -n 's/^GORELEASER := //p' Makefile)"`
	}
	build := func(flags string) snapshot {
		dir := t.TempDir()
		s := snapshot{dir, filepath.Join(dir, "dist"), env}
		s.run(t, "git clone --quiet "+repository+" . && make snapshot"+flags)
		return s
	}
	first, second = build(""), build(again)
	if t.Failed() {
		t.FailNow()
	}
	return first, second
}

// TestRelease builds a release twice, and installs it in otherwise empty roots.
func TestRelease(t *testing.T) {
	first, second := snapshots(t)
	all := first.artifacts(t)
	architectures := []string{"amd64", "arm64"}
	if testing.Short() {
		architectures = architectures[:1]
	}
	t.Run("the same bytes in two directories", func(t *testing.T) {
		record(t, "8. releases: the same bytes")
		again := second.artifacts(t)
		if a, b := slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(again)); !slices.Equal(a, b) {
			t.Errorf("one has %q, and the other %q", a, b)
		}
		for name, data := range all {
			if !bytes.Equal(data, again[name]) {
				t.Errorf("%s differs", name)
			}
		}
	})
	t.Run("checksums", func(t *testing.T) {
		record(t, "8. releases: installed in a clean root")
		for name, data := range all {
			line := fmt.Sprintf("%x  %s\n", sha256.Sum256(data), name)
			if name != "checksums.txt" && !strings.Contains(string(all["checksums.txt"]), line) {
				t.Errorf("checksums.txt has no line %s", line)
			}
		}
		cask := string(fileOf(t, first.dist, "homebrew/Casks/fleetwright.rb"))
		for _, goos := range []string{"linux", "darwin"} {
			for _, arch := range architectures {
				archive := "fleetwright_1.2.3_" + goos + "_" + arch + ".tar.gz"
				if sum := fmt.Sprintf("%x", sha256.Sum256(all[archive])); !strings.Contains(cask, `sha256 "`+sum+`"`) {
					t.Errorf("the cask lacks the checksum of %s:\n%s", archive, cask)
				}
			}
		}
	})
	for _, arch := range architectures {
		for _, goos := range []string{"linux", "darwin", "windows"} {
			t.Run(goos+"/"+arch, func(t *testing.T) {
				record(t, "8. releases: a bill of materials that is complete")
				name := "fleetwright_1.2.3_" + goos + "_" + arch
				files := unpacked(t, all, name)
				program := files["fleetwright"]
				if goos == "windows" {
					program = files["fleetwright.exe"]
				}
				info, err := buildinfo.Read(bytes.NewReader(program))
				if err != nil {
					t.Fatal(err)
				}
				settings := map[string]string{}
				for _, s := range info.Settings {
					settings[s.Key] = s.Value
				}
				if settings["GOOS"] != goos || settings["GOARCH"] != arch || settings["CGO_ENABLED"] != "0" || settings["-trimpath"] != "true" || settings["vcs.revision"] != "" {
					t.Errorf("the program was built with %v", settings)
				}
				var bom struct {
					Components []struct{ Name, Version string }
				}
				if err := json.Unmarshal(all[name+".cdx.json"], &bom); err != nil {
					t.Fatal(err)
				}
				listed := map[string]bool{}
				for _, c := range bom.Components {
					listed[c.Name+"@"+c.Version] = true
				}
				for _, m := range info.Deps {
					if !listed[m.Path+"@"+m.Version] {
						t.Errorf("%s.cdx.json has no %s %s", name, m.Path, m.Version)
					}
				}
				for _, file := range []string{"LICENSE", "manpages/fleetwright-render.1.gz", "completions/fleetwright.zsh"} {
					if len(files[file]) == 0 {
						t.Errorf("the archive has no %s", file)
					}
				}
			})
		}
	}
	examples := readTree(t, "../examples/kuma-rollout")
	// works runs an installed program in its root, which otherwise only has an example.
	works := func(t *testing.T, root, program string) {
		t.Helper()
		mustCopy(t, examples, filepath.Join(root, "example"))
		for command, want := range map[string]string{
			program + " version":                        "fleetwright " + releaseVersion,
			program + " check example":                  "0 errors",
			program + " render example -o out --path x": "written, 0 unchanged, 0 removed",
		} {
			out, err := exec.Command("unshare", slices.Concat([]string{"--root", root, "--wd", "/", "--"}, strings.Fields(command))...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
		}
	}
	linux := unpacked(t, all, "fleetwright_1.2.3_linux_amd64")
	t.Run("the archive", func(t *testing.T) {
		record(t, "8. releases: installed in a clean root")
		root := t.TempDir()
		first.run(t, "tar -xzf dist/fleetwright_1.2.3_linux_amd64.tar.gz -C "+root)
		works(t, root, "/fleetwright")
	})
	packaged := func(t *testing.T, root, zsh string) {
		t.Helper()
		works(t, root, "/usr/bin/fleetwright")
		for file, of := range map[string]string{
			"usr/share/bash-completion/completions/fleetwright":    "completions/fleetwright.bash",
			"usr/share/fish/vendor_completions.d/fleetwright.fish": "completions/fleetwright.fish",
			"usr/share/zsh/" + zsh + "/_fleetwright":               "completions/fleetwright.zsh",
			"usr/share/man/man1/fleetwright-publish.1.gz":          "manpages/fleetwright-publish.1.gz",
			"usr/bin/fleetwright":                                  "fleetwright",
		} {
			if !bytes.Equal(fileOf(t, root, file), linux[of]) {
				t.Errorf("%s differs from %s in the archive", file, of)
			}
		}
	}
	t.Run("the package for Debian", func(t *testing.T) {
		record(t, "8. releases: installed in a clean root")
		root := t.TempDir()
		mustCopy(t, tree{"var/lib/dpkg/status": nil, "var/lib/dpkg/info/format": []byte("1\n"), "var/lib/dpkg/updates/.keep": nil}, root)
		os.Remove(filepath.Join(root, "var/lib/dpkg/updates/.keep"))
		first.run(t, "dpkg --root="+root+" --log=/dev/null --install dist/fleetwright_1.2.3_amd64.deb && dpkg --root="+root+" --verify fleetwright")
		packaged(t, root, "vendor-completions")
		first.run(t, "dpkg --root="+root+" --log=/dev/null --purge fleetwright && test ! -e "+root+"/usr/bin/fleetwright")
	})
	t.Run("the package for Fedora", func(t *testing.T) {
		record(t, "8. releases: installed in a clean root")
		root := t.TempDir()
		first.run(t, "rpm --root "+root+" --dbpath /var/lib/rpm --initdb && rpm --root "+root+" --dbpath /var/lib/rpm --install dist/fleetwright-1.2.3-1.x86_64.rpm && rpm --root "+root+" --dbpath /var/lib/rpm --verify fleetwright")
		packaged(t, root, "site-functions")
	})
	t.Run("man pages", func(t *testing.T) {
		record(t, "8. releases: installed in a clean root")
		dir := t.TempDir()
		mustCopy(t, linux, dir)
		pages := 0
		for name := range linux {
			if !strings.HasPrefix(name, "manpages/") {
				continue
			}
			pages++
			var said bytes.Buffer
			cmd := exec.Command("man", "--warnings", "--local-file", filepath.Join(dir, name))
			cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=100", "MANROFFSEQ=")
			cmd.Stderr = &said
			shown, err := cmd.Output()
			command := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(name), ".1.gz"), "fleetwright-", "fleetwright ")
			if err != nil || said.Len() > 0 || !strings.Contains(string(shown), "\n       "+command) || !strings.Contains(string(shown), "\nOPTIONS\n") {
				t.Errorf("%s: %v %s\n%s", name, err, &said, shown)
			}
		}
		if pages < 5 {
			t.Errorf("%d man pages", pages)
		}
	})
	t.Run("completions", func(t *testing.T) {
		record(t, "8. releases: installed in a clean root")
		dir := t.TempDir()
		mustCopy(t, linux, dir)
		for shell, load := range map[string]string{
			"bash": ". /usr/share/bash-completion/bash_completion && . ./completions/fleetwright.bash && complete -p fleetwright",
			"zsh":  "autoload -U compinit && compinit -D && . ./completions/fleetwright.zsh && print $_comps[fleetwright]",
			"fish": "source completions/fleetwright.fish; and complete -c fleetwright",
		} {
			cmd := exec.Command(shell, "-c", load)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "fleetwright") {
				t.Errorf("%s: %v\n%s", shell, err, out)
			}
		}
	})
	t.Run("downloaded by the action and the hooks", func(t *testing.T) {
		record(t, "8. a released program: verified")
		m := httptest.NewServer(http.StripPrefix("/"+releaseVersion+"/", http.FileServer(http.Dir(first.dist))))
		defer m.Close()
		first.run(t, "sh .github/checksums.sh "+releaseVersion+" > checksums && mv checksums .github/checksums.txt")
		cache := t.TempDir()
		printed := pages.Shell(t, first.dir, "sh .github/fleetwright.sh version", "FLEETWRIGHT_BUILD=", "FLEETWRIGHT_RELEASES="+m.URL, "FLEETWRIGHT_CACHE="+cache)
		if !strings.Contains(printed, "downloading") || !strings.Contains(printed, "fleetwright "+releaseVersion) {
			t.Errorf("it prints\n%s", printed)
		}
		for _, kept := range readTree(t, cache) {
			if !bytes.Equal(kept, linux["fleetwright"]) {
				t.Error("the program differs from the one in the archive")
			}
		}
	})
	for _, goos := range []string{"windows", "darwin"} {
		t.Run("vet for "+goos, func(t *testing.T) {
			record(t, "8. releases: other systems")
			// The tests of the command need Unix shells. The command was built above.
			first.run(t, "GOFLAGS= CGO_ENABLED=0 GOARCH=amd64 GOOS="+goos+" go vet -trimpath $(go list ./... | grep -v /cmd/fleetwright$)")
		})
	}
	t.Run("Windows", func(t *testing.T) {
		scheduled(t, "Wine, and tests that are compiled for Windows")
		record(t, "8. releases: other systems")
		testWine(t, first)
	})
	t.Run("the image", func(t *testing.T) {
		scheduled(t, "the programs of both architectures")
		record(t, "8. releases: the image for two platforms")
		for _, s := range []snapshot{first, second} {
			s.run(t, "make release-image VERSION="+releaseVersion+" IMAGEFLAGS='--root "+t.TempDir()+" --runroot "+t.TempDir()+" --storage-driver vfs' && mkdir image && tar -xf dist/image.tar -C image")
		}
		if a, b := fileOf(t, first.dir, "image/index.json"), fileOf(t, second.dir, "image/index.json"); !bytes.Equal(a, b) {
			t.Errorf("the images differ:\n%s\n%s", a, b)
		}
		programs := imagePrograms(t, filepath.Join(first.dir, "image"))
		for _, arch := range architectures {
			if !bytes.Equal(programs["linux/"+arch], unpacked(t, all, "fleetwright_1.2.3_linux_"+arch)["fleetwright"]) {
				t.Errorf("the program for %s differs from the one in the archive", arch)
			}
		}
	})
}

// imagePrograms returns the program of each platform of an image, which otherwise only holds the license.
func imagePrograms(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	programs := map[string][]byte{}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	archive, err := layout.ImageIndexFromPath(dir)
	must(err)
	outer, err := archive.IndexManifest()
	must(err)
	index, err := archive.ImageIndex(outer.Manifests[0].Digest)
	must(err)
	platforms, err := index.IndexManifest()
	must(err)
	for _, m := range platforms.Manifests {
		image, err := index.Image(m.Digest)
		must(err)
		content := mutate.Extract(image)
		defer content.Close()
		for r := tar.NewReader(content); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			must(err)
			data, err := io.ReadAll(r)
			must(err)
			switch {
			case h.Name == "fleetwright":
				programs[m.Platform.String()] = data
			case h.Typeflag == tar.TypeReg && h.Name != "LICENSE":
				t.Errorf("the image for %s has %s", m.Platform, h.Name)
			}
		}
	}
	return programs
}

// testWine runs the Windows program, and the tests of packages that write no directories: Wine 8 lacks the
// system calls that Go uses to rename and remove files in an open directory.
func testWine(t *testing.T, s snapshot) {
	t.Helper()
	const wine = "/usr/lib/wine/wine64"
	library, err := filepath.Abs("testdata/wine/bcryptprimitives.c")
	if err != nil {
		t.Fatal(err)
	}
	prefix := t.TempDir()
	s.env = append(s.env, "WINEPREFIX="+prefix, "WINEDEBUG=-all", "GOFLAGS=", "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	program := wine + " dist/amd64_windows_amd64_v1/fleetwright.exe "
	s.run(t, wine+" cmd /c ver; x86_64-w64-mingw32-gcc -shared -o "+prefix+"/drive_c/windows/system32/bcryptprimitives.dll "+library+" -ladvapi32")
	if printed := s.run(t, program+"version"); !strings.Contains(printed, "fleetwright "+releaseVersion) || !strings.Contains(printed, "windows/amd64") {
		t.Errorf("it prints\n%s", printed)
	}
	for _, example := range []string{"kuma-rollout", "hub", "cluster-selectors"} {
		command := "render examples/" + example + " -o - --path clusters 2>/dev/null"
		if windows, linux := s.run(t, program+command), s.run(t, "dist/amd64_linux_amd64_v1/fleetwright "+command); windows != linux {
			t.Errorf("%s: Windows renders\n%s\nand Linux\n%s", example, windows, linux)
		}
	}
	s.run(t, "go test -trimpath -exec "+wine+" ./schema ./internal/excerpt ./internal/blockyaml ./internal/flagger ./internal/power ./internal/sink/diff ./render/place")
}

// unpacked returns the files of a release's archive.
func unpacked(t *testing.T, all tree, name string) tree {
	t.Helper()
	if data, ok := all[name+".zip"]; ok {
		return unzipped(t, data)
	}
	zipped, err := gzip.NewReader(bytes.NewReader(all[name+".tar.gz"]))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	files := tree{}
	for r := tar.NewReader(zipped); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}
