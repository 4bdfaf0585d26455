package rollout

import (
	"fmt"
	"slices"
	"strings"

	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/schema"
)

// A madeOf is a field of an object that is rendered for a rollout, and the field of the
// rollout that it is made of, both as dotted paths. An asterisk is any one element, the same
// in both.
type madeOf struct{ object, rollout string }

// canaryFields are the fields of a Canary. The longest path that a field begins with counts,
// and what is below it is called the same in both.
var canaryFields = []madeOf{
	{"", ""},
	{"metadata.name", "workload.name"},
	{"metadata.namespace", "workload.namespace"},
	{"metadata.annotations." + rules.MeshAnnotation, "meshName"},
	{"spec.provider", "trafficRoutingProvider"},
	{"spec.metricsServer", "metricsServer"},
	{"spec.targetRef", "workload"},
	{"spec.autoscalerRef", "autoscalerRef"},
	{"spec.progressDeadlineSeconds", "rolloutPolicy.rolloutTimeoutSeconds"},
	{"spec.skipAnalysis", "rolloutPolicy.skipTrafficAnalysis"},
	{"spec.revertOnDeletion", "rolloutPolicy.revertOnDeletion"},
	{"spec.suspend", "rolloutPolicy.suspend"},
	{"spec.service.name", "serviceName"},
	{"spec.service.port", "port"},
	{"spec.service.portName", "portName"},
	{"spec.service.targetPort", "targetPort"},
	{"spec.service.appProtocol", "appProtocol"},
	{"spec.service.portDiscovery", "portDiscovery"},
	{"spec.service.timeout", "rolloutPolicy.trafficRouting.timeoutSeconds"},
	{"spec.service.gateways", "rolloutPolicy.trafficRouting.gateways"},
	{"spec.service.hosts", "rolloutPolicy.trafficRouting.hosts"},
	{"spec.service.retries", "rolloutPolicy.trafficRouting.retries"},
	{"spec.service.headers", "rolloutPolicy.trafficRouting.headers"},
	{"spec.service.corsPolicy", "rolloutPolicy.trafficRouting.corsPolicy"},
	{"spec.service.canary", "preview"},
	{"spec.service.primary", "primary"},
	{"spec.analysis", "rolloutPolicy.trafficAnalysis"},
	{"spec.analysis.interval", "rolloutPolicy.trafficAnalysis.checkIntervalSeconds"},
	{"spec.analysis.threshold", "rolloutPolicy.trafficAnalysis.checkFailedTimes"},
	{"spec.analysis.iterations", "rolloutPolicy.trafficRouting.analysisTimes"},
	{"spec.analysis.maxWeight", "rolloutPolicy.trafficRouting.canaryStrategy.maxWeight"},
	{"spec.analysis.stepWeight", "rolloutPolicy.trafficRouting.canaryStrategy.stepWeight"},
	{"spec.analysis.stepWeights", "rolloutPolicy.trafficRouting.canaryStrategy.stepWeights"},
	{"spec.analysis.stepWeightPromotion", "rolloutPolicy.trafficRouting.canaryStrategy.stepWeightPromotion"},
	{"spec.analysis.match", "rolloutPolicy.trafficRouting.match"},
	{"spec.analysis.metrics.*.interval", "rolloutPolicy.trafficAnalysis.metrics.*.intervalSeconds"},
	{"spec.analysis.alerts", "rolloutPolicy.alerts"},
	{"spec.analysis.webhooks", "rolloutPolicy.webhooks"},
}

// commandFields are those of a webhook that has the load tester run a command.
var commandFields = []madeOf{
	{"", "rolloutPolicy.trafficAnalysis.webhooks.command"},
	{"timeout", "rolloutPolicy.trafficAnalysis.webhooks.timeoutSeconds"},
	{"url", "rolloutPolicy.trafficAnalysis.webhooks.url"}, // which there is not
}

// ingressFields are those of the Ingress on nginx.
var ingressFields = []madeOf{
	{"", "rolloutPolicy.trafficRouting"},
	{"spec.rules.0.host", "rolloutPolicy.trafficRouting.host"},
}

// A rolloutSource tells where the fields of a rollout's objects come from.
type rolloutSource struct{ *Rollout }

// Position is that of what made a field.
func (s rolloutSource) Position(object manifest.Identity, field schema.Path) diag.Position {
	return s.of(object, field).Position()
}

// Has reports whether the input has a field.
func (s rolloutSource) Has(object manifest.Identity, field schema.Path) bool {
	if p := s.patchOf(object, field); p != nil {
		return fieldText(p.node, field) != ""
	}
	o := s.of(object, field)
	return o.Doc.Has(o.Path...)
}

// of returns what in the input made a field of an object: the last patch that changed it, or
// the field of the rollout.
func (s rolloutSource) of(object manifest.Identity, field schema.Path) manifest.Origin {
	if p := s.patchOf(object, field); p != nil {
		return s.Origin(p.at...)
	}
	return s.Origin(s.madeOf(object, field)...)
}

// patchOf returns the last patch that changed a field, or nil.
func (s rolloutSource) patchOf(object manifest.Identity, field schema.Path) *patchStep {
	steps := s.steps[object]
	for i := len(steps) - 1; i > 0; i-- {
		if fieldText(steps[i-1].node, field) != fieldText(steps[i].node, field) {
			return &steps[i]
		}
	}
	return nil
}

// fieldText returns the value at a path as text, or nothing where there is none. How it is
// written does not count: a patch may write all of an object anew.
func fieldText(node *kyaml.RNode, path schema.Path) string {
	names := make([]string, len(path))
	for i, name := range path {
		names[i] = fmt.Sprint(name)
	}
	found, err := node.Pipe(kyaml.Lookup(names...))
	if err != nil || found == nil {
		return ""
	}
	var value any
	if err := found.YNode().Decode(&value); err != nil {
		return ""
	}
	return fmt.Sprint(value) // which sorts the keys of mappings
}

// madeOf returns the field of the rollout that a field of an object is made of.
func (s rolloutSource) madeOf(object manifest.Identity, field schema.Path) schema.Path {
	switch object.Kind {
	case "Canary":
		return s.madeCanary(field)
	case "MetricTemplate":
		return s.madeTemplate(object, field)
	case "Ingress":
		return madeBy(ingressFields, field)
	}
	return schema.Path{"testLoader"}
}

// madeCanary returns the field that a field of the Canary is made of. The webhooks of
// commands come behind the rollout's own.
func (s rolloutSource) madeCanary(field schema.Path) schema.Path {
	own := len(s.RolloutPolicy.Webhooks)
	if list := (schema.Path{"spec", "analysis", "webhooks"}); len(field) >= len(list) && slices.Equal(field[:len(list)], list) {
		if len(field) == len(list) && len(s.commands()) > 0 {
			return madeBy(commandFields, schema.Path{"timeout"})
		}
		if len(field) > len(list) {
			if i, ok := field[len(list)].(int); ok && i >= own {
				below := field[len(list)+1:]
				if slices.Equal(below, schema.Path{"metadata", "cmd"}) {
					return inAnalysis("webhooks", "command", i-own)
				}
				return madeBy(commandFields, below)
			}
		}
	}
	return madeBy(canaryFields, field)
}

// madeTemplate returns the field that a field of a MetricTemplate is made of.
func (s rolloutSource) madeTemplate(object manifest.Identity, field schema.Path) schema.Path {
	for i, m := range s.analysis().Metrics {
		if name, _, _ := s.template(m); s.metricTemplate(name) != object.Name {
			continue
		}
		if m.CustomMetric == nil || len(field) < 2 || field[0] != "spec" {
			return inMetrics(i, "name")
		}
		return inMetrics(i, "customMetric").With(field[1:]...)
	}
	return inAnalysis("metrics")
}

// madeBy finds the longest of the fields that a field begins with, and returns what that is
// made of, with what is below it.
func madeBy(fields []madeOf, field schema.Path) schema.Path {
	best, length := fields[0], 0
	for _, f := range fields[1:] {
		if n := strings.Count(f.object, ".") + 1; n > length && begins(field, f.object) {
			best, length = f, n
		}
	}
	if best == fields[0] {
		return split(best.rollout, nil)
	}
	made := split(best.rollout, field)
	return append(made, field[length:]...)
}

// begins reports whether a path begins with a dotted one.
func begins(field schema.Path, dotted string) bool {
	names := strings.Split(dotted, ".")
	if strings.HasPrefix(dotted, "metadata.annotations.") {
		names = []string{"metadata", "annotations", strings.TrimPrefix(dotted, "metadata.annotations.")}
	}
	if len(field) < len(names) {
		return false
	}
	for i, name := range names {
		if name != "*" && name != fmt.Sprint(field[i]) {
			return false
		}
	}
	return true
}

// split is a dotted path, with the index of like in the place of the asterisk.
func split(dotted string, like schema.Path) (path schema.Path) {
	if dotted == "" {
		return nil
	}
	for name := range strings.SplitSeq(dotted, ".") {
		if name != "*" {
			path = append(path, name)
			continue
		}
		i := slices.IndexFunc(like, func(e any) bool { _, ok := e.(int); return ok })
		path = append(path, like[i])
	}
	return path
}
