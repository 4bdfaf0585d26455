package schema

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// foreignFields are the names of fleetwright's fields in Flagger's Canary (fluxcd/flagger
// pkg/apis/flagger/v1beta1/canary.go), Flux's Kustomization, HelmRelease and sources (their api/),
// kustomization.yaml (sigs.k8s.io/kustomize api/types) and Argo CD's Application (argoproj/argo-cd
// pkg/apis/application/v1alpha1/types.go), by the mapping that people write them into: its field,
// with [] for an item of a list.
var foreignFields = []foreignField{
	{"rollout", "targetRef", "workload", ""},
	{"rollout", "provider", "trafficRoutingProvider", ""},
	{"rollout", "service", "", "serviceName and port of the rollout"},
	{"rollout", "analysis", "", "rolloutPolicy: {trafficAnalysis: {…}}"},
	{"rollout", "canaryAnalysis", "", "rolloutPolicy: {trafficAnalysis: {…}}"},
	{"rollout", "progressDeadlineSeconds", "", "rolloutPolicy: {rolloutTimeoutSeconds: …}"},
	{"rollout", "skipAnalysis", "", "rolloutPolicy: {skipTrafficAnalysis: …}"},
	{"rollout", "ingressRef", "", "rolloutPolicy: {trafficRouting: {host: …}}, from which the Ingress is rendered"},
	{"rolloutPolicy", "analysis", "trafficAnalysis", ""},
	{"rolloutPolicy", "canaryAnalysis", "trafficAnalysis", ""},
	{"rolloutPolicy", "progressDeadlineSeconds", "rolloutTimeoutSeconds", ""},
	{"rolloutPolicy", "skipAnalysis", "skipTrafficAnalysis", ""},
	{"rolloutPolicy", "interval", "", "trafficAnalysis: {checkIntervalSeconds: …}"},
	{"rolloutPolicy", "threshold", "", "trafficAnalysis: {checkFailedTimes: …}"},
	{"rolloutPolicy", "iterations", "", "trafficRouting: {analysisTimes: …}"},
	{"trafficRouting", "timeout", "timeoutSeconds", ""},
	{"trafficRouting", "backendTimeout", "backendTimeoutSeconds", ""},
	{"trafficRouting", "parentRefs", "gatewayRefs", ""},
	{"trafficRouting", "hostnames", "hosts", ""},
	{"trafficRouting", "matches", "serviceMatch", ""},
	{"rollout", "gatewayRefs", "", "rolloutPolicy: {trafficRouting: {gatewayRefs: …}}"},
	{"rolloutPolicy", "gatewayRefs", "", "trafficRouting: {gatewayRefs: …}"},
	{"gateway", "gatewayRefs", "refs", ""},
	{"trafficRouting", "analysis", "", "trafficAnalysis next to trafficRouting"},
	{"trafficRouting", "iterations", "analysisTimes", ""},
	{"trafficRouting", "interval", "", "trafficAnalysis: {checkIntervalSeconds: …} next to trafficRouting"},
	{"trafficRouting", "threshold", "", "trafficAnalysis: {checkFailedTimes: …} next to trafficRouting"},
	{"canaryStrategy", "iterations", "", "analysisTimes of trafficRouting, instead of canaryStrategy"},
	{"canaryStrategy", "interval", "", "trafficAnalysis: {checkIntervalSeconds: …} of the rolloutPolicy"},
	{"canaryStrategy", "threshold", "", "trafficAnalysis: {checkFailedTimes: …} of the rolloutPolicy"},
	{"trafficAnalysis", "interval", "checkIntervalSeconds", ""},
	{"trafficAnalysis", "threshold", "checkFailedTimes", ""},
	{"trafficAnalysis", "iterations", "", "analysisTimes of trafficRouting"},
	{"metrics[]", "interval", "intervalSeconds", ""},
	{"metrics[]", "threshold", "", "thresholdRange: {min: …} or {max: …}"},
	{"metrics[]", "templateRef", "", "customMetric: {provider: {…}, query: …}, from which the MetricTemplate is rendered"},
	{"webhooks", "timeout", "timeoutSeconds", ""},
	{"webhooks", "cmd", "command", ""},
	{"webhooks", "url", "", flaggerWebhooks},
	{"webhooks", "type", "", flaggerWebhooks},
	{"webhooks", "name", "", flaggerWebhooks},
	{"webhooks", "metadata", "", flaggerWebhooks},
	{"webhooks[]", "cmd", "", "metadata: {cmd: …}"},

	{"images[]", "tag", "newTag", ""},
	{"images[]", "image", "name", ""},
	{"kustomization", "namespace", "targetNamespace", ""},
	{"kustomization", "sourceRef", "", "the source of the Application"},
	{"kustomization", "kubeConfig", "", "the destination of the Application, whose fleet names the clusters"},
	{"kustomization", "patchesStrategicMerge", "patches", ""},
	{"kustomization", "patchesJson6902", "patches", ""},
	{"kustomization", "commonLabels", "", "commonMetadata: {labels: {…}}"},
	{"kustomization", "commonAnnotations", "", "commonMetadata: {annotations: {…}}"},
	{"helm", "namespace", "targetNamespace", ""},
	{"helm", "sourceRef", "", "the source of the Application"},
	{"helm", "chartRef", "", "an ociRepository as the source of the Application"},
	{"helm", "kubeConfig", "", "the destination of the Application, whose fleet names the clusters"},
	{"helm", "version", "", "chart: {spec: {version: …}}"},
	{"helm", "valueFiles", "", "chart: {spec: {valuesFiles: […]}}"},
	{"chart", "name", "", "spec: {chart: …}"},
	{"chart", "chart", "", "spec: {chart: …}"},
	{"chart", "version", "", "spec: {version: …}"},
	{"chart", "repository", "", "helmRepository: {url: …} as the source of the Application"},
	{"gitRepository", "branch", "", "ref: {branch: …}"},
	{"gitRepository", "tag", "", "ref: {tag: …}"},
	{"gitRepository", "commit", "", "ref: {commit: …}"},
	{"gitRepository", "semver", "", "ref: {semver: …}"},
	{"gitRepository", "path", "", "path of a policy's kustomization"},
	{"ociRepository", "tag", "", "ref: {tag: …}"},

	{"spec", "syncPolicy", "syncPolicies", ""},
	{"source", "repoURL", "", "gitRepository: {url: …}, or helmRepository"},
	{"source", "targetRevision", "", "gitRepository: {ref: {branch: …}}, or chart: {spec: {version: …}} of a policy with helm"},
	{"source", "path", "", "path of a policy's kustomization"},
	{"source", "chart", "", "chart: {spec: {chart: …}} of a policy with helm"},
	{"destination", "server", "", "fleet, which names a Fleet"},
	{"destination", "namespace", "", "targetNamespace of a policy"},
}

// A foreignField is a field of another tool that people write into a mapping, with its equivalent.
type foreignField struct {
	under, name string
	// ours is the field of the same mapping that is meant, or where its value goes.
	ours, elsewhere string
}

// foreignToFlagger are the names that people write into Canaries, MetricTemplates and AlertProviders: those of v1alpha3
// (fluxcd/flagger pkg/apis/flagger/v1beta1/canary.go, CanaryAnalysis), of an Application, of Argo Rollouts, and other common mistakes.
var foreignToFlagger = []foreignField{
	{"spec", "canaryAnalysis", "analysis", ""},
	{"spec", "trafficAnalysis", "analysis", ""},
	{"spec", "rolloutPolicy", "analysis", ""},
	{"spec", "strategy", "analysis", ""},
	{"spec", "workload", "targetRef", ""},
	{"spec", "workloadRef", "targetRef", ""},
	{"spec", "meshProvider", "provider", ""},
	{"spec", "trafficRoutingProvider", "provider", ""},
	{"spec", "paused", "suspend", ""},
	{"spec", "replicas", "", "the workload, or primaryScalerReplicas of the autoscalerRef"},
	{"spec", "selector", "", "the workload"},
	{"spec", "template", "", "the workload"},
	{"spec", "serviceName", "", "service: {name: …}"},
	{"spec", "port", "", "service: {port: …}"},
	{"spec", "targetPort", "", "service: {targetPort: …}"},
	{"spec", "hosts", "", "service: {hosts: […]}"},
	{"spec", "gateways", "", "service: {gateways: […]}"},
	{"spec", "interval", "", "analysis: {interval: …}"},
	{"spec", "alertRefs", "", "analysis: {alerts: […]}"},
	{"spec", "threshold", "", "analysis: {threshold: …}"},
	{"spec", "metrics", "", "analysis: {metrics: […]}"},
	{"spec", "match", "", "analysis: {match: […]} for A/B testing, or service: {match: […]} for the whole route"},
	{"spec", "mirror", "", "analysis: {mirror: …}, or service: {mirror: […]} for another Service"},
	{"spec", "webhookUrl", "", "address, or better the key address of the Secret that secretRef names"},
	{"spec", "url", "", "address, or better the key address of the Secret that secretRef names"},
	{"targetRef", "namespace", "", "metadata: {namespace: …} of the Canary: a workload is in its namespace"},
	{"autoscalerRef", "minReplicas", "", "primaryScalerReplicas: {minReplicas: …}"},
	{"autoscalerRef", "maxReplicas", "", "primaryScalerReplicas: {maxReplicas: …}"},
	{"autoscalerRef", "canaryScalerReplicas", "", "the autoscaler itself, which scales the canary; the primary's are primaryScalerReplicas"},
	{"service", "ports", "", "port: …, a single port; portDiscovery: true adds the others"},
	{"service", "protocol", "appProtocol", ""},
	{"service", "annotations", "", "apex: {annotations: {…}}"},
	{"service", "labels", "", "apex: {labels: {…}}"},
	{"apex", "host", "", "hosts of the service; Flagger names the Services itself"},
	{"primary", "host", "", "hosts of the service; Flagger names the Services itself"},
	{"canary", "host", "", "hosts of the service; Flagger names the Services itself"},
	{"analysis", "mirroring", "mirror", ""},
	{"analysis", "weight", "stepWeight", ""},
	{"analysis", "steps", "stepWeights", ""},
	{"analysis", "failureThreshold", "threshold", ""},
	{"analysis", "failureLimit", "threshold", ""},
	{"analysis", "maxFailures", "threshold", ""},
	{"analysis", "schedule", "interval", ""},
	{"analysis", "scheduleInterval", "interval", ""},
	{"analysis", "alertRefs", "alerts", ""},
	{"analysis", "timeout", "", "progressDeadlineSeconds of the spec for pods, or timeout of a webhook"},
	{"analysis", "confirm", "", "webhooks: [{type: confirm-promotion, name: …, url: …}]"},
	{"match[]", "percentage", "", "stepWeight of the analysis instead of match: a match routes every matching request"},
	{"match[]", "weight", "", "stepWeight of the analysis instead of match: a match routes every matching request"},
	{"webhooks[]", "cmd", "", "metadata: {cmd: …}"},
	{"webhooks[]", "command", "", "metadata: {cmd: …}"},
	{"webhooks[]", "logCmdOutput", "", "metadata: {logCmdOutput: …}"},
	{"metrics[]", "min", "", "thresholdRange: {min: …}"},
	{"metrics[]", "max", "", "thresholdRange: {max: …}"},
	{"metrics[]", "template", "templateRef", ""},
	{"metrics[]", "metricTemplateRef", "templateRef", ""},
	{"metrics[]", "provider", "", "spec: {provider: {…}} of a MetricTemplate that templateRef names"},
	{"metrics[]", "address", "", "spec: {provider: {address: …}} of a MetricTemplate that templateRef names"},
	{"metrics[]", "customMetric", "", "spec of a MetricTemplate that templateRef names"},
	{"alerts[]", "provider", "providerRef", ""},
	{"alerts[]", "level", "severity", ""},
	{"sessionAffinity", "name", "cookieName", ""},
	{"sessionAffinity", "ttl", "maxAge", ""},
}

const flaggerWebhooks = "webhooks of the rolloutPolicy, a list of Flagger's webhooks; this mapping has only command: [hey …]"

// foreign returns a hint for a field of another tool, and the equivalent field of the same mapping,
// if there is one.
func (w *walker) foreign(name string) (hint, ours string) {
	under := w.under()
	fields := foreignFields
	if w.doc.Kind.group() == flaggerGroup {
		fields = foreignToFlagger
	}
	i := slices.IndexFunc(fields, func(f foreignField) bool { return f.under == under && f.name == name })
	if i < 0 {
		return "", ""
	}
	f, n := fields[i], w.doc.value(w.path.With(name))
	value := n != nil && n.Kind == yaml.ScalarNode && len(n.Value) <= maxShown
	switch {
	case f.ours == "" && value && strings.Count(f.elsewhere, "…") == 1:
		before, after, _ := strings.Cut(f.elsewhere, "…")
		return name + " goes into " + before + translated(strings.TrimSuffix(before, ": "), n) + after, ""
	case f.ours == "":
		return name + " goes into " + f.elsewhere, ""
	case value:
		return f.ours + ": " + translated(f.ours, n), f.ours
	}
	return "did you mean " + f.ours + "?", f.ours
}

// under returns the field of the current mapping, with [] for an item of its list.
func (w *walker) under() string {
	last := len(w.path) - 1
	if last < 0 {
		return ""
	}
	if name, ok := w.path[last].(string); ok || last == 0 {
		return name
	}
	name, _ := w.path[last-1].(string)
	return name + "[]"
}

// translated returns a scalar in the format of fleetwright's field: a duration as seconds.
func translated(field string, n *yaml.Node) string {
	if d, ok := spokenDuration(n.Value); ok && strings.HasSuffix(field, "Seconds") {
		return fmt.Sprintf("%.0f", math.Ceil(d.Seconds()))
	}
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		return n.Value
	}
	return plainText(n.Value)
}

// ownValues are the fields whose value another field of the document suggests, by its path from
// the mapping that lacks it.
var ownValues = []struct {
	under, name string
	from        Path
}{
	{"rollout", "serviceName", Path{"workload", "name"}},
	{"workload", "name", Path{"..", "serviceName"}},
}

// own returns the value that the document itself suggests for a missing field, or "".
func (w *walker) own(name string) string {
	for _, o := range ownValues {
		if o.under != w.under() || o.name != name {
			continue
		}
		at, from := w.path, o.from
		if from[0] == ".." {
			at, from = at[:len(at)-1], from[1:]
		}
		if text := w.doc.Text(at.With(from...)...); text != "" && len(text) <= maxShown {
			return plainText(text)
		}
	}
	return ""
}
