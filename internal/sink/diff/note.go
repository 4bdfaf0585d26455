package diff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/internal/shell"
	"github.com/fleetwright/fleetwright/internal/sink/plan"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/render/tree"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A Note says in words what changes.
type Note struct {
	// About is what changes: an application as namespace/name, or a part that serves
	// all of them, such as infrastructure. It is empty for the clusters themselves.
	About string `json:"about,omitempty"`
	// Text says what changes. It is lower case and ends without a full stop. What is
	// called otherwise on each cluster has a star for the cluster's name.
	Text string `json:"text"`
	// Danger says what it does on the clusters, where that is dangerous.
	Danger string `json:"danger,omitempty"`
	// Clusters where it changes, by name.
	Clusters []string `json:"clusters,omitempty"`
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

// mostNamed is how many clusters are named in a sentence.
const mostNamed = 3

// clustersInWords names a few clusters, and counts many.
func clustersInWords(names []string) string {
	if len(names) > mostNamed {
		return fmt.Sprintf("%d clusters", len(names))
	}
	return strings.Join(names, ", ")
}

// A noter collects notes, each once for all clusters.
type noter struct {
	// dirs are the directories that change.
	dirs map[scope]dirChange
	// spokes are the clusters of hubs that directories are applied to before and after.
	spokes map[scope]presence
	// texts are what notes say that are one, with a star for the cluster's name.
	texts folder
	all   map[noteKey]*Note
	// judged returns a rollout that is there afterwards, as the rules read it. It may be nil.
	judged func(cluster, namespace, name string) *rules.Rollout
	// formerly are the MetricTemplates that were others, or are gone, by their clusters.
	formerly map[identity]*document
	// canaries are the changes of those that are there afterwards.
	canaries map[serviceKey]*Change
	// lost are the applications, policies and components that clusters lose; notes before these tell them.
	lost map[lostKey]bool
}

// A lostKey is a policy of an application on a cluster, or with none all of them.
type lostKey struct{ about, policy, cluster string }

// notesOf returns a note for each lost application and line that decides, or one for many.
func (n *noter) notesOf(losses []tree.Loss) (notes []Note) {
	for _, l := range losses {
		why := l.Reason
		if !l.Position.IsZero() {
			why = l.Position.String() + ": " + why
		}
		note := Note{
			Clusters: l.Clusters,
			Danger:   "Flux deletes all that it has applied of it; " + why + "; this is refused without --allow-prune",
		}
		if l.Component != "" {
			note.About, note.Text = layout.Infrastructure, l.Subject()+" removed"
			note.Danger = "Flux uninstalls it; " + why + "; this is refused without --allow-prune"
			notes = append(notes, note)
			for _, cluster := range l.Clusters {
				for _, dir := range tree.ComponentDirs {
					for _, name := range []string{l.Release, l.Release + "-attachedcluster", l.Release + "-cluster"} { // as on a hub
						n.lost[lostKey{dir, name, cluster}] = true
					}
				}
			}
		}
		for _, a := range l.Applications {
			what, policies := diag.Some(a.Policies, mostNamed), a.Policies
			if len(policies) == 0 {
				what, policies = "application", []string{""}
			}
			note.About, note.Text = a.Name, what+" removed while still among the inputs"
			if len(l.Applications) <= mostNamed {
				notes = append(notes, note)
			}
			for _, cluster := range l.Clusters {
				for _, policy := range policies {
					n.lost[lostKey{a.Name, policy, cluster}] = true
				}
			}
		}
		if len(l.Applications) > mostNamed {
			note.About, note.Text = "", l.Subject()+" removed while still among the inputs"
			notes = append(notes, note)
		}
	}
	return notes
}

// A scope is a directory of a cluster, in the tree of the root: the cluster itself, or its hub.
type scope struct{ root, cluster, dir string }

// scope is a directory that the change is in on one of its clusters.
func (ch *Change) scope(cluster, dir string) scope {
	if ch.Root == ch.cluster {
		return scope{cluster, cluster, dir}
	}
	return scope{ch.Root, cluster, dir}
}

// A noteKey is what notes have in common that are one.
type noteKey struct{ about, text, danger string }

// say notes something about a change on some of its clusters.
func (n *noter) say(ch *Change, text, danger string, on []string) {
	if ch.named {
		text = starred(text, ch.cluster)
	}
	if len(on) > 0 {
		n.add(Note{about(ch.dir), text, danger, on}, ch.cluster)
	}
}

// add adds a note, with a star where its text differs by the names of clusters alone.
func (n *noter) add(note Note, cluster string) {
	k := noteKey{note.About, n.texts.fold(note.Text, cluster, starred), note.Danger}
	known := n.all[k]
	if known == nil {
		known = &Note{About: note.About, Text: note.Text, Danger: note.Danger}
		n.all[k] = known
	} else if known.Text != note.Text {
		known.Text = k.text
	}
	known.Clusters = append(known.Clusters, note.Clusters...)
	slices.Sort(known.Clusters)
	known.Clusters = slices.Compact(known.Clusters)
}

// A presence is what there is for a hub's cluster before and after: anything that is applied to it,
// and what is with or without applications. What does not change is not known.
type presence struct{ was, is, wasWithout, isWithout bool }

// notes are all notes: by what they are about, the dangerous ones first.
func (n *noter) notes(changes []Change) []Note {
	for at, spoke := range n.spokes {
		switch {
		case !spoke.was && spoke.isWithout:
			n.dirs[at] = dirChange{made: 2}
		case !spoke.is && spoke.wasWithout:
			n.dirs[at] = dirChange{removed: 2}
		}
	}
	n.ofDirs(changes)
	n.canaries, n.formerly = canariesOf(changes), templatesOf(changes)
	for i := range changes {
		n.of(&changes[i])
	}
	var all []Note
	for _, note := range n.all {
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
	// made, removed and changed count its files that are.
	made, removed, changed int
	// loses reports whether Flux deletes more with it than is in its files.
	loses bool
}

// A directory has two files at least; a single file that is missing was deleted by hand.
func (d dirChange) created() bool { return d.made > 1 && d.removed+d.changed == 0 }
func (d dirChange) deleted() bool { return d.removed > 1 && d.made+d.changed == 0 }

// withOthers reports whether more files of the directory change than one.
func (d dirChange) withOthers() bool { return d.made+d.removed+d.changed > 1 }

// see notes what becomes of a directory by the documents that a file of it has before and after.
func (n *noter) see(at place, was, is []*document) {
	if at.isSync() {
		for _, d := range was {
			n.seeSpoke(d, func(p *presence) { p.was, p.wasWithout = true, p.wasWithout || at.syncs() })
		}
		for _, d := range is {
			n.seeSpoke(d, func(p *presence) { p.is, p.isWithout = true, p.isWithout || at.syncs() })
		}
	}
	if at.isSync() && at.Path != layout.SyncFile {
		return // the file is in another directory than what it applies
	}
	k := scope{at.Root, at.cluster, at.dir}
	d := n.dirs[k]
	switch {
	case was == nil:
		d.made++
	case is == nil:
		d.removed++
	default:
		d.changed++
	}
	n.dirs[k] = d
}

// seeSpoke notes the cluster that a hub applies a directory to.
func (n *noter) seeSpoke(d *document, note func(*presence)) {
	if d.cluster != d.Root {
		at := scope{d.Root, d.cluster, "."}
		p := n.spokes[at]
		note(&p)
		n.spokes[at] = p
	}
}

// applicationDir returns the directory in apps/ of the application that a directory is of, or "".
func applicationDir(dir string) string {
	stage, id, ok := strings.Cut(dir, "/")
	switch stage {
	case layout.AppsDir, layout.RolloutsDir, layout.NamespacesDir:
		if ok {
			return layout.AppsDir + "/" + id
		}
	}
	return ""
}

// about is what a directory holds: an application, or what serves all.
func about(dir string) string {
	if app := applicationDir(dir); app != "" {
		return strings.Replace(strings.TrimPrefix(app, layout.AppsDir+"/"), ".", "/", 1)
	}
	if dir == "." {
		return ""
	}
	return dir
}

// ofDirs says which clusters and applications come and go.
func (n *noter) ofDirs(changes []Change) {
	// What an application loses, Flux deletes.
	for i := range changes {
		ch := &changes[i]
		if ch.Action != Deleted || dangerOfDeletion(ch) == "" {
			continue
		}
		for _, cluster := range ch.Clusters {
			d := n.dirs[ch.scope(cluster, ch.dir)]
			d.loses = true
			n.dirs[ch.scope(cluster, ch.dir)] = d
		}
	}
	for at, d := range n.dirs {
		say := func(text, danger string) { n.add(Note{about(at.dir), text, danger, []string{at.cluster}}, "") }
		hub := ""
		if at.root != at.cluster {
			hub = " of the hub " + at.root
		}
		root := n.dirs[scope{at.root, at.cluster, "."}]
		switch {
		case at.dir == "." && d.created():
			say("cluster"+hub+" added", "")
		case at.dir == "." && d.deleted():
			say("cluster"+hub+" removed", "Flux deletes everything that it has applied there")
		case root.created(), root.deleted(), path.Dir(at.dir) != layout.AppsDir:
		case d.created():
			say("application added", "")
		case n.lost[lostKey{about(at.dir), "", at.cluster}]:
		case d.deleted() && d.loses:
			say("application removed", "Flux deletes all that it has applied of it")
		case d.deleted():
			say("application removed", "")
		}
	}
}

// of says what changes of an object, where its directory does not say it all.
func (n *noter) of(ch *Change) {
	if ch.Object == (Object{}) {
		n.ofFile(ch)
		return
	}
	subject := ch.subject()
	switch ch.Action {
	case Created:
		switch {
		case ch.isRollout():
			n.say(ch, subject+": rollout added", "", n.where(ch, nil))
		case ch.Object.Group() == helmGroup && tree.IsKept(ch.new.value()):
			n.say(ch, subject+" added", "it was not rendered before, so there is nothing to hand over, and Flux installs it", ch.Clusters)
		default:
			n.say(ch, subject+" added", "", n.where(ch, dirChange.created))
		}
	case Deleted:
		n.ofDeletion(ch, subject)
	case Renamed:
		n.say(ch, fmt.Sprintf("%s %s renamed to %s", ch.Object.Kind, ch.old.object.Name, ch.Object.Name), dangerOfRenaming(ch), ch.Clusters)
	case Changed:
		n.ofFields(ch, subject)
		n.ofService(ch)
	}
}

func (n *noter) ofDeletion(ch *Change, subject string) {
	danger := dangerOfDeletion(ch)
	if ch.Object.Group() == kumaGroup && ch.Object.Kind == "TrafficRoute" && danger != "" {
		danger = n.dangerOfCatchAll(ch, danger)
	}
	switch {
	case ch.isRollout():
		n.say(ch, subject+": rollout removed", danger, n.where(ch, nil))
		n.ofLeftRoute(ch, subject)
	case tree.IsSuspended(ch.old.value()) && dangerOf(ch.Object, nil, "") != "":
		n.say(ch, subject+" removed while it is suspended, so that what it has applied stays", "", n.where(ch, nil))
	case tree.IsKept(ch.old.value()) && ch.Object.Group() == helmGroup:
		n.say(ch, subject+" is no longer rendered but stays", "", n.where(ch, nil))
	case tree.IsKept(ch.old.value()):
		n.say(ch, subject+" is no longer rendered but stays", "", n.where(ch, dirChange.deleted))
	case danger != "" && path.Dir(ch.dir) != layout.AppsDir:
		n.say(ch, subject+" removed", danger, n.notLost(ch, n.where(ch, nil)))
	default:
		n.say(ch, subject+" removed", danger, n.notLost(ch, n.where(ch, dirChange.deleted)))
	}
}

// dangerOfCatchAll is what deleting a mesh's TrafficRoute for all traffic does, also where rollouts leave kuma with
// it: Flagger's own are still there then, since it deletes none.
func (n *noter) dangerOfCatchAll(ch *Change, danger string) string {
	for key, canary := range n.canaries {
		if canary.Action == Changed && slices.Contains(ch.Clusters, key.cluster) && isOnKuma(canary.old) && !isOnKuma(canary.new) {
			return danger + ", and those of rollouts that leave kuma in this commit stay: change the rollouts first, delete their TrafficRoutes, and then change the fleet's provider"
		}
	}
	return danger
}

func isOnKuma(canary *document) bool {
	return tree.TextAt(canary.value(), "spec", "provider") == flagger.Kuma
}

// ofLeftRoute says that Flagger's TrafficRoute outlives the Canary, whose primary is deleted with it. It has
// no owner, since it is cluster-scoped, and no finalizer removes it (fluxcd/flagger pkg/router/kuma.go,
// Reconcile and Finalize); all other routes and Services that Flagger makes belong to the Canary.
func (n *noter) ofLeftRoute(ch *Change, subject string) {
	if !isOnKuma(ch.old) {
		return
	}
	route := serviceOf(ch.old)
	n.say(ch, subject+": TrafficRoute "+route+" stays",
		"it routes all requests for "+route+" to the deleted primary; when Flux has removed the Canary, run on each cluster: kubectl delete trafficroutes.kuma.io "+shell.Quote(route), n.where(ch, nil))
}

// notLost are the clusters on which a deleted object is not that of a policy, or a component, which they lose.
func (n *noter) notLost(ch *Change, on []string) []string {
	policy := ch.Object.Name
	if ch.Root != ch.cluster {
		policy = strings.TrimSuffix(starred(policy, ch.cluster), "-*")
	}
	if group := ch.Object.Group(); group != kustomizeGroup && group != helmGroup {
		return on
	}
	return slices.DeleteFunc(on, func(cluster string) bool { return n.lost[lostKey{about(ch.dir), policy, cluster}] })
}

// ofFile says how a file without objects changes, unless that follows from other changes.
func (n *noter) ofFile(ch *Change) {
	name := path.Base(ch.Path)
	switch {
	case name == layout.ReadmeFile && ch.Action != Changed && n.dirs[ch.scope(ch.Root, ".")] != (dirChange{}):
		// it comes and goes with what applies its directory
	case ch.Action == Created:
		n.say(ch, name+" is missing", "", n.where(ch, dirChange.created))
	case ch.Action == Deleted && ch.isList():
		n.say(ch, name+" is left over", "", n.where(ch, dirChange.withOthers))
	case ch.Action == Deleted:
		n.say(ch, name+" is left over", "", n.where(ch, dirChange.deleted))
	case name == layout.InventoryFile:
		n.say(ch, "the inventory alone changes", "", ch.Clusters)
	case ch.isList():
		n.say(ch, name+" is written otherwise", "", n.where(ch, dirChange.withOthers))
	case ch.old.holdsObjects():
		n.say(ch, name+" is written otherwise", "", ch.Clusters)
	default:
		n.say(ch, name+" is written anew, for what is there are not the objects of a render", "", ch.Clusters)
	}
}

// mostFields is how many fields of an object are said in words; the differences show all of them.
const mostFields = 6

func (n *noter) ofFields(ch *Change, subject string) {
	switch {
	case ch.old.value() == nil:
		n.say(ch, subject+" takes the place of what is no object", "", ch.Clusters)
		return
	case ch.oldPath() != "":
		if danger := dangerOfMoving(ch); danger != "" || ch.isTakenOver() {
			from := path.Dir(ch.oldPath())
			if from == "." {
				from = ch.oldPath()
			}
			n.say(ch, subject+" comes from "+from, danger, ch.Clusters)
		}
	case len(ch.Fields) == 0:
		n.say(ch, subject+" is written otherwise", "", ch.Clusters)
	}
	if change := n.changeOfPlan(ch); change != "" {
		n.say(ch, subject+": "+change, "", ch.Clusters)
	}
	left := 0
	for i, f := range ch.Fields {
		if ch.isTakenOver() && f.isKeeping() {
			continue // it was there for that
		}
		danger := dangerOfField(ch, f)
		if i >= mostFields && danger == "" {
			left++
			continue
		}
		n.say(ch, subject+": "+f.inWords(ch.Object.Kind), danger, ch.Clusters)
	}
	if left > 0 {
		n.say(ch, subject+": "+diag.Plural(left, "more field"), "", ch.Clusters)
	}
}

// changeOfPlan says how rollouts of a Canary change. The version of Flagger does not matter here.
func (n *noter) changeOfPlan(ch *Change) string {
	if !ch.isRollout() {
		return ""
	}
	was, is := specOf[flagger.Canary](ch.old), specOf[flagger.Canary](ch.new)
	if was == nil || is == nil {
		return "" // edited by hand
	}
	change := plan.Change(flagger.New(*was, flagger.Newest), flagger.New(*is, flagger.Newest))
	if n.judged == nil {
		return change
	}
	judged := n.judged(ch.cluster, ch.Object.Namespace, ch.Object.Name)
	if judged == nil {
		return change
	}
	before := judged.With(was, textsAt(ch.old.value(), "metadata", "annotations"), n.formerTemplates(ch.cluster))
	return plan.Join(change, plan.ChangeOfSight(before.Sight(rules.Expected{}), judged.Sight(rules.Expected{})))
}

// specOf returns the spec of a document's object, or nil where it cannot be read.
func specOf[T any](d *document) *T {
	text, err := json.Marshal(d.value()["spec"])
	var spec T
	if err != nil || json.Unmarshal(text, &spec) != nil {
		return nil
	}
	return &spec
}

// templatesOf returns the former MetricTemplates of those that change or go.
func templatesOf(changes []Change) map[identity]*document {
	all := map[identity]*document{}
	for i := range changes {
		ch := &changes[i]
		if ch.Object.Kind != "MetricTemplate" || ch.old == nil {
			continue
		}
		id := ch.old.identity()
		for _, id.cluster = range ch.Clusters {
			all[id] = ch.old
		}
	}
	return all
}

// formerTemplates returns those that a cluster had.
func (n *noter) formerTemplates(cluster string) map[api.NamespacedReference]*flagger.MetricTemplate {
	all := map[api.NamespacedReference]*flagger.MetricTemplate{}
	for id, d := range n.formerly {
		if id.cluster != cluster {
			continue
		}
		if t := specOf[flagger.MetricTemplate](d); t != nil {
			all[api.NamespacedReference{Namespace: id.namespace, Name: id.name}] = t
		}
	}
	return all
}

func (ch *Change) isRollout() bool { return ch.Object.Kind == "Canary" }

// subject is what people call the object of a change. A Canary is its workload.
func (ch *Change) subject() string {
	switch {
	case ch.isRollout():
		return ch.Object.Name
	case ch.isSync():
		return "Kustomization " + ch.Object.Name + " of " + ch.Path
	}
	return ch.Object.Kind + " " + ch.Object.Name
}

// where returns the clusters of a change that do not come or go whole, nor, if asked, their directory.
func (n *noter) where(ch *Change, whole func(dirChange) bool) (on []string) {
	for _, cluster := range ch.Clusters {
		root, dir, app := n.dirs[ch.scope(cluster, ".")], n.dirs[ch.scope(cluster, ch.dir)], n.dirs[ch.scope(cluster, applicationDir(ch.dir))]
		// What several applications use is none's.
		isWhole := whole != nil && ch.dir != layout.SharedDir && (whole(dir) || whole(app))
		if !root.created() && !root.deleted() && !isWhole {
			on = append(on, cluster)
		}
	}
	return on
}
