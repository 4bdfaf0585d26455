package tree

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Placements are where the policies of all Applications go. They hold no list of clusters for
// a policy: that follows from its fleet and its selector, which many policies share.
type placements struct {
	apps []placement
	// byDir finds an application by the name of its directories.
	byDir func() map[string]*placement
}

// A placement is where the policies of an Application go.
type placement struct {
	namespace, name string
	// Dir is the name of its directories.
	dir string
	// At is the Application's own line.
	at       line
	policies []placedPolicy
	// fleets are those in the namespace of the Application.
	fleets []*placedFleet
}

// A placedPolicy is where a policy goes.
type placedPolicy struct {
	app  *placement
	name string
	// applies is what the policy applies, where it has no name of its own: it is then
	// called after its position, and known by what it applies.
	applies string
	// fleet is nil for a policy that goes to hostCluster.
	fleet       *placedFleet
	destination line
	selector    map[string]api.LabelValue
	// selectorAt is zero without a selector.
	selectorAt line
}

// A line is where something stands in the inputs.
type line struct {
	at   diag.Position
	path schema.Path
}

func lineOf(doc *schema.Document, path schema.Path) line { return line{doc.Position(path...), path} }

// A placedFleet is the clusters of a fleet.
type placedFleet struct {
	name   string
	list   line
	byName func() map[string][]*place.Cluster
}

// newPlacements returns where the policies of all applications of the input go.
func newPlacements(c *place.Input) *placements {
	p := &placements{apps: make([]placement, len(c.Applications))}
	fleets, inNamespace := map[*place.Fleet]*placedFleet{}, map[string][]*placedFleet{}
	for _, f := range c.Fleets {
		clusters := f.Clusters
		placed := &placedFleet{name: f.Name, list: lineOf(f.Doc, schema.Path{"spec", "clusters"}), byName: sync.OnceValue(func() map[string][]*place.Cluster {
			byName := make(map[string][]*place.Cluster, len(clusters))
			for _, cl := range clusters {
				byName[cl.Name] = append(byName[cl.Name], cl)
			}
			return byName
		})}
		fleets[f] = placed
		inNamespace[f.Namespace] = append(inNamespace[f.Namespace], placed)
	}
	for i, a := range c.Applications {
		app := &p.apps[i]
		*app = placement{namespace: a.Namespace, name: a.Name, dir: a.DirName(), at: lineOf(a.Doc, schema.Path{"metadata", "name"}), fleets: inNamespace[a.Namespace]}
		app.policies = make([]placedPolicy, len(a.Policies))
		for j, policy := range a.Policies {
			placed := placedPolicy{app: app, name: policy.FluxName, fleet: fleets[policy.Fleet]}
			if policy.Name == "" {
				placed.applies = applies(policy)
			}
			if d, at := policy.ResolveDestination(); d != nil {
				placed.destination = lineOf(a.Doc, at.With("fleet"))
				if s := d.ClusterSelector; s != nil && len(s.MatchLabels) > 0 {
					placed.selector, placed.selectorAt = s.MatchLabels, lineOf(a.Doc, at.With("clusterSelector", "matchLabels"))
				}
			}
			app.policies[j] = placed
		}
	}
	p.byDir = sync.OnceValue(func() map[string]*placement {
		byDir := make(map[string]*placement, len(p.apps))
		for i := range p.apps {
			a := &p.apps[i]
			byDir[a.dir] = a
		}
		return byDir
	})
	return p
}

// goesTo reports whether the policy goes to a cluster.
func (p *placedPolicy) goesTo(name string) bool {
	if p.fleet == nil {
		return name == place.HostCluster
	}
	return slices.ContainsFunc(p.fleet.byName()[name], func(cl *place.Cluster) bool { return place.Matches(p.selector, cl.Labels) })
}

// application finds the Application among the inputs that a file of a cluster's directory is
// of, and the cluster that the file is for; onHub reports whether a hub applies it to another.
func (t *Tree) application(root, file string) (app *placement, cluster string, onHub bool) {
	if t.placements == nil {
		return nil, "", false
	}
	cluster = root
	if rest, ok := strings.CutPrefix(file, "clusters/"); ok {
		cluster, file, onHub = strings.Cut(rest, "/")
	}
	rest, ok := strings.CutPrefix(file, "apps/")
	dir, _, below := strings.Cut(rest, "/")
	if !ok || !below {
		return nil, "", false
	}
	return t.placements.byDir()[dir], cluster, onHub
}

// Application returns the namespace/name of the Application among the inputs that a file is of,
// by which Flux applies the Application. It returns "" for any other file.
func (t *Tree) Application(file string) string {
	if app, _, _ := t.application("", file); app != nil {
		return app.id()
	}
	return ""
}

// Applications returns the namespace/name of all Applications among the inputs, sorted.
func (t *Tree) Applications() []string {
	var names []string
	for i := range t.placements.apps {
		names = append(names, t.placements.apps[i].id())
	}
	return names
}

func (a *placement) id() string { return a.namespace + "/" + a.name }

// A Loss is what changes would take from clusters of Applications that are still among the
// inputs, because of one line of these.
type Loss struct {
	// Applications that lose, by name.
	Applications []LostApplication
	// Clusters that lose it, by name.
	Clusters []string
	// Position of the line that decides it, and Path of the value there.
	Position diag.Position
	Path     string
	// Reason says what that line does. It is lower case and ends without a full stop.
	Reason string
}

// A LostApplication is one that disappears from clusters.
type LostApplication struct {
	// Name is namespace/name.
	Name string
	// Policies that disappear, by name; none where all do.
	Policies []string
}

// Subject names what is lost, as "Application default/shop", or "the policy db of Application
// default/shop".
func (l Loss) Subject() string {
	const few = 10
	var whole, parts []string
	for _, a := range l.Applications {
		if len(a.Policies) == 0 {
			whole = append(whole, a.Name)
			continue
		}
		noun := "the policy "
		if len(a.Policies) > 1 {
			noun = "the policies "
		}
		parts = append(parts, noun+diag.Some(a.Policies, few)+" of Application "+a.Name)
	}
	switch {
	case len(whole) == 1:
		parts = append([]string{"Application " + whole[0]}, parts...)
	case len(whole) > 1:
		parts = append([]string{"Applications " + diag.Some(whole, few)}, parts...)
	}
	return diag.Some(parts, few)
}

// String is the loss in one sentence, without its position.
func (l Loss) String() string {
	const few = 10
	return fmt.Sprintf("%s would disappear from %s: %s", l.Subject(), diag.Some(l.Clusters, few), l.Reason)
}

// LossesOf returns what is lost by changes, sorted by cluster and path.
func (t *Tree) LossesOf(changes []Change) []Loss { return t.Losses(ByCluster(changes)) }

// Losses returns what the changes of clusters, each cluster's by path, would take from clusters
// of Applications that are still among the inputs of the tree. A policy counts by its name,
// however it is rendered; what Flux would leave there is not lost.
func (t *Tree) Losses(changes iter.Seq[[]Change]) []Loss {
	f := finder{tree: t, lost: map[*placedPolicy][]string{}, created: map[*placedPolicy]int{}, known: map[*placement]policyNames{}}
	for of := range changes {
		for _, group := range f.groups(of) {
			f.look(group)
		}
	}
	return f.losses()
}

// A finder finds losses.
type finder struct {
	tree *Tree
	// lost are the clusters that lose a policy.
	lost map[*placedPolicy][]string
	// created counts the clusters that get a policy anew.
	created map[*placedPolicy]int
	// known are the names that are the same on all clusters.
	known map[*placement]policyNames
}

// A lossGroup is the changes of an application on one cluster.
type lossGroup struct {
	app     *placement
	cluster string
	onHub   bool
	changes []Change
}

// groups are the changes of applications among the inputs.
func (f *finder) groups(changes []Change) []*lossGroup {
	type key struct {
		app     *placement
		cluster string
	}
	var groups []*lossGroup
	known := map[key]*lossGroup{}
	for _, c := range changes {
		app, cluster, onHub := f.tree.application(c.Cluster, c.Path)
		if app == nil {
			continue
		}
		g := known[key{app, cluster}]
		if g == nil {
			g = &lossGroup{app: app, cluster: cluster, onHub: onHub}
			known[key{app, cluster}] = g
			groups = append(groups, g)
		}
		g.changes = append(g.changes, c)
	}
	return groups
}

// policyNames are the policies of an application by the names of their files and of their
// objects.
type policyNames struct{ files, objects map[string]*placedPolicy }

// names are those of the group's application on its cluster.
func (f *finder) names(g *lossGroup) policyNames {
	if names, ok := f.known[g.app]; ok && !g.onHub {
		return names
	}
	names := policyNames{map[string]*placedPolicy{}, map[string]*placedPolicy{}}
	for i := range g.app.policies {
		p := &g.app.policies[i]
		called := []string{p.name}
		if g.onHub {
			// The cluster may be gone, and its kind with it.
			called = []string{place.ObjectNameOnHub(p.name, "AttachedCluster", g.cluster), place.ObjectNameOnHub(p.name, "Cluster", g.cluster)}
		}
		for _, name := range called {
			names.objects[name] = p
			for _, k := range objectKinds {
				names.files[layout.FileName(k.kind, name)] = p
			}
		}
	}
	if !g.onHub {
		f.known[g.app] = names
	}
	return names
}

// look finds what an application loses on a cluster.
func (f *finder) look(g *lossGroup) {
	names := f.names(g)
	// moved is what policies without a name apply that are written there.
	moved := map[string]bool{}
	for _, c := range g.changes {
		p := names.files[path.Base(c.Path)]
		if c.New == nil || p == nil {
			continue
		}
		moved[p.applies] = true
		if c.Old == nil {
			f.created[p]++
		}
	}
	for _, c := range g.changes {
		if c.Old == nil || c.New != nil {
			continue
		}
		// Whoever has edited the file by hand hides nothing: its name counts as well.
		called := names.files[path.Base(c.Path)]
		object, ok := readPolicy(c.Old)
		var held *placedPolicy
		if ok && TextAt(object, "metadata", "namespace") == g.app.namespace {
			held = names.objects[TextAt(object, "metadata", "name")]
		}
		if called != nil && called != held && !called.goesTo(g.cluster) {
			f.lost[called] = append(f.lost[called], g.cluster)
		}
		if held != nil && !held.goesTo(g.cluster) && !PrunesNothing(object) && !held.isRenamed(object, moved) {
			f.lost[held] = append(f.lost[held], g.cluster)
		}
	}
}

// isRenamed reports whether a policy without a name has another one now, or is another policy:
// one was inserted before it, or removed.
func (p *placedPolicy) isRenamed(object map[string]any, moved map[string]bool) bool {
	return p.applies != "" && (appliedBy(object) != p.applies || moved[p.applies])
}

// applies is what the policy applies, as appliedBy reads it from the policy's object.
func applies(p *place.Policy) string {
	switch {
	case p.Kustomization != nil:
		return whatApplies("Kustomization", p.Kustomization.Path, p.Kustomization.TargetNamespace)
	case p.App.Spec.Source.OCIRepository != nil: // which is the chart
		return whatApplies("HelmRelease", "", p.Helm.TargetNamespace)
	}
	return whatApplies("HelmRelease", p.Helm.Chart.Spec.Chart, p.Helm.TargetNamespace)
}

// appliedBy is what the object of a policy applies.
func appliedBy(object map[string]any) string {
	kind, what := TextAt(object, "kind"), TextAt(object, "spec", "path")
	if kind == "HelmRelease" {
		what = TextAt(object, "spec", "chart", "spec", "chart")
	}
	return whatApplies(kind, what, TextAt(object, "spec", "targetNamespace"))
}

func whatApplies(kind, what, namespace string) string { return kind + "\n" + what + "\n" + namespace }

// objectKinds are the kinds of the objects of policies, with their groups.
var objectKinds = [...]struct{ kind, group string }{{"Kustomization", "kustomize.toolkit.fluxcd.io"}, {"HelmRelease", "helm.toolkit.fluxcd.io"}}

// readPolicy reads the object of a policy.
func readPolicy(data []byte) (object map[string]any, ok bool) {
	if bytes.Contains(data, []byte("\n---")) || yaml.Unmarshal(data, &object) != nil {
		return nil, false
	}
	group, _, _ := strings.Cut(TextAt(object, "apiVersion"), "/")
	for _, k := range objectKinds {
		ok = ok || k.group == group && k.kind == TextAt(object, "kind")
	}
	return object, ok
}

// PrunesNothing reports whether Flux leaves what the Kustomization or the HelmRelease has applied
// when the object is deleted: with prune: false, and while it is suspended
// (kustomize-controller internal/controller/kustomization_controller.go, finalize;
// helm-controller internal/controller/helmrelease_controller.go, reconcileDelete).
func PrunesNothing(object map[string]any) bool {
	return TextAt(object, "kind") == "Kustomization" && ValueAt(object, "spec", "prune") == false || IsSuspended(object)
}

// IsSuspended reports whether Flux or Flagger does nothing with an object, not even what its
// deletion asks for.
func IsSuspended(object map[string]any) bool { return ValueAt(object, "spec", "suspend") == true }

// ValueAt returns the field at a path of an object, or nil.
func ValueAt(object map[string]any, path ...string) any {
	var value any = object
	for _, field := range path {
		fields, _ := value.(map[string]any)
		value = fields[field]
	}
	return value
}

// TextAt returns the text of a field, or "".
func TextAt(object map[string]any, path ...string) string {
	text, _ := ValueAt(object, path...).(string)
	return text
}

// losses are what was found, for each line that decides once.
func (f *finder) losses() []Loss {
	// A key is what losses have in common that are said in one sentence.
	type key struct {
		position         diag.Position
		reason, clusters string
	}
	var losses []Loss
	numbers := map[key]int{}
	add := func(p *placedPolicy, c cause) {
		k := key{c.at, c.reason, strings.Join(c.clusters, " ")}
		i, ok := numbers[k]
		if !ok {
			i = len(losses)
			numbers[k] = i
			losses = append(losses, Loss{Clusters: c.clusters, Position: c.at, Path: c.path.String(), Reason: c.reason})
		}
		l := &losses[i]
		if n := len(l.Applications); n == 0 || l.Applications[n-1].Name != p.app.id() {
			l.Applications = append(l.Applications, LostApplication{Name: p.app.id()})
		}
		last := &l.Applications[len(l.Applications)-1]
		if last.Policies = append(last.Policies, p.name); len(last.Policies) == len(p.app.policies) {
			last.Policies = nil
		}
	}
	if len(f.lost) == 0 {
		return nil
	}
	for i := range f.tree.placements.apps {
		app := &f.tree.placements.apps[i]
		for j := range app.policies {
			p := &app.policies[j]
			if clusters := f.lost[p]; len(clusters) > 0 {
				slices.Sort(clusters)
				for _, c := range f.causes(p, slices.Compact(clusters)) {
					add(p, c)
				}
			}
		}
	}
	return losses
}

// A cause is the line that decides why a policy disappears from clusters.
type cause struct {
	line
	reason   string
	clusters []string
}

// causes finds the lines. Nobody knows what they were before: where most of the clusters stay,
// what is said of each of the others has changed, and else what is said of all of them.
func (f *finder) causes(p *placedPolicy, clusters []string) (causes []cause) {
	if p.fleet == nil {
		return []cause{{p.app.at, fmt.Sprintf("without a destination it goes to the cluster %s alone", place.HostCluster), clusters}}
	}
	byName := p.fleet.byName()
	kept := -f.created[p]
	for _, name := range f.tree.compared() {
		if p.goesTo(name) {
			kept++
		}
	}
	// nothing is the warning where the policy goes nowhere.
	nothing := fmt.Sprintf(" (%s)", diag.SelectsNothing)
	for name := range byName {
		if p.goesTo(name) {
			nothing = ""
			break
		}
	}
	var listed, unlisted []string
	for _, name := range clusters {
		if len(byName[name]) > 0 {
			listed = append(listed, name)
		} else {
			unlisted = append(unlisted, name)
		}
	}
	say := func(at line, clusters []string, format string, args ...any) {
		causes = append(causes, cause{at, fmt.Sprintf(format, args...), clusters})
	}
	const few = 3
	if some := diag.Some(listed, few); some != "" {
		labels := p.labels(listed[0])
		switch {
		case nothing != "":
			say(p.selectorAt, listed, "clusterSelector matches no cluster of the fleet %s%s", p.fleet.name, nothing)
		case kept < len(listed):
			say(p.selectorAt, listed, "clusterSelector does not match %s; the labels of %s are at %s", some, listed[0], labels.at)
		default:
			say(labels, listed, "the labels of %s do not match clusterSelector at %s", some, p.selectorAt.at)
		}
	}
	if some := diag.Some(unlisted, few); some != "" {
		elsewhere := unlisted[0] == place.HostCluster || slices.ContainsFunc(p.app.fleets, func(other *placedFleet) bool { return len(other.byName()[unlisted[0]]) > 0 })
		switch {
		case elsewhere && kept < len(unlisted):
			say(p.destination, unlisted, "the destination is the fleet %s, which at %s does not list %s%s", p.fleet.name, p.fleet.list.at, some, nothing)
		case elsewhere:
			say(p.fleet.list, unlisted, "the fleet %s, the destination at %s, does not list %s", p.fleet.name, p.destination.at, some)
		case len(byName) == 0:
			say(p.fleet.list, unlisted, "the fleet %s has no clusters%s", p.fleet.name, nothing)
		default:
			say(p.fleet.list, unlisted, "the fleet %s does not list %s", p.fleet.name, some)
		}
	}
	return causes
}

// labels are what of a cluster of the fleet the selector does not match.
func (p *placedPolicy) labels(name string) line {
	cl := p.fleet.byName()[name][0]
	at := schema.Path{"metadata", "labels"}
	for _, key := range slices.Sorted(maps.Keys(p.selector)) {
		if have, ok := cl.Labels[key]; ok && have != p.selector[key] {
			return lineOf(cl.Doc, at.With(key))
		}
	}
	return lineOf(cl.Doc, at)
}

// compared are the names of the clusters that the tree has, and of those that a hub applies to.
func (t *Tree) compared() (names []string) {
	for _, c := range t.Clusters {
		names = append(append(names, c.Name), c.Spokes...)
	}
	return names
}
