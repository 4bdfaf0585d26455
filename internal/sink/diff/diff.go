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
}

// A Cluster says how many objects change on a cluster. One that is renamed counts as
// created and deleted, as it is for Kubernetes.
type Cluster struct {
	Name    string `json:"name"`
	Created int    `json:"created"`
	Changed int    `json:"changed"`
	Deleted int    `json:"deleted"`
}

// A Change of one object, or of a file that holds none, on all clusters where it is
// the same.
type Change struct {
	Action Action
	// Object that changes; its names are those on the first cluster. A file that
	// holds none, such as a kustomization.yaml, has the zero Object.
	Object Object
	// OldPath is the path of the file that the object comes from, where that is another.
	OldPath string
	// Clusters on which it changes, by name.
	Clusters []string
	// Fields that change, of an object that is there before and after.
	Fields []Field

	// place of the object on the first cluster, and what it was and will be.
	place
	old, new *document
	// named says that the clusters have it with their own names.
	named bool
}

// Objects are the numbers of objects created, changed and deleted, on all clusters.
func (r *Report) Objects() (created, changed, deleted int) {
	for _, c := range r.Clusters {
		created, changed, deleted = created+c.Created, changed+c.Changed, deleted+c.Deleted
	}
	return created, changed, deleted
}

// Applications are those that anything changes of, by name, as namespace/name.
func (r *Report) Applications() []string {
	names := map[string]bool{}
	for i := range r.Changes {
		if name := about(r.Changes[i].dir); strings.Contains(name, "/") {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Dangers are the notes of what is dangerous.
func (r *Report) Dangers() (dangers []Note) {
	for _, n := range r.Notes {
		if n.Danger != "" {
			dangers = append(dangers, n)
		}
	}
	return dangers
}

// New makes the report of changes, which are by cluster and path, and of what clusters lose by
// them. What else there is to say comes first.
func New(changes []render.Change, losses []tree.Loss, notes ...Note) *Report {
	c := comparison{
		documents: folder[document]{}, paths: folder[string]{}, groups: map[key]*Change{},
		noter: noter{dirs: map[scope]map[string]*dirChange{}, exact: map[noteKey]*Note{}, starred: map[noteKey]*Note{}, lost: map[lostKey]bool{}},
	}
	for of := range tree.ByCluster(changes) {
		c.directory(of)
	}
	r := &Report{Changes: c.changes()}
	r.Clusters = c.clusters(r.Changes)
	r.Notes = slices.Concat(notes, c.noter.notesOf(losses), c.noter.notes(r.Changes))
	return r
}

// Empty says whether there is nothing to say.
func (r *Report) Empty() bool { return len(r.Changes)+len(r.Notes) == 0 }

// A comparison groups the changes of all clusters.
type comparison struct {
	documents folder[document]
	paths     folder[string]
	groups    map[key]*Change
	noter     noter
}

// A key is what changes have in common that are shown once.
type key struct {
	action        Action
	path, oldPath *string
	old, new      *document
}

// A side is a document before or after. The shared one may be that of another cluster.
type side struct {
	place
	text
	shared *document
}

// here is the document as it is there.
func (s side) here() *document {
	switch {
	case s.shared == nil:
		return nil
	case s.shared.text == s.text.text && s.shared.place == s.place:
		return s.shared
	}
	d := newDocument(s.place, s.text.text, s.object)
	d.whole = s.shared.whole
	return d
}

// identity is that of the object there.
func (s side) identity() identity {
	o := s.shared.object
	if s.object != nil {
		o = *s.object
	} else if s.shared.text != s.text.text {
		o.Namespace, o.Name = renamed(o.Namespace, s.shared.cluster, s.cluster), renamed(o.Name, s.shared.cluster, s.cluster)
	}
	return identity{s.cluster, o.Group(), o.Kind, o.Namespace, o.Name}
}

// side is a document of a file.
func (c *comparison) side(file place, t text) side {
	at := file.of(t)
	known := t.text
	if at.isList() {
		known = mark + mark + known
	}
	return side{at, t, c.documents.fold(at.cluster, known, func() *document { return newDocument(at, t.text, t.object) })}
}

// directory adds what changes in the directory of a cluster, or of a hub.
func (c *comparison) directory(changes []render.Change) {
	var olds, news []side
	for _, f := range changes {
		c.noter.see(f)
		file := placeOf(f.Cluster, f.Path)
		was, is := split(f.Old, f.OldObjects), split(f.New, f.NewObjects)
		var before, after []side
		for _, t := range without(was, is) {
			before = append(before, c.side(file, t))
		}
		for _, t := range without(is, was) {
			after = append(after, c.side(file, t))
		}
		if slices.ContainsFunc(slices.Concat(before, after), side.isNoObject) || len(before)+len(after) == 0 {
			c.file(f, len(is))
			continue
		}
		olds, news = append(olds, before...), append(news, after...)
	}
	before := map[identity]int{}
	for i, o := range olds {
		before[o.identity()] = i
	}
	matched := make([]bool, len(olds))
	for _, n := range news {
		i, ok := before[n.identity()]
		if !ok || matched[i] {
			c.add(Created, side{}, n)
			continue
		}
		matched[i] = true
		c.add(Changed, olds[i], n)
	}
	for i, o := range olds {
		if !matched[i] {
			c.add(Deleted, o, side{})
		}
	}
}

func (s side) isNoObject() bool { return s.shared.object == (Object{}) }

// file adds a file as a whole: one that lists others, one that was edited by hand until
// it held no objects, or one in which no object changes.
func (c *comparison) file(f render.Change, documents int) {
	at := placeOf(f.Cluster, f.Path)
	whole := func(content []byte) side {
		if content == nil {
			return side{}
		}
		t := text{text: string(content)}
		shared := c.documents.fold(at.cluster, mark+t.text, func() *document {
			d := &document{place: at, text: t.text, isRead: true}
			if documents == 1 {
				d = newDocument(at, t.text, nil)
			}
			d.whole = true
			return d
		})
		return side{at, t, shared}
	}
	action := Changed
	switch {
	case f.Old == nil:
		action = Created
	case f.New == nil:
		action = Deleted
	}
	c.add(action, whole(f.Old), whole(f.New))
}

// without are the texts that are not among others, as often as they are not.
func without(texts, others []text) (rest []text) {
	has := make(map[string]int, len(others))
	for _, o := range others {
		has[o.text]++
	}
	for _, t := range texts {
		if has[t.text]--; has[t.text] < 0 {
			rest = append(rest, t)
		}
	}
	return rest
}

// add adds the change of one object, or file, on one cluster.
func (c *comparison) add(action Action, old, new side) {
	is := new
	if is.shared == nil {
		is = old
	}
	path := func(at place) *string {
		return c.paths.fold(at.cluster, at.Path, func() *string { return &at.Path })
	}
	k := key{action: action, path: path(is.place), old: old.shared, new: new.shared}
	if old.shared != nil {
		k.oldPath = path(old.place)
	}
	g, ok := c.groups[k]
	if !ok {
		g = &Change{Action: action, place: is.place, old: old.here(), new: new.here()}
		g.Object = is.here().object
		if action == Changed {
			if g.old.value() != nil && g.new.value() != nil {
				g.Fields = fieldsOf(g.old.value(), g.new.value())
			}
			if old.Path != new.Path {
				g.OldPath = old.Path
			}
		}
		c.groups[k] = g
	}
	g.named = g.named || g.Path != is.Path || g.old.textOf() != old.text.text || g.new.textOf() != new.text.text
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
	return withRenamed(all)
}

// withRenamed puts what is deleted and created under another name into one change.
func withRenamed(all []Change) []Change {
	deletedIn := map[string][]int{}
	for i := range all {
		if all[i].Action == Deleted {
			deletedIn[all[i].dir] = append(deletedIn[all[i].dir], i)
		}
	}
	gone := map[int]bool{}
	for i := range all {
		created := &all[i]
		if created.Action != Created {
			continue
		}
		for _, j := range deletedIn[created.dir] {
			deleted := &all[j]
			if gone[j] || !isRenamed(deleted, created) {
				continue
			}
			created.Action, created.old = Renamed, deleted.old
			created.Fields = fieldsOf(deleted.old.value(), created.new.value())
			if deleted.Path != created.Path {
				created.OldPath = deleted.Path
			}
			gone[j] = true
			break
		}
	}
	var rest []Change
	for i := range all {
		if !gone[i] {
			rest = append(rest, all[i])
		}
	}
	return rest
}

// clusters counts the objects that change on each cluster.
func (c *comparison) clusters(changes []Change) []Cluster {
	counts := map[string]*Cluster{}
	for i := range changes {
		for _, name := range changes[i].Clusters {
			if counts[name] == nil {
				counts[name] = &Cluster{Name: name}
			}
			if changes[i].Object == (Object{}) {
				continue
			}
			switch changes[i].Action {
			case Created:
				counts[name].Created++
			case Changed:
				counts[name].Changed++
			case Renamed:
				counts[name].Created++
				counts[name].Deleted++
			case Deleted:
				counts[name].Deleted++
			}
		}
	}
	var all []Cluster
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, *counts[name])
	}
	return all
}
