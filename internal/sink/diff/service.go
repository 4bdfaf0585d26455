package diff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/internal/shell"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/tree"
)

// A servicePatch is the patch of a Service in a HelmRelease or a Flux Kustomization.
type servicePatch struct {
	// Delete is "delete" if the patch removes the Service.
	Delete   string `json:"$patch,omitempty"`
	Kind     string `json:"kind"`
	Metadata struct {
		Name        string            `json:"name"`
		Labels      map[string]string `json:"labels,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
	} `json:"metadata"`
}

// readServicePatch returns the patch in an item of a list, if it patches a Service.
func readServicePatch(item any) (p servicePatch, ok bool) {
	object, _ := item.(map[string]any)
	return p, yaml.Unmarshal([]byte(tree.TextAt(object, "patch")), &p) == nil && p.Kind == "Service" && p.Metadata.Name != ""
}

// leftToFlagger returns the names of the Services that a HelmRelease removes from its chart.
func leftToFlagger(release map[string]any) (names []string) {
	renderers, _ := tree.ValueAt(release, "spec", "postRenderers").([]any)
	for _, r := range renderers {
		renderer, _ := r.(map[string]any)
		patches, _ := tree.ValueAt(renderer, "kustomize", "patches").([]any)
		for _, item := range patches {
			if p, ok := readServicePatch(item); ok && p.Delete == "delete" {
				names = append(names, p.Metadata.Name)
			}
		}
	}
	return names
}

// patchOfService returns the patch on the application's own Service, which render adds as the last one of a
// Flux Kustomization. Patches of users usually have targets without a version.
func patchOfService(kustomization map[string]any) (p servicePatch, ok bool) {
	patches, _ := tree.ValueAt(kustomization, "spec", "patches").([]any)
	if len(patches) == 0 {
		return p, false
	}
	last, _ := patches[len(patches)-1].(map[string]any)
	p, ok = readServicePatch(last)
	return p, ok && p.Delete == "" && tree.TextAt(last, "target", "version") == manifest.CoreV1
}

// A serviceKey is the Service of an application's rollout on a cluster.
type serviceKey struct{ cluster, app, name string }

// canariesOf returns the changes of the Canaries, by their Services.
func canariesOf(changes []Change) map[serviceKey]*Change {
	canaries := map[serviceKey]*Change{}
	for i := range changes {
		ch := &changes[i]
		if !ch.isRollout() || ch.Action == Deleted {
			continue
		}
		for _, cluster := range ch.Clusters {
			canaries[serviceKey{cluster, applicationDir(ch.dir), serviceOf(ch.new)}] = ch
		}
	}
	return canaries
}

// serviceOf returns the name of a Canary's Service.
func serviceOf(canary *document) string {
	return cmp.Or(tree.TextAt(canary.value(), "spec", "service", "name"), tree.TextAt(canary.value(), "spec", "targetRef", "name"))
}

// ofService notes the hidden effect of a change on the application's own Service.
func (n *noter) ofService(ch *Change) {
	switch {
	case ch.old.value() == nil || ch.new.value() == nil:
	case ch.Object.Group() == helmGroup:
		n.ofDeletedService(ch)
	case ch.Object.Group() == kustomizeGroup:
		n.ofSkippedService(ch)
	}
}

// ofDeletedService notes that Helm deletes a Service that the release now leaves to Flagger. Helm keeps the
// Service if the live object has its annotation (helm.sh/helm v3 and v4 pkg/kube/client.go, Update). Flagger then
// adopts it, but does not set labels and annotations.
func (n *noter) ofDeletedService(ch *Change) {
	before := leftToFlagger(ch.old.value())
	for _, name := range leftToFlagger(ch.new.value()) {
		if slices.Contains(before, name) {
			continue
		}
		namespace := cmp.Or(tree.TextAt(ch.new.value(), "spec", "targetNamespace"), ch.Object.Namespace)
		apex := servicePatch{}
		apex.Metadata.Name, apex.Metadata.Annotations = name, map[string]string{}
		if canary := n.canaries[serviceKey{ch.Clusters[0], applicationDir(ch.dir), name}]; canary != nil {
			namespace = canary.Object.Namespace
			apex.Metadata.Labels = textsAt(canary.new.value(), "spec", "service", "apex", "labels")
			apex.Metadata.Annotations = textsAt(canary.new.value(), "spec", "service", "apex", "annotations")
		}
		apex.Metadata.Annotations["helm.sh/resource-policy"] = "keep"
		n.note(ch, fmt.Sprintf("%s: the Service %s is left to Flagger", ch.subject(), name),
			"Helm deletes the chart's Service; clients fail until Flagger's primary is ready, and the clusterIP changes; "+
				"to keep the Service, run on each cluster first: "+apex.command(namespace), ch.Clusters)
	}
}

// ofSkippedService notes that Flux skips the patch of a Service that Flagger owns: Flagger sets
// kustomize.toolkit.fluxcd.io/reconcile: disabled (fluxcd/flagger pkg/router/util.go).
func (n *noter) ofSkippedService(ch *Change) {
	p, ok := patchOfService(ch.new.value())
	if was, had := patchOfService(ch.old.value()); !ok || had && was.command("") == p.command("") {
		return
	}
	isFlaggers := func(cluster string) bool {
		canary := n.canaries[serviceKey{cluster, applicationDir(ch.dir), p.Metadata.Name}]
		return canary == nil || canary.Action == Changed && serviceOf(canary.old) == p.Metadata.Name
	}
	on := slices.DeleteFunc(slices.Clone(ch.Clusters), func(cluster string) bool { return !isFlaggers(cluster) })
	n.note(ch, fmt.Sprintf("%s: patch of the Service %s", ch.subject(), p.Metadata.Name),
		"Flux skips a Service that Flagger owns, so the patch is never applied; "+
			"if the application contains this Service, run on each cluster: "+p.command(namespaceOf(ch.new.value())), on)
}

// namespaceOf returns the namespace to which a Flux Kustomization of a rollout applies: its target, or
// the only patched one.
func namespaceOf(kustomization map[string]any) string {
	if target := tree.TextAt(kustomization, "spec", "targetNamespace"); target != "" {
		return target
	}
	namespace := ""
	patches, _ := tree.ValueAt(kustomization, "spec", "patches").([]any)
	for _, item := range patches {
		object, _ := item.(map[string]any)
		if tree.TextAt(object, "target", "kind") != "Namespace" {
			continue
		}
		if namespace != "" {
			return ""
		}
		namespace = tree.TextAt(object, "target", "name")
	}
	return namespace
}

// command returns the command that sets the labels and annotations of the Service.
func (p servicePatch) command(namespace string) string {
	var commands []string
	for _, c := range []struct {
		verb  string
		pairs map[string]string
	}{{"annotate", p.Metadata.Annotations}, {"label", p.Metadata.Labels}} {
		if len(c.pairs) == 0 {
			continue
		}
		command := fmt.Sprintf("kubectl %s --overwrite service %s --namespace %s", c.verb, shell.Quote(p.Metadata.Name), shell.Quote(cmp.Or(namespace, "NAMESPACE")))
		for _, key := range slices.Sorted(maps.Keys(c.pairs)) {
			command += " " + shell.Quote(key) + "=" + shell.Quote(c.pairs[key])
		}
		commands = append(commands, command)
	}
	return strings.Join(commands, " && ")
}

// textsAt returns the texts of an object by name, never nil.
func textsAt(object map[string]any, path ...string) map[string]string {
	all := map[string]string{}
	fields, _ := tree.ValueAt(object, path...).(map[string]any)
	for name, value := range fields {
		if text, ok := value.(string); ok {
			all[name] = text
		}
	}
	return all
}
