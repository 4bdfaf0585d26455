package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
)

// clusterFlags choose clusters of a tree.
type clusterFlags struct {
	names    []string
	selector onceFlag
	// through is the last wave that is written, instead of the RenderConfig's.
	through onceFlag
}

// add adds the flags. Their usage begins with the verb of the command.
func (f *clusterFlags) add(cmd *cobra.Command, usage string) {
	cmd.Flags().StringArrayVar(&f.names, "cluster", nil, usage+" the cluster `NAME`; repeatable")
	cmd.Flags().Var(&f.selector, "cluster-selector", usage+" the clusters whose labels match `SELECTOR`")
	cmd.Flags().Var(&f.through, "through", usage+" the waves up to `WAVE`, overriding spec.through")
	completeFlag(cmd, "cluster", clusterNames)
	completeFlag(cmd, "cluster-selector", clusterLabels)
	completeFlag(cmd, "through", waveNames)
}

// given reports whether clusters are chosen, by their names or labels.
func (f clusterFlags) given() bool { return len(f.names) > 0 || f.selector.given }

// values returns the flags of a command line.
func (f clusterFlags) values() (flags []flagValue) {
	for _, name := range f.names {
		flags = append(flags, flagValue{"--cluster", name})
	}
	return append(flags, flagValue{"--cluster-selector", f.selector.text}, flagValue{"--through", f.through.text})
}

func (f clusterFlags) parse() (labels.Selector, error) {
	const hint = "write it as for kubectl: stage=production,region!=eu, 'region in (eu, us)', or '!stage' for clusters without the label"
	if f.through.given && strings.TrimSpace(f.through.text) == "" {
		return nil, &usageError{"--through names no wave", "name the last wave to write, or omit --through"}
	}
	if !f.selector.given {
		return labels.Everything(), nil
	}
	if strings.TrimSpace(f.selector.text) == "" {
		return nil, &usageError{"--cluster-selector is empty", hint}
	}
	selector, err := labels.Parse(f.selector.text)
	if err != nil {
		return nil, &usageError{fmt.Sprintf("%q is not a label selector", f.selector.text), hint}
	}
	return selector, nil
}

// of returns the clusters of a run: the chosen clusters of a tree, or all of them if none are chosen.
func (f clusterFlags) of(tree *render.Tree) (*choice, error) {
	chosen, err := f.choose(tree.Clusters)
	if err != nil {
		return nil, err
	}
	return f.inWaves(tree.With(chosen))
}

// ofBoth returns the chosen clusters of two trees, chosen by their labels in the newer one.
func (f clusterFlags) ofBoth(tree, before *render.Tree) (*render.Tree, *render.Tree, error) {
	byName := func(a, b *render.Cluster) int { return cmp.Compare(a.Name, b.Name) }
	sameName := func(a, b *render.Cluster) bool { return a.Name == b.Name }
	all := slices.Concat(tree.Clusters, before.Clusters)
	slices.SortStableFunc(all, byName)
	chosen, err := f.choose(slices.CompactFunc(all, sameName))
	if err != nil {
		return nil, nil, err
	}
	among := func(tree *render.Tree) *render.Tree {
		return tree.With(slices.DeleteFunc(slices.Clone(tree.Clusters), func(c *render.Cluster) bool {
			_, found := slices.BinarySearchFunc(chosen, c, byName)
			return !found
		}))
	}
	return among(tree), among(before), nil
}

func (f clusterFlags) choose(all []*render.Cluster) ([]*render.Cluster, error) {
	if !f.given() {
		return all, nil
	}
	if err := f.checkNames(all); err != nil {
		return nil, err
	}
	selector, err := f.parse()
	if err != nil {
		return nil, err
	}
	var named, chosen []*render.Cluster
	for _, c := range all {
		if len(f.names) > 0 && !slices.Contains(f.names, c.Name) {
			continue
		}
		if f.selector.given && len(c.Spokes) > 0 {
			return nil, &usageError{fmt.Sprintf("--cluster-selector has no effect on a hub: all clusters are in the directory of %s", c.Name), "omit it, or render with topology: pull"}
		}
		named = append(named, c)
		if selector.Matches(labels.Set(c.Labels)) {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return nil, f.noneFits(named)
	}
	return chosen, nil
}

// noneFits returns the error for a selector that matches none of the clusters.
func (f clusterFlags) noneFits(named []*render.Cluster) error {
	message, hint := fmt.Sprintf("no cluster has labels that fit %q", f.selector.text), ""
	switch all := labelsOf(named); {
	case len(named) == 0:
		hint = noClusters
	case len(all) == 0:
		hint = "they have none: labels are in metadata.labels of their AttachedCluster or Cluster"
	default:
		hint = "they have " + diag.Some(all, diag.MostNames)
	}
	if len(f.names) > 0 {
		message = fmt.Sprintf("no cluster that --cluster names has labels that fit %q", f.selector.text)
	}
	return &usageError{message, hint}
}

const noClusters = "no Application or Fleet names a cluster"

// checkNames returns an error about the names that no cluster has.
func (f clusterFlags) checkNames(all []*render.Cluster) error {
	names := namesOf(all)
	var unknown, meant []string
	hub := ""
	for _, name := range f.names {
		if slices.Contains(names, name) {
			continue
		}
		if i := slices.IndexFunc(all, func(c *render.Cluster) bool { return slices.Contains(c.Spokes, name) }); i >= 0 {
			hub = names[i]
			unknown = append(unknown, fmt.Sprintf("the cluster %q has no directory of its own", name))
			continue
		}
		unknown = append(unknown, fmt.Sprintf("unknown cluster %q", name))
		if nearest := diag.Nearest(name, names); nearest != "" && !slices.Contains(meant, nearest) {
			meant = append(meant, nearest)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	hint := "there are " + diag.Some(names, diag.MostNames)
	switch {
	case hub != "":
		hint = fmt.Sprintf("a hub has all clusters in the directory of %s: --cluster %s", hub, hub)
	case len(names) == 0:
		hint = noClusters
	case len(names) == 1:
		hint = "there is only " + names[0]
	}
	if len(meant) > 0 {
		hint = "did you mean " + strings.Join(meant, " and ") + "? " + hint
	}
	return usageErrors(unknown, hint)
}

func namesOf(clusters []*render.Cluster) (names []string) {
	for _, c := range clusters {
		names = append(names, c.Name)
	}
	return names
}

// labelsOf returns the labels that clusters have, each once.
func labelsOf(clusters []*render.Cluster) (all []string) {
	for _, c := range clusters {
		for key, value := range c.Labels {
			all = append(all, key+"="+value)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
