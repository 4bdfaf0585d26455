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

// A servicePatch is one of a Service, in a HelmRelease or a Flux Kustomization.
type servicePatch struct {
	// Delete is "delete" where the Service is left out of what is applied.
	Delete   string `json:"$patch,omitempty"`
	Kind     string `json:"kind"`
	Metadata struct {
		Name        string            `json:"name"`
		Labels      map[string]string `json:"labels,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
	} `json:"metadata"`
}

// readServicePatch returns the patch of a list's item, if it is one of a Service.
func readServicePatch(item any) (p servicePatch, ok bool) {
	object, _ := item.(map[string]any)
	return p, yaml.Unmarshal([]byte(tree.TextAt(object, "patch")), &p) == nil && p.Kind == "Service" && p.Metadata.Name != ""
}

// leftToFlagger returns the names of the Services that a HelmRelease leaves out of its chart.
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

// patchOfService returns the patch that render puts behind all others of a Flux Kustomization, on the
// application's own Service. Those of the users have targets without a version, as a rule.
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

// ofService says what a change does to the application's own Service that it does not show.
func (n *noter) ofService(ch *Change) {
	switch {
	case ch.old.value() == nil || ch.new.value() == nil:
	case ch.Object.Group() == helmGroup:
		n.ofDeletedService(ch)
	case ch.Object.Group() == kustomizeGroup:
		n.ofSkippedService(ch)
	}
}

// ofDeletedService says that Helm deletes a Service with the release that leaves it to Flagger. Helm
// keeps one whose live object says so (helm.sh/helm v3 and v4 pkg/kube/client.go, Update), and Flagger
// then takes it over, but for the labels and annotations that it puts on its own.
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
		n.say(ch, fmt.Sprintf("%s: the Service %s is left to Flagger", ch.subject(), name),
			"Helm deletes the chart's Service, which is gone until Flagger's primary is ready, and then has another clusterIP; "+
				"to keep it, run on each cluster before: "+apex.command(namespace), ch.Clusters)
	}
}

// ofSkippedService says that a patch of a Service never arrives, since Flagger has it already: it puts
// kustomize.toolkit.fluxcd.io/reconcile: disabled on it (fluxcd/flagger pkg/router/util.go).
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
	n.say(ch, fmt.Sprintf("%s: patch of the Service %s", ch.subject(), p.Metadata.Name),
		"Flux skips a Service that Flagger has taken over, so the patch never arrives; "+
			"where the application brings this Service, run on each cluster: "+p.command(namespaceOf(ch.new.value())), on)
}

// namespaceOf returns the namespace that a Flux Kustomization of a rollout applies to: its target, or
// the only one that is patched.
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

// command returns what puts the labels and annotations on the Service by hand.
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
