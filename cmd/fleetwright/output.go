package main

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/git"
	"github.com/fleetwright/fleetwright/internal/sink/oci"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// directoryFlags are the flags of the commands that compile for a directory.
type directoryFlags struct {
	out, path string
	synced    bool
	// insecure allows plain HTTP if out is a registry.
	insecure bool
}

// checkRegistry returns which flags do not go with a registry, or with a directory.
func (f directoryFlags) checkRegistry() error {
	switch {
	case !oci.IsURL(f.out) && f.insecure:
		return &usageError{"--insecure needs a registry", "-o oci://localhost:5000/fleet names one on this machine"}
	case oci.IsURL(f.out) && f.path != "":
		return &usageError{"--path does not apply to a registry: each artifact has its own root", "omit --path"}
	case oci.IsURL(f.out) && f.synced:
		return &usageError{"--synced does not apply to a registry: no artifact has the former layout", "omit --synced"}
	}
	return nil
}

// add adds the flags, with the usage of --output.
func (f *directoryFlags) add(cmd *cobra.Command, output string) {
	cmd.Flags().StringVarP(&f.out, "output", "o", "", output)
	cmd.Flags().BoolVar(&f.synced, "synced", false, "write the second of the two commits that migrate the former layout; every cluster has synced the first")
	cmd.Flags().StringVar(&f.path, "path", "", "`PATH` of the directory in its Git repository (default found from the repository around it)")
	completeFlag(cmd, "output", directories)
	completeFlag(cmd, "path", directories)
}

// checkSynced rejects --synced if the repository shows that no cluster can have synced the first commit:
// its changes are not committed yet.
func (f directoryFlags) checkSynced() error {
	if !f.synced || isStream(f.out) {
		return nil
	}
	dir, err := git.Real(f.out)
	if err != nil {
		return nil // there is no such directory
	}
	entries, _ := os.ReadDir(dir) // without any, render reports the error
	var former []string
	for _, e := range entries {
		inventory := filepath.Join(dir, e.Name(), layout.Dir, layout.FormerInventoryFile)
		if _, err := os.Lstat(inventory); err == nil {
			former = append(former, inventory)
		}
	}
	if _, ok := git.Around(dir); !ok || len(former) == 0 {
		return nil
	}
	repository, err := git.Find(dir)
	if err != nil {
		return err
	}
	names, err := repository.Uncommitted(former...)
	if err != nil || len(names) == 0 {
		return err
	}
	return &usageError{diag.Some(names, 3) + " is not committed, so no cluster has synced it", "commit what render wrote, wait until the clusters have synced it, then run it with --synced"}
}

// writer returns the name of the command that writes the output.
func (f directoryFlags) writer() string {
	if oci.IsURL(f.out) {
		return "publish"
	}
	return "render"
}

// commandLine returns a command that reaches the output as this one does.
func (f directoryFlags) commandLine(command string, paths []string, flags ...flagValue) string {
	line := commandLine(command, paths, flags...)
	if f.insecure {
		line += " --insecure"
	}
	return line
}

// rendering returns the command that writes the directory, or publishes to the registry.
func (f directoryFlags) rendering(paths []string, chosen clusterFlags) string {
	if oci.IsURL(f.out) {
		return f.commandLine(f.writer(), append(slices.Clone(paths), f.out), chosen.values()...)
	}
	return commandLine(f.writer(), paths, append([]flagValue{{"-o", f.out}, {"--path", f.path}}, chosen.values()...)...)
}

// fileOf returns the name of a file of a cluster.
func (f directoryFlags) fileOf(cluster, file string) string {
	if oci.IsURL(f.out) { // which has two slashes
		return strings.TrimSuffix(f.out, "/") + path.Join("/", cluster, file)
	}
	return path.Join(filepath.ToSlash(f.out), cluster, layout.Dir, file)
}

// finishing returns the command that writes the new layout of clusters that have synced the former one.
func (f directoryFlags) finishing(paths []string, chosen clusterFlags) string {
	return f.rendering(paths, chosen) + " --synced"
}

// options returns the options to compile for the directory, if there is one.
func (f directoryFlags) options() render.Options {
	opts := render.Options{Path: f.path}
	if !isStream(f.out) && !oci.IsURL(f.out) && f.path == "" {
		opts.DefaultPath = pathInRepository(f.out)
	}
	return opts
}

// pathInRepository returns the place of a directory, which need not exist, in the Git
// repository around it. Without a repository it returns "", and the directory counts as a root.
func pathInRepository(dir string) string {
	dir, err := git.Real(dir)
	if err != nil {
		return ""
	}
	root, ok := git.Around(dir)
	rel, err := filepath.Rel(root, dir)
	if !ok || err != nil {
		return ""
	}
	return filepath.ToSlash(rel)
}

// outputFlags are the flags of the commands that write or check a directory.
type outputFlags struct {
	directoryFlags
	staged   bool
	clusters clusterFlags
	sources  sourceFlag
	watch    bool
	diagnosticFlags
}

// add adds the flags, with the usage of --output and the beginning of the usage of --cluster.
func (f *outputFlags) add(cmd *cobra.Command, output, clusters string) {
	f.directoryFlags.add(cmd, output)
	cmd.Flags().BoolVar(&f.staged, "staged", false, "also fail if Git has not staged every file that is read or written")
	f.clusters.add(cmd, clusters)
	f.sources.add(cmd)
	f.diagnosticFlags.add(cmd)
	cmd.Flags().BoolVar(&f.watch, "watch", false, "keep running, and compile again when an input is saved")
}

// onInputs runs a function on the files of an origin, again and again with --watch.
// With --staged it returns the error rejected if Git has not staged all of them, of their
// sources and of the output.
func (a *app) onInputs(from *origin, flags outputFlags, rejected error, compile func([]schema.File, *watched) (*choice, error)) error {
	if _, err := from.parse(); err != nil {
		return err
	}
	if flags.watch {
		return a.watch(from, flags.diagnosticFlags, func(files []schema.File, w *watched) error {
			_, err := compile(files, w)
			return err
		})
	}
	files, err := a.read(from.paths)
	if err != nil {
		return err
	}
	chosen, err := compile(files, &watched{})
	if err != nil || !flags.staged {
		return err
	}
	return a.checkStaged(from, flags.out, chosen, rejected)
}
