// Package diff says what a render would change: object by object, each thing once
// however many clusters it changes on, in words first, and what is dangerous of it
// before all.
//
// Two changes are the same where they differ by the name of their cluster alone.
package diff

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/render"
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
	Name                      string
	Created, Changed, Deleted int
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

// New makes the report of changes, which are by cluster and path. Refused says why a
// render would not make them without being told to, or is empty.
func New(changes []render.Change, refused string) *Report {
	c := comparison{documents: documents{}, groups: map[key]*Change{}, noter: noter{dirs: map[string]map[string]*dirChange{}, said: map[noteKey]*Note{}}}
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].Cluster == changes[0].Cluster {
			n++
		}
		c.directory(changes[:n])
		changes = changes[n:]
	}
	r := &Report{Changes: c.changes()}
	r.Clusters = c.clusters(r.Changes)
	r.Notes = c.noter.notes(r.Changes)
	if refused != "" {
		r.Notes = append([]Note{{Text: refused, Danger: "render does nothing of all this without --allow-prune"}}, r.Notes...)
	}
	return r
}

// A comparison groups the changes of all clusters.
type comparison struct {
	documents documents
	groups    map[key]*Change
	noter     noter
}

// A key is what changes have in common that are shown once. Documents are the same
// where they are those of the same text.
type key struct {
	action        Action
	path, oldPath string
	old, new      *document
}

// A side is an object before or after.
type side struct {
	place
	// text as it is there; the document may be that of another cluster.
	text string
	*document
}

// here is the document as it is there.
func (s side) here() *document {
	if s.document == nil || s.document.text == s.text {
		return s.document
	}
	return newDocument(s.cluster, path.Base(s.Path), s.text)
}

// directory adds what changes in the directory of a cluster, or of a hub.
func (c *comparison) directory(changes []render.Change) {
	if len(changes) > 1 {
		// It follows from all others.
		changes = slices.DeleteFunc(slices.Clone(changes), func(f render.Change) bool { return f.Path == render.InventoryFile })
	}
	var olds, news []side
	for _, f := range changes {
		was, is := split(f.Old), split(f.New)
		for _, text := range without(was, is) {
			olds = append(olds, c.side(f, text))
		}
		for _, text := range without(is, was) {
			news = append(news, c.side(f, text))
		}
		c.noter.see(f)
	}
	before := map[identity]int{}
	for i, o := range olds {
		before[o.identityAt(o.place)] = i
	}
	matched := make([]bool, len(olds))
	for _, n := range news {
		i, ok := before[n.identityAt(n.place)]
		if !ok {
			// What was no object, having been edited by hand, is that of its file.
			i, ok = before[identity{name: n.Path, cluster: n.cluster}]
		}
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

// side is a document of a file.
func (c *comparison) side(f render.Change, text string) side {
	at := placeOf(f.Cluster, f.Path, text)
	return side{at, text, c.documents.get(at.cluster, path.Base(f.Path), text)}
}

// without are the texts that are not among others.
func without(texts, others []string) []string {
	has := make(map[string]bool, len(others))
	for _, o := range others {
		has[o] = true
	}
	return slices.DeleteFunc(slices.Clone(texts), func(t string) bool { return has[t] })
}

// add adds the change of one object on one cluster.
func (c *comparison) add(action Action, old, new side) {
	is := new
	if is.document == nil {
		is = old
	}
	k := key{action: action, path: is.generalPath(), old: old.document, new: new.document}
	if old.document != nil {
		k.oldPath = old.generalPath()
	}
	g, ok := c.groups[k]
	if !ok {
		g = &Change{Action: action, Object: is.here().object, place: is.place, old: old.here(), new: new.here()}
		if action == Changed {
			g.Fields = fieldsOf(g.old.value, g.new.value)
			if old.Path != new.Path {
				g.OldPath = old.Path
			}
		}
		c.groups[k] = g
	}
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
			slices.Compare(a.Clusters, b.Clusters))
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
			created.Fields = fieldsOf(deleted.old.value, created.new.value)
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
