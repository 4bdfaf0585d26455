package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
)

// A Difference describes the clusters whose application differs from most clusters of a part.
type Difference struct {
	Application string
	Parts       []DifferentPart
}

// A DifferentPart is some of these clusters with their differences in words.
type DifferentPart struct {
	Clusters []string
	What     []string
}

// Differences returns the differences between the clusters of the part, by application.
func (p *Part) Differences() (all []Difference) {
	for _, a := range p.Applications {
		d := Difference{Application: a.Name}
		add := func(clusters []string, what ...string) { d.Parts = append(d.Parts, DifferentPart{clusters, what}) }
		usual := a.Variants[0].Placement
		if len(usual.Variables) > 0 && len(p.Clusters) > 1 {
			add(a.clusters(), "values differ on each cluster, by "+diag.Some(usual.Variables, few))
		}
		switch {
		case a.isRare(p):
			add(a.Variants[0].Clusters, "most others do not get it")
		case len(a.Missing) > 0:
			add(a.Missing, "missing")
		}
		for _, v := range a.Variants[1:] {
			add(v.Clusters, differences(usual, v.Placement)...)
		}
		if len(d.Parts) > 0 {
			all = append(all, d)
		}
	}
	return all
}

// clusters returns the clusters that get the application.
func (a *Application) clusters() (all []string) {
	for _, v := range a.Variants {
		all = append(all, v.Clusters...)
	}
	slices.Sort(all)
	return all
}

// text describes the difference.
func (d *DifferentPart) text(p *Part) string { return p.on(d.Clusters) + ": " + joined(d.What) }

// differences describes how a placement differs from the usual one.
func differences(usual, p *render.Placement) (all []string) {
	compare := func(what string, was, is []string) {
		if slices.Equal(was, is) {
			return
		}
		text := what + joined(is)
		if len(is) == 0 {
			text = what + "none"
		}
		if len(was) > 0 {
			text += ", not " + joined(was)
		}
		all = append(all, text)
	}
	compare("", []string{versions(usual)}, []string{versions(p)})
	compare("source ", []string{usual.Source}, []string{p.Source})
	change := func(more, fewer string, was, is []string) {
		if names := without(is, was); len(names) > 0 {
			all = append(all, more+diag.Some(names, diag.MostNames))
		}
		if names := without(was, is); len(names) > 0 {
			all = append(all, fewer+diag.Some(names, diag.MostNames))
		}
	}
	change("has also the policy ", "lacks the policy ", names(usual), names(p))
	change("suspends ", "does not suspend ", suspended(usual), suspended(p))
	all = append(all, rolloutDifferences(usual, p)...)
	if slices.Equal(names(usual), names(p)) {
		change("depends also on ", "does not depend on ", dependencies(usual), dependencies(p))
	}
	change("waits also for ", "does not wait for ", usual.After, p.After)
	several := max(len(usual.Policies), len(p.Policies)) > 1
	change("overrides ", "does not override ", overrides(usual, several), overrides(p, several))
	if len(all) == 0 { // such as the version of Flagger
		all = append(all, "what runs its rollouts")
	}
	return all
}

// rolloutDifferences describes the rollouts of a placement that differ from the usual ones.
func rolloutDifferences(usual, p *render.Placement) (all []string) {
	both := namedRollouts(usual, p)
	words := func(rollouts []namedRollout, name string) string {
		i := slices.IndexFunc(rollouts, func(r namedRollout) bool { return r.name == name })
		if i < 0 {
			return ""
		}
		return rollouts[i].words
	}
	var names []string
	for _, r := range slices.Concat(both...) {
		names = append(names, r.name)
	}
	for _, name := range distinct(names) {
		was, is := words(both[0], name), words(both[1], name)
		if was == is {
			continue
		}
		text := strings.TrimSpace("rollout "+name) + ": " + cmp.Or(is, "none")
		if was != "" {
			text += ", not " + was
		}
		all = append(all, text)
	}
	return all
}

// without returns the words that are not among others.
func without(words, others []string) []string {
	known := make(map[string]bool, len(others))
	for _, word := range others {
		known[word] = true
	}
	return slices.DeleteFunc(slices.Clone(words), func(word string) bool { return known[word] })
}

func names(p *render.Placement) (all []string) {
	for _, policy := range p.Policies {
		all = append(all, policy.Name)
	}
	return all
}

// dependencies returns the policies that those of a placement wait for.
func dependencies(p *render.Placement) (all []string) {
	for _, policy := range p.Policies {
		for _, ref := range policy.After {
			all = append(all, ref.Policy)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func itoa(n int) string { return strconv.Itoa(n) }

// on names clusters of the part: a few by their names, and many by their groups.
func (p *Part) on(clusters []string) string {
	switch {
	case len(clusters) == 1:
		return clusters[0]
	case len(clusters) == len(p.Clusters):
		return "all " + itoa(len(clusters))
	case len(clusters) <= few:
		return strings.Join(clusters, ", ")
	}
	var numbers []int // the clusters of a group get the same, so it is here as a whole or not at all
	for _, name := range clusters {
		numbers = append(numbers, p.groupOf[name])
	}
	slices.Sort(numbers)
	var groups []string
	for _, n := range slices.Compact(numbers) {
		groups = append(groups, itoa(n))
	}
	return fmt.Sprintf("%d of %d (%s)", len(clusters), len(p.Clusters), plural("group", groups))
}

// plural returns some numbers behind a noun.
func plural(noun string, numbers []string) string {
	if len(numbers) > 1 {
		noun += "s"
	}
	return noun + " " + diag.Some(numbers, diag.MostNames)
}

// isNumbered reports whether groups are named by their numbers.
func (p *Part) isNumbered() bool { return len(p.Clusters) > few && len(p.Groups) > 1 }

// counted returns the number of clusters and the names of the first.
func counted(clusters []string) string {
	if len(clusters) == 1 {
		return clusters[0]
	}
	return itoa(len(clusters)) + ": " + diag.Some(clusters, few)
}

// differsIn names the applications in which the group differs.
func (g *Group) differsIn(p *Part) string {
	switch n := len(g.Differs); {
	case n == 0:
		return none
	case n > few:
		return fmt.Sprintf("%d of %s", n, diag.Plural(len(p.Applications), "application"))
	}
	return strings.Join(g.Differs, ", ")
}

// few is how many clusters are named.
const few = 4

// joined returns sentences as one.
func joined(sentences []string) string { return strings.Join(sentences, "; ") }
