package api

// Installed lists components that the clusters already have. fleetwright does not render, patch or
// prune them: it renders and checks rollouts for the declared components.
type Installed struct {
	// Flagger that runs the rollouts.
	Flagger *InstalledFlagger `json:"flagger,omitempty"`

	// Istio on the clusters.
	Istio *InstalledIstio `json:"istio,omitempty"`

	// Kuma on the clusters.
	Kuma *InstalledKuma `json:"kuma,omitempty"`

	// GatewayAPI are the CRDs of Gateway API on the clusters.
	GatewayAPI *InstalledGatewayAPI `json:"gateway-api,omitempty"`

	// Contour on the clusters, with a Gateway that is named in gateway.refs.
	Contour *InstalledContour `json:"contour,omitempty"`

	// IngressNginx is the ingress controller on the clusters.
	IngressNginx *InstalledIngressNginx `json:"ingress-nginx,omitempty"`

	// Prometheus that measures the rollouts.
	Prometheus *InstalledPrometheus `json:"prometheus,omitempty"`

	// Loadtester is a load tester that every rollout may use.
	Loadtester *InstalledLoadtester `json:"loadtester,omitempty"`
}

// HandOver renders a component once more.
type HandOver struct {
	// HandOver renders the component once more, with an annotation that keeps Flux from deleting
	// it. After Flux has applied it, remove the field; the component stays.
	// +fleetwright:becomes=the annotation `kustomize.toolkit.fluxcd.io/prune: disabled` on every rendered object of the component
	HandOver bool `json:"handOver,omitempty"`
}

// IsHandedOver reports whether the component is rendered once more.
func (h HandOver) IsHandedOver() bool { return h.HandOver }

// InstalledFlagger is the Flagger that the clusters already have. The fields have the names of its flags.
type InstalledFlagger struct {
	// Version that runs.
	// +fleetwright:becomes=the version that rollouts are checked against and simulated with
	Version string `json:"version" pattern:"component-version" example:"1.44.0"`

	// Namespace that it runs in. Without it, the provider's.
	// +fleetwright:becomes=the namespace for the AlertProviders of all rollouts, and for resolving the name of Prometheus
	// +fleetwright:example=flagger-system
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`

	// MeshProvider of Canaries that name none. Rendered Canaries name theirs.
	// +fleetwright:becomes=not rendered; each Canary names its provider
	// +fleetwright:example=istio
	MeshProvider string `json:"meshProvider,omitempty" enum:"istio,kuma,nginx,apisix,appmesh,appmesh:v1beta1,appmesh:v1beta2,contour,gatewayapi,gatewayapi:v1,gatewayapi:v1alpha2,gatewayapi:v1beta1,gloo,knative,kubernetes,linkerd,osm,skipper,smi,smi:v1alpha1,smi:v1alpha2,smi:v1alpha3,traefik"`

	// MetricsServer is the Prometheus that Flagger queries for its own metrics. Without it, the Prometheus of
	// installed.prometheus, or else the chart's default.
	// +fleetwright:becomes=the Prometheus of Flagger's own metrics
	// +fleetwright:example=http://prometheus.monitoring:9090
	MetricsServer string `json:"metricsServer,omitempty" format:"http-url"`

	// SelectorLabels are the labels by which Flagger finds the pods of a workload.
	// +kubebuilder:default=["app", "name", "app.kubernetes.io/name"]
	// +fleetwright:becomes=the labels that workloads are checked for
	SelectorLabels []string `json:"selectorLabels,omitempty" format:"label-key"`

	// WatchNamespace is the only namespace that Flagger watches, or empty for all.
	// +fleetwright:becomes=the only namespace that rollouts may be in
	// +fleetwright:example=shop
	WatchNamespace string `json:"watchNamespace,omitempty" pattern:"dns-label-or-none"`

	// NoCrossNamespaceRefs is true if Flagger rejects references to other namespaces.
	// +fleetwright:becomes=a check of references
	NoCrossNamespaceRefs bool `json:"noCrossNamespaceRefs,omitempty"`

	// IngressAnnotationsPrefix is the prefix of the annotations that Flagger writes.
	// +kubebuilder:default=nginx.ingress.kubernetes.io
	// +fleetwright:becomes=the prefix that the ingress controller must read
	IngressAnnotationsPrefix string `json:"ingressAnnotationsPrefix,omitempty" format:"dns-subdomain"`

	HandOver `json:",inline"`
}

// InstalledIstio is the Istio that the clusters already have.
type InstalledIstio struct {
	// Namespace of the control plane.
	// +kubebuilder:default=istio-system
	// +fleetwright:becomes=the namespace of Flagger, if it is rendered
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`

	// Revision of Istio's control plane, or a tag of one. Without it, the namespaces select the
	// default revision, with the label istio-injection.
	// +fleetwright:becomes=the label istio.io/rev of the namespaces of rollouts, instead of istio-injection
	// +fleetwright:example=1-26-2
	Revision string `json:"revision,omitempty" pattern:"dns-label"`
}

// InstalledKuma is the Kuma that the clusters already have.
type InstalledKuma struct {
	// Version of the control plane.
	// +fleetwright:becomes=the version that manifests are rendered for
	Version string `json:"version" pattern:"component-version" example:"2.13.10"`

	// Namespace of the control plane.
	// +kubebuilder:default=kuma-system
	// +fleetwright:becomes=the namespace of Flagger, if it is rendered
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`

	// Mesh of the rollouts that name none.
	// +kubebuilder:default=default
	// +fleetwright:becomes=the mesh of rollouts that name none
	Mesh string `json:"mesh,omitempty" pattern:"dns-1035-label"`

	// CatchAllRoute is true if the mesh has a TrafficRoute for all traffic. Without one, the first
	// rollout would stop all other traffic of the mesh.
	// +kubebuilder:default=true
	// +fleetwright:becomes=with false, the route is rendered
	CatchAllRoute *bool `json:"catchAllRoute,omitempty"`

	HandOver `json:",inline"`
}

// InstalledGatewayAPI are the CRDs of Gateway API that the clusters already have.
type InstalledGatewayAPI struct {
	// Version of the CRDs, from their annotation gateway.networking.k8s.io/bundle-version.
	// +kubebuilder:default=1.4.1
	// +fleetwright:becomes=the fields of an HTTPRoute that the API server accepts
	Version string `json:"version,omitempty" pattern:"component-version"`

	// Channel of the CRDs.
	// +kubebuilder:default=standard
	// +fleetwright:becomes=the fields of an HTTPRoute that the API server accepts
	Channel string `json:"channel,omitempty" enum:"standard,experimental"`

	HandOver `json:",inline"`
}

// InstalledContour is the Contour that the clusters already have.
type InstalledContour struct {
	// Namespace of Contour.
	// +kubebuilder:default=projectcontour
	// +fleetwright:becomes=the namespace of Flagger, if it is rendered
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`

	HandOver `json:",inline"`
}

// InstalledIngressNginx is the ingress controller that the clusters already have.
type InstalledIngressNginx struct {
	// Namespace of the controller.
	// +kubebuilder:default=ingress-nginx
	// +fleetwright:becomes=the namespace of Flagger, if it is rendered
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`

	// Class of the Ingresses that the controller serves.
	// +kubebuilder:default=nginx
	// +fleetwright:becomes=`spec.ingressClassName` of the Ingress of a rollout
	Class string `json:"class,omitempty" format:"dns-subdomain"`

	HandOver `json:",inline"`
}

// InstalledPrometheus is the Prometheus that the clusters already have.
type InstalledPrometheus struct {
	// Address of the Prometheus.
	// +fleetwright:becomes=the Prometheus of rendered MetricTemplates, and of Flagger, if it is rendered
	Address string `json:"address" pattern:"^[^ ].*$" format:"http-url" example:"http://prometheus.monitoring:9090"`

	// Labels that identify the pod of a sample.
	Labels *PrometheusLabels `json:"labels,omitempty"`

	HandOver `json:",inline"`
}

// PrometheusLabels are the labels that identify the pod of a sample in Prometheus.
type PrometheusLabels struct {
	// Namespace is the label of the namespace of a sample's pod.
	// +kubebuilder:default=namespace
	// +fleetwright:becomes=the labels that queries are checked for, and those in hints
	Namespace string `json:"namespace,omitempty" pattern:"prometheus-label"`

	// Pod is the label of the name of a sample's pod.
	// +kubebuilder:default=pod
	// +fleetwright:becomes=the labels that queries are checked for, and those in hints
	Pod string `json:"pod,omitempty" pattern:"prometheus-label"`
}

// InstalledLoadtester is a load tester that the clusters already have.
type InstalledLoadtester struct {
	// URL of the load tester.
	// +fleetwright:becomes=the URL of webhooks that name none
	URL string `json:"url" pattern:"^[^ ].*$" format:"http-url" example:"http://flagger-loadtester.test/"`

	// Namespace of the load tester. Without it, the namespace in the URL.
	// +fleetwright:becomes=a check that its pods have a sidecar
	// +fleetwright:example=test
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`

	HandOver `json:",inline"`
}

// InstalledPlugin is the plugin of a RenderConfig, for clusters whose fleets have none.
type InstalledPlugin struct {
	// Flagger holds the components that the clusters have.
	Flagger InstalledOnly `json:"flagger"`
}

// InstalledOnly is plugin.flagger without anything to render.
type InstalledOnly struct {
	// Gateway configures Gateway API for rollouts.
	Gateway *Gateway `json:"gateway,omitempty"`

	// Installed lists components that the clusters already have.
	Installed *Installed `json:"installed"`
}
