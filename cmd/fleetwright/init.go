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

// maxInitName leaves room for the longest name made of it: <name>-testloader.
const maxInitName = validation.DNS1035LabelMaxLength - len("-testloader")

func newInitCmd(a *app) *cobra.Command {
	var provider, name string
	providers := initProviders()
	cmd := &cobra.Command{
		Use:               "init [DIR]",
		Short:             "Write an Application and a Fleet to begin with",
		ValidArgsFunction: directories,
		RunE:              func(_ *cobra.Command, dirs []string) error { return a.init(dirs, provider, name) },
	}
	cmd.Flags().StringVar(&provider, "provider", providers[0], "`PROVIDER` that moves the traffic: "+strings.Join(providers, ", "))
	cmd.Flags().StringVar(&name, "name", "webapp", "`NAME` of the Application, its Deployment, Service and namespace")
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

func (a *app) init(dirs []string, provider, name string) error {
	dir := "."
	switch len(dirs) {
	case 0:
	case 1:
		if dirs[0] == "" {
			return &usageError{"the name of the directory is empty", "leave it out for the working directory"}
		}
		dir = filepath.Clean(dirs[0])
	default:
		return &usageError{"init takes one directory, and these are " + diag.Plural(len(dirs), "argument"), "name one DIR, or none for the working directory"}
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
		content, err := fillIn(path.Join("init", provider, base), name)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, base)
		files = append(files, file)
		contents[file] = content
	}
	if err := writeNew(dir, files, contents); err != nil {
		return err
	}
	a.sayNext(dir, files)
	return nil
}

// checkInitName rejects a name that a Service, the strictest of the objects, must not have.
func checkInitName(name string) error {
	hint := "lower case letters, digits and '-', beginning with a letter, as in --name webapp"
	if reasons := validation.IsDNS1035Label(name); len(reasons) > 0 {
		return &usageError{fmt.Sprintf("%q is not a name that Kubernetes takes for a Service", name), hint}
	}
	if len(name) > maxInitName {
		return &usageError{fmt.Sprintf("%s has %d characters, and only %d leave room for the names that are made of it", name, len(name), maxInitName), "choose a shorter --name"}
	}
	return nil
}

// fillIn returns a file of the templates with the user's name in its values.
func fillIn(file, name string) ([]byte, error) {
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
	}
	return yaml.Dump(filledIn, yaml.WithAllDocuments(), yaml.WithIndent(2), yaml.WithCompactSeqIndent(false), yaml.WithLineWidth(-1))
}

// replaceName writes the name into all values below a node. What is the name alone may
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

// writeNew writes files that do not exist yet: all of them, or none.
func writeNew(dir string, files []string, contents map[string][]byte) (err error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return &usageError{dir + " is not a directory", "name another DIR"}
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

// sayNext says what was written, and what to do with it. The clusters' directories come
// beside the documents, and where these are at the root of a repository below it.
func (a *app) sayNext(dir string, files []string) {
	clusters := filepath.Join(filepath.Dir(dir), "clusters")
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
		clusters = filepath.Join(dir, "clusters")
	}
	a.say(`%s are written
Change what is marked with CHANGE in them, then see what there is to say, and compile:

  fleetwright check %s
  fleetwright render %[2]s -o %s
`, strings.Join(files, " and "), quoted(dir), quoted(clusters))
}
