// Package sources reads the sources of Applications, and builds them like Flux: it finds the files that
// source-controller packs, and the objects that kustomize-controller and helm-controller build from them.
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

// Files are the regular files of a source, by slash-separated path relative to its root. source-controller packs
// no links (fluxcd/pkg, artifact/storage/archive.go). Files are safe for concurrent use.
type Files struct {
	// names are the regular files, in the order of a walk.
	names []string
	// dirs are the directories; "." is the root.
	dirs map[string]bool
	// absent are the files and directories of the source that cannot be read here, with the reasons: they are in a
	// submodule or outside a sparse checkout.
	absent map[string]string
	// read returns the content of a file in names.
	read func(name string) ([]byte, error)
	// whole are all files, from which source-controller packs these, or nil.
	whole *Files
}

// newFiles returns the files of a source by their names, in any order.
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

// sparse returns the files below the given directories, or all files if there are none, as Flux checks them out:
// by prefixes of names (source-controller internal/controller/gitrepository_controller.go, gitCheckout; go-git
// plumbing/format/index, SkipUnless).
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

// addDir adds a directory and its parents.
func (f *Files) addDir(dir string) {
	for ; !f.dirs[dir]; dir = path.Dir(dir) {
		f.dirs[dir] = true
	}
}

// compareWalk orders names like filepath.Walk, which lists the content of a directory at the place of the
// directory.
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

// whyAbsent returns the reason why a file or directory of the source cannot be read here, or "".
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
	// MaxIgnore limits the bytes of all .sourceignore files of a source.
	MaxIgnore = 1 << 20
	// maxMatches limits the comparisons of names with patterns to some seconds.
	maxMatches = 50_000_000
)

// packed returns the files that source-controller packs. It omits the files that match the .sourceignore files and
// spec.ignore, or the default patterns if there are none (source-controller,
// internal/controller/gitrepository_controller.go, reconcileArtifact, and ocirepository_controller.go alike;
// fluxcd/pkg, artifact/storage/archive.go, SourceIgnoreFilter). Some patterns make comparisons slow, so packed
// fails with the cause of the context.
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
	// A directory is packed even if all its files are omitted.
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

// patterns returns the patterns of the .sourceignore files, each for its directory, in the order of a walk
// (fluxcd/pkg/sourceignore, LoadIgnorePatterns).
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

// InMemory returns the files of a source in memory, by name.
func InMemory(files map[string][]byte) *Files {
	return newFiles(slices.Collect(maps.Keys(files)), nil, func(name string) ([]byte, error) { return files[name], nil })
}

// Packed returns the names of the files that source-controller packs. Only the files named .sourceignore need
// content.
func Packed(files map[string][]byte, ignore *string) ([]string, error) {
	p, err := InMemory(files).packed(context.Background(), ignore)
	if err != nil {
		return nil, err
	}
	return p.names, nil
}
