package krm

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/tree"
)

// A former is the directory of a cluster whose items have the former layout: objects of its sync.yaml
// move to another Flux Kustomization.
type former struct {
	// items are what this run would replace.
	items []*Object
	// kept are the numbers of those that move and must be kept, released of those that go and were kept,
	// and unkept is how many of both are not yet as they must be.
	kept, released []int
	unkept         int
}

// takeOver returns what goes among the items in the place of what was rendered. Where objects move to
// another Flux Kustomization, the old one would delete them, so a first run only marks them as kept,
// and the items stay until the settings say that Flux has synced that.
func (f *function) takeOver(rendered *render.Tree, items []*Object) []*Object {
	if !f.placed {
		return items
	}
	formers := f.formers(rendered)
	var moving, waiting []string
	n := 0
	var stay []*Object
	for _, cluster := range slices.Sorted(maps.Keys(formers)) {
		was := formers[cluster]
		switch at := path.Join(f.directory(), cluster, layout.Dir); {
		case was.unkept > 0:
			n += was.unkept
			moving = append(moving, at)
			for _, i := range was.kept {
				was.items[i] = was.items[i].keeping()
			}
			for _, i := range was.released {
				was.items[i] = &Object{withoutAnnotations(was.items[i].node, func(key string) bool { return key == manifest.FluxPrune })}
			}
		case f.Synced:
			delete(formers, cluster)
			continue
		default:
			waiting = append(waiting, at)
		}
		stay = append(stay, was.items...)
	}
	const annotation = manifest.FluxPrune + ": disabled"
	if len(moving) > 0 {
		f.warn(fmt.Sprintf("%s: another Flux Kustomization will apply %s, which the old one would delete; this run only adds %s there", diag.Some(moving, 3), diag.Plural(n, "object"), annotation),
			"commit this, and wait until Flux has synced it on every cluster; then "+f.saySynced())
	}
	if len(waiting) > 0 {
		f.warn(fmt.Sprintf("%s: this run changes nothing there until Flux has synced %s", diag.Some(waiting, 3), annotation),
			"when it has on every cluster, "+f.saySynced())
	}
	items = slices.DeleteFunc(items, func(o *Object) bool {
		name, _, _ := o.path()
		at, ok := f.inDirectory(name)
		return ok && formers[at.cluster] != nil
	})
	return append(items, stay...)
}

// formers returns the directories of clusters whose items have the former layout.
func (f *function) formers(rendered *render.Tree) map[string]*former {
	formers, stages := map[string]*former{}, map[string]tree.Stages{}
	for _, cluster := range rendered.Clusters {
		stages[cluster.Name] = cluster.Stages()
	}
	// On a hub, sync.yaml is not what is rendered for one of its clusters.
	for _, o := range f.list.Items {
		name, _, _ := o.path()
		at, ok := f.inDirectory(name)
		if !ok || o.annotation(renderedAnnotation) == "" || at.path != layout.SyncFile {
			continue
		}
		must, decided := stages[at.cluster].MustBeKept(at.path, o.identified())
		if must || decided && tree.IsKept(o.identified()) {
			formers[at.cluster] = &former{}
		}
	}
	for _, o := range f.stale {
		name, _, _ := o.path()
		at, _ := f.inDirectory(name)
		was, value := formers[at.cluster], o.identified()
		if was == nil {
			continue
		}
		must, decided := stages[at.cluster].MustBeKept(at.path, value)
		switch isKept := tree.IsKept(value); {
		case must:
			was.kept = append(was.kept, len(was.items))
			if !isKept {
				was.unkept++
			}
		case decided && isKept:
			was.released = append(was.released, len(was.items))
			was.unkept++
		}
		was.items = append(was.items, o)
	}
	return formers
}

// saySynced says how the settings say that Flux has synced what is kept.
func (f *function) saySynced() string {
	if f.inData {
		return "run the function with synced=true"
	}
	return "write synced: true into spec.function of the RenderConfig, and run again"
}

func (f *function) warn(message, hint string) {
	f.Warnings = append(f.Warnings, Mistake{"", message, hint})
}

// identified returns what of an object says which it is, and whether Flux keeps it.
func (o *Object) identified() map[string]any {
	ref := o.ref()
	return map[string]any{"apiVersion": ref.APIVersion, "kind": ref.Kind, "metadata": map[string]any{
		"namespace": ref.Namespace, "name": ref.Name,
		"annotations": map[string]any{manifest.FluxPrune: o.annotation(manifest.FluxPrune)},
	}}
}

// keeping returns the object as one that Flux does not delete.
func (o *Object) keeping() *Object {
	metadata := unaliased(field(o.node, "metadata"))
	annotations := unaliased(field(metadata, "annotations"))
	with := withField(annotations, manifest.FluxPrune, scalar("disabled"))
	if field(annotations, manifest.FluxPrune) == nil {
		with.Content = append(with.Content, scalar(manifest.FluxPrune), scalar("disabled"))
	}
	return &Object{withField(o.node, "metadata", withField(metadata, "annotations", with))}
}

// unaliased returns a node as one that can be another than what it is an alias of.
func unaliased(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.AliasNode {
		return n
	}
	own := *n.Alias
	own.Anchor = ""
	return &own
}
