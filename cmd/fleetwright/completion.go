package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/internal/sink/oci"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
)

// shells holds the shells that cobra has a script for.
var shells = []string{"bash", "zsh", "fish"}

func newCompletionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "completion SHELL",
		Short:             "Print a completion script for a shell",
		ValidArgsFunction: firstArgument(shells...),
		RunE: func(cmd *cobra.Command, args []string) error {
			hint := "it is one of " + strings.Join(shells, ", ")
			if len(args) != 1 {
				return &usageError{"name exactly one shell", hint}
			}
			switch root := cmd.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			}
			return &usageError{fmt.Sprintf("no completion script for %q", args[0]), hint}
		},
	}
}

// completeFlag sets the function that completes the values of a flag.
func completeFlag(cmd *cobra.Command, flag string, values cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, values); err != nil {
		panic(err) // the command has no such flag, as any run of it shows
	}
}

// formatNames is the annotation of the flag --format with the names of its formats.
const formatNames = "formats"

// addFormat adds the flag that chooses a format. The first format is the default.
func addFormat(cmd *cobra.Command, to *string, usage string, names []string) {
	cmd.Flags().StringVar(to, "format", names[0], usage+strings.Join(names, ", "))
	cmd.Flags().Lookup("format").Annotations = map[string][]string{formatNames: names}
	completeFlag(cmd, "format", oneOf(names...))
}

func oneOf(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// firstArgument completes the first argument by some words, and no other.
func firstArgument(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// documentFiles completes directories and the files that are read. It does not complete a registry.
func documentFiles(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if oci.IsURL(begun) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return inputs.Extensions(), cobra.ShellCompDirectiveFilterFileExt
}

func directories(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if oci.IsURL(begun) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// clusterNames completes by the clusters of a line.
func clusterNames(_ *cobra.Command, paths []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	names := namesOf(clustersOf(paths))
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}

// clusterLabels completes the last requirement of a selector by the labels of the clusters.
func clusterLabels(_ *cobra.Command, paths []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before := begun[:strings.LastIndex(begun, ",")+1]
	all := labelsOf(clustersOf(paths))
	for i := range all {
		all[i] = before + all[i]
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

// clustersOf returns the clusters that paths compile to or, if that fails, the clusters in their documents.
func clustersOf(paths []string) (clusters []*render.Cluster) {
	var files []schema.File
	for _, path := range paths {
		if path == "-" {
			continue // nothing is known of the input yet
		}
		// The command reports unreadable files when it runs.
		read, _ := inputs.Read([]string{path}, nil)
		files = append(files, read...)
	}
	docs := schema.Load(files)
	if tree, _ := render.Compile(docs, render.Options{}); tree != nil {
		return tree.Clusters
	}
	for _, d := range docs.All {
		if d.Name != "" && (d.Kind.Name == "Cluster" || d.Kind.Name == "AttachedCluster") {
			clusters = append(clusters, &render.Cluster{Name: d.Name})
		}
	}
	return clusters
}
