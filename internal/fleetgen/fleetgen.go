// Package fleetgen makes fleets of any size, with Applications of every strategy on
// every provider, for what measures and tests. The same size makes the same bytes.
package fleetgen

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/fleetwright/fleetwright/internal/blockyaml"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
)

// Namespace is that of all Applications, Fleets and clusters: an Application and its
// Fleet are in the same one.
const Namespace = "fleets"

// teamSize is how many Applications a team has, and how many ConfigMaps a file.
const teamSize = 12

// A Size is how much is made.
type Size struct {
	// Applications are dealt to a fleet for each provider, in turn.
	Applications int
	// Clusters are those of each fleet. Every Application is on all clusters of its
	// fleet, but for a few policies that select some.
	Clusters int
	// ConfigMaps are documents that a repository has beside those, and that are left out.
	ConfigMaps int
	// ConfigMapText is how long the text in each of them is, in bytes, at least.
	ConfigMapText int
	// Revision of the first Application, whose image is another one with each. The others
	// stay as they are.
	Revision int
	// OneFile puts all documents into one file.
	OneFile bool
}

// Files are the files of a repository: one for each Application, in the directory of its
// team, and one for each fleet and its clusters.
func Files(size Size) ([]schema.File, error) {
	w := &writer{oneFile: size.OneFile}
	fleets := min(len(providers), size.Applications)
	for _, provider := range providers[:fleets] {
		w.add("fleets/"+provider.name+".yaml", provider.fleet(size.Clusters)...)
	}
	for i := range size.Applications {
		a := application{number: i, provider: providers[i%len(providers)]}
		if i == 0 {
			a.revision = size.Revision
		}
		w.add(a.file(), a.documents()...)
	}
	for i := range size.ConfigMaps {
		w.add(fmt.Sprintf("settings/%05d.yaml", i/teamSize), newConfigMap(i, size.ConfigMapText))
	}
	return w.files, w.err
}

// First is the file of the first Application, which is the same in a fleet of any size.
func First(revision int) (schema.File, error) {
	files, err := Files(Size{Applications: 1, Clusters: 1, Revision: revision})
	if err != nil {
		return schema.File{}, err
	}
	return files[len(files)-1], nil
}

// Write writes files below a directory.
func Write(dir string, files []schema.File) error {
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// A writer puts documents into files. Those of one file come one after the other.
type writer struct {
	oneFile bool
	files   []schema.File
	err     error
}

// add adds documents to a file, until one cannot be encoded.
func (w *writer) add(name string, documents ...any) {
	if w.oneFile {
		name = "fleet.yaml"
	}
	if n := len(w.files); n == 0 || w.files[n-1].Name != name {
		w.files = append(w.files, schema.File{Name: name})
	}
	file := &w.files[len(w.files)-1]
	text := bytes.NewBuffer(file.Data)
	for _, document := range documents {
		data, err := blockyaml.Marshal(document)
		if err != nil && w.err == nil {
			w.err = fmt.Errorf("%s: %w", name, err)
		}
		if text.Len() > 0 {
			text.WriteString("---\n")
		}
		text.Write(data)
	}
	file.Data = text.Bytes()
}

// teamName is the name of a team, which is also that of a namespace that many of its
// workloads share.
func teamName(team int) string { return fmt.Sprintf("team-%03d", team) }

// typeMeta is that of a kind that fleetwright reads.
func typeMeta(kind string) api.TypeMeta {
	k, _ := schema.KindNamed(kind)
	return api.TypeMeta{APIVersion: k.APIVersion, Kind: k.Name}
}

// A configMap is a document of a kind that fleetwright leaves out.
type configMap struct {
	api.TypeMeta `json:",inline"`

	Metadata api.ObjectMeta    `json:"metadata"`
	Data     map[string]string `json:"data"`
}

// newConfigMap is the nth ConfigMap.
func newConfigMap(n, text int) configMap {
	const line = "log.level = info # as everywhere\n"
	return configMap{
		TypeMeta: api.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		Metadata: api.ObjectMeta{Name: fmt.Sprintf("settings-%06d", n), Namespace: Namespace},
		Data:     map[string]string{"log.properties": strings.Repeat(line, 1+text/len(line))},
	}
}
