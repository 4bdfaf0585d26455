package sources

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/render/source"
)

// A generated is a kustomization.yaml that Flux builds.
type generated struct {
	types.Kustomization
	// file is its path in the source.
	file string
}

// generate returns the kustomization.yaml of a directory as kustomize-controller writes it: the one in the source,
// or a new one that lists all manifests, merged with the fields of the Flux Kustomization (fluxcd/pkg/kustomize
// v1.41.0, kustomize_generator.go, GenerateManifest). If the source cannot be read, it returns the reason.
func (f *Files) generate(dir string, k *source.Kustomization, patches []kustomize.Patch) (g *generated, unread string, err error) {
	g = &generated{Kustomization: types.Kustomization{
		TypeMeta: types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind},
	}}
	if g.file, unread = f.kustomizationFile(dir); unread != "" {
		return nil, unread, nil
	}
	if g.file != "" {
		if unread, err = f.readKustomization(g); unread != "" || err != nil {
			return nil, unread, err
		}
	} else {
		g.file = path.Join(dir, konfig.DefaultKustomizationFileName())
		if g.Resources, unread = f.scan(dir); unread != "" {
			return nil, unread, nil
		}
		if len(g.Resources) == 0 {
			g.Namespace = "_placeholder"
		}
	}
	if k.TargetNamespace != "" {
		g.Namespace = k.TargetNamespace
	}
	if k.NamePrefix != "" {
		g.NamePrefix = k.NamePrefix
	}
	if k.NameSuffix != "" {
		g.NameSuffix = k.NameSuffix
	}
	for _, p := range patches {
		g.Patches = append(g.Patches, types.Patch{Patch: p.Patch, Target: selector(p.Target)})
	}
	for _, c := range k.Components {
		if at := path.Join(dir, c); !k.IgnoreMissingComponents || f.has(at) || f.dirs[at] {
			g.Components = append(g.Components, c)
		}
	}
	for _, image := range k.Images {
		g.Images = mergeImage(g.Images, image)
	}
	return g, "", nil
}

// kustomizationFile returns the name of a directory's kustomization file, or "".
func (f *Files) kustomizationFile(dir string) (file, unread string) {
	for _, base := range konfig.RecognizedKustomizationFileNames() {
		file := path.Join(dir, base)
		if why := f.whyAbsent(file); why != "" {
			return "", fmt.Sprintf("%s: %s", file, why)
		}
		if f.has(file) {
			return file, ""
		}
	}
	return "", ""
}

// readKustomization reads the kustomization file of the source. It drops unknown fields, because Flux rewrites the
// file without them.
func (f *Files) readKustomization(g *generated) (unread string, err error) {
	text, err := f.read(g.file)
	if err != nil {
		return fmt.Sprintf("%s cannot be read: %s", g.file, reasonOf(err)), nil
	}
	if len(text) > maxBytes {
		return fmt.Sprintf("%s is larger than %d MiB", g.file, maxBytes>>20), nil
	}
	if err := yaml.Unmarshal(text, &g.Kustomization); err != nil {
		return "", fmt.Errorf("%s: %w", g.file, err)
	}
	if len(g.Resources) == 0 {
		g.BuildMetadata = []string{types.OriginAnnotations}
	}
	return "", nil
}

// scan returns the resources that Flux lists for a directory without a kustomization file: all manifests below it,
// and the nearest directories with a kustomization file (scanManifests).
func (f *Files) scan(dir string) (resources []string, unread string) {
	for name, why := range f.absent {
		if dir == "." || strings.HasPrefix(name, dir+"/") {
			return nil, fmt.Sprintf("%s: %s", name, why)
		}
	}
	built := ""
	entered := map[string]bool{dir: true}
	for _, name := range f.below(dir) {
		if built != "" && strings.HasPrefix(name, built+"/") {
			continue
		}
		if built = f.firstBuilt(dir, path.Dir(name), entered); built != "" {
			resources = append(resources, relative(dir, built))
			continue
		}
		if ext := path.Ext(name); ext == ".yaml" || ext == ".yml" {
			resources = append(resources, relative(dir, name))
		}
	}
	return resources, ""
}

// firstBuilt returns the outermost directory with a kustomization file on the way from top down to dir, or "". It
// records directories without one in entered.
func (f *Files) firstBuilt(top, dir string, entered map[string]bool) string {
	if entered[dir] {
		return ""
	}
	if built := f.firstBuilt(top, path.Dir(dir), entered); built != "" {
		return built
	}
	if file, _ := f.kustomizationFile(dir); file != "" {
		return dir
	}
	entered[dir] = true
	return ""
}

// relative returns a path relative to a directory that contains it.
func relative(dir, name string) string {
	if dir == "." {
		return "./" + name
	}
	return "." + strings.TrimPrefix(name, dir)
}

// mergeImage adds an image, or overrides the fields of the entry with its name.
func mergeImage(images []types.Image, image kustomize.Image) []types.Image {
	i := slices.IndexFunc(images, func(other types.Image) bool { return other.Name == image.Name })
	if i < 0 {
		return append(images, types.Image{Name: image.Name, NewName: image.NewName, NewTag: image.NewTag, Digest: image.Digest})
	}
	if image.NewName != "" {
		images[i].NewName = image.NewName
	}
	if image.NewTag != "" || image.Digest != "" {
		images[i].NewTag, images[i].Digest = image.NewTag, image.Digest
	}
	return images
}

// selector returns a target as a kustomize selector.
func selector(s *kustomize.Selector) *types.Selector {
	if s == nil {
		return nil
	}
	t := &types.Selector{LabelSelector: s.LabelSelector, AnnotationSelector: s.AnnotationSelector}
	t.Group, t.Version, t.Kind, t.Name, t.Namespace = s.Group, s.Version, s.Kind, s.Name, s.Namespace
	return t
}
