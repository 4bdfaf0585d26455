package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/source"
)

// checkRunsTwice reports a workload of which two pods often cannot run at once, as the primary's and
// those of the new version do.
func checkRunsTwice(r *Rollout) {
	found, w := r.workload()
	if w == nil {
		return
	}
	spec := &w.Spec.Template.Spec
	for _, p := range declared(w) {
		if spec.HostNetwork || p.HostPort > 0 {
			why, hint := fmt.Sprintf("has hostPort %d", p.HostPort), "remove hostPort: clients reach the pods through the Service"
			if p.HostPort == 0 {
				why, hint = fmt.Sprintf("listens on port %d of the host's network", p.ContainerPort), "remove hostNetwork, or the rollout"
			}
			r.Report(diag.CannotRunTwice, targetName,
				fmt.Sprintf("%s %s: the primary and the new version cannot share a node", called(found.Object), why),
				hint)
			break
		}
	}
	for _, v := range spec.Volumes {
		if v.PersistentVolumeClaim == nil {
			continue
		}
		o := r.Manifests.Get(manifest.Identity{Kind: "PersistentVolumeClaim", Namespace: r.ID.Namespace, Name: v.PersistentVolumeClaim.ClaimName})
		if o == nil {
			continue
		}
		c := source.Read[source.Claim](o.Object)
		shared := func(mode string) bool { return mode == "ReadWriteMany" || mode == "ReadOnlyMany" }
		if c == nil || len(c.Spec.AccessModes) == 0 || slices.ContainsFunc(c.Spec.AccessModes, shared) {
			continue
		}
		r.Report(diag.CannotRunTwice, targetName,
			fmt.Sprintf("%s needs %s, which is %s: the primary and the new version cannot both use it on two nodes", called(found.Object), called(o.Object), c.Spec.AccessModes[0]),
			"accessModes: [ReadWriteMany], or remove the rollout")
	}
}

// checkTags reports images whose tag stays the same from version to version, so that Flagger, which
// compares pod templates, sees none (pkg/canary/spec.go, hasSpecChanged). Init containers come along.
func checkTags(r *Rollout) {
	found, w := r.workload()
	if w == nil {
		return
	}
	for _, c := range w.Spec.Template.Spec.Containers {
		if !moves(c.Image) || r.Plain && !strings.HasSuffix(c.Image, ":latest") { // an overlay or automation may set the tag
			continue
		}
		name, _, _ := strings.Cut(c.Image, ":latest")
		r.Report(diag.MovingTag, targetName,
			fmt.Sprintf("the image %s of %s has no version: Flagger sees no new one", c.Image, called(found.Object)), fmt.Sprintf("image: %s:1.2.3", name))
	}
}

// moves reports whether an image has the tag latest, be it by having none. Istio's injector fills in auto.
func moves(image string) bool {
	if image == "" || image == "auto" || strings.Contains(image, "@") {
		return false
	}
	_, tag, ok := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return !ok || tag == "latest"
}

// checkOptsOut reports pods that get no sidecar though the rollout needs them to.
func checkOptsOut(r *Rollout) {
	found, w := r.workload()
	if w == nil {
		return
	}
	var namespace *source.Found
	for o := range r.Manifests.Find("", "Namespace") {
		if o.Name == r.ID.Namespace {
			namespace = &o
			break
		}
	}
	labels := map[string]string{}
	if namespace != nil {
		if m := source.Read[source.Any](namespace.Object); m != nil {
			labels = m.Metadata.Labels
		}
	}
	switch pod, by := r.On.OptsOut(r, &w.Spec.Template, labels); {
	case by == "":
	case pod:
		r.Report(diag.NotInjected, targetName,
			fmt.Sprintf("%s in %s keeps the sidecar from its pods: the rollout moves or measures no traffic", by, called(found.Object)),
			"remove it from the pod template")
	default:
		r.Report(diag.NotInjected, targetName,
			fmt.Sprintf("%s in %s keeps the sidecars from its pods: the rollout moves or measures no traffic", by, called(namespace.Object)),
			"remove the label")
	}
}

// givenConfig are ConfigMaps that Kubernetes or a mesh puts into every namespace.
var givenConfig = []string{"kube-root-ca.crt", "istio-ca-root-cert", "openshift-service-ca.crt", "linkerd-identity-trust-roots"}

// MissingConfig returns the ConfigMaps and Secrets that the pods of the workload need and that nothing
// among the manifests makes. Kubernetes starts pods without the Secrets of imagePullSecrets.
func (r *Rollout) MissingConfig() (missing []manifest.Identity) {
	_, w := r.workload()
	if w == nil {
		return nil
	}
	seen := map[manifest.Identity]bool{}
	for _, id := range needed(w) {
		id.Namespace = r.ID.Namespace
		if seen[id] || id.Name == "" || id.Kind == "ConfigMap" && slices.Contains(givenConfig, id.Name) {
			continue
		}
		seen[id] = true
		if r.Manifests.Lacks(id) {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 || appliesMore(r.Manifests) {
		return nil
	}
	made := madeConfig(r.Manifests)
	return slices.DeleteFunc(missing, func(id manifest.Identity) bool { return made(id.Name) })
}

// needed returns the ConfigMaps and Secrets without which a pod does not start.
func needed(w *source.Workload) (all []manifest.Identity) {
	add := func(kind string, ref *source.Reference) {
		if ref != nil && !ref.Optional {
			all = append(all, manifest.Identity{Kind: kind, Name: ref.Name})
		}
	}
	spec := &w.Spec.Template.Spec
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, e := range c.EnvFrom {
			add("ConfigMap", e.ConfigMapRef)
			add("Secret", e.SecretRef)
		}
		for _, e := range c.Env {
			if e.ValueFrom != nil {
				add("ConfigMap", e.ValueFrom.ConfigMapKeyRef)
				add("Secret", e.ValueFrom.SecretKeyRef)
			}
		}
	}
	for _, v := range spec.Volumes {
		add("ConfigMap", v.ConfigMap)
		if s := v.Secret; s != nil {
			add("Secret", &source.Reference{Name: s.SecretName, Optional: s.Optional})
		}
		if v.Projected != nil {
			for _, s := range v.Projected.Sources {
				add("ConfigMap", s.ConfigMap)
				add("Secret", s.Secret)
			}
		}
	}
	return all
}

// madeConfig returns what reports whether the controller of a custom resource may make a ConfigMap or a
// Secret of a name: an ExternalSecret, a Certificate or the like has the name anywhere, and those
// of databases begin with the resource's own.
func madeConfig(set *source.Set) func(name string) bool {
	texts, owners := map[string]bool{}, map[string]bool{}
	for o := range set.All() {
		if isCustom(o.ID.Group) {
			owners[o.Name] = true
			addTexts(texts, o.JSON)
		}
	}
	return func(name string) bool {
		for i, c := range name {
			if (c == '-' || c == '.') && owners[name[:i]] {
				return true
			}
		}
		return texts[name]
	}
}

// addTexts adds all texts of a JSON value.
func addTexts(to map[string]bool, value []byte) {
	for d := json.NewDecoder(bytes.NewReader(value)); ; {
		token, err := d.Token()
		if err != nil {
			return
		}
		if text, ok := token.(string); ok {
			to[text] = true
		}
	}
}
