// Package flagger simulates Flagger's scheduler: what a Canary goes through after a new
// version was detected, check by check, without a cluster and without a clock.
//
// It follows pkg/controller/scheduler.go of fluxcd/flagger, and what the routers of
// pkg/router say of the traffic. Package conformance has the real controller run the
// same Canaries; testdata/runs is what it did.
//
// Three things are taken for granted: pods are ready by the next check, the parents of an HTTPRoute
// have accepted it by then, and nothing but the new version changes meanwhile. Each check for which
// pods or routes are not ready takes one interval more.
package flagger

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fleetwright/fleetwright/schema/api"
)

// A Canary is the spec of a Canary, by the names of Flagger's fields: those that are
// rendered, and those that decide how a rollout goes.
type Canary struct {
	// Provider is the router.
	Provider string `json:"provider"`
	// MetricsServer is the address of a Prometheus; without it Flagger asks its own.
	MetricsServer string           `json:"metricsServer,omitempty"`
	TargetRef     ObjectReference  `json:"targetRef"`
	AutoscalerRef *Autoscaler      `json:"autoscalerRef,omitempty"`
	IngressRef    *ObjectReference `json:"ingressRef,omitempty"`
	// RouteRef is the ApisixRoute of apisix, and UpstreamRef the Upstream of which gloo takes the settings.
	RouteRef    *ObjectReference         `json:"routeRef,omitempty"`
	UpstreamRef *api.NamespacedReference `json:"upstreamRef,omitempty"`
	// ProgressDeadlineSeconds is for how long pods may be unready; nil is 600.
	ProgressDeadlineSeconds *int32  `json:"progressDeadlineSeconds,omitempty"`
	Service                 Service `json:"service"`
	// SkipAnalysis promotes a new version as soon as it is ready.
	SkipAnalysis     bool `json:"skipAnalysis,omitempty"`
	RevertOnDeletion bool `json:"revertOnDeletion,omitempty"`
	// Suspend has Flagger do nothing.
	Suspend  bool     `json:"suspend,omitempty"`
	Analysis Analysis `json:"analysis"`

	// Unmeasured are the metrics, by their places, that never have a value: no request reaches the new version.
	Unmeasured []int `json:"-"`
}

// An ObjectReference is an object in the namespace of the Canary.
type ObjectReference struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

// An Autoscaler is the one of the workload, of which Flagger makes one for the primary.
type Autoscaler struct {
	ObjectReference
	PrimaryScalerQueries  map[string]string   `json:"primaryScalerQueries,omitempty"`
	PrimaryScalerReplicas *api.ScalerReplicas `json:"primaryScalerReplicas,omitempty"`
}

// A Service is what Flagger makes Services and routes of.
type Service struct {
	// Name of the Services, without their suffixes.
	Name       string              `json:"name"`
	Port       int32               `json:"port"`
	PortName   string              `json:"portName,omitempty"`
	TargetPort *intstr.IntOrString `json:"targetPort,omitempty"`
	// AppProtocol tcp has Istio route connections, which cannot be mirrored.
	AppProtocol   string `json:"appProtocol,omitempty"`
	PortDiscovery bool   `json:"portDiscovery,omitempty"`
	Timeout       string `json:"timeout,omitempty"`
	// BackendTimeout of one request to a backend, which gatewayapi alone reads.
	BackendTimeout string   `json:"backendTimeout,omitempty"`
	Gateways       []string `json:"gateways,omitempty"`
	// GatewayRefs are the parents of the HTTPRoute of gatewayapi, which needs one.
	GatewayRefs []api.GatewayRef `json:"gatewayRefs,omitempty"`
	Hosts       []string         `json:"hosts,omitempty"`
	Delegation  bool             `json:"delegation,omitempty"`
	Match       []Match          `json:"match,omitempty"`
	Rewrite     *api.HTTPRewrite `json:"rewrite,omitempty"`
	Retries     *api.HTTPRetry   `json:"retries,omitempty"`
	Headers     *api.Headers     `json:"headers,omitempty"`
	// Mirror gets a copy of all requests, whether a rollout goes on or not.
	Mirror     []api.HTTPMirror `json:"mirror,omitempty"`
	CorsPolicy *api.CorsPolicy  `json:"corsPolicy,omitempty"`
	// MeshName is the mesh of App Mesh.
	MeshName string    `json:"meshName,omitempty"`
	Apex     *Metadata `json:"apex,omitempty"`
	Canary   *Metadata `json:"canary,omitempty"`
	Primary  *Metadata `json:"primary,omitempty"`
}

// Metadata is that of a Service.
type Metadata struct {
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// An Analysis is how a new version is checked.
type Analysis struct {
	// Interval from one check to the next, as Go writes durations. Every reads it.
	Interval string `json:"interval,omitempty"`
	// Threshold is how many failed checks undo the rollout; 0 is one.
	Threshold int `json:"threshold,omitempty"`
	// Iterations is the number of checks of A/B testing and blue/green; 0 moves the traffic by weight.
	Iterations int `json:"iterations,omitempty"`
	// MaxWeight is the share, in percent, from which on a version is promoted; 0 is 100.
	MaxWeight int `json:"maxWeight,omitempty"`
	// StepWeight is the share, in percent, that each good check adds.
	StepWeight int `json:"stepWeight,omitempty"`
	// StepWeights are shares, in percent, one after the other. StepWeight goes before.
	StepWeights []int `json:"stepWeights,omitempty"`
	// StepWeightPromotion is the share, in percent, that goes back to the primary with
	// each step of the promotion; 0 is all at once.
	StepWeightPromotion   int    `json:"stepWeightPromotion,omitempty"`
	PrimaryReadyThreshold *int32 `json:"primaryReadyThreshold,omitempty"`
	CanaryReadyThreshold  *int32 `json:"canaryReadyThreshold,omitempty"`
	// Mirror has the new version get a copy of the requests before it gets any itself.
	Mirror bool `json:"mirror,omitempty"`
	// MirrorWeight is the share of the requests, in percent, that Istio copies; 0 is all.
	MirrorWeight int `json:"mirrorWeight,omitempty"`
	// Match are the conditions by which requests are chosen.
	Match []Match `json:"match,omitempty"`
	// SessionAffinity keeps a client on the version that it has met.
	SessionAffinity *SessionAffinity `json:"sessionAffinity,omitempty"`
	Metrics         []Metric         `json:"metrics,omitempty"`
	Alerts          []api.Alert      `json:"alerts,omitempty"`
	Webhooks        []Webhook        `json:"webhooks,omitempty"`
}

// A Match is a condition on requests, as Istio has it: all of its parts must hold.
type Match struct {
	Authority       api.StringMatch            `json:"authority,omitzero"`
	Method          api.StringMatch            `json:"method,omitzero"`
	Scheme          api.StringMatch            `json:"scheme,omitzero"`
	URI             api.StringMatch            `json:"uri,omitzero"`
	IgnoreURICase   bool                       `json:"ignoreUriCase,omitempty"`
	Headers         map[string]api.StringMatch `json:"headers,omitempty" keys:"match-header"`
	WithoutHeaders  map[string]api.StringMatch `json:"withoutHeaders,omitempty" keys:"match-header"`
	QueryParams     map[string]api.StringMatch `json:"queryParams,omitempty"`
	SourceLabels    map[string]api.LabelValue  `json:"sourceLabels,omitempty"`
	Gateways        []string                   `json:"gateways,omitempty"`
	SourceNamespace string                     `json:"sourceNamespace,omitempty" format:"dns-label"`
}

// A SessionAffinity is the cookie that a client carries.
type SessionAffinity struct {
	CookieName        string `json:"cookieName" format:"cookie"`
	PrimaryCookieName string `json:"primaryCookieName,omitempty" format:"cookie"`
	// MaxAge of the cookie, in seconds.
	MaxAge      int32  `json:"maxAge,omitempty"`
	Domain      string `json:"domain,omitempty"`
	HTTPOnly    bool   `json:"httpOnly,omitempty"`
	Partitioned bool   `json:"partitioned,omitempty"`
	Path        string `json:"path,omitempty"`
	SameSite    string `json:"sameSite,omitempty"`
	Secure      bool   `json:"secure,omitempty"`
}

// A Metric is asked for with every check.
type Metric struct {
	Name string `json:"name"`
	// Interval that the query looks back.
	Interval string `json:"interval,omitempty"`
	// ThresholdRange is what good values are in; without one Flagger compares with 0.
	ThresholdRange *api.ThresholdRange `json:"thresholdRange,omitempty"`
	// Threshold is what values are compared with where there is no range: the least of
	// request-success-rate, and the most of any other. Flagger has deprecated it.
	Threshold float64 `json:"threshold,omitempty"`
	// TemplateRef is nil where the metric has no MetricTemplate.
	TemplateRef       *api.NamespacedReference `json:"templateRef,omitempty"`
	TemplateVariables map[string]string        `json:"templateVariables,omitempty"`
	// Query is PromQL of the Canary itself, which Flagger has deprecated.
	Query string `json:"query,omitempty"`
}

// A MetricTemplate is the spec of a MetricTemplate: what Flagger asks, and whom.
type MetricTemplate struct {
	Provider api.MetricProvider `json:"provider"`
	Query    string             `json:"query"`
}

// isBuiltin reports whether Flagger knows a query for the metric's name, which it asks
// also where the metric has a template.
func (m Metric) isBuiltin() bool {
	return m.Name == "request-success-rate" || m.Name == "request-duration"
}

// Strategy is what Flagger calls the way in which the traffic moves.
type Strategy string

// The strategies (pkg/apis/flagger/v1beta1/canary.go, DeploymentStrategy).
const (
	Weighted  Strategy = "canary"
	ABTesting Strategy = "A/B testing"
	BlueGreen Strategy = "blue/green"
)

// Strategy is how the traffic moves. Without a router nothing but blue/green is possible: Flagger
// drops the conditions, and makes checks of weights (scheduler.go, advanceCanary).
func (c *Canary) Strategy() Strategy {
	switch {
	case c.Iterations() < 1:
		return Weighted
	case len(c.Analysis.Match) > 0 && c.Provider != Kubernetes:
		return ABTesting
	}
	return BlueGreen
}

// Iterations is the number of checks of A/B testing and blue/green; 0 moves the traffic by weight.
func (c *Canary) Iterations() int {
	if c.Provider == Kubernetes && c.Analysis.Iterations < 1 {
		return kubernetesIterations
	}
	return c.Analysis.Iterations
}

// Flagger's defaults and bounds (pkg/apis/flagger/v1beta1/canary.go).
const (
	ShortestInterval = 10 * time.Second
	defaultInterval  = time.Minute
	allTraffic       = 100 // percent
	// kubernetesIterations stand for weights where no router moves them (scheduler.go, advanceCanary).
	kubernetesIterations = 10
)

// Every is the interval of the analysis as Flagger takes it: one minute where it cannot
// be read, and no less than ten seconds.
func (a *Analysis) Every() time.Duration {
	d, err := time.ParseDuration(a.Interval)
	if err != nil {
		return defaultInterval
	}
	return max(d, ShortestInterval)
}

// threshold is how many failed checks undo the rollout.
func (a *Analysis) threshold() int { return max(a.Threshold, 1) }

// maxWeight is the share from which on a version is promoted.
func (a *Analysis) maxWeight() int {
	if n := len(a.StepWeights); n > 0 {
		return min(allTraffic, a.StepWeights[n-1])
	}
	return cmp.Or(max(a.MaxWeight, 0), allTraffic)
}

// nextStep is by how much a good check moves the weight.
func (a *Analysis) nextStep(weight int) int {
	if a.StepWeight > 0 || len(a.StepWeights) == 0 {
		return a.StepWeight
	}
	left := allTraffic - weight
	switch {
	case left == 0:
		return 1 // what is not zero leads to the promotion
	case weight == 0:
		return min(left, a.StepWeights[0])
	}
	if next := slices.Index(a.StepWeights, weight) + 1; next > 0 && next < len(a.StepWeights) {
		return min(left, a.StepWeights[next]-weight)
	}
	return left
}

// MeshGateway is Istio's word for all sidecars. Flagger adds it where no gateway is named.
const MeshGateway = "mesh"

// IsMeshed reports whether sidecars surely read the VirtualService that Flagger makes. One that is
// delegated to holds where the VirtualService that delegates does.
func (s *Service) IsMeshed() bool {
	return !s.Delegation && (len(s.Gateways) == 0 || slices.Contains(s.Gateways, MeshGateway))
}

// Mirrors reports whether the new version gets a copy of all requests.
func (c *Canary) Mirrors() bool { return c.Analysis.Mirror && c.canMirror() }

// canMirror reports whether the router reports that it mirrors.
func (c *Canary) canMirror() bool {
	mirrors := c.Router().mirrors
	return mirrors != nil && mirrors(c)
}

// IsKnative reports whether it is a Service of Knative, of which Flagger splits the traffic between revisions
// (pkg/apis/flagger/v1beta1/canary.go, IsKnativeService).
func (o *ObjectReference) IsKnative() bool {
	return o.Kind == "Service" && o.APIVersion == "serving.knative.dev/v1"
}
