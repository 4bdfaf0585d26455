package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/internal/blockyaml"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/templates"
)

var initFiles = []string{"application.yaml", "fleet.yaml"}

// gitAttributes are the attributes of rendered files in the directory clusters next to the file.
var gitAttributes = []string{"clusters/*/fleetwright/**", "linguist-generated", "eol=lf"}

// gitAttributesFile is the name of the file that Git reads attributes from, and gitAttributesComment is
// the reason for them.
const (
	gitAttributesFile    = ".gitattributes"
	gitAttributesComment = "# Files that fleetwright renders: reviews fold them, and Git keeps their line endings.\n"
)

// maxInitName leaves room for the longest name derived from it: <name>-testloader.
const maxInitName = validation.DNS1035LabelMaxLength - len("-testloader")

func newInitCmd(a *app) *cobra.Command {
	var provider, name string
	var installed bool
	providers := initProviders()
	cmd := &cobra.Command{
		Use:               "init [DIR]",
		Short:             "Write an Application and a Fleet to start from",
		ValidArgsFunction: directories,
		RunE:              func(_ *cobra.Command, dirs []string) error { return a.init(dirs, provider, name, installed) },
	}
	cmd.Flags().StringVar(&provider, "provider", providers[0], "`PROVIDER` that moves the traffic: "+strings.Join(providers, ", "))
	cmd.Flags().StringVar(&name, "name", "webapp", "`NAME` of the Application, its Deployment, Service and namespace")
	cmd.Flags().BoolVar(&installed, "installed", false, "write a Fleet for clusters that already have Flagger, the provider and Prometheus; none of them is rendered")
	completeFlag(cmd, "provider", oneOf(providers...))
	completeFlag(cmd, "name", cobra.NoFileCompletions)
	return cmd
}

// initProviders returns the providers that templates has documents for, the default first.
func initProviders() []string {
	providers := []string{"kuma"}
	directories, _ := templates.Init.ReadDir("init") // it is embedded
	for _, d := range directories {
		if d.Name() != providers[0] {
			providers = append(providers, d.Name())
		}
	}
	return providers
}

func (a *app) init(dirs []string, provider, name string, installed bool) error {
	dir := "."
	switch len(dirs) {
	case 0:
	case 1:
		if dirs[0] == "" {
			return &usageError{"the directory name is empty", "omit DIR to use the working directory"}
		}
		dir = filepath.Clean(dirs[0])
	default:
		return &usageError{"init takes one directory, not " + diag.Plural(len(dirs), "argument"), "name one DIR, or omit it to use the working directory"}
	}
	if providers := initProviders(); !slices.Contains(providers, provider) {
		return unknown("provider", provider, providers)
	}
	if err := checkInitName(name); err != nil {
		return err
	}
	var files []string
	contents := map[string][]byte{}
	for _, base := range initFiles {
		content, err := fillIn(initTemplate(provider, base, installed), name, installed)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, base)
		files = append(files, file)
		contents[file] = content
	}
	clusters := clustersBeside(dir)
	attributes := filepath.Join(filepath.Dir(clusters), gitAttributesFile)
	_, err := os.Lstat(attributes)
	isNew := errors.Is(err, fs.ErrNotExist)
	if isNew {
		files = append(files, attributes)
		contents[attributes] = []byte(gitAttributesComment + strings.Join(gitAttributes, " ") + "\n")
	}
	if err := writeNew(dir, files, contents); err != nil {
		return err
	}
	a.print("wrote %s and %s\n", strings.Join(files[:len(files)-1], ", "), files[len(files)-1])
	if !isNew && !hasGitAttributes(attributes) {
		a.print("%s exists and was not changed; add this line to it:\n\n  %s\n\n", attributes, strings.Join(gitAttributes, " "))
	}
	a.printNext(dir, clusters)
	return nil
}

// clustersBeside returns the place of the clusters' directories: next to the documents, or in a
// subdirectory if the documents are at the root of a repository.
func clustersBeside(dir string) string {
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
		return filepath.Join(dir, "clusters")
	}
	return filepath.Join(filepath.Dir(dir), "clusters")
}

// hasGitAttributes reports whether a line of a file sets the attributes of rendered files.
func hasGitAttributes(file string) bool {
	data, _ := os.ReadFile(file) // one that cannot be read has none
	for line := range strings.Lines(string(data)) {
		set := strings.Fields(line)
		if len(set) == 0 || set[0] != gitAttributes[0] {
			continue
		}
		if !slices.ContainsFunc(gitAttributes, func(a string) bool { return !slices.Contains(set, a) }) {
			return true
		}
	}
	return false
}

// checkInitName rejects a name that a Service, the strictest of the objects, must not have.
func checkInitName(name string) error {
	hint := "lower case letters, digits and '-', beginning with a letter, as in --name webapp"
	if reasons := validation.IsDNS1035Label(name); len(reasons) > 0 {
		return &usageError{fmt.Sprintf("%q is not a valid name of a Service", name), hint}
	}
	if len(name) > maxInitName {
		return &usageError{fmt.Sprintf("%s has %d characters; more than %d leave no room for derived names", name, len(name), maxInitName), "choose a shorter --name"}
	}
	return nil
}

// initTemplate returns the file of the templates for one that is written.
func initTemplate(provider, base string, installed bool) string {
	if installed && base == "fleet.yaml" {
		base = "installed.yaml"
	}
	return path.Join("init", provider, base)
}

// fillIn returns a file of the templates with the user's name in its values. If the clusters have a
// load tester installed, rollouts need no other.
func fillIn(file, name string, installed bool) ([]byte, error) {
	text, err := templates.Init.ReadFile(file)
	if err != nil {
		return nil, err
	}
	written, err := blockyaml.Marshal(name)
	if err != nil {
		return nil, err
	}
	plain := string(written) == name+"\n"
	var documents []yaml.Node
	if err := yaml.Load(text, &documents, yaml.WithAllDocuments()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	filledIn := make([]*yaml.Node, len(documents))
	for i := range documents {
		filledIn[i] = &documents[i]
		replaceName(filledIn[i], name, plain)
		if installed {
			removeKey(filledIn[i], "testLoader")
		}
	}
	return yaml.Dump(filledIn, yaml.WithAllDocuments(), yaml.WithIndent(2), yaml.WithCompactSeqIndent(false), yaml.WithLineWidth(-1))
}

// replaceName writes the name into all values below a node. A value that is only the name may
// need quotes: n is false to Kubernetes, which the dumper does not know.
func replaceName(n *yaml.Node, name string, plain bool) {
	if n.Kind == yaml.ScalarNode {
		if n.Value == "NAME" && !plain {
			n.Style = yaml.DoubleQuotedStyle
		}
		n.Value = strings.ReplaceAll(n.Value, "NAME", name)
	}
	for _, child := range n.Content {
		replaceName(child, name, plain)
	}
}

// removeKey removes a key, and the comment above it, from all mappings below a node.
func removeKey(n *yaml.Node, key string) {
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = slices.Delete(n.Content, i, i+2)
			break
		}
	}
	for _, child := range n.Content {
		removeKey(child, key)
	}
}

// writeNew writes files that do not exist yet: all of them, or none.
func writeNew(dir string, files []string, contents map[string][]byte) (err error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return &usageError{dir + " is not a directory", "name another DIR"}
	}
	if link, to := danglingLink(dir); link != "" {
		return &usageError{fmt.Sprintf("%s is a link to %s, which does not exist", link, to), "create its target, remove the link, or name another DIR"}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var there, made []string
	defer func() {
		if err != nil {
			for _, name := range made {
				err = errors.Join(err, os.Remove(name))
			}
		}
	}()
	for _, name := range files {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			there = append(there, name)
			continue
		}
		if err != nil {
			return err
		}
		made = append(made, name)
		_, err = f.Write(contents[name])
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	if len(there) == 0 {
		return nil
	}
	verb := "is"
	if len(there) > 1 {
		verb = "are"
	}
	return &usageError{fmt.Sprintf("%s %s there already; nothing was written", strings.Join(there, " and "), verb), "name another DIR, or move it away"}
}

// danglingLink returns the first link on the way to a directory whose target does not exist, and the
// target. It returns "" if there is no such link.
func danglingLink(dir string) (link, to string) {
	if above := filepath.Dir(dir); above != dir {
		if link, to = danglingLink(above); link != "" {
			return link, to
		}
	}
	if to, err := os.Readlink(dir); err == nil {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return dir, to
		}
	}
	return "", ""
}

// printNext prints the next steps for the written documents.
func (a *app) printNext(dir, clusters string) {
	a.print(`Edit the lines marked CHANGE in the documents, then validate and render them:

  fleetwright check %s
  fleetwright render %[1]s -o %s
`, quoted(dir), quoted(clusters))
}
