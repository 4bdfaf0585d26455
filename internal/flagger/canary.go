// Package flagger simulates Flagger's scheduler: the rollout of a Canary after Flagger has detected a new version,
// check by check, without a cluster and without a clock.
//
// It follows pkg/controller/scheduler.go of fluxcd/flagger, and the routes that the routers in pkg/router report.
// Package conformance runs the same Canaries with the real controller, and records its behavior in testdata/runs.
//
// The simulation assumes that pods are ready by the next check, that the parents of an HTTPRoute have accepted it
// by then, and that nothing except the new version changes. In reality, a rollout takes one more interval for each
// check at which pods or routes are not ready.
package flagger

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fleetwright/fleetwright/schema/api"
)

// A Canary is the spec of a Canary, with Flagger's field names. It has the fields that are rendered, and those
// that affect the course of a rollout.
type Canary struct {
	// Provider is the name of the router's provider.
	Provider string `json:"provider"`
	// MetricsServer is the address of a Prometheus; if it is empty, Flagger queries its default Prometheus.
	MetricsServer string           `json:"metricsServer,omitempty"`
	TargetRef     ObjectReference  `json:"targetRef"`
	AutoscalerRef *Autoscaler      `json:"autoscalerRef,omitempty"`
	IngressRef    *ObjectReference `json:"ingressRef,omitempty"`
	// RouteRef is the ApisixRoute of apisix, and UpstreamRef is the Upstream whose settings gloo copies.
	RouteRef    *ObjectReference         `json:"routeRef,omitempty"`
	UpstreamRef *api.NamespacedReference `json:"upstreamRef,omitempty"`
	// ProgressDeadlineSeconds is how long pods may stay unready; nil means 600.
	ProgressDeadlineSeconds *int32  `json:"progressDeadlineSeconds,omitempty"`
	Service                 Service `json:"service"`
	// SkipAnalysis promotes a new version as soon as it is ready.
	SkipAnalysis     bool `json:"skipAnalysis,omitempty"`
	RevertOnDeletion bool `json:"revertOnDeletion,omitempty"`
	// Suspend makes Flagger ignore the Canary.
	Suspend  bool     `json:"suspend,omitempty"`
	Analysis Analysis `json:"analysis"`

	// Unmeasured are the indexes of the metrics that never have a value, because no request reaches the new
	// version.
	Unmeasured []int `json:"-"`
}

// An ObjectReference is an object in the namespace of the Canary.
type ObjectReference struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

// An Autoscaler is the autoscaler of the workload, which Flagger copies for the primary.
type Autoscaler struct {
	ObjectReference
	PrimaryScalerQueries  map[string]string   `json:"primaryScalerQueries,omitempty"`
	PrimaryScalerReplicas *api.ScalerReplicas `json:"primaryScalerReplicas,omitempty"`
}

// A Service describes the Services and routes that Flagger creates.
type Service struct {
	// Name is the name of the Services, without their suffixes.
	Name       string              `json:"name"`
	Port       int32               `json:"port"`
	PortName   string              `json:"portName,omitempty"`
	TargetPort *intstr.IntOrString `json:"targetPort,omitempty"`
	// AppProtocol tcp makes Istio route connections, which cannot be mirrored.
	AppProtocol   string `json:"appProtocol,omitempty"`
	PortDiscovery bool   `json:"portDiscovery,omitempty"`
	Timeout       string `json:"timeout,omitempty"`
	// BackendTimeout limits one request to a backend; only gatewayapi reads it.
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
	// Mirror gets a copy of all requests, with or without a rollout.
	Mirror     []api.HTTPMirror `json:"mirror,omitempty"`
	CorsPolicy *api.CorsPolicy  `json:"corsPolicy,omitempty"`
	// MeshName is the name of the mesh in App Mesh.
	MeshName string    `json:"meshName,omitempty"`
	Apex     *Metadata `json:"apex,omitempty"`
	Canary   *Metadata `json:"canary,omitempty"`
	Primary  *Metadata `json:"primary,omitempty"`
}

// Metadata is the metadata of a Service.
type Metadata struct {
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// An Analysis describes the checks of a new version.
type Analysis struct {
	// Interval is the time between two checks, as a Go duration. Every parses it.
	Interval string `json:"interval,omitempty"`
	// Threshold is the number of failed checks that roll back the version; 0 means 1.
	Threshold int `json:"threshold,omitempty"`
	// Iterations is the number of checks in A/B testing and blue/green; if it is 0, the traffic moves by weight.
	Iterations int `json:"iterations,omitempty"`
	// MaxWeight is the share, in percent, at which Flagger promotes the version; 0 means 100.
	MaxWeight int `json:"maxWeight,omitempty"`
	// StepWeight is the share, in percent, that each passed check adds.
	StepWeight int `json:"stepWeight,omitempty"`
	// StepWeights are successive shares, in percent. StepWeight takes precedence.
	StepWeights []int `json:"stepWeights,omitempty"`
	// StepWeightPromotion is the share, in percent, that each step of the promotion returns to the primary; 0
	// returns everything at once.
	StepWeightPromotion   int    `json:"stepWeightPromotion,omitempty"`
	PrimaryReadyThreshold *int32 `json:"primaryReadyThreshold,omitempty"`
	CanaryReadyThreshold  *int32 `json:"canaryReadyThreshold,omitempty"`
	// Mirror sends the new version a copy of the requests before it serves any.
	Mirror bool `json:"mirror,omitempty"`
	// MirrorWeight is the share of the requests, in percent, that Istio copies; 0 means all.
	MirrorWeight int `json:"mirrorWeight,omitempty"`
	// Match are the conditions that select requests.
	Match []Match `json:"match,omitempty"`
	// SessionAffinity keeps a client on the version that served it.
	SessionAffinity *SessionAffinity `json:"sessionAffinity,omitempty"`
	Metrics         []Metric         `json:"metrics,omitempty"`
	Alerts          []api.Alert      `json:"alerts,omitempty"`
	Webhooks        []Webhook        `json:"webhooks,omitempty"`
}

// A Match is a condition on requests in Istio's form: all of its parts must match.
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

// A SessionAffinity is the cookie of a client.
type SessionAffinity struct {
	CookieName        string `json:"cookieName" format:"cookie"`
	PrimaryCookieName string `json:"primaryCookieName,omitempty" format:"cookie"`
	// MaxAge is the lifetime of the cookie, in seconds.
	MaxAge      int32  `json:"maxAge,omitempty"`
	Domain      string `json:"domain,omitempty"`
	HTTPOnly    bool   `json:"httpOnly,omitempty"`
	Partitioned bool   `json:"partitioned,omitempty"`
	Path        string `json:"path,omitempty"`
	SameSite    string `json:"sameSite,omitempty"`
	Secure      bool   `json:"secure,omitempty"`
}

// A Metric is queried at every check.
type Metric struct {
	Name string `json:"name"`
	// Interval is the period that the query covers.
	Interval string `json:"interval,omitempty"`
	// ThresholdRange is the range of good values; if it is nil, Flagger reads Threshold.
	ThresholdRange *api.ThresholdRange `json:"thresholdRange,omitempty"`
	// Threshold is the minimum of request-success-rate and the maximum of any other metric if ThresholdRange is
	// nil. Flagger has deprecated it.
	Threshold float64 `json:"threshold,omitempty"`
	// TemplateRef is nil if the metric has no MetricTemplate.
	TemplateRef       *api.NamespacedReference `json:"templateRef,omitempty"`
	TemplateVariables map[string]string        `json:"templateVariables,omitempty"`
	// Query is a PromQL query in the Canary itself, which Flagger has deprecated.
	Query string `json:"query,omitempty"`
}

// A MetricTemplate is the spec of a MetricTemplate: a query and its provider.
type MetricTemplate struct {
	Provider api.MetricProvider `json:"provider"`
	Query    string             `json:"query"`
}

// isBuiltin reports whether Flagger has a built-in query for the metric's name, which it also runs if the metric
// has a template.
func (m Metric) isBuiltin() bool {
	return m.Name == "request-success-rate" || m.Name == "request-duration"
}

// Strategy is Flagger's name for the way in which the traffic moves.
type Strategy string

// The strategies (pkg/apis/flagger/v1beta1/canary.go, DeploymentStrategy).
const (
	Weighted  Strategy = "canary"
	ABTesting Strategy = "A/B testing"
	BlueGreen Strategy = "blue/green"
)

// Strategy returns the way in which the traffic moves. Without a router only blue/green is possible: Flagger
// ignores the conditions, and runs checks instead of moving weights (scheduler.go, advanceCanary).
func (c *Canary) Strategy() Strategy {
	switch {
	case c.Iterations() < 1:
		return Weighted
	case len(c.Analysis.Match) > 0 && c.Provider != Kubernetes:
		return ABTesting
	}
	return BlueGreen
}

// Iterations returns the number of checks in A/B testing and blue/green, or 0 if the traffic moves by weight.
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
	// kubernetesIterations is the number of checks that replace weights if no router moves the traffic
	// (scheduler.go, advanceCanary).
	kubernetesIterations = 10
)

// Every returns the interval of the analysis as Flagger reads it: one minute if it is invalid, and at least 10
// seconds.
func (a *Analysis) Every() time.Duration {
	d, err := time.ParseDuration(a.Interval)
	if err != nil {
		return defaultInterval
	}
	return max(d, ShortestInterval)
}

// threshold returns the number of failed checks that roll back the version.
func (a *Analysis) threshold() int { return max(a.Threshold, 1) }

// maxWeight returns the share at which Flagger promotes the version.
func (a *Analysis) maxWeight() int {
	if n := len(a.StepWeights); n > 0 {
		return min(allTraffic, a.StepWeights[n-1])
	}
	return cmp.Or(max(a.MaxWeight, 0), allTraffic)
}

// nextStep returns the share that a passed check adds to a weight.
func (a *Analysis) nextStep(weight int) int {
	if a.StepWeight > 0 || len(a.StepWeights) == 0 {
		return a.StepWeight
	}
	left := allTraffic - weight
	switch {
	case left == 0:
		return 1 // any positive step leads to the promotion
	case weight == 0:
		return min(left, a.StepWeights[0])
	}
	if next := slices.Index(a.StepWeights, weight) + 1; next > 0 && next < len(a.StepWeights) {
		return min(left, a.StepWeights[next]-weight)
	}
	return left
}

// MeshGateway is Istio's name for all sidecars. Flagger adds it if no gateway is set.
const MeshGateway = "mesh"

// IsMeshed reports whether sidecars certainly read Flagger's VirtualService. A delegate VirtualService applies
// only where the delegating one does.
func (s *Service) IsMeshed() bool {
	return !s.Delegation && (len(s.Gateways) == 0 || slices.Contains(s.Gateways, MeshGateway))
}

// Mirrors reports whether the new version gets a copy of all requests.
func (c *Canary) Mirrors() bool { return c.Analysis.Mirror && c.canMirror() }

// canMirror reports whether the router tells the scheduler that it mirrors.
func (c *Canary) canMirror() bool {
	mirrors := c.Router().mirrors
	return mirrors != nil && mirrors(c)
}

// IsKnative reports whether the object is a Knative Service, whose traffic Flagger splits between revisions
// (pkg/apis/flagger/v1beta1/canary.go, IsKnativeService).
func (o *ObjectReference) IsKnative() bool {
	return o.Kind == "Service" && o.APIVersion == "serving.knative.dev/v1"
}
