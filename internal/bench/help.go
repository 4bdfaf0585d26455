package bench

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/blockyaml"
	"github.com/fleetwright/fleetwright/internal/fleetgen"
	"github.com/fleetwright/fleetwright/render/layout"
)

// help does what takes memory, in a process of its own: generate writes inputs, bases
// writes bases and overlays.
func help(what string, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("%s is for the bench itself", what)
	}
	if what == "bases" {
		return writeBases(args[0], args[1])
	}
	var of fleetgen.Size
	if err := json.Unmarshal([]byte(args[1]), &of); err != nil {
		return err
	}
	files, err := fleetgen.Files(of)
	if err != nil {
		return err
	}
	return fleetgen.Write(args[0], files)
}

// generate has another process write inputs.
func (b *bench) generate(dir string, of fleetgen.Size) error {
	text, err := json.Marshal(of)
	if err != nil {
		return err
	}
	if output, err := exec.Command(b.self, "generate", dir, string(text)).CombinedOutput(); err != nil {
		return fmt.Errorf("generate %s: %w\n%s", text, err, output)
	}
	return nil
}

// kustomization is one of kustomize's own.
type kustomization struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Resources  []string `json:"resources"`
}

// writeKustomization writes one into a directory, of files and directories anywhere.
func writeKustomization(dir string, resources []string) error {
	k := kustomization{APIVersion: "kustomize.config.k8s.io/v1beta1", Kind: "Kustomization"}
	for _, name := range resources {
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		k.Resources = append(k.Resources, filepath.ToSlash(rel))
	}
	text, err := blockyaml.Marshal(k)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, layout.KustomizationFile), text)
}

func writeFile(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

// kustomizations are the directories of a cluster that kustomize builds.
func kustomizations(cluster string) (dirs []string, err error) {
	err = filepath.WalkDir(cluster, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Name() == layout.KustomizationFile {
			dirs = append(dirs, filepath.Dir(name))
		}
		return err
	})
	return dirs, err
}

// manifests are the files of a cluster with objects for it.
func manifests(cluster string) (names []string, err error) {
	err = filepath.WalkDir(cluster, func(name string, e fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(name) == ".yaml" && e.Name() != layout.KustomizationFile {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// An identity is what kustomize takes no two objects of.
type identity struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name      string `yaml:"name"`
		Namespace string `yaml:"namespace"`
	} `yaml:"metadata"`
}

// writeBases writes, for every fleet of a rendered tree, a base with the objects of its
// first cluster, and for every cluster an overlay that adds the chain of Kustomizations,
// which has the cluster's own paths.
func writeBases(tree, to string) error {
	clusters, err := os.ReadDir(tree)
	if err != nil {
		return err
	}
	for _, cluster := range clusters {
		fleet, _, _ := strings.Cut(cluster.Name(), "-")
		base, dir := filepath.Join(to, "bases", fleet), filepath.Join(tree, cluster.Name(), layout.Dir)
		if _, err := os.Stat(base); err != nil {
			if err := writeBase(dir, base); err != nil {
				return err
			}
		}
		overlay := filepath.Join(to, "overlays", cluster.Name())
		text, err := os.ReadFile(filepath.Join(dir, layout.SyncFile))
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(overlay, layout.SyncFile), text); err != nil {
			return err
		}
		if err := writeKustomization(overlay, []string{base, filepath.Join(overlay, layout.SyncFile)}); err != nil {
			return err
		}
	}
	return nil
}

// writeBase copies the objects of a cluster, each once: several applications bring the
// namespace that they share.
func writeBase(cluster, base string) error {
	names, err := manifests(cluster)
	if err != nil {
		return err
	}
	there := map[identity]bool{}
	var resources []string
	for _, name := range names {
		if filepath.Base(name) == layout.SyncFile {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var id identity
		if err := yaml.Unmarshal(text, &id); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if there[id] {
			continue
		}
		there[id] = true
		rel, err := filepath.Rel(cluster, name)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(base, rel), text); err != nil {
			return err
		}
		resources = append(resources, filepath.Join(base, rel))
	}
	return writeKustomization(base, resources)
}
