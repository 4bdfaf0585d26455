// Package diff reports the changes of a render, object by object. A change on many clusters is
// reported once. The report begins with notes in words, dangerous changes first.
//
// Two changes are the same if they differ only by the names of their clusters, at places where a
// tree writes the name of a cluster.
package diff

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/tree"
)

// An Action is the kind of a change.
type Action string

// The actions.
const (
	Created Action = "created"
	Changed Action = "changed"
	Renamed Action = "renamed"
	Deleted Action = "deleted"
)

// A Report holds the changes. The zero value has no changes.
type Report struct {
	// Clusters with changes, by name.
	Clusters []Cluster
	// Notes describe the changes in words, by application and text.
	Notes []Note
	// Changes of objects, by path.
	Changes []Change
	// Waves holds the written and the waiting changes of each declared wave.
	Waves []Wave

	// through is the name of the last wave that is written, or "".
	through string
	// made is the tree that was compiled, or nil.
	made *render.Tree
}

// A Cluster is a cluster with changes.
type Cluster struct {
	Name string `json:"name"`
	counts
}

// counts are numbers of objects. A renamed one is created and deleted, as it is for Kubernetes.
type counts struct {
	Created int `json:"created"`
	Changed int `json:"changed"`
	Deleted int `json:"deleted"`
}

// A Change of one object, or of a file without objects, on all clusters where it is the same.
type Change struct {
	Action Action
	// Object with its name on the first cluster, or zero for a file without objects.
	Object Object
	// Clusters on which it changes, by name.
	Clusters []string
	// Fields that change, if the object exists before and after.
	Fields []Field

	// place, old and new belong to the first cluster. old is nil for a created object, new for a deleted one.
	place
	old, new *document
	// named reports whether the object contains the name of its cluster.
	named bool
}

// New returns the report of changes, which are sorted by cluster and path, and of losses. notes precede the others.
// made is the compiled tree, for judging rollouts; it may be nil.
func New(made *render.Tree, changes []render.Change, losses []tree.Loss, notes ...Note) *Report {
	c := comparison{
		objects: map[string]Object{}, texts: folder{}, groups: map[key]*Change{},
		noter: noter{dirs: map[scope]dirChange{}, spokes: map[scope]presence{}, texts: folder{}, all: map[noteKey]*Note{}, lost: map[lostKey]bool{}},
	}
	if made != nil {
		c.noter.judged = made.Judged
	}
	for of := range tree.ByCluster(changes) {
		c.directory(of)
	}
	r := &Report{Changes: c.changes(), made: made}
	r.Clusters = clustersOf(r.Changes)
	r.Notes = slices.Concat(notes, c.noter.notesOf(losses), c.noter.notes(r.Changes))
	return r
}

// Empty reports whether the report has no changes and no notes.
func (r *Report) Empty() bool { return len(r.Changes)+len(r.Notes) == 0 }

// Dangers returns the notes on dangerous changes.
func (r *Report) Dangers() []Note {
	return slices.DeleteFunc(slices.Clone(r.Notes), func(n Note) bool { return n.Danger == "" })
}

// A comparison groups the changes of all clusters.
type comparison struct {
	// objects are the objects parsed from texts.
	objects map[string]Object
	texts   folder
	groups  map[key]*Change
	noter   noter
}

// A key is equal for changes that are shown once.
type key struct {
	action                  Action
	whole                   bool
	path, oldPath, old, new string
}

// directory adds the changes in the directory of a cluster, or of a hub.
func (c *comparison) directory(changes []render.Change) {
	var olds, news []*document
	for _, f := range changes {
		at := placeOf(f.Cluster, f.Path)
		was, is := at.split(f.Old, f.OldObjects), at.split(f.New, f.NewObjects)
		c.noter.see(at, was, is)
		before, after := without(was, is), without(is, was)
		differing := slices.Concat(before, after)
		for _, d := range differing {
			c.identify(d)
		}
		if len(differing) == 0 || slices.ContainsFunc(differing, (*document).isNoObject) {
			c.add(c.whole(at, f.Old, len(is)), c.whole(at, f.New, len(is)))
			continue
		}
		olds, news = append(olds, before...), append(news, after...)
	}
	before := map[identity]*document{}
	for _, o := range olds {
		before[o.identity()] = o
	}
	matched := map[*document]bool{}
	for _, n := range news {
		o := before[n.identity()]
		delete(before, n.identity())
		matched[o] = true
		c.add(o, n)
	}
	for _, o := range olds {
		if !matched[o] {
			c.add(o, nil)
		}
	}
}

// identify parses the object of a document that is not part of a tree.
func (c *comparison) identify(d *document) {
	if !d.isNoObject() || d.isList() {
		return
	}
	object, ok := c.objects[d.text]
	if !ok {
		object = d.read()
		c.objects[d.text] = object
	}
	d.object = object
}

// whole returns a file as one document: a list, a file edited by hand, or a file without changed objects.
func (c *comparison) whole(at place, content []byte, documents int) *document {
	if content == nil {
		return nil
	}
	d := &document{place: at, text: string(content), whole: true, isRead: documents != 1}
	if documents == 1 {
		c.identify(d)
	}
	return d
}

// without returns the documents that are missing among others, each as often as it is missing.
func without(documents, others []*document) (rest []*document) {
	has := make(map[string]int, len(others))
	for _, o := range others {
		has[o.text]++
	}
	for _, d := range documents {
		if has[d.text]--; has[d.text] < 0 {
			rest = append(rest, d)
		}
	}
	return rest
}

// add adds the change of one object, or file, on one cluster.
func (c *comparison) add(old, new *document) {
	was, is, action := old, new, Changed
	switch {
	case old == nil:
		was, action = new, Created
	case new == nil:
		is, action = old, Deleted
	}
	same := func(text string) string { return c.texts.fold(text, is.cluster, marked) }
	k := key{action, is.whole, same(is.Path), same(was.Path), same(old.textOf()), same(new.textOf())}
	g, ok := c.groups[k]
	if !ok {
		g = &Change{Action: action, Object: is.object, place: is.place, old: old, new: new}
		c.groups[k] = g
	}
	g.named = g.named || g.Path != is.Path || g.old.textOf() != old.textOf() || g.new.textOf() != new.textOf()
	g.Clusters = append(g.Clusters, is.cluster)
}

// changes returns all changes, by path, with each renamed object as one change.
func (c *comparison) changes() []Change {
	var all []Change
	for _, g := range c.groups {
		slices.Sort(g.Clusters)
		g.Clusters = slices.Compact(g.Clusters)
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b Change) int {
		return cmp.Or(
			cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Object.String(), b.Object.String()),
			cmp.Compare(a.Action, b.Action),
			slices.Compare(a.Clusters, b.Clusters),
			cmp.Compare(a.old.textOf(), b.old.textOf()),
			cmp.Compare(a.new.textOf(), b.new.textOf()))
	})
	all = withRenamed(all)
	for i, ch := range all {
		if ch.old != nil && ch.new != nil && ch.old.value() != nil && ch.new.value() != nil {
			all[i].Fields = compare("", ch.old.value(), ch.new.value())
		}
	}
	return all
}

// withRenamed joins the deletion of an object and its creation with another name into one change.
func withRenamed(all []Change) []Change {
	deleted := map[string][]*Change{}
	for i := range all {
		if ch := &all[i]; ch.Action == Deleted {
			deleted[ch.dir] = append(deleted[ch.dir], ch)
		}
	}
	gone := map[*document]bool{}
	for i := range all {
		created := &all[i]
		if created.Action != Created {
			continue
		}
		isOld := func(deleted *Change) bool { return !gone[deleted.old] && isRenamed(deleted, created) }
		in := deleted[created.dir]
		if i := slices.IndexFunc(in, isOld); i >= 0 {
			created.Action, created.old = Renamed, in[i].old
			gone[created.old] = true
		}
	}
	return slices.DeleteFunc(all, func(ch Change) bool { return ch.Action == Deleted && gone[ch.old] })
}

// oldPath returns the former file of the object if it moves, or "".
func (ch *Change) oldPath() string {
	if ch.old == nil || ch.old.Path == ch.Path {
		return ""
	}
	return ch.old.Path
}

// clustersOf counts the objects that change on each cluster.
func clustersOf(changes []Change) []Cluster {
	clusters := map[string]Cluster{}
	for _, ch := range changes {
		for _, name := range ch.Clusters {
			n := clusters[name]
			n.Name = name
			switch {
			case ch.Object == (Object{}):
			case ch.Action == Changed:
				n.Changed++
			case ch.Action == Renamed:
				n.Created, n.Deleted = n.Created+1, n.Deleted+1
			case ch.Action == Created:
				n.Created++
			default:
				n.Deleted++
			}
			clusters[name] = n
		}
	}
	return slices.SortedFunc(maps.Values(clusters), func(a, b Cluster) int { return strings.Compare(a.Name, b.Name) })
}
