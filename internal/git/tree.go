package git

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// The modes of entries that are not files (gitdatamodel(7)).
const (
	linkMode      = "120000"
	submoduleMode = "160000"
)

// maxLinks is the maximum number of links in a path, as in Linux.
const maxLinks = 40

// An entry is a file, a link or a submodule of a tree.
type entry struct {
	mode, hash string
	// name is the path relative to the root.
	name string
	// content is the content of a file, or the target of a link, once it is read.
	content []byte
	// needed reports whether the entry must be read, or is on the way to one that must.
	needed bool
}

// A tree is the tree of a revision. Its links are resolved, but never out of the revision.
type tree struct {
	revision string
	entries  []entry // sorted by name
	// walked are the directories that were needed.
	walked map[string]bool
}

// newTree parses the output of git ls-tree -r -z.
func newTree(revision, listing string) (*tree, error) {
	t := &tree{revision: revision, walked: map[string]bool{}}
	for line := range strings.SplitSeq(strings.TrimSuffix(listing, "\x00"), "\x00") {
		meta, name, _ := strings.Cut(line, "\t")
		fields := strings.Fields(meta)
		if len(fields) != 3 {
			continue // an empty tree
		}
		t.entries = append(t.entries, entry{mode: fields[0], hash: fields[2], name: name})
		if !fs.ValidPath(name) {
			return nil, t.damaged(name)
		}
	}
	slices.SortFunc(t.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for i, e := range t.entries {
		// Git never writes such a tree. Files below a link would be written elsewhere.
		if i > 0 && t.entries[i-1].name == e.name || e.mode == linkMode && t.isDir(e.name) {
			return nil, t.damaged(e.name)
		}
	}
	return t, nil
}

func (t *tree) damaged(name string) error {
	return diag.NewMistake(fmt.Sprintf("the tree of %s is damaged at %q", t.revision, name), "git fsck lists the damage")
}

// at returns the index of the first entry whose name is not before name.
func (t *tree) at(name string) int {
	i, _ := slices.BinarySearchFunc(t.entries, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
	return i
}

// find returns the entry with this name, or nil.
func (t *tree) find(name string) *entry {
	if i := t.at(name); i < len(t.entries) && t.entries[i].name == name {
		return &t.entries[i]
	}
	return nil
}

// below returns the entries below a directory.
func (t *tree) below(dir string) []entry {
	if dir == "." {
		return t.entries
	}
	first, end := t.at(dir+"/"), t.at(dir+"0") // 0 is the character after the slash
	return t.entries[first:end]
}

func (t *tree) isDir(name string) bool { return len(t.below(name)) > 0 }

// links returns all links if paths may lead through one.
func (t *tree) links(paths []string) (all []*entry) {
	isOnTheWay := false
	for i := range t.entries {
		e := &t.entries[i]
		if e.mode == linkMode {
			all = append(all, e)
			isOnTheWay = isOnTheWay || slices.ContainsFunc(paths, func(p string) bool { return isBelow(e.name, p) || isBelow(p, e.name) })
		}
	}
	if !isOnTheWay {
		return nil
	}
	return all
}

// isBelow reports whether a name is p or below it. Both are relative to the root.
func isBelow(name, p string) bool {
	return p == "." || name == p || strings.HasPrefix(name, p+"/")
}

// need marks the file at a path, or the wanted files of its directory, and the links on the way.
func (t *tree) need(name string, wanted func(string) bool) error {
	to, err := t.resolve(name)
	if err != nil {
		return err
	}
	if e := t.find(to); e != nil {
		e.needed = true
		return nil
	}
	if t.walked[to] {
		return nil
	}
	t.walked[to] = true
	entries := t.below(to)
	for i := range entries {
		e := &entries[i]
		switch {
		case e.mode == submoduleMode:
			return t.isSubmodule(e)
		case e.mode != linkMode:
			e.needed = e.needed || wanted(e.name)
			continue
		}
		to, err := t.resolve(e.name)
		if err != nil {
			return err
		}
		if t.find(to) == nil || wanted(e.name) {
			if err := t.need(to, wanted); err != nil {
				return err
			}
		}
	}
	return nil
}

// resolve returns the target of a path, which need not exist, and marks the links on the way as needed.
func (t *tree) resolve(name string) (string, error) {
	at, rest := ".", strings.Split(name, "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		if part == ".." && at == "." {
			return "", t.leadsOut(name)
		}
		at = path.Join(at, part)
		e := t.find(at)
		switch {
		case e == nil && !t.isDir(at):
			return at, nil
		case e == nil:
			continue
		case e.mode == submoduleMode:
			return "", t.isSubmodule(e)
		case e.mode != linkMode:
			continue
		}
		target := string(e.content)
		if links++; path.IsAbs(target) {
			return "", t.leadsOut(name)
		}
		e.needed = true
		if links > maxLinks {
			return at, nil // an endless chain of links
		}
		at, rest = path.Dir(at), append(strings.Split(target, "/"), rest...)
	}
	return at, nil
}

func (t *tree) isSubmodule(e *entry) error {
	return diag.NewMistake(fmt.Sprintf("%s is a submodule; %s has none of its files", e.name, t.revision), "name paths of one repository")
}

// leadsOut returns the error for a link that leads out of the revision.
func (t *tree) leadsOut(name string) error {
	return diag.NewMistake(fmt.Sprintf("%s:%s is a link out of the repository", t.revision, name), "name the target of the link, or keep a copy in the repository")
}
