// Package fleet shows which clusters get which Applications, and in which order. Each format has a file. Package
// render supplies the facts; this package groups clusters that get the same, and describes their differences.
package fleet

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/format"
	"github.com/fleetwright/fleetwright/internal/sink/plan"
	"github.com/fleetwright/fleetwright/render"
)

// A Format writes a fleet.
type Format func(w io.Writer, f *Fleet, o Options) error

// Options are the settings of a format. The zero value is valid.
type Options struct {
	// Color has text print colours, for a terminal.
	Color bool
	// Width is how many columns text has, or 0 where nobody knows.
	Width int
	// Version is the version of fleetwright. Only JSON and HTML name it.
	Version string
}

// Formats are all formats, in the order in which they are offered.
var Formats = format.List[Format]{
	{Name: "text", Value: writeText},
	{Name: "markdown", Value: writeMarkdown},
	{Name: "svg", Value: writeSVG},
	{Name: "html", Value: writeHTML},
	{Name: "json", Value: writeJSON},
	{Name: "mermaid", Value: writeMermaid},
}

// A Fleet is all clusters with their applications.
type Fleet struct {
	// Parts are the clusters that are in the same fleets.
	Parts []*Part
	// Waves are the order of the clusters, with how long each takes, where waves are declared.
	Waves []plan.Wave

	members []*render.Member
	waveOf  map[string]*plan.Wave
}

// A Part is the clusters that are in the same fleets.
type Part struct {
	// Fleets, as namespace/name. The cluster of Applications without a fleet is in none.
	Fleets   []string
	Clusters []string
	Base     *render.Base
	// Groups are the clusters that get the same, in the order of the waves.
	Groups []*Group
	// Applications by name.
	Applications []*Application

	// overlaps reports whether its fleet has more clusters, which are in other fleets, too.
	overlaps bool
	// groupOf are the numbers of the groups of clusters, from 1 on.
	groupOf map[string]int
}

// A Group is the clusters of a part that get the same in one wave.
type Group struct {
	// Wave is the wave of the clusters, or nil.
	Wave     *plan.Wave
	Clusters []string
	// Labels are those that all of the clusters have, as key=value.
	Labels []string
	// Differs are the names of the applications that differ from most clusters of the part.
	Differs []string
}

// An Application is one that goes to clusters of a part.
type Application struct {
	Name string
	// Variants of the application. The variant on most clusters is the first.
	Variants []*Variant
	// Missing are the clusters of the part that get nothing of it.
	Missing []string
}

// A form is the versions and the rollouts of an application, with the clusters that get them. Variants that differ
// only in other fields have the same form.
type form struct {
	versions string
	rollouts []string
	clusters []string
}

// forms returns the forms of an application. The form on most clusters is the first.
func (p *Part) forms(a *Application) (all []*form) {
	known := map[string]*form{}
	for _, v := range a.Variants {
		of := form{versions: versions(v.Placement), rollouts: rollouts(v.Placement)}
		key := of.versions + "\x00" + joined(of.rollouts)
		if known[key] == nil {
			known[key] = &of
			all = append(all, &of)
		}
		known[key].clusters = append(known[key].clusters, v.Clusters...)
	}
	place := make(map[string]int, len(p.Clusters))
	for i, name := range p.Clusters {
		place[name] = i
	}
	for _, of := range all {
		slices.SortFunc(of.clusters, func(a, b string) int { return place[a] - place[b] })
	}
	slices.SortStableFunc(all, func(a, b *form) int { return len(b.clusters) - len(a.clusters) })
	return all
}

// A Variant is an application as some clusters get it.
type Variant struct {
	*render.Placement
	Clusters []string
}

// New returns the fleet of members, with their waves.
func New(members []*render.Member, waves []plan.Wave) *Fleet {
	f := &Fleet{Waves: waves, members: members, waveOf: map[string]*plan.Wave{}}
	for i := range waves {
		for _, name := range waves[i].Clusters {
			f.waveOf[name] = &waves[i]
		}
	}
	type key struct {
		fleets string
		base   *render.Base
	}
	known, of := map[key]*Part{}, map[*Part][]*render.Member{}
	for _, m := range members {
		k := key{strings.Join(m.Fleets, " "), m.Base}
		p := known[k]
		if p == nil {
			p = &Part{Fleets: m.Fleets, Base: m.Base}
			known[k] = p
			f.Parts = append(f.Parts, p)
		}
		p.Clusters = append(p.Clusters, m.Name)
		of[p] = append(of[p], m)
	}
	slices.SortStableFunc(f.Parts, func(a, b *Part) int { return slices.Compare(a.Fleets, b.Fleets) })
	parts := map[string]int{}
	for _, p := range f.Parts {
		for _, name := range p.Fleets {
			parts[name]++
		}
	}
	for _, p := range f.Parts {
		p.overlaps = len(p.Fleets) == 1 && parts[p.Fleets[0]] > 1
		p.place(of[p])
		f.group(p, of[p])
	}
	return f
}

// place adds the applications of the clusters.
func (p *Part) place(members []*render.Member) {
	apps, variants := map[string]*Application{}, map[*render.Placement]*Variant{}
	for _, m := range members {
		for _, placed := range m.Placements {
			v := variants[placed]
			if v == nil {
				v = &Variant{Placement: placed}
				variants[placed] = v
				a := apps[placed.Application]
				if a == nil {
					a = &Application{Name: placed.Application}
					apps[placed.Application] = a
					p.Applications = append(p.Applications, a)
				}
				a.Variants = append(a.Variants, v)
			}
			v.Clusters = append(v.Clusters, m.Name)
		}
	}
	slices.SortFunc(p.Applications, func(a, b *Application) int { return cmp.Compare(a.Name, b.Name) })
	for _, a := range p.Applications {
		slices.SortStableFunc(a.Variants, func(a, b *Variant) int { return len(b.Clusters) - len(a.Clusters) })
		got := 0
		for _, v := range a.Variants {
			got += len(v.Clusters)
		}
		if got == len(p.Clusters) {
			continue
		}
		there := make(map[string]bool, got)
		for _, v := range a.Variants {
			for _, name := range v.Clusters {
				there[name] = true
			}
		}
		a.Missing = slices.DeleteFunc(slices.Clone(p.Clusters), func(name string) bool { return there[name] })
	}
}

// isRare reports whether fewer clusters of a part get the application than do not.
func (a *Application) isRare(p *Part) bool { return 2*len(a.Missing) > len(p.Clusters) }

// group puts the clusters of a part together that get the same.
func (f *Fleet) group(p *Part, members []*render.Member) {
	// differs has, for each cluster, the numbers of the applications that differ from most clusters.
	differs := map[string][]int{}
	// variant is the number of an application's variant on a cluster, 0 for the usual one.
	key := map[string][]byte{}
	add := func(cluster string, application, variant int) {
		differs[cluster] = append(differs[cluster], application)
		key[cluster] = fmt.Appendf(key[cluster], "%d:%d ", application, variant)
	}
	for i, a := range p.Applications {
		usual := 0
		if a.isRare(p) {
			usual = -1 // most clusters lack it
		}
		for n, v := range a.Variants {
			if n == usual {
				continue
			}
			for _, name := range v.Clusters {
				add(name, i, n)
			}
		}
		if usual == 0 {
			for _, name := range a.Missing {
				add(name, i, -1)
			}
		}
	}
	known := map[string]*Group{}
	for _, m := range members {
		wave := f.waveOf[m.Name]
		k := string(key[m.Name])
		if wave != nil {
			k = wave.Name + "\n" + k
		}
		g := known[k]
		if g == nil {
			g = &Group{Wave: wave, Labels: labels(m)}
			for _, i := range differs[m.Name] {
				g.Differs = append(g.Differs, p.Applications[i].Name)
			}
			known[k] = g
			p.Groups = append(p.Groups, g)
		}
		g.Clusters = append(g.Clusters, m.Name)
		g.Labels = slices.DeleteFunc(g.Labels, func(label string) bool {
			name, value, _ := strings.Cut(label, "=")
			has, ok := m.Labels[name]
			return !ok || has != value
		})
	}
	number := func(g *Group) int {
		return slices.IndexFunc(f.Waves, func(w plan.Wave) bool { return g.Wave != nil && w.Name == g.Wave.Name })
	}
	slices.SortStableFunc(p.Groups, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(number(a), number(b)), cmp.Compare(len(a.Differs), len(b.Differs)))
	})
	p.groupOf = make(map[string]int, len(p.Clusters))
	for i, g := range p.Groups {
		for _, name := range g.Clusters {
			p.groupOf[name] = i + 1
		}
	}
}

func labels(m *render.Member) (all []string) {
	for name, value := range m.Labels {
		all = append(all, name+"="+value)
	}
	slices.Sort(all)
	return all
}

// Rollouts returns the rollouts on members, with their clusters.
func Rollouts(members []*render.Member) []render.Rollout {
	numbers := map[*render.Rollout]int{}
	var all []render.Rollout
	for _, m := range members {
		for _, p := range m.Placements {
			for _, policy := range p.Policies {
				r := policy.Rollout
				if r == nil {
					continue
				}
				i, ok := numbers[r]
				if !ok {
					i = len(all)
					numbers[r] = i
					all = append(all, *r)
				}
				all[i].Clusters = append(all[i].Clusters, m.Name)
			}
		}
	}
	return all
}

// versions returns the versions of the source and of the charts of a placement.
func versions(p *render.Placement) string {
	all := []string{p.Version.String()}
	for _, policy := range p.Policies {
		all = append(all, policy.Version.String())
	}
	all = slices.DeleteFunc(distinct(all), func(text string) bool { return text == "" })
	if len(all) == 0 {
		return unknown
	}
	return diag.Some(all, few)
}

// distinct returns words, each once.
func distinct(words []string) (all []string) {
	known := map[string]bool{}
	for _, word := range words {
		if !known[word] {
			known[word] = true
			all = append(all, word)
		}
	}
	return all
}

// unknown stands for a missing fact, and none for an empty cell.
const (
	unknown = "unknown"
	none    = "–"
)

// A namedRollout is a rollout in words. Its name is "" if no placement has several.
type namedRollout struct{ name, words string }

// namedRollouts returns the rollouts of placements of an application. Each has the name of its workload, with the
// namespace if the name occurs in several, and with the policy if several roll out the workload.
func namedRollouts(placements ...*render.Placement) [][]namedRollout {
	several := false
	// clash holds names in several namespaces, and workloads of several policies.
	namespace, clash := map[string]string{}, map[string]bool{}
	for _, p := range placements {
		rolled := rolledOut(p)
		several = several || len(rolled) > 1
		known := map[string]bool{}
		for _, policy := range rolled {
			r := policy.Rollout
			other, ok := namespace[r.Name]
			clash[r.Name] = clash[r.Name] || ok && other != r.Namespace
			namespace[r.Name] = r.Namespace
			clash[r.Workload()] = clash[r.Workload()] || known[r.Workload()]
			known[r.Workload()] = true
		}
	}
	all := make([][]namedRollout, len(placements))
	for i, p := range placements {
		for _, policy := range rolledOut(p) {
			r, name := policy.Rollout, ""
			if several {
				name = r.Name
				if clash[name] {
					name = r.Workload()
				}
				if clash[r.Workload()] {
					name += " (" + policy.Name + ")"
				}
			}
			all[i] = append(all[i], namedRollout{name, rolloutWords(r)})
		}
	}
	return all
}

// rolledOut returns the policies of a placement that have a rollout.
func rolledOut(p *render.Placement) (all []render.PlacedPolicy) {
	for _, policy := range p.Policies {
		if policy.Rollout != nil {
			all = append(all, policy)
		}
	}
	return all
}

// rollouts returns how the rollouts of a placement go, in words.
func rollouts(p *render.Placement) (all []string) {
	for _, r := range namedRollouts(p)[0] {
		text := r.words
		if r.name != "" {
			text = r.name + ": " + text
		}
		all = append(all, text)
	}
	return all
}

// rolloutWords describes a rollout: its strategy, its provider, and the time until a version is promoted.
func rolloutWords(r *render.Rollout) string {
	c := &r.Plan.Canary
	text := plan.Strategy(c)
	if c.Provider != "" {
		text += " on " + c.Provider
	}
	if !c.Suspend {
		text += ", " + plan.Promotion(r.Plan)
	}
	return text
}

// suspended returns the names of the suspended policies.
func suspended(p *render.Placement) (names []string) {
	for _, policy := range p.Policies {
		if policy.Suspended {
			names = append(names, policy.Name)
		}
	}
	return names
}

// overrides describes the overrides of a placement. With several policies, it names the policy of each.
func overrides(p *render.Placement, several bool) (all []string) {
	for _, o := range p.Overrides {
		what := o.Section
		if o.Policy != "" && several {
			what += " of " + o.Policy
		}
		on := o.Selector
		if on == "" {
			on = "all clusters"
		}
		all = append(all, what+" ("+on+")")
	}
	return all
}

// title returns the name of the part.
func (p *Part) title() string {
	if len(p.Fleets) == 0 {
		return "No fleet"
	}
	if len(p.Fleets) > 1 {
		return "Fleets " + strings.Join(p.Fleets, ", ")
	}
	if p.overlaps {
		return "Fleet " + p.Fleets[0] + ": clusters in no other fleet"
	}
	return "Fleet " + p.Fleets[0]
}

// orderTitle returns the heading of the order, which is that on most clusters where they differ.
func orderTitle(differences []Difference) string {
	if len(differences) > 0 {
		return "Usual order"
	}
	return "Order on each cluster"
}

// about summarizes the part, in a sentence without a full stop.
func (p *Part) about() string {
	text := diag.Plural(len(p.Clusters), "cluster") + ", " + diag.Plural(len(p.Applications), "application")
	if p.Base.Provider != "" {
		text += ", provider " + p.Base.Provider
	}
	var installed []string
	for _, c := range p.Base.Components {
		if c.Installed {
			installed = append(installed, componentWords(c))
		}
	}
	if len(installed) > 0 {
		text += "; already installed: " + strings.Join(installed, ", ")
	}
	return text
}

// components describes the components that a stage installs.
func (p *Part) components(s render.Stage) (all []string) {
	for _, c := range p.Base.Components {
		if slices.Contains(s.Components, c.Name) {
			all = append(all, componentWords(c))
		}
	}
	return all
}

func componentWords(c render.Component) string {
	if c.Version == "" {
		return c.Name
	}
	return c.Name + " " + c.Version
}

// empty explains why the fleet has no clusters.
const empty = "No clusters: no Application or Fleet names one."
