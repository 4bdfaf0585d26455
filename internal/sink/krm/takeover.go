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

// A former is a cluster's directory whose items have the former layout: some of its objects will
// move to another Flux Kustomization.
type former struct {
	// items are the items that this run would replace.
	items []*Object
	// kept are the indexes of the items that move and must be kept, released the indexes of removed items that
	// were kept. unkept is the number of items among both whose annotation is still missing or left over.
	kept, released []int
	unkept         int
}

// takeOver returns the items to emit instead of the rendered ones. Where objects move to another Flux
// Kustomization, the old one would delete them. So a first run only marks them as kept, and the items
// stay until the settings confirm that Flux has synced the mark.
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
		f.warn(fmt.Sprintf("%s: another Flux Kustomization will apply %s, and the old one would delete them; this run only adds %s", diag.Some(moving, 3), diag.Plural(n, "object"), annotation),
			"commit this, and wait until Flux has synced it on every cluster; then "+f.saySynced())
	}
	if len(waiting) > 0 {
		f.warn(fmt.Sprintf("%s: this run changes no items until Flux has synced %s", diag.Some(waiting, 3), annotation),
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
	// On a hub, sync.yaml does not belong to one of its clusters.
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

// saySynced returns the hint for confirming that Flux has synced the kept objects.
func (f *function) saySynced() string {
	if f.inData {
		return "run the function with synced=true"
	}
	return "write synced: true into spec.function of the RenderConfig, and run again"
}

func (f *function) warn(message, hint string) {
	f.Warnings = append(f.Warnings, Mistake{"", message, hint})
}

// identified returns the identity of an object, and whether Flux keeps it.
func (o *Object) identified() map[string]any {
	ref := o.ref()
	return map[string]any{"apiVersion": ref.APIVersion, "kind": ref.Kind, "metadata": map[string]any{
		"namespace": ref.Namespace, "name": ref.Name,
		"annotations": map[string]any{manifest.FluxPrune: o.annotation(manifest.FluxPrune)},
	}}
}

// keeping returns the object with the annotation that stops Flux from deleting it.
func (o *Object) keeping() *Object {
	metadata := unaliased(field(o.node, "metadata"))
	annotations := unaliased(field(metadata, "annotations"))
	with := withField(annotations, manifest.FluxPrune, scalar("disabled"))
	if field(annotations, manifest.FluxPrune) == nil {
		with.Content = append(with.Content, scalar(manifest.FluxPrune), scalar("disabled"))
	}
	return &Object{withField(o.node, "metadata", withField(metadata, "annotations", with))}
}

// unaliased returns a node that can change without the anchor of its alias.
func unaliased(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.AliasNode {
		return n
	}
	own := *n.Alias
	own.Anchor = ""
	return &own
}
