package inputs

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/schema"
)

// A kustomization holds the fields of a kustomization.yaml that name files, including former ones, and its
// namespace.
type kustomization struct {
	Namespace                string
	Resources, Bases         []string
	Patches, PatchesJSON6902 []struct{ Path string }
	PatchesStrategicMerge    []string
}

// Kustomized returns the files without those that the kustomizations next to and above them use as patches of
// Flagger's objects, because a patch is not a whole object. It also returns, by file name, the namespaces that the
// kustomizations set. If two of them differ, the file has none.
func Kustomized(files []schema.File) (whole []schema.File, namespaces map[string]string) {
	patches := map[string]bool{}
	namespaces = map[string]string{}
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	for _, f := range slices.Concat(files, around(files)) {
		var k kustomization
		if !isKustomization(f.Name) || yaml.Unmarshal(f.Data, &k) != nil {
			continue
		}
		dir := path.Dir(f.Name)
		for _, p := range slices.Concat(k.Patches, k.PatchesJSON6902) {
			patches[path.Join(dir, p.Path)] = p.Path != ""
		}
		for _, p := range k.PatchesStrategicMerge {
			patches[path.Join(dir, p)] = true
		}
		if k.Namespace != "" {
			for _, r := range slices.Concat(k.Resources, k.Bases) {
				put(path.Join(dir, r), k.Namespace, names, namespaces)
			}
		}
	}
	for _, f := range files {
		if !patches[f.Name] || !bytes.Contains(f.Data, []byte("flagger.app/")) {
			whole = append(whole, f)
		}
	}
	return whole, namespaces
}

// kustomizations are the valid names of a kustomization (sigs.k8s.io/kustomize api/konfig,
// RecognizedKustomizationFileNames).
var kustomizations = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

func isKustomization(name string) bool { return slices.Contains(kustomizations, path.Base(name)) }

// maxAbove is the number of directories above a file that are searched.
const maxAbove = 4

// around returns the readable kustomizations in and above the directories of files, except those among the files.
func around(files []schema.File) (all []schema.File) {
	among, looked := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		among[path.Clean(f.Name)] = true
	}
	for _, f := range files {
		if f.Name == Stdin || f.Unnumbered {
			continue
		}
		dir := f.Name
		for range maxAbove {
			above := path.Dir(dir)
			if above == dir {
				break
			}
			dir = above
			if looked[dir] {
				continue
			}
			looked[dir] = true
			for _, base := range kustomizations {
				name := path.Join(dir, base)
				if info, err := os.Stat(filepath.FromSlash(name)); among[name] || err != nil || !info.Mode().IsRegular() {
					continue
				}
				if data, err := readFile(filepath.FromSlash(name), maxKustomization, 0); err == nil {
					all = append(all, schema.File{Name: name, Data: data})
				}
			}
		}
	}
	return all
}

// maxKustomization is the maximum size of a kustomization.
const maxKustomization = 1 << 20

// put records the namespace of a file, or of all files in a directory. The names are sorted.
func put(resource, namespace string, names []string, namespaces map[string]string) {
	i, _ := slices.BinarySearch(names, resource)
	for ; i < len(names) && strings.HasPrefix(names[i], resource); i++ {
		name, own := names[i], namespace
		if name != resource && !strings.HasPrefix(name, resource+"/") {
			continue
		}
		if other, ok := namespaces[name]; ok && other != own {
			own = ""
		}
		namespaces[name] = own
	}
}
