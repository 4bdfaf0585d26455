package diff

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/render"
)

// A Note says in words what changes.
type Note struct {
	// About is what changes: an application as namespace/name, or a part that serves
	// all of them, such as infrastructure. It is empty for the clusters themselves.
	About string
	// Text says what changes. It is lower case and ends without a full stop. What is
	// called otherwise on each cluster has a star for the cluster's name.
	Text string
	// Danger says what it does on the clusters, where that is dangerous.
	Danger string
	// Clusters where it changes, by name.
	Clusters []string
}

// String is the note in one line, without what it is about.
func (n Note) String() string {
	text := n.Text
	if len(n.Clusters) > 0 {
		text += " on " + clustersInWords(n.Clusters)
	}
	if n.Danger != "" {
		text += ": " + n.Danger
	}
	return text
}

// clustersInWords names a few clusters, and counts many.
func clustersInWords(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%d clusters", len(names))
	}
	return strings.Join(names, ", ")
}

// A noter collects what there is to say, once for all clusters.
type noter struct {
	// dirs are the directories that change, by cluster and path.
	dirs map[string]map[string]*dirChange
	said map[noteKey]*Note
}

// A noteKey is what notes have in common that are one.
type noteKey struct{ about, text, danger string }

// say notes something about a change on some of its clusters.
func (n *noter) say(ch *Change, text, danger string, on []string) {
	if len(on) > 0 {
		n.add(about(ch.dir), text, generalized(text, ch.cluster, "*"), danger, on)
	}
}

func (n *noter) add(about, text, general, danger string, on []string) {
	k := noteKey{about, general, danger}
	note := n.said[k]
	if note == nil {
		note = &Note{About: about, Text: text, Danger: danger}
		n.said[k] = note
	}
	note.Clusters = append(note.Clusters, on...)
	slices.Sort(note.Clusters)
	if note.Clusters = slices.Compact(note.Clusters); len(note.Clusters) > 1 {
		note.Text = general
	}
}

// notes are all notes: by what they are about, the dangerous ones first.
func (n *noter) notes(changes []Change) []Note {
	n.ofDirs(changes)
	for i := range changes {
		n.of(&changes[i])
	}
	var all []Note
	for _, note := range n.said {
		all = append(all, *note)
	}
	isSafe := func(n Note) int { return 1 - min(len(n.Danger), 1) }
	slices.SortFunc(all, func(a, b Note) int {
		return cmp.Or(
			cmp.Compare(a.About, b.About),
			cmp.Compare(isSafe(a), isSafe(b)),
			cmp.Compare(a.Text, b.Text),
			slices.Compare(a.Clusters, b.Clusters))
	})
	return all
}

// A dirChange is what happens to a directory of a cluster.
type dirChange struct {
	// made and removed count its files that are; others says that there are more.
	made, removed int
	others        bool
}

// A directory comes and goes with its kustomization.yaml and what that lists; one file
// alone that is missing was deleted by hand.
func (d *dirChange) created() bool { return d != nil && d.made > 1 && d.removed == 0 && !d.others }
func (d *dirChange) deleted() bool { return d != nil && d.removed > 1 && d.made == 0 && !d.others }

// see notes what a change of a file says about its directory.
func (n *noter) see(f render.Change) {
	at := placeOf(f.Cluster, f.Path, "")
	if n.dirs[at.cluster] == nil {
		n.dirs[at.cluster] = map[string]*dirChange{}
	}
	d := n.dirs[at.cluster][at.dir]
	if d == nil {
		d = &dirChange{}
		n.dirs[at.cluster][at.dir] = d
	}
	switch {
	case f.Old == nil:
		d.made++
	case f.New == nil:
		d.removed++
	default:
		d.others = true
	}
}

// about is what a directory holds: an application, or what serves all.
func about(dir string) string {
	stage, id, ok := strings.Cut(dir, "/")
	if ok && (stage == "apps" || stage == "rollouts") {
		return strings.Replace(id, ".", "/", 1)
	}
	if dir == "." {
		return ""
	}
	return dir
}

// ofDirs says which clusters and applications come and go.
func (n *noter) ofDirs(changes []Change) {
	// What an application loses, Flux deletes.
	loses := map[[2]string]bool{}
	for i := range changes {
		if ch := &changes[i]; ch.Action == Deleted && dangerOfDeletion(ch) != "" {
			for _, cluster := range ch.Clusters {
				loses[[2]string{cluster, ch.dir}] = true
			}
		}
	}
	for _, cluster := range slices.Sorted(maps.Keys(n.dirs)) {
		dirs, on := n.dirs[cluster], []string{cluster}
		say := func(dir, text, danger string) { n.add(about(dir), text, text, danger, on) }
		switch {
		case dirs["."].created():
			say(".", "cluster added", "")
			continue
		case dirs["."].deleted():
			say(".", "cluster removed", "Flux deletes everything that it has applied there")
			continue
		}
		for dir, d := range dirs {
			switch {
			case path.Dir(dir) != "apps":
			case d.created():
				say(dir, "application added", "")
			case d.deleted() && loses[[2]string{cluster, dir}]:
				say(dir, "application removed", "Flux deletes all that it has applied of it")
			case d.deleted():
				say(dir, "application removed", "")
			}
		}
	}
}

// of says what changes of an object, where its directory does not say it all.
func (n *noter) of(ch *Change) {
	if ch.Object == (Object{}) {
		// A list of files follows from these, where they change.
		switch {
		case path.Base(ch.Path) == render.InventoryFile && ch.Action == Changed:
			n.say(ch, "the inventory alone changes", "", ch.Clusters)
		case ch.Action == Created:
			n.say(ch, path.Base(ch.Path)+" is missing", "", n.where(ch, (*dirChange).created))
		}
		return
	}
	subject, rollout := ch.subject(), ch.Object.Kind == "Canary"
	switch ch.Action {
	case Created:
		if rollout {
			n.say(ch, subject+": rollout added", "", n.where(ch, nil))
		} else {
			n.say(ch, subject+" added", "", n.where(ch, (*dirChange).created))
		}
	case Deleted:
		danger := dangerOfDeletion(ch)
		switch {
		case rollout:
			n.say(ch, subject+": rollout removed", danger, n.where(ch, nil))
		case keptByFlux(ch.old.value):
			n.say(ch, subject+" is no longer rendered, and left on the cluster", "", n.where(ch, (*dirChange).deleted))
		case danger != "" && path.Dir(ch.dir) != "apps":
			n.say(ch, subject+" removed", danger, n.where(ch, nil))
		default:
			n.say(ch, subject+" removed", danger, n.where(ch, (*dirChange).deleted))
		}
	case Renamed:
		from := textAt(metadata(ch.old), "name")
		n.say(ch, fmt.Sprintf("%s %s renamed to %s", ch.Object.Kind, from, ch.Object.Name), dangerOfRenaming(ch), ch.Clusters)
	case Changed:
		n.ofFields(ch, subject)
	}
}

// mostFields is how many fields of an object are said in words; the differences show
// all of them.
const mostFields = 6

func (n *noter) ofFields(ch *Change, subject string) {
	switch {
	case ch.old.value == nil:
		n.say(ch, subject+" takes the place of what is no object", "", ch.Clusters)
		return
	case ch.OldPath != "":
		if danger := dangerOfMoving(ch); danger != "" {
			n.say(ch, subject+" comes from "+path.Dir(ch.OldPath), danger, ch.Clusters)
		}
	case len(ch.Fields) == 0:
		n.say(ch, subject+" is written otherwise", "", ch.Clusters)
	}
	left := 0
	for i, f := range ch.Fields {
		danger := dangerOfField(ch, f)
		if i >= mostFields && danger == "" {
			left++
			continue
		}
		n.say(ch, subject+": "+f.inWords(ch.Object.Kind), danger, ch.Clusters)
	}
	if left > 0 {
		n.say(ch, subject+": "+count(left, "more field"), "", ch.Clusters)
	}
}

// subject is what people call the object of a change. A Canary is its workload.
func (ch *Change) subject() string {
	switch {
	case ch.Object.Kind == "Canary":
		return ch.Object.Name
	case path.Base(ch.Path) == "sync.yaml":
		return "Kustomization " + ch.Object.Name + " of sync.yaml"
	}
	return ch.Object.Kind + " " + ch.Object.Name
}

// where are the clusters of a change on which neither the cluster nor, if asked, its
// directory comes or goes as a whole.
func (n *noter) where(ch *Change, whole func(*dirChange) bool) (on []string) {
	for _, cluster := range ch.Clusters {
		dirs := n.dirs[cluster]
		if root := dirs["."]; root.created() || root.deleted() || whole != nil && whole(dirs[ch.dir]) {
			continue
		}
		on = append(on, cluster)
	}
	return on
}
