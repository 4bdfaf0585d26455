package place

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// variants returns an application as its clusters get it: one variant for all clusters on which overrides and
// variables have the same result, or the application itself if it has neither.
func (pl *placer) variants(a *Application) []*Application {
	if !a.Doc.HasVariants() {
		return []*Application{a}
	}
	v := varier{placer: pl, app: a, Variants: a.Doc.Variants(), made: map[string]*Application{}, known: map[lackKey]*lack{}, within: map[string]int{}}
	v.parts = append(v.parts, newPart(v.Variants, nil, schema.Path{"spec"}, a.Spec.Overrides, func(o *api.SourceOverride) *api.ClusterSelector { return &o.ClusterSelector }))
	for _, p := range a.Policies {
		v.parts = append(v.parts, newPart(v.Variants, p, p.Path, p.Overrides, func(o *api.PolicyOverride) *api.ClusterSelector { return &o.ClusterSelector }))
	}
	if slices.ContainsFunc(v.parts, func(p *part) bool { return len(p.overrides) > schema.MaxOverrides }) {
		return nil // reported elsewhere
	}
	v.clusters = v.targets()
	if len(v.clusters) == 0 && !a.Doc.HasVariables() {
		return []*Application{a} // everything but its clusters can be checked
	}
	for _, p := range a.Policies {
		v.within[p.Path.String()] = len(p.Targets)
	}
	for _, g := range v.groups() {
		v.place(g)
	}
	v.check()
	return v.all
}

// A varier creates the variants of an application.
type varier struct {
	*placer
	*schema.Variants
	app      *Application
	parts    []*part
	clusters []*Target
	// within holds the numbers of clusters of the policies and overrides, by their paths.
	within map[string]int
	// all holds the variants, in the order of their first clusters, and made the same variants by their
	// sections.
	all  []*Application
	made map[string]*Application
	// lacks holds the variables whose label is missing on clusters, and known the same by variable.
	lacks []*lack
	known map[lackKey]*lack
}

// A part is the source, or a policy, with its overrides.
type part struct {
	// at is the path of the owner of the overrides, and sections holds the parts that they may change.
	at       schema.Path
	sections []schema.Path
	// policy is the policy, or nil for the source, and goesTo its clusters.
	policy    *Policy
	goesTo    map[*Target]bool
	overrides []*override
}

// An override holds the findings about an override.
type override struct {
	selector labels.Selector
	// sets reports for each section of the part whether the override sets a field there.
	sets []bool
	// selects reports whether the override selects a cluster, changes whether a cluster would get another result
	// without it, and replaced whether later overrides replace all its values.
	selects, changes, replaced bool
}

func newPart[T any](v *schema.Variants, policy *Policy, at schema.Path, all []T, selector func(*T) *api.ClusterSelector) *part {
	p := &part{at: at, sections: schema.SectionsOf(at), policy: policy}
	if policy != nil {
		p.goesTo = setOf(policy.Targets)
	}
	for i := range all {
		o := &override{selector: newSelector(selector(&all[i]))}
		for _, section := range p.sections {
			o.sets = append(o.sets, v.Sets(at.With("overrides", i), section))
		}
		p.overrides = append(p.overrides, o)
	}
	return p
}

// A lack is a variable whose label is missing on clusters.
type lack struct {
	diag.Diagnostic
	label    string
	clusters []string
}

// A lackKey is a variable of a section.
type lackKey struct {
	*schema.Section
	variable int
}

// targets returns the clusters of the application, each once, in the order of the policies.
func (v *varier) targets() (targets []*Target) {
	seen := map[*Target]bool{}
	for _, p := range v.app.Policies {
		for _, t := range p.Targets {
			if !seen[t] {
				seen[t] = true
				targets = append(targets, t)
			}
		}
	}
	return targets
}

// A group is a set of clusters to which the same overrides of the same policies apply.
type group struct {
	targets []*Target
	// policies holds the indices of the clusters' policies, and sections the sections of the source and of these
	// policies.
	policies []int
	sections []*schema.Section
}

// groups divides the clusters into groups, in the order of the first cluster of each.
func (v *varier) groups() (all []*group) {
	known := map[string]*group{}
	for _, t := range v.clusters {
		var key []byte
		var holding [][]int
		for _, p := range v.parts {
			if p.policy != nil && !p.goesTo[t] {
				holding, key = append(holding, nil), append(key, "-;"...)
				continue
			}
			holds := v.holding(p, t)
			for _, i := range holds {
				key = append(strconv.AppendInt(key, int64(i), 10), ' ')
			}
			holding, key = append(holding, holds), append(key, ';')
		}
		g, ok := known[string(key)]
		if !ok {
			g = v.group(t, holding)
			known[string(key)] = g
			all = append(all, g)
		}
		g.targets = append(g.targets, t)
	}
	return all
}

// group creates the group of a cluster from the overrides of each part that apply to it.
func (v *varier) group(t *Target, holding [][]int) *group {
	g := &group{}
	for n, p := range v.parts {
		if p.policy != nil && !p.goesTo[t] {
			continue
		}
		if p.policy != nil {
			g.policies = append(g.policies, n-1)
		}
		v.judge(p, holding[n])
		for i := range p.sections {
			g.sections = append(g.sections, v.Merge(p.sections[i], p.at, p.setting(i, holding[n])))
		}
	}
	return g
}

// place adds the clusters of a group to their variants, one for all clusters with the same values of variables.
func (v *varier) place(g *group) {
	for _, t := range g.targets {
		key, complete := []byte(nil), true
		sections := make([]*schema.Section, len(g.sections))
		for i, section := range g.sections {
			values, ok := v.values(t, section)
			if complete = complete && ok; !complete {
				continue
			}
			sections[i] = v.Resolve(section, values, func(label string) string {
				if label == "" {
					return t.Name
				}
				return string(t.Labels[label])
			})
			key = fmt.Appendf(key, "%p ", sections[i])
		}
		if !complete {
			continue
		}
		key = fmt.Append(key, g.policies)
		made, ok := v.made[string(key)]
		if !ok {
			made = v.variant(sections, g)
			v.made[string(key)] = made
			v.all = append(v.all, made)
		}
		made.Doc.Scope.Clusters = append(made.Doc.Scope.Clusters, t.Name)
		for _, p := range made.Policies {
			p.Targets = append(p.Targets, t)
		}
	}
}

// holding returns the indices of the overrides that select a cluster.
func (v *varier) holding(p *part, t *Target) (holding []int) {
	for i, o := range p.overrides {
		if o.selector.Matches(clusterLabels(t.Labels)) {
			o.selects = true
			v.within[p.at.With("overrides", i).String()]++
			holding = append(holding, i)
		}
	}
	return holding
}

// setting returns the overrides that set a field in a section of a part.
func (p *part) setting(section int, overrides []int) (set []int) {
	for _, i := range overrides {
		if p.overrides[i].sets[section] {
			set = append(set, i)
		}
	}
	return set
}

// judge finds out what each override that applies to clusters changes there.
func (v *varier) judge(p *part, holding []int) {
	for s, at := range p.sections {
		set := p.setting(s, holding)
		for n, i := range set {
			if o := p.overrides[i]; !o.changes {
				sets, isLeft := v.Effect(at, p.at, set, n)
				o.changes, o.replaced = isLeft, o.replaced || sets
			}
		}
	}
}

// values returns the values of a section's variables on a cluster, and reports whether it has all of them.
func (v *varier) values(t *Target, section *schema.Section) (values string, complete bool) {
	complete = true
	for i, variable := range section.Variables {
		value, ok := t.Name, true
		if variable.Label != "" {
			value, ok = clusterLabels(t.Labels).Lookup(variable.Label)
		}
		values += value + "\n"
		if !ok {
			complete = false
			v.lack(section, i, t)
		}
	}
	return values, complete
}

// lack records that a cluster lacks the label of a section's variable.
func (v *varier) lack(section *schema.Section, variable int, t *Target) {
	key := lackKey{section, variable}
	l, ok := v.known[key]
	if !ok {
		of := section.Variables[variable]
		d := section.Diagnostic(diag.MissingLabel, of.Path, "", "")
		i := slices.IndexFunc(v.lacks, func(l *lack) bool { return l.Diagnostic == d && l.label == of.Label })
		if i < 0 {
			i = len(v.lacks)
			v.lacks = append(v.lacks, &lack{Diagnostic: d, label: of.Label})
		}
		l = v.lacks[i]
		v.known[key] = l
	}
	if n := len(l.clusters); n == 0 || l.clusters[n-1] != t.Name {
		l.clusters = append(l.clusters, t.Name)
	}
}

// variant creates the application of a group's clusters from its sections. On a hub, the overrides of the source
// become part of the source object's name, because one namespace contains the objects of all variants.
func (v *varier) variant(sections []*schema.Section, g *group) *Application {
	doc, list := v.Document(sections, &diag.Scope{Of: len(v.clusters), Within: v.within})
	for _, d := range list {
		v.Add(d)
	}
	app, ok := doc.Object.(*api.Application)
	if !ok || doc.Partial {
		v.misshapen = append(v.misshapen, doc)
	}
	if !ok {
		app = v.app.Application
	}
	made := &Application{Application: app, Doc: doc, Namespace: v.app.Namespace, Name: v.app.Name, SourceName: v.app.SourceName, Variant: len(v.all)}
	if v.settings.Hub {
		made.SourceName = layout.SourceOnHub(v.app.Name, g.sections[0].Overrides())
	}
	if !ok {
		return made // an unreadable variant is not compiled
	}
	v.describe(made, g.sections)
	for _, i := range g.policies {
		p := v.app.Policies[i]
		made.Policies = append(made.Policies, &Policy{
			SyncPolicy: &app.Spec.SyncPolicies[i], App: made, Path: p.Path, FluxName: p.FluxName, Fleet: p.Fleet, Sound: p.Sound && doc.Valid,
		})
	}
	return made
}

// describe records the overrides and variables that the sections of a variant result from.
func (v *varier) describe(made *Application, sections []*schema.Section) {
	for _, s := range sections {
		p := v.parts[0]
		if i, ok := policyOf(s.Path); ok {
			p = v.parts[i+1]
		}
		for _, i := range s.Overrides() {
			o := Override{Section: s.Path[len(s.Path)-1].(string), Selector: p.overrides[i].selector.String()}
			if p.policy != nil {
				o.Policy = p.policy.FluxName
			}
			made.Overrides = append(made.Overrides, o)
		}
		for _, variable := range s.Variables {
			name := "cluster.name"
			if variable.Label != "" {
				name = "cluster.labels." + variable.Label
			}
			made.Variables = append(made.Variables, name)
		}
	}
	slices.Sort(made.Variables)
	made.Variables = slices.Compact(made.Variables)
}

// policyOf returns the index of the policy to which a section belongs, and false for the source.
func policyOf(section schema.Path) (index int, ok bool) {
	if len(section) < 3 {
		return 0, false
	}
	index, ok = section[2].(int)
	return index, ok
}

// check reports the overrides without effect, and the variables without a label.
func (v *varier) check() {
	for _, p := range v.parts {
		clusters := v.clusters
		if p.policy != nil {
			clusters = p.policy.Targets
		}
		v.checkOverrides(p, clusters)
	}
	for _, l := range v.lacks {
		slices.Sort(l.clusters)
		noun, have := "clusters", "have"
		if len(l.clusters) == 1 {
			noun, have = "cluster", "has"
		}
		message := func(clusters string) string {
			return fmt.Sprintf("%s %s %s no label %q, so ${cluster.labels.%s} has no value there", noun, clusters, have, l.label, l.label)
		}
		l.Message = message(diag.Some(l.clusters, diag.MostNames))
		l.Hint = "add the label to the clusters, or set the value with overrides"
		if len(l.clusters) > diag.MostNames {
			l.Whole = message(strings.Join(l.clusters, ", "))
		}
		v.Add(l.Diagnostic)
	}
}

func (v *varier) checkOverrides(p *part, clusters []*Target) {
	if len(clusters) == 0 {
		return // reported elsewhere
	}
	for i, o := range p.overrides {
		at := p.at.With("overrides", i)
		switch {
		case !o.selects && v.MayMiss("AttachedCluster"):
		case !o.selects:
			v.Add(v.app.Doc.Diagnostic(diag.SelectsNothing, at.With("clusterSelector"), "the override selects no cluster", "labels of the clusters: "+labelsOf(clustersOf(clusters))))
		case o.changes:
		case o.replaced:
			v.Add(v.app.Doc.Diagnostic(diag.OverrideUnused, at, "later overrides replace everything that this one sets", "remove it, or move it after them"))
		default:
			v.Add(v.app.Doc.Diagnostic(diag.OverrideUnused, at, "the override changes nothing on the clusters that it selects", "remove it"))
		}
	}
}

func clustersOf(targets []*Target) (clusters []*Cluster) {
	for _, t := range targets {
		clusters = append(clusters, t.Cluster)
	}
	return clusters
}
