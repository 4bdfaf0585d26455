package importer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/render/manifest"
)

// parent returns the Flux Kustomization that applies an object, or nil if the bootstrap applies it.
func (t *target) parent(o *object) *object { return t.objects[o.by] }

// leaveToParents leaves the objects whose Kustomization is suspended or applies them with other permissions.
func (m *model) leaveToParents() {
	for _, t := range m.targets {
		for _, o := range t.objects {
			p := t.parent(o)
			if p == nil {
				continue
			}
			if textAt(p.node, "spec", "suspend") == "true" {
				m.leave(o.Identity, fmt.Sprintf("%s is suspended, so the object on the cluster may differ from the file", p))
			} else if account := textAt(p.node, "spec", "serviceAccountName"); account != "" {
				m.leave(o.Identity, fmt.Sprintf("%s applies it as ServiceAccount %s, but Flux would apply the rendered object with its own permissions", p, account))
			}
		}
	}
}

// compareOrder reports the order of the former Kustomizations that the rendered objects lose.
func (m *model) compareOrder(needed map[manifest.Identity]string) {
	imported, _ := m.becomes()
	for _, t := range m.targets {
		for _, o := range t.sorted() {
			p := t.parent(o)
			if imported[o] == "" || p == nil {
				continue
			}
			if who := needed[p.Identity]; who != "" && textAt(p.node, "spec", "wait") == "true" {
				m.differ(o, "", fmt.Sprintf("%s waits for %s, which will no longer include this object", who, p))
			}
			for seen := []*object{o}; p != nil && !slices.Contains(seen, p); p = t.parent(p) {
				seen = append(seen, p)
				for _, id := range dependencies(p) {
					if !slices.Contains(dependencies(o), id) {
						m.differ(o, "", fmt.Sprintf("%s applies it only after %s is ready, but the rendered object is applied at once", p, id))
					}
				}
			}
		}
	}
}

// dependencies returns the objects that a Kustomization or a HelmRelease depends on.
func dependencies(o *object) (all []manifest.Identity) {
	for _, ref := range items(o.node, "spec", "dependsOn") {
		all = append(all, manifest.Identity{Group: o.Group, Kind: o.Kind, Namespace: cmp.Or(textAt(ref, "namespace"), o.Namespace), Name: textAt(ref, "name")})
	}
	return all
}

// neededKustomizations returns the Flux Kustomizations that others wait for, and the ones that these apply, with
// the object that waits.
func (m *model) neededKustomizations() map[manifest.Identity]string {
	needed := map[manifest.Identity]string{}
	var need func(id manifest.Identity, who string)
	need = func(id manifest.Identity, who string) {
		if id.Kind != "Kustomization" || id.Group != kustomizeGroup || needed[id] != "" {
			return
		}
		needed[id] = who
		for _, t := range m.targets {
			for _, o := range t.applied[id] {
				need(o.Identity, who)
			}
		}
	}
	for _, p := range m.policies {
		for _, o := range p.on {
			if o == nil {
				continue
			}
			for _, id := range dependencies(o) {
				need(id, p.String())
			}
			for _, ref := range items(o.node, "spec", "healthChecks") {
				group, _, _ := strings.Cut(textAt(ref, "apiVersion"), "/")
				need(manifest.Identity{Group: group, Kind: textAt(ref, "kind"), Namespace: cmp.Or(textAt(ref, "namespace"), p.Namespace), Name: textAt(ref, "name")}, p.String())
			}
		}
	}
	return needed
}
