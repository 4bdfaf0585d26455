package importer

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	sigs "sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema"
)

// compare compiles the documents, and compares the rendered objects with the original ones. It leaves the objects
// that do not compile or that are rendered differently, and reports whether it left any.
func (m *model) compare() (left bool, _ diag.List) {
	if len(m.files) == 0 {
		return false, nil
	}
	tree, list := render.Compile(schema.Load(m.files), render.Options{})
	if newer := slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Code == diag.NeedsNewerFlux }); newer && m.flux < len(fluxVersions)-1 {
		m.flux++ // the clusters run the version that their objects need
		return true, nil
	}
	for _, d := range list {
		if d.Severity == diag.Error {
			left = m.leaveAt(d) || left
		}
	}
	if tree == nil {
		if !left {
			return false, list
		}
		return true, nil
	}
	rendered := map[string]map[manifest.Identity]map[string]any{}
	m.rejected = nil
	for _, c := range tree.Clusters {
		rendered[c.Name] = objectsOf(c)
		m.rejected = cmp.Or(m.rejected, m.meeting(c))
	}
	for _, a := range m.apps {
		for at, t := range m.targets {
			have := rendered[t.clusterName()]
			if o := a.objects[at]; a.own && o != nil {
				left = m.compareObject(o, have[o.Identity], false) || left
			}
			for _, p := range a.policies {
				o := p.on[at]
				if o == nil {
					continue
				}
				r := a.rollout(p, at)
				if a.rollsOut(at) && m.findAdded(o, at, have[o.Identity]) {
					left = true
					continue
				}
				left = m.compareObject(o, have[o.Identity], a.rollsOut(at)) || left
				for _, alert := range m.alertsOf(r, at) {
					left = m.compareObject(alert, have[alert.Identity], false) || left
				}
				if r != nil {
					left = m.compareCanary(r, at, have) || left
				}
			}
		}
	}
	m.compareOrder(m.neededKustomizations())
	return m.compareAdded(rendered) || left, nil
}

// compareAdded checks the rendered objects that are new. Namespaces and MetricTemplates are expected. If there are
// others, the Canaries stay, and compareAdded reports true.
func (m *model) compareAdded(rendered map[string]map[manifest.Identity]map[string]any) (left bool) {
	m.namespaces = map[string]bool{}
	for _, t := range m.targets {
		for _, id := range slices.SortedFunc(maps.Keys(rendered[t.clusterName()]), func(a, b manifest.Identity) int { return cmp.Compare(a.String(), b.String()) }) {
			switch _, isRead := t.objects[id]; {
			case isRead || id.Kind == "MetricTemplate":
			case id.Kind == "Namespace":
				m.namespaces[id.Name] = true
			default:
				for _, c := range m.canaries {
					left = m.leave(c.Identity, fmt.Sprintf("its rollout would also render the %s", id)) || left
				}
			}
		}
	}
	return left
}

// fluxVersions are the versions of Flux that added fields, the default first (render/flux, since).
var fluxVersions = []string{"", "2.7", "2.8", "2.9"}

// clusterName returns the name of the cluster's directory.
func (t *target) clusterName() string {
	if t.name == "" {
		return "host"
	}
	return t.name
}

// objectsOf returns the objects that are rendered for a cluster, without the Flux Kustomizations that apply their
// directories.
func objectsOf(c *render.Cluster) map[manifest.Identity]map[string]any {
	all := map[manifest.Identity]map[string]any{}
	for f := range c.Files() {
		if strings.HasPrefix(f.Path, layout.SyncDir) || len(f.Objects()) == 0 {
			continue
		}
		for document := range strings.SplitSeq("\n"+string(f.Content), "\n---\n") {
			var object map[string]any
			if sigs.Unmarshal([]byte(document), &object) != nil || object == nil {
				continue
			}
			o := render.Object{}
			o.APIVersion, _ = object["apiVersion"].(string)
			o.Kind, _ = object["kind"].(string)
			meta, _ := object["metadata"].(map[string]any)
			o.Namespace, o.Name = text(meta["namespace"]), text(meta["name"])
			all[manifest.Identity{Group: o.Group(), Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}] = object
		}
	}
	return all
}

// meeting returns a mistake if an object has the name of a rendered Flux Kustomization, because the cluster would
// get both; or nil.
func (m *model) meeting(c *render.Cluster) *diag.Mistake {
	at := slices.IndexFunc(m.targets, func(t *target) bool { return t.clusterName() == c.Name })
	if at < 0 {
		return nil // from a copied Fleet
	}
	for f := range c.Files() {
		if !strings.HasPrefix(f.Path, layout.SyncDir) {
			continue
		}
		for _, made := range f.Objects() {
			if o := m.targets[at].objects[manifest.Identity{Group: made.Group(), Kind: made.Kind, Namespace: made.Namespace, Name: made.Name}]; o != nil {
				return diag.NewMistake(
					fmt.Sprintf("%s: %s has the same name as an object that is rendered for the cluster %s", o.position(), o, c.Name),
					"rename it first: set spec.prune: false, wait until Flux has applied that, change the name, and import again")
			}
		}
	}
	return nil
}

// leaveAt leaves the object that a diagnostic is about, and reports whether it found one.
func (m *model) leaveAt(d diag.Diagnostic) bool {
	reason := fmt.Sprintf("fleetwright rejects it: %s (%s)", d.Message, d.Code)
	for _, a := range m.apps {
		if a.file != d.Position.File {
			continue
		}
		for i, p := range a.policies {
			at := fmt.Sprintf("spec.syncPolicies[%d]", i)
			if d.Path != at && !strings.HasPrefix(d.Path, at+".") {
				continue
			}
			if rest := strings.TrimPrefix(d.Path, at); strings.HasPrefix(rest, ".rollout") || strings.Contains(rest, "].rollout") {
				left, has := false, false
				for _, r := range a.rollouts[p] {
					if r != nil {
						left, has = m.leave(r.canary.Identity, reason) || left, true
					}
				}
				if has {
					return left
				}
			}
			return m.leave(p.Identity, reason)
		}
		if a.own && (strings.HasPrefix(d.Path, "spec.source") || strings.HasPrefix(d.Path, "spec.overrides")) {
			return m.leave(a.source, reason)
		}
		left := false
		for _, p := range a.policies {
			left = m.leave(p.Identity, reason) || left
		}
		return left
	}
	// An error about the installed components prevents all rollouts.
	left := false
	for _, c := range m.canaries {
		left = m.leave(c.Identity, reason) || left
	}
	return left
}

// compareObject compares a source, or the object of a policy, with the rendered one, and reports whether it left
// the object. rollsOut reports whether its Application has rollouts.
func (m *model) compareObject(o *object, rendered map[string]any, rollsOut bool) (left bool) {
	if rendered == nil {
		return m.leave(o.Identity, "no object with its name is rendered")
	}
	want, have := normal(o.Kind, o.Namespace, o.Name, value(get(o.node, "spec"))), normal(o.Kind, o.Namespace, o.Name, rendered["spec"])
	for _, field := range differing(want, have, nil) {
		if rollsOut && slices.Contains(ofRollouts[o.Kind], field) {
			m.differ(o, "spec."+field, "the rollout adds entries: Flux must not undo Flagger's changes, and the namespace gets its label")
			continue
		}
		return m.leave(o.Identity, fmt.Sprintf("spec.%s would be rendered as %s", field, brief(valueAt(have, field))))
	}
	if version := current[o.Kind].version; o.apiVersion != version {
		m.differ(o, "apiVersion", "it is rendered as "+version)
	}
	m.noteFormer(o)
	m.compareMetadata(o, rendered)
	return false
}

// noteFormer reports the upgraded fields of an object, and the metadata that other files add to it.
func (m *model) noteFormer(o *object) {
	for _, what := range o.metadata {
		m.differ(o, "metadata", what+"; the added labels and annotations are not rendered")
	}
	for _, f := range o.former {
		m.differ(o, f.field, f.reason)
	}
}

// ofRollouts are the lists that a rollout adds entries to (render/flux, Patches and driftDetection).
var ofRollouts = map[string][]string{"Kustomization": {"patches"}, "HelmRelease": {"postRenderers", "driftDetection.ignore"}}

// findAdded finds the entries at the ends of lists that a rollout added when fleetwright rendered the files, and
// reports whether it found any.
func (m *model) findAdded(o *object, on int, rendered map[string]any) (found bool) {
	key := patchKey{o.Identity, on}
	for _, field := range ofRollouts[o.Kind] {
		if m.added[key][field] > 0 {
			continue
		}
		read, _ := valueAt(value(get(o.node, "spec")), field).([]any)
		made, _ := valueAt(rendered["spec"], field).([]any)
		if n := len(made) - len(read); n > 0 && n <= len(read) && reflect.DeepEqual(made[len(read):], read[len(read)-n:]) {
			if m.added[key] == nil {
				m.added[key] = map[string]int{}
			}
			m.added[key][field], found = n, true
		}
	}
	return found
}

// compareMetadata reports the labels and annotations that the rendered object lacks.
func (m *model) compareMetadata(o *object, rendered map[string]any) {
	have, _ := rendered["metadata"].(map[string]any)
	for _, field := range []string{"labels", "annotations"} {
		of, _ := have[field].(map[string]any)
		n := get(o.node, "metadata", field)
		if n == nil || n.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			switch {
			case of[name] == n.Content[i+1].Value || isOfTools(name):
			case name == manifest.FluxPrune:
				m.differ(o, "metadata."+field+"."+name, notKept)
			default:
				m.differ(o, "metadata."+field+"."+name, "not rendered, because an Application has no field for "+field+" of this object")
			}
		}
	}
}

// notKept describes the difference of an object that already has the annotation of the first commit.
const notKept = "the rendered object does not have it; if it was set before the first commit, Flux will delete the object when its file is removed"

// isOfTools reports whether Flux or kubectl writes a label or annotation (fluxcd/pkg ssa,
// ResourceManager.SetOwnerLabels; fluxcd/pkg apis/meta, ReconcileRequestAnnotation).
func isOfTools(name string) bool {
	prefix, rest, _ := strings.Cut(name, "/")
	switch prefix {
	case kustomizeGroup, helmGroup:
		return rest == "name" || rest == "namespace"
	}
	return prefix == "reconcile.fluxcd.io" || prefix == "kubectl.kubernetes.io"
}

// differ notes a difference, once for all clusters.
func (m *model) differ(o *object, field, reason string) {
	n := Note{o.String(), o.file, o.line, field, reason}
	if !m.noted[n] {
		m.noted[n] = true
		m.differs = append(m.differs, n)
	}
}

// differing returns the dotted paths at which two values differ.
func differing(a, b any, path []string) (fields []string) {
	x, isX := a.(map[string]any)
	y, isY := b.(map[string]any)
	if !isX || !isY {
		if reflect.DeepEqual(a, b) {
			return nil
		}
		return []string{strings.Join(path, ".")}
	}
	names := map[string]bool{}
	for name := range x {
		names[name] = true
	}
	for name := range y {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		fields = append(fields, differing(x[name], y[name], append(slices.Clone(path), name))...)
	}
	return fields
}

// valueAt returns the value at a dotted path.
func valueAt(v any, field string) any {
	for field != "" {
		of, _ := v.(map[string]any)
		found := ""
		for name := range of {
			if (field == name || strings.HasPrefix(field, name+".")) && len(name) > len(found) {
				found = name
			}
		}
		if found == "" {
			return nil
		}
		v, field = of[found], strings.TrimPrefix(strings.TrimPrefix(field, found), ".")
	}
	return v
}

// brief returns a value as short text.
func brief(v any) string {
	if v == nil {
		return "nothing"
	}
	text := strings.TrimSpace(fmt.Sprint(v))
	if len(text) > 60 {
		return "a different value"
	}
	return text
}
