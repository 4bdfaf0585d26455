package render

import (
	"bytes"
	"maps"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
)

// fluxSubstitute keeps kustomize-controller from replacing variables in an object.
// Nothing that fleetwright renders asks for that, but a cluster's own Kustomization
// may make all others ask, as many do (fluxcd/pkg kustomize, SubstituteVariables).
const fluxSubstitute = "kustomize.toolkit.fluxcd.io/substitute"

// isSubstituted says whether Flux's postBuild would change a text: it replaces ${x},
// and takes $$ for $.
func isSubstituted(text []byte) bool {
	return bytes.Contains(text, []byte("${")) || bytes.Contains(text, []byte("$$"))
}

// unsubstituted is the manifest with the annotation that it needs, where its content
// has what Flux would replace.
func (m *manifest) unsubstituted(content []byte) (*manifest, bool) {
	if !isSubstituted(content) || m.Metadata.Annotations[fluxSubstitute] != "" {
		return m, false
	}
	changed := *m
	changed.Metadata.Annotations = maps.Clone(m.Metadata.Annotations)
	if changed.Metadata.Annotations == nil {
		changed.Metadata.Annotations = map[string]string{}
	}
	changed.Metadata.Annotations[fluxSubstitute] = "disabled"
	return &changed, true
}

// checkSubstitution says which queries and commands Flux might change.
func (r *rollout) checkSubstitution() {
	say := func(at schema.Path, text string) {
		if isSubstituted([]byte(text)) {
			r.report(diag.Substituted, at, "a postBuild substitution of Flux would replace what begins with ${, and $$ by $, so the object is annotated to be left as it is", "")
		}
	}
	for i, m := range r.analysis().Metrics {
		if m.CustomMetric != nil {
			say(inMetrics(i, "customMetric", "query"), m.CustomMetric.Query)
		}
	}
	for i, command := range r.commands() {
		say(inAnalysis("webhooks", "command", i), command)
	}
	for i, w := range r.RolloutPolicy.Webhooks {
		say(schema.Path{"rolloutPolicy", "webhooks", i, "metadata", "cmd"}, w.Metadata["cmd"])
	}
}
