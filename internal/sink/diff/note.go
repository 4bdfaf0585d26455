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

// A Note describes a change in words.
type Note struct {
	// About is the subject: an application as namespace/name, or a part that serves all of
	// them, such as infrastructure. It is empty for the clusters themselves.
	About string `json:"about,omitempty"`
	// Text describes the change, in lower case, without a full stop at the end. A star
	// replaces the cluster's name in names that contain it.
	Text string `json:"text"`
	// Danger is the effect on the clusters, if it is dangerous.
	Danger string `json:"danger,omitempty"`
	// Clusters with the change, by name.
	Clusters []string `json:"clusters,omitempty"`
}

// String returns the note in one line, without its subject.
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

// mostNamed limits the clusters that a sentence names.
const mostNamed = 3

// clustersInWords names a few clusters, and counts many.
func clustersInWords(names []string) string {
	if len(names) > mostNamed {
		return fmt.Sprintf("%d clusters", len(names))
	}
	return strings.Join(names, ", ")
}

// A noter collects notes, each one once for all clusters.
type noter struct {
	// dirs are the directories that change.
	dirs map[scope]dirChange
	// spokes are the clusters of hubs to which directories are applied before and after.
	spokes map[scope]presence
	// texts maps the texts of notes to representatives with a star for the cluster's name.
	texts folder
	all   map[noteKey]*Note
	// judged returns a rollout after the change, as the rules read it. It may be nil.
	judged func(cluster, namespace, name string) *rules.Rollout
	// formerly are the former versions of changed or deleted MetricTemplates.
	formerly map[identity]*document
	// canaries are the changes of the Canaries that exist after the change.
	canaries map[serviceKey]*Change
	// lost are the applications, policies and components that clusters lose; earlier notes report them.
	lost map[lostKey]bool
}

// A lostKey is a policy of an application on a cluster, or all policies if policy is empty.
type lostKey struct{ about, policy, cluster string }

// notesOf returns a note for each lost application and deciding line, or one note for many applications.
func (n *noter) notesOf(losses []tree.Loss) (notes []Note) {
	for _, l := range losses {
		why := l.Reason
		if !l.Position.IsZero() {
			why = l.Position.String() + ": " + why
		}
		note := Note{
			Clusters: l.Clusters,
			Danger:   deletesApplication + "; " + why + "; render needs --allow-prune for this",
		}
		if l.Component != "" {
			note.About, note.Text = layout.Infrastructure, l.Subject()+" removed"
			note.Danger = "Flux uninstalls it; " + why + "; render needs --allow-prune for this"
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

// deletesApplication is the effect of removing an application.
const deletesApplication = "Flux deletes all objects of the application"

// A scope is a directory of a cluster in the tree of a root, which is the cluster itself or its hub.
type scope struct{ root, cluster, dir string }

// scope returns a directory of the change on one of its clusters.
func (ch *Change) scope(cluster, dir string) scope {
	if ch.Root == ch.cluster {
		return scope{cluster, cluster, dir}
	}
	return scope{ch.Root, cluster, dir}
}

// A noteKey is equal for notes that are merged.
type noteKey struct{ about, text, danger string }

// note adds a note about a change on some of its clusters.
func (n *noter) note(ch *Change, text, danger string, on []string) {
	if ch.named {
		text = starred(text, ch.cluster)
	}
	if len(on) > 0 {
		n.add(Note{about(ch.dir), text, danger, on}, ch.cluster)
	}
}

// add adds a note. If its text differs from another only by the names of clusters, it merges them.
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

// A presence reports whether a hub applies anything to a cluster before and after: anything at all, and
// the directories that exist even without applications. It knows only changed files.
type presence struct{ was, is, wasWithout, isWithout bool }

// notes returns all notes, by subject, the dangerous ones first.
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

// A dirChange holds the changes in a directory of a cluster.
type dirChange struct {
	// made, removed and changed count the files with that change.
	made, removed, changed int
	// loses reports whether Flux also deletes objects outside its files.
	loses bool
}

// A directory has two files at least; a single file that is missing was deleted by hand.
func (d dirChange) created() bool { return d.made > 1 && d.removed+d.changed == 0 }
func (d dirChange) deleted() bool { return d.removed > 1 && d.made+d.changed == 0 }

// withOthers reports whether more than one file of the directory changes.
func (d dirChange) withOthers() bool { return d.made+d.removed+d.changed > 1 }

// see records the change of a directory from the documents of one of its files before and after.
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
		return // it applies another directory
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

// seeSpoke records the cluster to which a hub applies a directory.
func (n *noter) seeSpoke(d *document, note func(*presence)) {
	if d.cluster != d.Root {
		at := scope{d.Root, d.cluster, "."}
		p := n.spokes[at]
		note(&p)
		n.spokes[at] = p
	}
}

// applicationDir returns the directory in apps/ of the application that owns a directory, or "".
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

// about returns the subject of a directory: an application, or a part that serves all applications.
func about(dir string) string {
	if app := applicationDir(dir); app != "" {
		return strings.Replace(strings.TrimPrefix(app, layout.AppsDir+"/"), ".", "/", 1)
	}
	if dir == "." {
		return ""
	}
	return dir
}

// ofDirs notes added and removed clusters and applications.
func (n *noter) ofDirs(changes []Change) {
	// Flux deletes the objects that an application loses.
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
			say("cluster"+hub+" removed", "Flux deletes all objects that it has applied there")
		case root.created(), root.deleted(), path.Dir(at.dir) != layout.AppsDir:
		case d.created():
			say("application added", "")
		case n.lost[lostKey{about(at.dir), "", at.cluster}]:
		case d.deleted() && d.loses:
			say("application removed", deletesApplication)
		case d.deleted():
			say("application removed", "")
		}
	}
}

// of notes the change of an object, unless the note on its directory covers it.
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
			n.note(ch, subject+": rollout added", "", n.where(ch, nil))
		case ch.Object.Group() == helmGroup && tree.IsKept(ch.new.value()):
			n.note(ch, subject+" added", "it was not rendered before: Flux installs it, since no release can be handed over", ch.Clusters)
		default:
			n.note(ch, subject+" added", "", n.where(ch, dirChange.created))
		}
	case Deleted:
		n.ofDeletion(ch, subject)
	case Renamed:
		n.note(ch, fmt.Sprintf("%s %s renamed to %s", ch.Object.Kind, ch.old.object.Name, ch.Object.Name), dangerOfRenaming(ch), ch.Clusters)
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
		n.note(ch, subject+": rollout removed", danger, n.where(ch, nil))
		n.ofLeftRoute(ch, subject)
	case tree.IsSuspended(ch.old.value()) && dangerOf(ch.Object, nil, "") != "":
		n.note(ch, subject+" removed while it is suspended, so its objects stay", "", n.where(ch, nil))
	case tree.IsKept(ch.old.value()) && ch.Object.Group() == helmGroup:
		n.note(ch, subject+" is no longer rendered but stays", "", n.where(ch, nil))
	case tree.IsKept(ch.old.value()):
		n.note(ch, subject+" is no longer rendered but stays", "", n.where(ch, dirChange.deleted))
	case danger != "" && path.Dir(ch.dir) != layout.AppsDir:
		n.note(ch, subject+" removed", danger, n.notLost(ch, n.where(ch, nil)))
	default:
		n.note(ch, subject+" removed", danger, n.notLost(ch, n.where(ch, dirChange.deleted)))
	}
}

// dangerOfCatchAll returns the effect of deleting a mesh's TrafficRoute for all traffic. Rollouts may leave kuma in
// the same commit: Flagger's TrafficRoutes then remain, because Flagger deletes none.
func (n *noter) dangerOfCatchAll(ch *Change, danger string) string {
	for key, canary := range n.canaries {
		if canary.Action == Changed && slices.Contains(ch.Clusters, key.cluster) && isOnKuma(canary.old) && !isOnKuma(canary.new) {
			return danger + ", and the TrafficRoutes of rollouts that leave kuma in this commit remain: change the rollouts first, delete their TrafficRoutes, and then change the fleet's provider"
		}
	}
	return danger
}

func isOnKuma(canary *document) bool {
	return tree.TextAt(canary.value(), "spec", "provider") == flagger.Kuma
}

// ofLeftRoute notes that Flagger's TrafficRoute outlives the Canary and its primary. The TrafficRoute is
// cluster-scoped, so it has no owner, and no finalizer removes it (fluxcd/flagger pkg/router/kuma.go, Reconcile
// and Finalize). All other routes and Services of Flagger belong to the Canary.
func (n *noter) ofLeftRoute(ch *Change, subject string) {
	if !isOnKuma(ch.old) {
		return
	}
	route := serviceOf(ch.old)
	n.note(ch, subject+": TrafficRoute "+route+" remains",
		"it routes all requests for "+route+" to the deleted primary; after Flux has removed the Canary, run on each cluster: kubectl delete trafficroutes.kuma.io "+shell.Quote(route), n.where(ch, nil))
}

// notLost returns the clusters on which a deleted object does not belong to a lost policy or component.
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

// ofFile notes the change of a file without objects, unless other changes explain it.
func (n *noter) ofFile(ch *Change) {
	name := path.Base(ch.Path)
	switch {
	case name == layout.ReadmeFile && ch.Action != Changed && n.dirs[ch.scope(ch.Root, ".")] != (dirChange{}):
		// the README is added and removed with the Kustomization that applies its directory
	case ch.Action == Created:
		n.note(ch, name+" is missing", "", n.where(ch, dirChange.created))
	case ch.Action == Deleted && ch.isList():
		n.note(ch, name+" is left over", "", n.where(ch, dirChange.withOthers))
	case ch.Action == Deleted:
		n.note(ch, name+" is left over", "", n.where(ch, dirChange.deleted))
	case name == layout.InventoryFile:
		n.note(ch, "only the inventory changes", "", ch.Clusters)
	case ch.isList():
		n.note(ch, name+" has other text", "", n.where(ch, dirChange.withOthers))
	case ch.old.holdsObjects():
		n.note(ch, name+" has other text", "", ch.Clusters)
	default:
		n.note(ch, name+" has no rendered objects and is replaced", "", ch.Clusters)
	}
}

// mostFields limits the fields of an object that have notes; the differences show all of them.
const mostFields = 6

func (n *noter) ofFields(ch *Change, subject string) {
	switch {
	case ch.old.value() == nil:
		n.note(ch, subject+" replaces text that is not an object", "", ch.Clusters)
		return
	case ch.oldPath() != "":
		if danger := dangerOfMoving(ch); danger != "" || ch.isTakenOver() {
			from := path.Dir(ch.oldPath())
			if from == "." {
				from = ch.oldPath()
			}
			n.note(ch, subject+" moves here from "+from, danger, ch.Clusters)
		}
	case len(ch.Fields) == 0:
		n.note(ch, subject+" has other text but the same fields", "", ch.Clusters)
	}
	if change := n.changeOfPlan(ch); change != "" {
		n.note(ch, subject+": "+change, "", ch.Clusters)
	}
	left := 0
	for i, f := range ch.Fields {
		if ch.isTakenOver() && f.isKeeping() {
			continue // the annotation served this move
		}
		danger := dangerOfField(ch, f)
		if i >= mostFields && danger == "" {
			left++
			continue
		}
		n.note(ch, subject+": "+f.inWords(ch.Object.Kind), danger, ch.Clusters)
	}
	if left > 0 {
		n.note(ch, subject+": "+diag.Plural(left, "more field"), "", ch.Clusters)
	}
}

// changeOfPlan returns the change of a Canary's rollouts in words. It is the same for all versions of Flagger.
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

// specOf returns the spec of a document's object, or nil if it cannot be parsed.
func specOf[T any](d *document) *T {
	text, err := json.Marshal(d.value()["spec"])
	var spec T
	if err != nil || json.Unmarshal(text, &spec) != nil {
		return nil
	}
	return &spec
}

// templatesOf returns the former versions of changed or deleted MetricTemplates.
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

// formerTemplates returns the former MetricTemplates of a cluster.
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

// subject returns the name of a change's object for people. A Canary has the name of its workload.
func (ch *Change) subject() string {
	switch {
	case ch.isRollout():
		return ch.Object.Name
	case ch.isSync():
		return "Kustomization " + ch.Object.Name + " of " + ch.Path
	}
	return ch.Object.Kind + " " + ch.Object.Name
}

// where returns the clusters of a change, without those that are added or removed as a whole, and without those whose
// directory is, according to whole. whole may be nil.
func (n *noter) where(ch *Change, whole func(dirChange) bool) (on []string) {
	for _, cluster := range ch.Clusters {
		root, dir, app := n.dirs[ch.scope(cluster, ".")], n.dirs[ch.scope(cluster, ch.dir)], n.dirs[ch.scope(cluster, applicationDir(ch.dir))]
		// Shared files belong to no single application.
		isWhole := whole != nil && ch.dir != layout.SharedDir && (whole(dir) || whole(app))
		if !root.created() && !root.deleted() && !isWhole {
			on = append(on, cluster)
		}
	}
	return on
}
