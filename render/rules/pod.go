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

// checkRunsTwice reports a workload whose pods often cannot run twice, as the primary and the new
// version do.
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
				why, hint = fmt.Sprintf("listens on port %d of the host network", p.ContainerPort), "remove hostNetwork, or remove the rollout"
			}
			r.Report(diag.CannotRunTwice, targetName,
				fmt.Sprintf("%s %s, so the stable and the new version cannot share a node", called(found.Object), why),
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
			fmt.Sprintf("%s mounts %s, which is %s, so the stable and the new version cannot use it on different nodes", called(found.Object), called(o.Object), c.Spec.AccessModes[0]),
			"accessModes: [ReadWriteMany], or remove the rollout")
	}
}

// checkTags reports images whose tag never changes, so that Flagger, which compares pod templates, sees no new
// version (pkg/canary/spec.go, hasSpecChanged). Init containers usually change together with these.
func checkTags(r *Rollout) {
	found, w := r.workload()
	if w == nil {
		return
	}
	for _, c := range w.Spec.Template.Spec.Containers {
		if !moves(c.Image) || r.Plain && !strings.HasSuffix(c.Image, ":latest") { // an overlay or automation may set it
			continue
		}
		name, _, _ := strings.Cut(c.Image, ":latest")
		r.Report(diag.MovingTag, targetName,
			fmt.Sprintf("the image %s of %s has no version tag, so Flagger never sees a new version", c.Image, called(found.Object)), fmt.Sprintf("image: %s:1.2.3", name))
	}
}

// moves reports whether an image has the tag latest, or none. Istio's injector replaces auto.
func moves(image string) bool {
	if image == "" || image == "auto" || strings.Contains(image, "@") {
		return false
	}
	_, tag, ok := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return !ok || tag == "latest"
}

// checkOptsOut reports pods without a sidecar that the rollout needs.
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
			fmt.Sprintf("%s in %s prevents the sidecar, so Flagger cannot shift this traffic, or cannot measure it", by, called(found.Object)),
			"remove it from the pod template")
	default:
		r.Report(diag.NotInjected, targetName,
			fmt.Sprintf("%s in %s prevents the sidecars, so Flagger cannot shift this traffic, or cannot measure it", by, called(namespace.Object)),
			"remove the label from the Namespace")
	}
}

// givenConfig are ConfigMaps that Kubernetes or a mesh creates in every namespace.
var givenConfig = []string{"kube-root-ca.crt", "istio-ca-root-cert", "openshift-service-ca.crt", "linkerd-identity-trust-roots"}

// MissingConfig returns the ConfigMaps and Secrets that the workload's pods need and the manifests do not
// create. Kubernetes starts pods without the Secrets of imagePullSecrets.
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

// madeConfig returns a function that reports whether the controller of a custom resource may create a ConfigMap
// or Secret of a name: an ExternalSecret, a Certificate or the like contains the name, and the name
// of a database's Secret begins with the resource's.
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

// addTexts adds all strings of a JSON value.
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
