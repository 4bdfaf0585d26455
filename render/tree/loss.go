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

// application returns the Application of the input to which a file of a cluster's directory belongs, and the
// cluster for which the file is. onHub reports whether a hub applies it to another cluster.
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

// Application returns the namespace/name of the Application to which a file belongs, or "".
func (t *Tree) Application(file string) string {
	if app, _, _ := t.application("", file); app != nil {
		return nameOf(app)
	}
	return ""
}

// Applications returns the namespace/name of all Applications of the input, sorted.
func (t *Tree) Applications() []string {
	var names []string
	for _, a := range t.input.Applications {
		names = append(names, nameOf(a))
	}
	return names
}

func nameOf(a *place.Application) string { return a.Namespace + "/" + a.Name }

// A Loss holds the objects that one line of the inputs removes from clusters while their Application still
// exists or their component is still installed.
type Loss struct {
	// Applications holds the Applications that lose objects, by name.
	Applications []LostApplication
	// Component is the component whose release disappears, and Release the name of the release; both may be "".
	Component, Release string
	// Clusters holds the names of the clusters that lose the objects.
	Clusters []string
	// Position is the position of the deciding line, and Path the path of its value.
	Position diag.Position
	Path     string
	// Reason is the effect of that line, in lower case and without a full stop.
	Reason string
}

// A LostApplication is an Application that disappears from clusters.
type LostApplication struct {
	// Name is namespace/name.
	Name string
	// Policies holds the names of the policies that disappear, none if all do.
	Policies []string
}

// Subject returns the name of the lost part: "the policy db of Application default/shop".
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

// String describes the loss in one sentence, without its position.
func (l Loss) String() string {
	return fmt.Sprintf("%s would disappear from %s: %s", l.Subject(), some(l.Clusters), l.Reason)
}

func some(names []string) string { return diag.Some(names, diag.MostNames) }

// LossesOf returns the objects of the input's Applications that changes would remove from clusters. The changes
// are sorted by cluster and path. A policy is identified by its name, however rendered; objects that Flux would
// keep are not lost.
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
	// lost holds the clusters that lose a policy.
	lost map[*place.Policy][]string
	// created counts the clusters that newly get a policy.
	created map[*place.Policy]int
	// targets holds the clusters of policies, and fleets the clusters of fleets, by name.
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

// lose records that a cluster loses a policy, unless the policy goes there.
func (f *finder) lose(p *place.Policy, cluster string) {
	if !f.goesTo(p, cluster) {
		f.lost[p] = append(f.lost[p], cluster)
	}
}

// A lossGroup is the application and the cluster to which changes belong.
type lossGroup struct {
	app     *place.Application
	cluster string
	onHub   bool
}

// policies returns the policies of the application by the names of their files on its cluster. If several share a
// name, it prefers the policy for the cluster, and then a policy without a cluster.
func (f *finder) policies(g lossGroup) map[string]*place.Policy {
	files := map[string]*place.Policy{}
	add := func(p *place.Policy, kind string) {
		names := []string{p.FluxName}
		if g.onHub {
			// The cluster may be gone, and with it its kind.
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
		for kind := range policyKinds { // the policy may have had the other kind
			add(p, kind)
		}
	}
	return files
}

// look finds the losses of an application on a cluster.
func (f *finder) look(g lossGroup, changes []Change) {
	policies := f.policies(g)
	// moved holds the builds of policies without a name that are written there.
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
		// A file edited by hand hides no loss, because its name counts as well.
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

// isRenamed reports whether a policy without a name has moved because another was inserted or removed.
func isRenamed(p *place.Policy, object map[string]any, moved map[string]bool) bool {
	what := applies(p)
	return what != "" && (appliedBy(object) != what || moved[what])
}

// applies returns a key for the contents that a policy without a name applies, comparable to appliedBy. Such a
// policy is named after its position, but recognized by its contents.
func applies(p *place.Policy) string {
	switch {
	case p.Name != "":
		return ""
	case p.Kustomization != nil:
		return whatApplies("Kustomization", p.Kustomization.Path, p.Kustomization.TargetNamespace)
	case p.App.SourceKind() == place.OCIRepository || p.App.SourceKind() == place.ExternalArtifact: // it is the chart
		return whatApplies("HelmRelease", "", p.Helm.TargetNamespace)
	}
	return whatApplies("HelmRelease", p.Helm.Chart.Spec.Chart, p.Helm.TargetNamespace)
}

// appliedBy returns the key of the contents that a policy's object applies.
func appliedBy(object map[string]any) string {
	kind, what := TextAt(object, "kind"), TextAt(object, "spec", "path")
	if kind == "HelmRelease" {
		what = TextAt(object, "spec", "chart", "spec", "chart")
	}
	return whatApplies(kind, what, TextAt(object, "spec", "targetNamespace"))
}

func whatApplies(kind, what, namespace string) string { return kind + "\n" + what + "\n" + namespace }

// policyKinds maps the kinds of the policies' objects to their API groups.
var policyKinds = map[string]string{"Kustomization": "kustomize.toolkit.fluxcd.io", "HelmRelease": "helm.toolkit.fluxcd.io"}

// readPolicy reads the object of a policy.
func readPolicy(data []byte) (object map[string]any, ok bool) {
	if bytes.Contains(data, []byte("\n---")) || yaml.Unmarshal(data, &object) != nil {
		return nil, false
	}
	group, _, _ := strings.Cut(TextAt(object, "apiVersion"), "/")
	return object, group != "" && group == policyKinds[TextAt(object, "kind")]
}

// losses returns the losses, one for each deciding line.
func (f *finder) losses() []Loss {
	if len(f.lost) == 0 {
		return nil
	}
	// A key identifies losses that are reported in one sentence.
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

// add adds a lost policy. The policies of an Application must be added in sequence.
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

// causes returns these lines. Their former text is unknown: if the policy stays on most clusters, each lost
// cluster has separate causes, and otherwise one line is the cause for all of them.
func (f *finder) causes(p *place.Policy) (causes []cause) {
	clusters := f.lost[p]
	if len(clusters) == 0 {
		return nil
	}
	slices.Sort(clusters)
	clusters = slices.Compact(clusters)
	if p.Fleet == nil {
		at := manifest.Origin{Doc: p.App.Doc, Path: schema.Path{"metadata", "name"}}
		return []cause{{at, fmt.Sprintf("without a destination it goes only to the cluster %s", place.HostCluster), clusters}}
	}
	kept := -f.created[p]
	for _, c := range f.tree.Clusters {
		for _, name := range append([]string{c.Name}, c.Spokes...) {
			if f.goesTo(p, name) {
				kept++
			}
		}
	}
	// nothing is the warning for a policy that goes nowhere.
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

// unmatched returns the labels of a cluster that a selector does not match.
func unmatched(cl *place.Cluster, selector *api.ClusterSelector) manifest.Origin {
	at := schema.Path{"metadata", "labels"}
	if key := place.Unmatched(selector, cl); cl.Doc.Has(at.With(key)...) {
		at = at.With(key)
	}
	return manifest.Origin{Doc: cl.Doc, Path: at}
}
