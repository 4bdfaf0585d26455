package importer

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/flagger"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema/api"
)

// current are the rendered API versions of the imported kinds, and the former versions that are accepted (the CRDs
// of Flux 0.41 to 2.9).
var current = map[string]struct {
	version string
	former  []string
}{
	"GitRepository":  {manifest.SourceV1, []string{sourceGroup + "/v1beta1", sourceGroup + "/v1beta2"}},
	"HelmRepository": {manifest.SourceV1, []string{sourceGroup + "/v1beta1", sourceGroup + "/v1beta2"}},
	"OCIRepository":  {manifest.SourceV1, []string{sourceGroup + "/v1beta2"}},
	"Kustomization":  {manifest.KustomizeV1, []string{kustomizeGroup + "/v1beta1", kustomizeGroup + "/v1beta2"}},
	"HelmRelease":    {manifest.HelmV2, []string{helmGroup + "/v2beta1", helmGroup + "/v2beta2"}},
	"Canary":         {manifest.FlaggerV1beta1, nil},
	"MetricTemplate": {manifest.FlaggerV1beta1, nil},
	"AlertProvider":  {manifest.FlaggerV1beta1, nil},
}

// dropped are the fields of former versions that have no effect in the current versions.
var dropped = map[string][]string{
	"Kustomization": {"validation"},                      // kustomize-controller CHANGELOG, 0.18.0: server-side apply validates
	"GitRepository": {"gitImplementation", "accessFrom"}, // source-controller CHANGELOG, 1.0.0
	"OCIRepository": {"accessFrom"},                      // the same
	"HelmRelease":   {"chart.spec.sourceRef.apiVersion"}, // helm-controller api/v2, CrossNamespaceObjectReference
}

// noPlace are the fields that an Application has no field for, with the reasons.
var noPlace = map[string]map[string]string{
	"Kustomization": {"kubeConfig": "it applies to another cluster, through a kubeconfig"},
	"HelmRelease":   {"kubeConfig": "it installs on another cluster, through a kubeconfig"},
}

// shard is the label that selects one of several controllers for an object (fluxcd/pkg runtime/controller,
// WatchOptions; fluxcd.io/flux/installation/configuration/sharding).
const shard = "sharding.fluxcd.io/key"

// upgrade rewrites an object of a former version in the current version.
func upgrade(o *object) {
	spec := get(o.node, "spec")
	switch o.Kind {
	case "Kustomization":
		upgradePatches(o, "spec", spec)
	case "HelmRelease":
		// helm-controller api/v2beta2, HelmChartTemplateSpec: valuesFile is read after valuesFiles
		// (source-controller api/v1, HelmChartSpec, GetValuesFiles).
		if chart := get(spec, "chart", "spec"); get(chart, "valuesFile") != nil {
			set(chart, "valuesFiles", newSequence(slices.Concat(items(chart, "valuesFiles"), []*yaml.Node{get(chart, "valuesFile")})...))
			remove(chart, "valuesFile")
			o.former = append(o.former, formerField{"spec.chart.spec.valuesFile", "it is rendered as the last entry of valuesFiles"})
		}
		for i, r := range items(spec, "postRenderers") {
			upgradePatches(o, fmt.Sprintf("spec.postRenderers[%d].kustomize", i), get(r, "kustomize"))
		}
		if install := get(spec, "install"); textAt(install, "skipCRDs") == "true" { // deprecated in api/v2, Install
			remove(install, "skipCRDs")
			set(install, "crds", newText("Skip"))
			o.former = append(o.former, formerField{"spec.install.skipCRDs", "it is rendered as crds: Skip"})
		}
	case "Canary":
		move(spec, "canaryAnalysis", spec, "analysis") // its former name: pkg/apis/flagger/v1beta1/canary.go
		for i, metric := range items(spec, "analysis", "metrics") {
			upgradeMetric(o, i, metric)
		}
		if v := get(spec, "autoscalerRef", "apiVersion"); v != nil && strings.HasPrefix(v.Value, "autoscaling/v2beta") {
			v.Value = "autoscaling/v2" // kubernetes/kubernetes CHANGELOG, 1.26: v2beta2 is no longer served
			o.former = append(o.former, formerField{"spec.autoscalerRef.apiVersion", "Kubernetes 1.26 removed it: it is rendered as " + v.Value})
		}
	case "HelmRepository":
		if strings.HasPrefix(textAt(spec, "url"), "oci://") {
			set(spec, "type", newText("oci"))
		}
	case "GitRepository":
		if mode := get(spec, "verify", "mode"); mode != nil && mode.Value == "head" {
			mode.Value = "HEAD" // api/v1, GitRepositoryVerification.GetMode
		}
	}
	for _, field := range dropped[o.Kind] {
		names := strings.Split(field, ".")
		last := len(names) - 1
		if in := get(spec, names[:last]...); get(in, names[last]) != nil {
			remove(in, names[last])
			o.former = append(o.former, formerField{"spec." + field, "it has no effect in " + current[o.Kind].version})
		}
	}
	for _, d := range explicit[o.Kind] {
		d.setIn(spec)
	}
	get(o.node, "apiVersion").Value = current[o.Kind].version
}

// upgradeMetric replaces the threshold of a metric, which Flagger has deprecated, with a range: a minimum for
// request-success-rate, and a maximum for all other metrics (fluxcd/flagger pkg/controller/scheduler_metrics.go,
// runBuiltinMetricChecks and runMetricChecks).
func upgradeMetric(o *object, i int, metric *yaml.Node) {
	threshold := get(metric, "threshold")
	if threshold == nil {
		return
	}
	if get(metric, "thresholdRange") == nil {
		bound := "max"
		if textAt(metric, "name") == "request-success-rate" {
			bound = "min"
		}
		at := index(metric, "threshold")
		metric.Content[at].Value, metric.Content[at+1] = "thresholdRange", newMapping(bound, threshold)
	} else {
		remove(metric, "threshold") // a range takes precedence
	}
	o.former = append(o.former, formerField{fmt.Sprintf("spec.analysis.metrics[%d].threshold", i), "Flagger has deprecated it: it is rendered as the equivalent thresholdRange"})
}

// explicit are the defaults that rendered objects set. They are written out, so that importing a rendered object
// gives the same document. The history of a release keeps its length.
var explicit = map[string][]fieldDefault{
	"OCIRepository": {{[]string{"verify"}, "provider", newText("cosign")}},
	"HelmRelease":   {{[]string{"chart", "spec", "verify"}, "provider", newText("cosign")}, {nil, "maxHistory", newNode(fluxHistory)}},
}

// upgradePatches merges the patches of v1beta2 in the order in which kustomize applies them: strategic merge
// patches, patches, JSON patches (sigs.k8s.io/kustomize api/internal/target/kusttarget_configplugin.go).
func upgradePatches(o *object, at string, spec *yaml.Node) {
	const strategic, json = "patchesStrategicMerge", "patchesJson6902"
	if get(spec, strategic) == nil && get(spec, json) == nil {
		return
	}
	var before, after []*yaml.Node
	for _, n := range items(spec, strategic) {
		text := n.Value
		if n.Kind == yaml.MappingNode {
			text = dump(blocks(n))
		}
		before = append(before, newMapping("patch", text))
	}
	for _, n := range items(spec, json) {
		text := textAt(n, "patch")
		if text == "" {
			text = dump(blocks(get(n, "patch"))) // kustomize reads text that begins with [ as JSON
		}
		after = append(after, newMapping("target", get(n, "target"), "patch", text))
	}
	all := newSequence(slices.Concat(before, items(spec, "patches"), after)...)
	var comments []string
	for _, field := range []string{strategic, "patches", json} {
		if i := index(spec, field); i >= 0 {
			comments = append(comments, spec.Content[i].HeadComment)
			remove(spec, field)
			if field != "patches" {
				o.former = append(o.former, formerField{at + "." + field, "it is rendered as patches, in the order in which they were applied"})
			}
		}
	}
	set(spec, "patches", all)
	spec.Content[index(spec, "patches")].HeadComment = lines(comments...)
}

// releaseName returns the name that Flux gives to a release without releaseName (helm-controller api/v2,
// HelmRelease.GetReleaseName, and internal/release/name.go, ShortenName).
func releaseName(o *object) string {
	name := o.Name
	if target := textAt(o.node, "spec", "targetNamespace"); target != "" {
		name = target + "-" + name
	}
	const longest, hash = 53, 12
	if len(name) > longest {
		name = name[:longest-hash-1] + "-" + fmt.Sprintf("%x", sha256.Sum256([]byte(name)))[:hash]
	}
	return name
}

// fluxHistory is the number of revisions that Helm keeps without maxHistory (helm-controller api/v2,
// GetMaxHistory).
const fluxHistory = 5

// defaults are the nonzero defaults of the CRDs and controllers, by kind and path.
var defaults = map[string]map[string]any{
	"GitRepository":  {"timeout": "1m0s", "provider": "generic"},
	"HelmRepository": {"timeout": "1m0s", "provider": "generic", "type": "default"},
	"OCIRepository":  {"timeout": "1m0s", "provider": "generic", "verify.provider": "cosign"},
	"Kustomization":  {"deletionPolicy": "MirrorPrune"},
	"HelmRelease": {
		"timeout": "5m0s", "persistentClient": true, "maxHistory": float64(fluxHistory), "install.crds": "Create", "upgrade.crds": "Skip",
		"chart.spec.version": "*", "chart.spec.reconcileStrategy": "ChartVersion", "chart.spec.verify.provider": "cosign", "postRenderStrategy": "combined",
		"upgrade.remediation.strategy": "rollback", "uninstall.deletionPropagation": "background",
	},
	// fluxcd/flagger pkg/apis/flagger/v1beta1/canary.go, and its controller.
	"Canary": {
		"progressDeadlineSeconds": float64(600), "service.portName": "http", "analysis.interval": "1m0s", "analysis.threshold": float64(1),
		"analysis.primaryReadyThreshold": float64(100), "analysis.canaryReadyThreshold": float64(100), "targetRef.apiVersion": "apps/v1", "analysis.maxWeight": float64(100),
		"analysis.metrics[].interval": "1m0s", "analysis.webhooks[].type": "rollout", "analysis.sessionAffinity.maxAge": float64(86400),
	},
}

// normal returns a spec with all defaults set and without zero values.
func normal(kind, namespace, name string, spec any) map[string]any {
	of, _ := zeroless(spec, "").(map[string]any)
	if of == nil {
		of = map[string]any{}
	}
	for at, value := range defaults[kind] {
		setDefault(of, strings.Split(at, "."), value)
	}
	switch kind {
	case "Kustomization":
		of["path"] = clean(text(of["path"]))
	case "HelmRelease":
		if of["releaseName"] == nil {
			o := &object{Identity: manifest.Identity{Name: name}, node: newMapping("spec", newMapping("targetNamespace", text(of["targetNamespace"])))}
			of["releaseName"] = releaseName(o)
		}
		for _, step := range []string{"install", "upgrade"} {
			if of[step] == nil {
				setDefault(of, []string{step}, map[string]any{})
				setDefault(of, []string{step, "crds"}, defaults[kind][step+".crds"])
			}
		}
		if namespace != "" && of["storageNamespace"] == namespace {
			delete(of, "storageNamespace")
		}
		if namespace != "" && of["targetNamespace"] == namespace {
			delete(of, "targetNamespace")
		}
	case "HelmRepository":
		if strings.HasPrefix(text(of["url"]), "oci://") {
			of["type"] = "oci"
			delete(of, "interval") // Flux does not poll an OCI registry
		}
	case "GitRepository":
		if v, _ := of["verify"].(map[string]any); v["mode"] == "head" {
			v["mode"] = "HEAD"
		}
	}
	ownNamespace(of, namespace)
	return of
}

// ownNamespace removes the namespaces of references if they are the object's own.
func ownNamespace(v any, namespace string) {
	switch v := v.(type) {
	case map[string]any:
		for field, below := range v {
			if field == "values" {
				continue
			}
			refs, isList := below.([]any)
			if !isList {
				refs = []any{below}
			}
			if strings.HasSuffix(field, "Ref") || field == "dependsOn" {
				for _, ref := range refs {
					if ref, ok := ref.(map[string]any); ok && ref["namespace"] == namespace {
						delete(ref, "namespace")
					}
				}
			}
			ownNamespace(below, namespace)
		}
	case []any:
		for _, item := range v {
			ownNamespace(item, namespace)
		}
	}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// setDefault sets a field that has no value, if its parent exists.
func setDefault(of map[string]any, at []string, value any) {
	name, isList := strings.CutSuffix(at[0], "[]")
	switch below := of[name].(type) {
	case nil:
		if len(at) == 1 {
			of[name] = value
		}
	case map[string]any:
		if len(at) > 1 {
			setDefault(below, at[1:], value)
		}
	case []any:
		for _, item := range below {
			if item, ok := item.(map[string]any); ok && isList && len(at) > 1 {
				setDefault(item, at[1:], value)
			}
		}
	}
}

// isKept reports whether zero differs from unset for a field: it is a pointer in the Go type, or required.
func isKept(name, in string) bool {
	return pointers()[name] || name == "prune" || in == "thresholdRange"
}

// pointers are the names of the fields that are pointers to a scalar in the imported types.
var pointers = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return
		}
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() != reflect.Struct {
				names[name] = true
			}
			walk(f.Type)
		}
	}
	for _, t := range []reflect.Type{reflect.TypeFor[api.Kustomization](), reflect.TypeFor[api.HelmRelease](), reflect.TypeFor[api.ApplicationSource](), reflect.TypeFor[flagger.Canary]()} {
		walk(t)
	}
	return names
})

// withoutZeros removes zero fields from a spec, unless they have comments. Rendered objects do not set them.
func withoutZeros(n *yaml.Node, in string) {
	for _, item := range n.Content {
		if n.Kind == yaml.SequenceNode {
			withoutZeros(item, "")
		}
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := len(n.Content) - 2; i >= 0; i -= 2 {
		key, v := n.Content[i], n.Content[i+1]
		if slices.Contains(free, key.Value) || isKept(key.Value, in) {
			continue
		}
		withoutZeros(v, key.Value)
		if isZero(value(v)) && commentsOf(key, v) == "" {
			n.Content = slices.Delete(n.Content, i, i+2)
		}
	}
}

// free are the fields whose content neither Flux nor Flagger reads.
var free = []string{"values", "substitute", "templateVariables", "metadata"}

// zeroless returns a value without fields that are zero, false or empty, because they equal unset fields, and with
// durations in Go's notation.
func zeroless(v any, field string) any {
	switch v := v.(type) {
	case map[string]any:
		made := map[string]any{}
		for name, below := range v {
			if slices.Contains(free, name) {
				made[name] = below
				continue
			}
			if below = zeroless(below, name); isKept(name, field) && below != nil || !isZero(below) {
				made[name] = below
			}
		}
		return made
	case []any:
		made := make([]any, len(v))
		for i, item := range v {
			made[i] = zeroless(item, "")
		}
		return made
	case string:
		if d, err := time.ParseDuration(v); err == nil && (field == "timeout" || strings.HasSuffix(strings.ToLower(field), "interval") || field == "backendTimeout") {
			return d.String()
		}
	}
	return v
}

func isZero(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case float64:
		return v == 0
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// chartOf returns the name of the chart in an artifact.
func chartOf(source *object, name string) string {
	if source == nil {
		return name
	}
	return cmp.Or(path.Base(textAt(source.node, "spec", "url")), name)
}
