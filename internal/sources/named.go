package sources

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A Given is a directory that the command line sets for a source.
type Given struct {
	URL string
	// Dir is the real path, and name is the path as given.
	Dir, name string
}

// SameSource reports whether both set a directory for the same source.
func (g Given) SameSource(other Given) bool { return normal(g.URL) == normal(other.URL) }

// givenHint is the hint for errors in --source.
const givenHint = "--source URL=DIR sets the directory with the files of the source at URL"

// ParseGiven parses URL=DIR.
func ParseGiven(text string) (Given, error) {
	// A URL may contain the character, too.
	i := strings.LastIndexByte(text, '=')
	if i <= 0 || i == len(text)-1 {
		return Given{}, diag.NewMistake(fmt.Sprintf("--source %s is not URL=DIR", text), givenHint)
	}
	g := Given{URL: text[:i], name: text[i+1:]}
	real, err := directory(g.name)
	if err != nil {
		return g, diag.NewMistake(fmt.Sprintf("--source %s: %v", text, err), givenHint)
	}
	g.Dir = real
	return g, nil
}

var (
	errMissing = errors.New("no such directory")
	errNoDir   = errors.New("not a directory")
)

// directory returns the real path of a readable directory.
func directory(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errMissing
	}
	info, err2 := os.Stat(real)
	switch {
	case cmp.Or(err, err2) != nil:
		return "", errors.New(reason(cmp.Or(err, err2), abs))
	case !info.IsDir():
		return "", errNoDir
	}
	d, err := os.Open(real)
	if err != nil {
		return "", errors.New(reason(err, abs))
	}
	return real, d.Close()
}

// Configure reads the directories in spec.sources of a RenderConfig.
func (f *Finder) Configure(docs []*schema.Document) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range docs {
		config, ok := d.Object.(*api.RenderConfig)
		if !ok {
			continue
		}
		var urls []string
		for i, s := range config.Spec.Sources {
			at := schema.Path{"spec", "sources", i}
			if url := normal(s.URL); slices.Contains(urls, url) {
				f.list = append(f.list, d.Diagnostic(diag.SourceDirectory, at.With("url"), "an earlier entry has the same source", "name one directory per source"))
			} else {
				urls = append(urls, url)
				f.configure(d, at.With("path"), url, s.Path)
			}
		}
	}
}

// configure reads one directory of a RenderConfig.
func (f *Finder) configure(d *schema.Document, at schema.Path, url, name string) {
	n := &named{url: url, report: func(message string) {
		f.list = append(f.list, d.Diagnostic(diag.SourceDirectory, at, fmt.Sprintf("the directory %s: %s", name, message),
			"write a directory of the same repository, relative to the RenderConfig's file; only --source URL=DIR may point elsewhere"))
	}}
	switch err := f.confine(n, d, name); {
	case errors.Is(err, errMissing) && f.Function:
		n.absent = fmt.Sprintf("the directory %s of the RenderConfig does not exist", name)
	case err != nil:
		n.fail(err.Error())
	}
	f.named = append(f.named, n)
}

// confine resolves a directory relative to the file of a document. It must be inside the file's repository, or
// without a repository inside the file's directory.
func (f *Finder) confine(n *named, d *schema.Document, name string) error {
	if path.IsAbs(name) || filepath.IsAbs(name) {
		return errors.New("it is not relative to the RenderConfig's file")
	}
	base := "."
	if p := d.Position(); !p.Unnumbered && p.File != inputs.Stdin {
		base = filepath.Dir(filepath.FromSlash(strings.TrimPrefix(p.File, f.Revision+":")))
	}
	base, err := git.Real(base)
	if err != nil {
		return err
	}
	root, inRepository := git.Around(base)
	if !inRepository {
		root = base
	}
	n.dir = filepath.Join(base, filepath.FromSlash(name))
	leadsOut := errors.New("it is outside the repository")
	if !inRepository {
		leadsOut = errors.New("it is outside the directory of the RenderConfig's file")
	}
	around := git.Repository{Root: root}
	if !around.Holds(n.dir) {
		return leadsOut
	}
	if f.Revision != "" {
		return nil // the revision may contain it
	}
	if n.dir, err = directory(n.dir); err == nil && !around.Holds(n.dir) {
		err = leadsOut
	}
	return err
}
