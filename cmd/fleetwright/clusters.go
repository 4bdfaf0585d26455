package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
)

// clusterFlags choose clusters of a tree.
type clusterFlags struct{ names []string }

// add adds the flag --cluster, whose usage goes on after the name of one.
func (f *clusterFlags) add(cmd *cobra.Command, usage string) {
	cmd.Flags().StringArrayVar(&f.names, "cluster", nil, usage)
	completeFlag(cmd, "cluster", clusterNames)
}

// of is the tree of the chosen clusters: all of them where none is named.
func (f clusterFlags) of(tree *render.Tree) (*render.Tree, error) {
	if len(f.names) == 0 {
		return tree, nil
	}
	if err := f.check(namesOf(tree)); err != nil {
		return nil, err
	}
	chosen := &render.Tree{}
	for _, c := range tree.Clusters {
		if slices.Contains(f.names, c.Name) {
			chosen.Clusters = append(chosen.Clusters, c)
		}
	}
	return chosen, nil
}

// changes are those of the chosen clusters, which are in the tree or were there before.
func (f clusterFlags) changes(all []render.Change, tree *render.Tree) ([]render.Change, error) {
	if len(f.names) == 0 {
		return all, nil
	}
	names := namesOf(tree)
	for _, c := range all {
		names = append(names, c.Cluster)
	}
	slices.Sort(names)
	if err := f.check(slices.Compact(names)); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(c render.Change) bool { return !slices.Contains(f.names, c.Cluster) }), nil
}

// check says which of the names are not among all that there are.
func (f clusterFlags) check(all []string) error {
	var unknown, meant []string
	for _, name := range f.names {
		if slices.Contains(all, name) {
			continue
		}
		unknown = append(unknown, fmt.Sprintf("there is no cluster %q", name))
		if nearest := diag.Nearest(name, all); nearest != "" && !slices.Contains(meant, nearest) {
			meant = append(meant, nearest)
		}
	}
	if len(unknown) > 0 {
		hint := "there are " + strings.Join(all, ", ")
		switch len(all) {
		case 0:
			hint = "no Application and no Fleet goes to any"
		case 1:
			hint = "there is only " + all[0]
		}
		if len(meant) > 0 {
			hint = "did you mean " + strings.Join(meant, " and ") + "? " + hint
		}
		return &usageError{strings.Join(unknown, "\n"), hint}
	}
	return nil
}

// namesOf are the names of a tree's clusters.
func namesOf(tree *render.Tree) (names []string) {
	for _, c := range tree.Clusters {
		names = append(names, c.Name)
	}
	return names
}
