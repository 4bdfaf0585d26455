// Package sources reads what the sources of Applications hold, and builds it as Flux would: the
// files that source-controller packs, the objects that kustomize-controller and helm-controller
// make of them.
package sources

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
)

// Files are those of a source, from its root, with slashes. They may be read by many at once.
// They are regular files: source-controller packs no links (fluxcd/pkg, artifact/storage/archive.go).
type Files struct {
	// names are the regular files, in the order of a walk.
	names []string
	// dirs are the directories, of which "." is the root.
	dirs map[string]bool
	// absent are files and directories that the source has and nobody can read here, each with the
	// reason: those of a submodule, or of a sparse checkout.
	absent map[string]string
	// read returns the content of one of the names.
	read func(name string) ([]byte, error)
	// whole are the files that source-controller packs these of, or nil.
	whole *Files
}

// newFiles returns the files of a source by their names, which need no order.
func newFiles(names []string, absent map[string]string, read func(name string) ([]byte, error)) *Files {
	slices.SortFunc(names, compareWalk)
	f := &Files{names: names, dirs: map[string]bool{".": true}, absent: absent, read: read}
	for _, name := range names {
		f.addDir(path.Dir(name))
	}
	for name := range absent {
		f.addDir(path.Dir(name))
	}
	return f
}

// sparse returns the files whose names begin with one of these, as Flux checks them out (source-controller
// internal/controller/gitrepository_controller.go, gitCheckout; go-git plumbing/format/index, SkipUnless),
// or all where there are none.
func (f *Files) sparse(dirs []string) *Files {
	if len(dirs) == 0 {
		return f
	}
	fetched := func(name string) bool {
		return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(name, strings.TrimPrefix(dir, "./")) })
	}
	names := slices.DeleteFunc(slices.Clone(f.names), func(name string) bool { return !fetched(name) })
	absent := maps.Clone(f.absent)
	maps.DeleteFunc(absent, func(name, _ string) bool { return !fetched(name) })
	return newFiles(names, absent, f.read)
}

// addDir adds a directory and those that it is in.
func (f *Files) addDir(dir string) {
	for ; !f.dirs[dir]; dir = path.Dir(dir) {
		f.dirs[dir] = true
	}
}

// compareWalk orders names as filepath.Walk comes by them: what is in a directory stands together,
// where the directory would.
func compareWalk(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	if i == len(a) || i == len(b) {
		return cmp.Compare(len(a), len(b))
	}
	switch {
	case a[i] == '/':
		return -1
	case b[i] == '/':
		return 1
	}
	return cmp.Compare(a[i], b[i])
}

// has reports whether the source has a file.
func (f *Files) has(name string) bool {
	_, found := slices.BinarySearchFunc(f.names, name, compareWalk)
	return found
}

// below returns the names of the files in a directory and below it, in the order of a walk.
func (f *Files) below(dir string) []string {
	if dir == "." {
		return f.names
	}
	from, _ := slices.BinarySearchFunc(f.names, dir+"/", compareWalk)
	n := 0
	for from+n < len(f.names) && strings.HasPrefix(f.names[from+n], dir+"/") {
		n++
	}
	return f.names[from : from+n]
}

// whyAbsent returns why a file or directory is not here, though the source has it, or "".
func (f *Files) whyAbsent(name string) string {
	for len(f.absent) > 0 && name != "." {
		if why := f.absent[name]; why != "" {
			return why
		}
		name = path.Dir(name)
	}
	return ""
}

const (
	// MaxIgnore is how many bytes the .sourceignore files of a source may have together.
	MaxIgnore = 1 << 20
	// maxMatches is how often a name may be compared with a pattern, which takes some seconds.
	maxMatches = 50_000_000
)

// packed returns the files that source-controller packs: without those that the .sourceignore files
// and spec.ignore leave out, or without its defaults where neither has a pattern
// (source-controller, internal/controller/gitrepository_controller.go, reconcileArtifact, and
// ocirepository_controller.go alike; fluxcd/pkg, artifact/storage/archive.go, SourceIgnoreFilter).
// Patterns may be such that a comparison takes long, so it fails with the cause of the context.
func (f *Files) packed(ctx context.Context, ignore *string) (*Files, error) {
	patterns, err := f.patterns()
	if err != nil {
		return nil, err
	}
	if ignore != nil {
		patterns = append(patterns, sourceignore.ReadPatterns(strings.NewReader(*ignore), nil)...)
	}
	if n := len(patterns) * (len(f.names) + len(f.dirs)); n > maxMatches {
		return nil, fmt.Errorf("%d patterns of .sourceignore and ignore are too many for %d files", len(patterns), len(f.names))
	}
	matcher := sourceignore.NewDefaultMatcher(nil, nil)
	if len(patterns) > 0 {
		matcher = sourceignore.NewMatcher(append(sourceignore.VCSPatterns(nil), patterns...))
	}
	p := &Files{dirs: map[string]bool{".": true}, absent: map[string]string{}, read: f.read, whole: f}
	for _, name := range f.names {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !matcher.Match(strings.Split(name, "/"), false) {
			p.names = append(p.names, name)
			p.addDir(path.Dir(name))
		}
	}
	// A directory is packed though all that it holds may be left out.
	for dir := range f.dirs {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if dir != "." && !matcher.Match(strings.Split(dir, "/"), true) {
			p.addDir(dir)
		}
	}
	for name, why := range f.absent {
		if !matcher.Match(strings.Split(name, "/"), true) {
			p.absent[name] = why
		}
	}
	return p, nil
}

// patterns returns those of the .sourceignore files, each for its directory, the directories in the
// order of a walk (fluxcd/pkg/sourceignore, LoadIgnorePatterns).
func (f *Files) patterns() (patterns []gitignore.Pattern, err error) {
	var dirs [][]string
	for _, name := range f.names {
		if path.Base(name) != sourceignore.IgnoreFile {
			continue
		}
		parts := strings.Split(name, "/")
		if !slices.Contains(parts, ".git") {
			dirs = append(dirs, parts[:len(parts)-1])
		}
	}
	slices.SortFunc(dirs, slices.Compare)
	total := 0
	for _, dir := range dirs {
		text, err := f.read(path.Join(append(slices.Clone(dir), sourceignore.IgnoreFile)...))
		if err != nil {
			return nil, err
		}
		if total += len(text); total > MaxIgnore {
			return nil, fmt.Errorf("the .sourceignore files have more than %d MiB", MaxIgnore>>20)
		}
		patterns = append(patterns, sourceignore.ReadPatterns(bytes.NewReader(text), dir)...)
	}
	return patterns, nil
}

// InMemory returns the files of a source that is in memory, by their names.
func InMemory(files map[string][]byte) *Files {
	return newFiles(slices.Collect(maps.Keys(files)), nil, func(name string) ([]byte, error) { return files[name], nil })
}

// Packed returns the names, among those of all files of a source, of the files that source-controller packs. The
// files need no content but for those named .sourceignore.
func Packed(files map[string][]byte, ignore *string) ([]string, error) {
	p, err := InMemory(files).packed(context.Background(), ignore)
	if err != nil {
		return nil, err
	}
	return p.names, nil
}
