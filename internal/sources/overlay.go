package sources

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

const (
	// root is kustomize's path of the source. The name is improbable, so that a path that leaves the source cannot
	// lead back.
	root = "/root of the source"
	// maxBytes and maxReads limit the reads of one build.
	maxBytes = 16 << 20
	maxReads = 20000
	// maxQuoted limits the bytes of an error. kustomize quotes an error again for each component on its way up,
	// which may double it (api/internal/target/kusttarget.go, accumulateComponents).
	maxQuoted = 2 * maxBytes
)

// An overlay is the file system of one build: the files of a source, with a generated kustomization.yaml on top.
// It rejects files that must not be built here, and records the reason.
type overlay struct {
	// FileSystem is empty. It provides the methods that a build never calls.
	filesys.FileSystem
	files *Files
	// kfile is the path of the generated kustomization.yaml, and content is its content.
	kfile   string
	content []byte

	// mu guards the fields below, because a build that takes too long runs on in the background.
	mu           sync.Mutex
	bytes, reads int
	// depths are the numbers of components on the way to each directory, and deepest is their maximum.
	depths  map[string]int
	deepest int
	seen    overlaySeen
	stopped bool
}

// overlaySeen holds the findings about the files that were read.
type overlaySeen struct {
	// unread is the reason why the source cannot be built here.
	unread string
	// missing describes the first entry of a kustomization file that is not in the source.
	missing string
}

func newOverlay(f *Files, kfile string, content []byte) *overlay {
	return &overlay{FileSystem: filesys.MakeEmptyDirInMemory(), files: f, kfile: kfile, content: content, depths: map[string]int{}}
}

// stop makes all further reads fail, and returns the findings so far.
func (o *overlay) stop() overlaySeen {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	return o.seen
}

var (
	errOutside  = errors.New("the path leaves the source")
	errStopped  = errors.New("the build has ended")
	errRejected = errors.New("the source is not read")
)

// inSource returns the path in the source.
func inSource(p string) (string, error) {
	p = path.Clean(p)
	if p == root {
		return ".", nil
	}
	if rest, ok := strings.CutPrefix(p, root+"/"); ok {
		return rest, nil
	}
	return "", errOutside
}

// note changes the findings, unless the build has ended.
func (o *overlay) note(change func(*overlaySeen)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.stopped {
		change(&o.seen)
	}
}

// reject marks the source as unread. The first reason counts.
func (o *overlay) reject(format string, args ...any) error {
	o.note(func(seen *overlaySeen) { seen.unread = cmp.Or(seen.unread, fmt.Sprintf(format, args...)) })
	return errRejected
}

// ReadFile returns the content of a file.
func (o *overlay) ReadFile(p string) ([]byte, error) {
	file, err := inSource(p)
	switch {
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: p, Err: err}
	case file == o.kfile:
		return o.content, o.look(file, o.content)
	case o.files.whyAbsent(file) != "":
		return nil, o.reject("%s: %s", file, o.files.whyAbsent(file))
	case o.files.dirs[file]:
		return nil, &fs.PathError{Op: "read", Path: p, Err: syscall.EISDIR}
	case !o.files.has(file):
		return nil, &fs.PathError{Op: "open", Path: p, Err: syscall.ENOENT}
	}
	text, err := o.files.read(file)
	if err != nil {
		return nil, o.reject("%s cannot be read: %s", file, reasonOf(err))
	}
	if err := o.count(len(text)); err != nil {
		return nil, err
	}
	return text, o.look(file, text)
}

// count counts a read, and fails if it is too large or too late.
func (o *overlay) count(n int) error {
	o.mu.Lock()
	o.reads++
	o.bytes += n
	stopped, much := o.stopped, o.reads > maxReads || o.bytes > maxBytes
	quoted := o.deepest > 20 || (o.bytes+len(o.content))<<o.deepest > maxQuoted
	o.mu.Unlock()
	switch {
	case stopped:
		return errStopped
	case quoted:
		return o.reject("its components are nested too deeply")
	case much:
		return o.reject("a build reads more than %d MiB, or more than %d files", maxBytes>>20, maxReads)
	}
	return nil
}

// look inspects a file before kustomize does.
func (o *overlay) look(file string, text []byte) error {
	if explodes(text) {
		return o.reject("%s has aliases that expand to more than %d values", file, maxExpanded)
	}
	if !slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(file)) {
		return nil
	}
	var k types.Kustomization
	if k.Unmarshal(text) != nil {
		return nil // kustomize parses it with the same function, and fails
	}
	k.FixKustomization()
	o.descend(path.Dir(file), &k)
	for _, entry := range roots(&k) {
		if looksRemote(entry) {
			return o.reject("%s names the remote base %s", file, entry)
		}
		o.lookFor(file, entry)
	}
	for _, entry := range loads(&k) {
		if isRemoteFile(entry) {
			return o.reject("%s names the remote file %s", file, entry)
		}
	}
	if len(k.OpenAPI) > 0 {
		// kyaml has one schema per process (kyaml/openapi/openapi.go), which also affects the patches of rollouts.
		return o.reject("%s sets openapi, which changes how patches are merged", file)
	}
	return nil
}

// descend records the depth of the components of a directory.
func (o *overlay) descend(dir string, k *types.Kustomization) {
	o.mu.Lock()
	defer o.mu.Unlock()
	depth := o.depths[dir]
	for _, entry := range roots(k) {
		target := path.Join(dir, entry)
		o.depths[target] = max(o.depths[target], depth)
	}
	for _, entry := range k.Components {
		target := path.Join(dir, entry)
		o.depths[target] = max(o.depths[target], depth+1)
		o.deepest = max(o.deepest, depth+1)
	}
}

// lookFor records an entry of a kustomization file that is not in the source.
func (o *overlay) lookFor(file, entry string) {
	target := path.Join(path.Dir(file), entry)
	why := ""
	switch whole := o.files.whole; {
	case strings.ContainsAny(entry, "\n{"): // an inline object
	case path.IsAbs(entry):
		why = "leaves the source"
	case o.files.has(target) || o.files.dirs[target] || o.files.whyAbsent(target) != "":
	case target == ".." || strings.HasPrefix(target, "../"):
		why = "leaves the source"
	case whole != nil && (whole.has(target) || whole.dirs[target]):
		why = "is excluded by .sourceignore or spec.source's ignore"
	default:
		why = "is not in the source"
	}
	if why != "" {
		o.note(func(seen *overlaySeen) {
			seen.missing = cmp.Or(seen.missing, fmt.Sprintf("%s names %s, which %s", file, entry, why))
		})
	}
}

// roots returns the entries that kustomize opens as files, or else as directories or Git repositories.
func roots(k *types.Kustomization) []string {
	return slices.Concat(k.Resources, k.Components, k.Generators, k.Transformers, k.Validators)
}

// patchesOf returns the patches of a kustomization file, including the deprecated fields, which kustomize still
// builds: merges are files or texts of strategic merge patches, and patches are all other patches.
func patchesOf(k *types.Kustomization) (merges []string, patches []types.Patch) {
	//lint:ignore SA1019 kustomize builds it
	for _, p := range k.PatchesStrategicMerge {
		merges = append(merges, string(p))
	}
	//lint:ignore SA1019 kustomize builds it
	return merges, slices.Concat(k.Patches, k.PatchesJson6902)
}

// loads returns the entries that kustomize opens as files, or else over HTTP.
func loads(k *types.Kustomization) (files []string) {
	merges, patches := patchesOf(k)
	files = slices.Concat(k.Crds, k.Configurations, merges)
	for _, p := range patches {
		files = append(files, p.Path)
	}
	for _, r := range k.Replacements {
		files = append(files, r.Path)
	}
	for _, m := range k.ConfigMapGenerator {
		files = append(files, pairs(m.KvPairSources)...)
	}
	for _, s := range k.SecretGenerator {
		files = append(files, pairs(s.KvPairSources)...)
	}
	return append(files, k.OpenAPI["path"])
}

// pairs returns the files of a generator, which may begin with a key.
func pairs(s types.KvPairSources) (files []string) {
	for _, f := range s.FileSources {
		if _, file, ok := strings.Cut(f, "="); ok {
			f = file
		}
		files = append(files, f)
	}
	return append(files, s.EnvSources...)
}

// isRemoteFile reports whether kustomize fetches a file from a server (api/internal/loader/fileloader.go).
func isRemoteFile(entry string) bool {
	u, err := url.Parse(entry)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

var (
	remotePrefixes = []string{"ssh://", "https://", "http://", "file://", "github.com/", "github.com:"}
	remoteUser     = lazyregexp.New(`^[a-zA-Z][a-zA-Z0-9-]*@`)
)

// looksRemote reports whether kustomize may treat an entry as a Git repository (api/internal/git/repospec.go).
func looksRemote(entry string) bool {
	lower := strings.TrimPrefix(strings.ToLower(entry), "git::")
	return isRemoteFile(entry) || remoteUser().MatchString(lower) ||
		slices.ContainsFunc(remotePrefixes, func(p string) bool { return strings.HasPrefix(lower, p) })
}

// CleanedAbs returns a directory, or the directory and the name of a file.
func (o *overlay) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	p = path.Clean(p)
	n, err := inSource(p)
	if err != nil {
		return "", "", &fs.PathError{Op: "open", Path: p, Err: err}
	}
	if why := o.files.whyAbsent(n); why != "" {
		return "", "", o.reject("%s: %s", n, why)
	}
	switch {
	case o.files.dirs[n]:
		return filesys.ConfirmedDir(p), "", nil
	case n == o.kfile || o.files.has(n):
		return filesys.ConfirmedDir(path.Dir(p)), path.Base(p), nil
	}
	return "", "", &fs.PathError{Op: "open", Path: p, Err: syscall.ENOENT}
}

// IsDir reports whether the source has a directory.
func (o *overlay) IsDir(p string) bool {
	n, err := inSource(p)
	return err == nil && o.files.dirs[n]
}

// Exists reports whether the source has a file or directory.
func (o *overlay) Exists(p string) bool {
	n, err := inSource(p)
	return err == nil && (n == o.kfile || o.files.dirs[n] || o.files.has(n))
}
