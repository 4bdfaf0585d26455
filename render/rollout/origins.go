package rollout

import (
	"fmt"
	"strings"

	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/render/rules"
	"github.com/fleetwright/fleetwright/schema"
)

// canaryFields maps fields of a Canary to the fields of the rollout that set them. The longest matching path
// applies, and the names below it are the same in both.
var canaryFields = []struct{ canary, rollout string }{
	{"metadata.name", "workload.name"},
	{"metadata.namespace", "workload.namespace"},
	{`metadata.annotations["` + rules.MeshAnnotation + `"]`, "meshName"},
	{`metadata.annotations["` + rules.RequestsAnnotation + `"]`, "rolloutPolicy.expectedTraffic.requestsPerSecond"},
	{`metadata.annotations["` + rules.MatchingAnnotation + `"]`, "rolloutPolicy.expectedTraffic.matching"},
	{`metadata.annotations["` + rules.ErrorRateAnnotation + `"]`, "rolloutPolicy.expectedTraffic.errorRate"},
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
	{"spec.service.backendTimeout", "rolloutPolicy.trafficRouting.backendTimeoutSeconds"},
	{"spec.service.gatewayRefs", "rolloutPolicy.trafficRouting.gatewayRefs"},
	{"spec.service.match", "rolloutPolicy.trafficRouting.serviceMatch"},
	{"spec.service.rewrite", "rolloutPolicy.trafficRouting.rewrite"},
	{"spec.service.mirror", "rolloutPolicy.trafficRouting.mirror"},
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
	{"spec.analysis.alerts", "rolloutPolicy.alerts"},
	{"spec.analysis.webhooks", "rolloutPolicy.webhooks"},
}

// RolloutField returns the field of a rollout that sets a field of a Canary, both as dotted paths, or "" if the
// table has no row for it.
func RolloutField(canary string) string {
	for _, f := range canaryFields {
		if f.canary == canary {
			return f.rollout
		}
	}
	return ""
}

// origins finds the part of the input that set a field of the rollout's objects.
type origins struct{ *Rollout }

// Position returns the position in the input that set a field of an object.
func (o origins) Position(object manifest.Identity, field schema.Path) diag.Position {
	return o.origin(object, field).Position()
}

// Has reports whether the input contains the field that set a field of an object.
func (o origins) Has(object manifest.Identity, field schema.Path) bool {
	if p := o.patchOf(object, field); p != nil {
		return fieldText(p.node, field) != ""
	}
	made := o.madeOf(object, field)
	return made != nil && o.Policy.App.Doc.Has(o.at(made...)...)
}

// origin returns the part of the input that set a field of an object: the last patch that changed it, or else a
// field of the rollout.
func (o origins) origin(object manifest.Identity, field schema.Path) manifest.Origin {
	if p := o.patchOf(object, field); p != nil {
		return o.Origin(p.at...)
	}
	return o.Origin(o.madeOf(object, field)...)
}

// patchOf returns the last patch that changed a field, or nil.
func (o origins) patchOf(object manifest.Identity, field schema.Path) *patchStep {
	steps := o.steps[object]
	for i := len(steps) - 1; i > 0; i-- {
		if fieldText(steps[i-1].node, field) != fieldText(steps[i].node, field) {
			return &steps[i]
		}
	}
	return nil
}

// fieldText returns the value at a path as text, or "" if it is missing. The text is independent of the YAML
// style, because a patch may replace the whole object.
func fieldText(object *kyaml.RNode, path schema.Path) string {
	var value any
	if n := nodeAt(object, path); n == nil || n.Decode(&value) != nil {
		return ""
	}
	return fmt.Sprint(value) // sorts the keys of mappings
}

// madeOf returns the field of the rollout that sets a field of an object.
func (o origins) madeOf(object manifest.Identity, field schema.Path) schema.Path {
	switch object.Kind {
	case "Canary":
		return o.madeCanary(field)
	case "MetricTemplate":
		return o.madeTemplate(object, field)
	case "Ingress":
		if field.String() == "spec.rules[0].host" {
			return InRouting("host")
		}
		return schema.Path{"rolloutPolicy", "trafficRouting"}
	}
	if object.Kind == "Deployment" && field.String() == "spec.template.spec.serviceAccountName" {
		return schema.Path{"testLoaderServiceAccountName"}
	}
	return schema.Path{"testLoader"}
}

// madeCanary returns the field that sets a field of the Canary. Webhooks of commands follow the rollout's own.
func (o origins) madeCanary(field schema.Path) schema.Path {
	if field.String() == "spec.service.appProtocol" && o.AppProtocol == "" && o.Routing().Protocol != "" {
		return InRouting("protocol") // for HTTPRoutes on Kuma
	}
	const inList = 3 // elements of spec.analysis.webhooks and spec.analysis.metrics
	list := field[:min(inList, len(field))].String()
	if list == "spec.analysis.webhooks" && len(field) == inList && len(o.commands()) > 0 {
		return inAnalysis("webhooks", "timeoutSeconds")
	}
	if len(field) > inList {
		i, _ := field[inList].(int)
		below := field[inList+1:]
		if command := i - len(o.RolloutPolicy.Webhooks); list == "spec.analysis.webhooks" && command >= 0 {
			return madeCommand(command, below)
		}
		if list == "spec.analysis.metrics" && below.String() == "interval" {
			return inMetrics(i, "intervalSeconds")
		}
	}
	return FieldOf(field)
}

// FieldOf returns the field of a rollout that sets a field of its Canary, or nil.
func FieldOf(field schema.Path) schema.Path {
	for length := len(field); length > 0; length-- {
		canary := field[:length].String()
		for _, f := range canaryFields {
			if f.canary == canary {
				return dotted(f.rollout).With(field[length:]...)
			}
		}
	}
	return nil
}

// madeCommand returns the field that sets a field of the webhook for a load tester's command.
func madeCommand(command int, field schema.Path) schema.Path {
	switch field.String() {
	case "metadata.cmd":
		return inAnalysis("webhooks", "command", command)
	case "timeout":
		return inAnalysis("webhooks", "timeoutSeconds")
	case "url":
		return inAnalysis("webhooks", "url") // an input never has this field
	}
	return inAnalysis("webhooks", "command")
}

// madeTemplate returns the field that sets a field of a MetricTemplate.
func (o origins) madeTemplate(object manifest.Identity, field schema.Path) schema.Path {
	for i, m := range o.analysis().Metrics {
		if name, _, _ := o.template(m); o.metricTemplate(name) != object.Name {
			continue
		}
		if m.CustomMetric == nil || len(field) < 2 || field[0] != "spec" {
			return inMetrics(i, "name")
		}
		return inMetrics(i, "customMetric").With(field[1:]...)
	}
	return inAnalysis("metrics")
}

// dotted parses a dotted path of names.
func dotted(names string) (path schema.Path) {
	for name := range strings.SplitSeq(names, ".") {
		path = append(path, name)
	}
	return path
}
