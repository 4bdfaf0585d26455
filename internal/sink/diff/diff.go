// Package diff says what a render would change: object by object, each thing once
// however many clusters it changes on, in words first, and what is dangerous of it
// before all.
//
// Two changes are the same where they differ by their clusters' own names alone: what a
// tree says of a cluster, and not the same word elsewhere.
package diff

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/tree"
)

// An Action is what happens to an object.
type Action string

// The actions.
const (
	Created Action = "created"
	Changed Action = "changed"
	Renamed Action = "renamed"
	Deleted Action = "deleted"
)

// A Report is what changes. The zero value says that nothing does.
type Report struct {
	// Clusters that anything changes on, by name.
	Clusters []Cluster
	// Notes say in words what changes, by application and text.
	Notes []Note
	// Changes of objects, by path.
	Changes []Change
	// Waves say what is written of each wave and what waits, where waves are declared.
	Waves []Wave

	// through is the name of the last wave that is written, or "".
	through string
	// made is the tree that was compiled, or nil.
	made *render.Tree
}

// A Cluster is one that anything changes on.
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

// A Change of one object, or of a file that holds none, on all clusters where it is the same.
type Change struct {
	Action Action
	// Object as it is named on the first cluster, or zero for a file without objects.
	Object Object
	// Clusters on which it changes, by name.
	Clusters []string
	// Fields that change, of an object that is there before and after.
	Fields []Field

	// place, old and new are those of the first cluster, nil where there is none.
	place
	old, new *document
	// named reports whether the clusters have it with their own names.
	named bool
}

// New reports changes, by cluster and path, and losses. Other notes come first. The tree that was compiled, which may be
// nil, tells what the rollouts are judged by.
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

// Empty reports whether nothing would change now.
func (r *Report) Empty() bool { return len(r.Changes)+len(r.Notes) == 0 }

// Dangers are the notes of what is dangerous.
func (r *Report) Dangers() []Note {
	return slices.DeleteFunc(slices.Clone(r.Notes), func(n Note) bool { return n.Danger == "" })
}

// A comparison groups the changes of all clusters.
type comparison struct {
	// objects are those that were read from texts.
	objects map[string]Object
	texts   folder
	groups  map[key]*Change
	noter   noter
}

// A key is what changes have in common that are shown once.
type key struct {
	action                  Action
	whole                   bool
	path, oldPath, old, new string
}

// directory adds what changes in the directory of a cluster, or of a hub.
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

// identify finds the object that a document is, where no tree has said so.
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

// whole returns a file shown as a whole: a list, one edited by hand, one without changed objects.
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

// without are the documents that are not among others, as often as they are not.
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

// changes are all changes, by path, with what was renamed in one.
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

// withRenamed puts what is deleted and created under another name into one change.
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

// oldPath is the path of the file that the object comes from, where that is another.
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
