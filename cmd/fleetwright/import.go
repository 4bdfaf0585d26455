package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/importer"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/internal/sources"
	"github.com/fleetwright/fleetwright/schema"
)

func newImportCmd(a *app) *cobra.Command {
	var out, format string
	var clusters []string
	cmd := &cobra.Command{
		Use:               "import PATH...",
		Short:             "Turn a Flux repository into Applications and a Fleet",
		ValidArgsFunction: documentFiles,
		RunE:              func(_ *cobra.Command, paths []string) error { return a.importFlux(paths, clusters, out, format) },
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "write the documents to `DIR` (default the standard output)")
	cmd.Flags().StringArrayVar(&clusters, "cluster", nil, "import PATH as the cluster NAME: `NAME=PATH`; repeatable")
	addFormat(cmd, &format, "`FORMAT` of the report: ", importer.Formats.Names())
	completeFlag(cmd, "output", directories)
	completeFlag(cmd, "cluster", cobra.NoFileCompletions)
	return cmd
}

func (a *app) importFlux(paths, named []string, out, format string) error {
	write, ok := importer.Formats.Get(format)
	if !ok {
		return unknown("format", format, importer.Formats.Names())
	}
	clusters, all, err := a.readClusters(paths, named)
	if err != nil {
		return err
	}
	result, list := importer.Import(clusters)
	if result == nil {
		return a.printErrors(all, list, "nothing is imported")
	}
	if _, err := a.report(all, list); err != nil {
		return err
	}
	if result.Rejected != nil {
		return result.Rejected
	}
	report := func() error {
		return show(a.stderr, format, func(w io.Writer) error { return write(w, result, a.version.String()) })
	}
	if len(result.Files) == 0 {
		if len(result.Stays)+len(result.Notes) > 0 {
			if err := report(); err != nil {
				return err
			}
		}
		return diag.NewMistake("nothing to import", "name a repository with Flux Kustomizations or HelmReleases")
	}
	if out == "" {
		if err := a.writeDocuments(result.Files); err != nil {
			return err
		}
		return report()
	}
	out = filepath.Clean(out)
	if dir := appliedWith(result, out); dir != "" {
		return diag.NewMistake(fmt.Sprintf("Flux applies every file below %s, and would fail on documents in %s", dir, out), "name a DIR that Flux does not apply, such as one next to the directories of the clusters, or outside of the repository")
	}
	var names []string
	contents := map[string][]byte{}
	for _, f := range result.Files {
		name := filepath.Join(out, f.Name)
		names = append(names, name)
		contents[name] = f.Data
	}
	if err := writeNew(out, names, contents); err != nil {
		return err
	}
	if err := report(); err != nil || format != "text" {
		return err
	}
	when := ""
	if len(result.Steps) > 0 {
		when = " in step 2" // before it, the manifests have Canaries that the rollouts render
	}
	a.print("\nwrote %s; validate and render them%s:\n\n  fleetwright check %s\n", diag.Plural(len(names), "file"), when, quoted(out))
	if result.Output != "" {
		a.print("  fleetwright render %s -o %s\n", quoted(out), quoted(result.Output))
	}
	return nil
}

// appliedWith returns the directory that Flux applies with DIR, or "", however DIR and the files are named.
func appliedWith(r *importer.Result, out string) string {
	names := []string{out}
	if absolute, err := filepath.Abs(out); err == nil {
		names = append(names, absolute)
		if here, err := filepath.Abs("."); err == nil {
			if relative, err := filepath.Rel(here, absolute); err == nil {
				names = append(names, relative)
			}
		}
	}
	for _, name := range names {
		if dir := r.AppliedWith(filepath.ToSlash(name)); dir != "" {
			return dir
		}
	}
	return ""
}

// writeDocuments writes the documents as one stream.
func (a *app) writeDocuments(files []schema.File) error {
	for i, f := range files {
		separator := ""
		if i > 0 {
			separator = "---\n"
		}
		if _, err := fmt.Fprintf(a.stdout, "%s# %s\n%s", separator, f.Name, f.Data); err != nil {
			return err
		}
	}
	return nil
}

// readClusters reads the documents to import: those of each named cluster together with the shared ones. If no
// cluster is named, it reads all documents, in which the importer finds the clusters.
func (a *app) readClusters(paths, named []string) (clusters []importer.Cluster, all []schema.File, err error) {
	if len(named) == 0 {
		all, err = a.read(paths)
		return []importer.Cluster{{Files: append(slices.Clone(all), ignoreFiles(paths)...)}}, all, err
	}
	for _, text := range named {
		name, path, ok := strings.Cut(text, "=")
		switch {
		case !ok || path == "":
			return nil, nil, &usageError{fmt.Sprintf("--cluster %s is not NAME=PATH", text), "--cluster eu=clusters/eu"}
		case len(validation.IsDNS1123Subdomain(name)) > 0:
			return nil, nil, &usageError{fmt.Sprintf("%q is not the name of a cluster", name), "lower case letters, digits, '-' and '.', as in --cluster eu=clusters/eu"}
		case slices.ContainsFunc(clusters, func(c importer.Cluster) bool { return c.Name == name }):
			return nil, nil, &usageError{"--cluster " + name + " is set twice", "name each cluster once"}
		}
		files, err := inputs.Read(append(slices.Clone(paths), path), a.stdin)
		if err != nil {
			return nil, nil, err
		}
		clusters = append(clusters, importer.Cluster{Name: name, Files: append(slices.Clone(files), ignoreFiles(append(slices.Clone(paths), path))...)})
		all = append(all, files...)
	}
	return clusters, all, nil
}

// ignoreFiles returns the .sourceignore files that can be read below paths, and in the directories above them.
func ignoreFiles(paths []string) (files []schema.File) {
	seen := map[string]bool{}
	read := func(name string) {
		name = filepath.Clean(name)
		if info, err := os.Stat(name); seen[name] || err != nil || !info.Mode().IsRegular() || info.Size() > sources.MaxIgnore {
			return
		}
		seen[name] = true
		if data, err := os.ReadFile(name); err == nil {
			files = append(files, schema.File{Name: filepath.ToSlash(name), Data: data})
		}
	}
	for _, p := range paths {
		for dir := filepath.Dir(filepath.Clean(p)); !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			read(filepath.Join(dir, sourceignore.IgnoreFile))
		}
		_ = filepath.WalkDir(p, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || d.IsDir() && name != p && strings.HasPrefix(d.Name(), "."):
				return fs.SkipDir
			case d.Name() == sourceignore.IgnoreFile:
				read(name)
			}
			return nil
		})
	}
	return files
}
