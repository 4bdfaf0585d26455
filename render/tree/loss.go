package tree

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// application finds the Application among the inputs that a file of a cluster's directory is
// of, and the cluster that the file is for; onHub reports whether a hub applies it to another.
func (t *Tree) application(root, file string) (app *place.Application, cluster string, onHub bool) {
	cluster = root
	if spoke, below, ok := layout.Spoke(file); ok {
		cluster, file, onHub = spoke, below, true
	}
	rest, ok := strings.CutPrefix(file, layout.AppsDir+"/")
	dir, _, below := strings.Cut(rest, "/")
	if !ok || !below {
		return nil, "", false
	}
	return t.byDir[dir], cluster, onHub
}

// Application returns the namespace/name of the Application that a file is of, or "".
func (t *Tree) Application(file string) string {
	if app, _, _ := t.application("", file); app != nil {
		return nameOf(app)
	}
	return ""
}

// Applications returns the namespace/name of all Applications among the inputs, sorted.
func (t *Tree) Applications() []string {
	var names []string
	for _, a := range t.input.Applications {
		names = append(names, nameOf(a))
	}
	return names
}

func nameOf(a *place.Application) string { return a.Namespace + "/" + a.Name }

// A Loss is what one line of the inputs takes from clusters of Applications that still exist, or of a
// component that is installed.
type Loss struct {
	// Applications that lose, by name.
	Applications []LostApplication
	// Component is the one whose release disappears, and Release its name; or nothing.
	Component, Release string
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

// Subject names what is lost: "the policy db of Application default/shop".
func (l Loss) Subject() string {
	if l.Component != "" {
		return "the release of " + l.Component
	}
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
		parts = append(parts, noun+some(a.Policies)+" of Application "+a.Name)
	}
	switch {
	case len(whole) == 1:
		parts = slices.Insert(parts, 0, "Application "+whole[0])
	case len(whole) > 1:
		parts = slices.Insert(parts, 0, "Applications "+some(whole))
	}
	return some(parts)
}

// String is the loss in one sentence, without its position.
func (l Loss) String() string {
	return fmt.Sprintf("%s would disappear from %s: %s", l.Subject(), some(l.Clusters), l.Reason)
}

func some(names []string) string { return diag.Some(names, diag.MostNames) }

// LossesOf returns what changes, by cluster and path, would take from clusters of Applications among
// the inputs. A policy counts by its name, however rendered; what Flux leaves there is not lost.
func (t *Tree) LossesOf(changes []Change) []Loss {
	f := finder{t, map[*place.Policy][]string{}, map[*place.Policy]int{}, map[*place.Policy]map[string]bool{}, map[*place.Fleet]map[string]*place.Cluster{}}
	for of := range ByCluster(changes) {
		groups := map[lossGroup][]Change{}
		for _, c := range of {
			if app, cluster, onHub := t.application(c.Cluster, c.Path); app != nil {
				g := lossGroup{app, cluster, onHub}
				groups[g] = append(groups[g], c)
			}
		}
		for g, changes := range groups {
			f.look(g, changes)
		}
	}
	losses := f.losses()
	if t.input != nil {
		losses = append(losses, t.lostComponents(changes)...)
	}
	return losses
}

// A finder finds losses.
type finder struct {
	tree *Tree
	// lost are the clusters that lose a policy.
	lost map[*place.Policy][]string
	// created counts the clusters that get a policy anew.
	created map[*place.Policy]int
	// targets are the clusters that policies go to, and fleets those of fleets, by name.
	targets map[*place.Policy]map[string]bool
	fleets  map[*place.Fleet]map[string]*place.Cluster
}

// goesTo reports whether a policy goes to a cluster.
func (f *finder) goesTo(p *place.Policy, cluster string) bool {
	targets, ok := f.targets[p]
	if !ok {
		targets = map[string]bool{}
		for _, t := range p.Targets {
			targets[t.Name] = true
		}
		f.targets[p] = targets
	}
	return targets[cluster]
}

// lose has a cluster lose a policy, unless the policy goes there.
func (f *finder) lose(p *place.Policy, cluster string) {
	if !f.goesTo(p, cluster) {
		f.lost[p] = append(f.lost[p], cluster)
	}
}

// A lossGroup is the application and the cluster that changes are of.
type lossGroup struct {
	app     *place.Application
	cluster string
	onHub   bool
}

// policies returns the policies of the application by the names of the files on its cluster. Of several
// with one name it is the one that goes to the cluster, or else one that goes nowhere.
func (f *finder) policies(g lossGroup) map[string]*place.Policy {
	files := map[string]*place.Policy{}
	add := func(p *place.Policy, kind string) {
		names := []string{p.FluxName}
		if g.onHub {
			// The cluster may be gone, and its kind with it.
			names = []string{place.ObjectNameOnHub(p.FluxName, "AttachedCluster", g.cluster), place.ObjectNameOnHub(p.FluxName, "Cluster", g.cluster)}
		}
		for _, name := range names {
			if file := layout.FileName(kind, name); files[file] == nil {
				files[file] = p
			}
		}
	}
	all := slices.Clone(g.app.Policies)
	rank := func(p *place.Policy) int {
		switch {
		case f.goesTo(p, g.cluster):
			return 0
		case len(p.Targets) == 0:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b *place.Policy) int { return cmp.Compare(rank(a), rank(b)) })
	for _, p := range all {
		add(p, p.ObjectKind())
	}
	for _, p := range all {
		for kind := range policyKinds { // which it may have been before
			add(p, kind)
		}
	}
	return files
}

// look finds what an application loses on a cluster.
func (f *finder) look(g lossGroup, changes []Change) {
	policies := f.policies(g)
	// moved is what policies without a name apply that are written there.
	moved := map[string]bool{}
	for _, c := range changes {
		if p := policies[path.Base(c.Path)]; p != nil && c.New != nil {
			moved[applies(p)] = true
			if c.Old == nil {
				f.created[p]++
			}
		}
	}
	for _, c := range changes {
		if c.Old == nil || c.New != nil {
			continue
		}
		// Whoever has edited the file by hand hides nothing: its name counts as well.
		called := policies[path.Base(c.Path)]
		object, ok := readPolicy(c.Old)
		var held *place.Policy
		if ok && TextAt(object, "metadata", "namespace") == g.app.Namespace {
			held = policies[layout.FileName(TextAt(object, "kind"), TextAt(object, "metadata", "name"))]
		}
		if called != nil && called != held {
			f.lose(called, g.cluster)
		}
		if held != nil && !LeavesAll(object) && !isRenamed(held, object, moved) {
			f.lose(held, g.cluster)
		}
	}
}

// isRenamed reports whether a policy without a name has moved, since one was inserted or removed.
func isRenamed(p *place.Policy, object map[string]any, moved map[string]bool) bool {
	what := applies(p)
	return what != "" && (appliedBy(object) != what || moved[what])
}

// applies returns what a policy without a name applies, as appliedBy reads it from the policy's
// object: it is called after its position, and known by what it applies.
func applies(p *place.Policy) string {
	switch {
	case p.Name != "":
		return ""
	case p.Kustomization != nil:
		return whatApplies("Kustomization", p.Kustomization.Path, p.Kustomization.TargetNamespace)
	case p.App.SourceKind() == place.OCIRepository || p.App.SourceKind() == place.ExternalArtifact: // which is the chart
		return whatApplies("HelmRelease", "", p.Helm.TargetNamespace)
	}
	return whatApplies("HelmRelease", p.Helm.Chart.Spec.Chart, p.Helm.TargetNamespace)
}

// appliedBy returns what the object of a policy applies.
func appliedBy(object map[string]any) string {
	kind, what := TextAt(object, "kind"), TextAt(object, "spec", "path")
	if kind == "HelmRelease" {
		what = TextAt(object, "spec", "chart", "spec", "chart")
	}
	return whatApplies(kind, what, TextAt(object, "spec", "targetNamespace"))
}

func whatApplies(kind, what, namespace string) string { return kind + "\n" + what + "\n" + namespace }

// policyKinds are the kinds of the objects of policies, with their groups.
var policyKinds = map[string]string{"Kustomization": "kustomize.toolkit.fluxcd.io", "HelmRelease": "helm.toolkit.fluxcd.io"}

// readPolicy reads the object of a policy.
func readPolicy(data []byte) (object map[string]any, ok bool) {
	if bytes.Contains(data, []byte("\n---")) || yaml.Unmarshal(data, &object) != nil {
		return nil, false
	}
	group, _, _ := strings.Cut(TextAt(object, "apiVersion"), "/")
	return object, group != "" && group == policyKinds[TextAt(object, "kind")]
}

// losses are what was found, for each line that decides once.
func (f *finder) losses() []Loss {
	if len(f.lost) == 0 {
		return nil
	}
	// A key is what losses have in common that are said in one sentence.
	type key struct {
		position         diag.Position
		reason, clusters string
	}
	var losses []Loss
	numbers := map[key]int{}
	for _, app := range f.tree.input.Applications {
		for _, p := range app.Policies {
			for _, c := range f.causes(p) {
				k := key{c.Position(), c.reason, strings.Join(c.clusters, " ")}
				i, ok := numbers[k]
				if !ok {
					i = len(losses)
					numbers[k] = i
					losses = append(losses, Loss{Clusters: c.clusters, Position: k.position, Path: c.Path.String(), Reason: c.reason})
				}
				losses[i].add(p)
			}
		}
	}
	return losses
}

// add adds a policy that is lost, one of an Application after the other.
func (l *Loss) add(p *place.Policy) {
	name := nameOf(p.App)
	if n := len(l.Applications); n == 0 || l.Applications[n-1].Name != name {
		l.Applications = append(l.Applications, LostApplication{Name: name})
	}
	last := &l.Applications[len(l.Applications)-1]
	if last.Policies = append(last.Policies, p.FluxName); len(last.Policies) == len(p.App.Policies) {
		last.Policies = nil
	}
}

// A cause is the line that decides why a policy disappears from clusters.
type cause struct {
	manifest.Origin
	reason   string
	clusters []string
}

// causes finds the lines. Nobody knows what they were before: where most of the clusters stay,
// what is said of each of the others has changed, and else what is said of all of them.
func (f *finder) causes(p *place.Policy) (causes []cause) {
	clusters := f.lost[p]
	if len(clusters) == 0 {
		return nil
	}
	slices.Sort(clusters)
	clusters = slices.Compact(clusters)
	if p.Fleet == nil {
		at := manifest.Origin{Doc: p.App.Doc, Path: schema.Path{"metadata", "name"}}
		return []cause{{at, fmt.Sprintf("without a destination it goes to the cluster %s alone", place.HostCluster), clusters}}
	}
	kept := -f.created[p]
	for _, c := range f.tree.Clusters {
		for _, name := range append([]string{c.Name}, c.Spokes...) {
			if f.goesTo(p, name) {
				kept++
			}
		}
	}
	// nothing is the warning where the policy goes nowhere.
	nothing := ""
	if len(p.Targets) == 0 {
		nothing = fmt.Sprintf(" (%s)", diag.SelectsNothing)
	}
	inFleet := f.clusters(p.Fleet)
	var listed, unlisted []string
	for _, name := range clusters {
		if inFleet[name] != nil {
			listed = append(listed, name)
		} else {
			unlisted = append(unlisted, name)
		}
	}
	say := func(at manifest.Origin, clusters []string, format string, args ...any) {
		causes = append(causes, cause{at, fmt.Sprintf(format, args...), clusters})
	}
	const few = 3
	d, at := p.ResolveDestination()
	if some := diag.Some(listed, few); some != "" {
		selector := manifest.Origin{Doc: p.App.Doc, Path: at.With("clusterSelector")}
		if len(d.ClusterSelector.MatchExpressions) == 0 {
			selector.Path = selector.Path.With("matchLabels")
		}
		labels := unmatched(inFleet[listed[0]], d.ClusterSelector)
		switch {
		case nothing != "":
			say(selector, listed, "clusterSelector matches no cluster of the fleet %s%s", d.Fleet, nothing)
		case kept < len(listed):
			say(selector, listed, "clusterSelector does not match %s; the labels of %s are at %s", some, listed[0], labels.Position())
		default:
			say(labels, listed, "the labels of %s do not match clusterSelector at %s", some, selector.Position())
		}
	}
	if some := diag.Some(unlisted, few); some != "" {
		list := manifest.Origin{Doc: p.Fleet.Doc, Path: schema.Path{"spec", "clusters"}}
		destination := manifest.Origin{Doc: p.App.Doc, Path: at.With("fleet")}
		elsewhere := unlisted[0] == place.HostCluster || slices.ContainsFunc(f.tree.input.Fleets, func(other *place.Fleet) bool {
			return other.Namespace == p.Fleet.Namespace && f.clusters(other)[unlisted[0]] != nil
		})
		switch {
		case elsewhere && kept < len(unlisted):
			say(destination, unlisted, "the destination is the fleet %s, which at %s does not list %s%s", d.Fleet, list.Position(), some, nothing)
		case elsewhere:
			say(list, unlisted, "the fleet %s, the destination at %s, does not list %s", d.Fleet, destination.Position(), some)
		case len(inFleet) == 0:
			say(list, unlisted, "the fleet %s has no clusters%s", d.Fleet, nothing)
		default:
			say(list, unlisted, "the fleet %s does not list %s", d.Fleet, some)
		}
	}
	return causes
}

// clusters returns the clusters of a fleet by name.
func (f *finder) clusters(of *place.Fleet) map[string]*place.Cluster {
	if f.fleets[of] == nil {
		f.fleets[of] = map[string]*place.Cluster{}
		for _, cl := range slices.Backward(of.Clusters) {
			f.fleets[of][cl.Name] = cl
		}
	}
	return f.fleets[of]
}

// unmatched returns what of a cluster a selector does not match.
func unmatched(cl *place.Cluster, selector *api.ClusterSelector) manifest.Origin {
	at := schema.Path{"metadata", "labels"}
	if key := place.Unmatched(selector, cl); cl.Doc.Has(at.With(key)...) {
		at = at.With(key)
	}
	return manifest.Origin{Doc: cl.Doc, Path: at}
}
