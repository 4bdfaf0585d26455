package api

// Mesh is Kuma's kuma.io/v1alpha1 Mesh. Kuma's own CRD accepts any spec, so only fleetwright finds a misspelt
// field. A Mesh among the inputs replaces fleetwright's own.
//
// The fields are Kuma 2's (api/mesh/v1alpha1/mesh.proto and metrics.proto);
// Kuma 3 has only skipCreatingInitialPolicies.
type Mesh struct {
	TypeMeta `json:",inline"`

	// Metadata of the Mesh. It has no namespace: a Mesh is cluster-scoped. Its
	// name becomes a label value, so it has at most 63 characters.
	Metadata ObjectMeta `json:"metadata"`

	// Spec of the Mesh.
	Spec MeshSpec `json:"spec,omitzero"`
}

// MeshSpec is the spec of a Mesh.
type MeshSpec struct {
	// MTLS turns mutual TLS on. Kuma 2.6 and newer then deny all traffic without a
	// MeshTrafficPermission; fleetwright renders one that allows all traffic.
	MTLS *MeshMTLS `json:"mtls,omitempty"`

	// Metrics sets where the sidecars expose their metrics.
	Metrics *MeshMetrics `json:"metrics,omitempty"`

	// Tracing of the sidecars.
	Tracing *MeshTracing `json:"tracing,omitempty"`

	// Logging of the sidecars.
	Logging *MeshLogging `json:"logging,omitempty"`

	// Networking of the sidecars.
	Networking *MeshNetworking `json:"networking,omitempty"`

	// Routing of the mesh's traffic.
	Routing *MeshRouting `json:"routing,omitempty"`

	// Constraints on the proxies that may join the mesh.
	Constraints *MeshConstraints `json:"constraints,omitempty"`

	// SkipCreatingInitialPolicies names the policies that Kuma does not create for
	// a new mesh; "*" is all.
	// +fleetwright:example=["*"]
	SkipCreatingInitialPolicies []string `json:"skipCreatingInitialPolicies,omitempty"`

	// MeshServices decides whether Kuma creates MeshServices. Since Kuma 2.9.
	MeshServices *MeshServices `json:"meshServices,omitempty"`
}

// MeshMTLS turns mutual TLS on.
type MeshMTLS struct {
	// EnabledBackend names the backend in use. Without it mutual TLS is off.
	// +fleetwright:example=ca-1
	EnabledBackend string `json:"enabledBackend,omitempty"`

	// Backends that issue certificates.
	Backends []MeshMTLSBackend `json:"backends,omitempty"`

	// SkipValidation of the backends.
	SkipValidation bool `json:"skipValidation,omitempty"`
}

// MeshMTLSBackend issues certificates.
type MeshMTLSBackend struct {
	// Name of the backend.
	Name string `json:"name" pattern:"dns-label" example:"ca-1"`

	// Type of the backend.
	Type string `json:"type" enum:"builtin,provided"`

	// Mode decides whether plain traffic is rejected (STRICT) or also accepted.
	// +kubebuilder:default=STRICT
	Mode string `json:"mode,omitempty" enum:"STRICT,PERMISSIVE"`

	// DPCert sets how the sidecars' certificates are issued.
	DPCert *MeshDPCert `json:"dpCert,omitempty"`

	// RootChain sets how the authority's certificates are read.
	RootChain *MeshRootChain `json:"rootChain,omitempty"`

	// Conf of the backend, which depends on its type.
	Conf Values `json:"conf,omitempty"`
}

// MeshDPCert sets how the sidecars' certificates are issued.
type MeshDPCert struct {
	// Rotation of the certificates.
	Rotation MeshRotation `json:"rotation"`

	// RequestTimeout of one certificate.
	// +fleetwright:example=10s
	RequestTimeout string `json:"requestTimeout,omitempty" format:"proto-duration"`
}

// MeshRotation sets the lifetime of a certificate.
type MeshRotation struct {
	// Expiration of a certificate: a number and one of y, w, d, h, m, s, ms.
	Expiration string `json:"expiration" format:"kuma-duration" example:"1d"`
}

// MeshRootChain sets how the authority's certificates are read.
type MeshRootChain struct {
	// RequestTimeout of the chain.
	// +fleetwright:example=10s
	RequestTimeout string `json:"requestTimeout,omitempty" format:"proto-duration"`
}

// MeshMetrics sets where the sidecars expose their metrics.
type MeshMetrics struct {
	// EnabledBackend names the backend in use. Without it there are no metrics.
	// +fleetwright:example=prometheus-1
	EnabledBackend string `json:"enabledBackend,omitempty"`

	// Backends; EnabledBackend selects one.
	Backends []MeshMetricsBackend `json:"backends,omitempty"`
}

// MeshMetricsBackend sets where the sidecars expose their metrics.
type MeshMetricsBackend struct {
	// Name of the backend.
	Name string `json:"name" pattern:"^.+$" example:"prometheus-1"`

	// Type of the backend.
	Type string `json:"type" enum:"prometheus"`

	// Conf of the backend.
	Conf *MeshPrometheus `json:"conf,omitempty"`
}

// MeshPrometheus sets how the sidecars expose their metrics to Prometheus.
type MeshPrometheus struct {
	// Port of the metrics.
	// +kubebuilder:default=5670
	Port int32 `json:"port,omitempty" min:"1" max:"65535"`

	// Path of the metrics.
	// +kubebuilder:default=/metrics
	Path string `json:"path,omitempty" pattern:"^/"`

	// Tags of the metrics.
	// +fleetwright:example={"kuma.io/service": "dataplane-metrics"}
	Tags map[string]string `json:"tags,omitempty"`

	// SkipMTLS exposes the metrics without mutual TLS.
	SkipMTLS *bool `json:"skipMTLS,omitempty"`

	// Aggregate adds the application's own metrics.
	Aggregate []MeshAggregate `json:"aggregate,omitempty"`

	// Envoy narrows the sidecar's own metrics.
	Envoy *MeshEnvoyMetrics `json:"envoy,omitempty"`

	// TLS of the metrics.
	TLS *MeshMetricsTLS `json:"tls,omitempty"`
}

// MeshAggregate adds the metrics of an application.
type MeshAggregate struct {
	// Name of the application.
	Name string `json:"name" example:"backend"`

	// Port of its metrics.
	Port int32 `json:"port" min:"1" max:"65535" example:"8080"`

	// Path of its metrics.
	// +fleetwright:example=/metrics
	Path string `json:"path,omitempty"`

	// Enabled, unless false.
	// +kubebuilder:default=true
	Enabled *bool `json:"enabled,omitempty"`

	// Address of its metrics.
	// +fleetwright:example=127.0.0.1
	Address string `json:"address,omitempty" format:"host"`
}

// MeshEnvoyMetrics narrows the sidecar's own metrics.
type MeshEnvoyMetrics struct {
	// FilterRegex selects metrics by name.
	// +fleetwright:example=http2_act.*
	FilterRegex string `json:"filterRegex,omitempty"`

	// UsedOnly omits metrics that never changed.
	UsedOnly *bool `json:"usedOnly,omitempty"`
}

// MeshMetricsTLS is the TLS of the metrics.
type MeshMetricsTLS struct {
	// Mode of the TLS.
	// +kubebuilder:default=activeMTLSBackend
	Mode string `json:"mode,omitempty" enum:"activeMTLSBackend,providedTLS,disabled"`
}

// MeshTracing sends traces of the sidecars to backends.
type MeshTracing struct {
	// DefaultBackend names the default backend.
	// +fleetwright:example=jaeger
	DefaultBackend string `json:"defaultBackend,omitempty"`

	// Backends that store traces.
	Backends []MeshTracingBackend `json:"backends,omitempty"`
}

// MeshTracingBackend stores traces.
type MeshTracingBackend struct {
	// Name of the backend.
	Name string `json:"name" pattern:"^.+$" example:"jaeger"`

	// Type of the backend.
	Type string `json:"type,omitempty" enum:"zipkin,datadog"`

	// Sampling in percent.
	// +kubebuilder:default=100
	Sampling *float64 `json:"sampling,omitempty" min:"0" max:"100"`

	// Conf of the backend, which depends on its type.
	Conf Values `json:"conf,omitempty"`
}

// MeshLogging sends access logs of the sidecars to backends.
type MeshLogging struct {
	// DefaultBackend names the default backend.
	// +fleetwright:example=logstash
	DefaultBackend string `json:"defaultBackend,omitempty"`

	// Backends that store logs.
	Backends []MeshLoggingBackend `json:"backends,omitempty"`
}

// MeshLoggingBackend stores access logs.
type MeshLoggingBackend struct {
	// Name of the backend.
	Name string `json:"name" pattern:"^.+$" example:"logstash"`

	// Type of the backend.
	Type string `json:"type,omitempty" enum:"tcp,file"`

	// Format of a line.
	// +fleetwright:example=[%START_TIME%] %KUMA_SOURCE_SERVICE% => %KUMA_DESTINATION_SERVICE% %DURATION%
	Format string `json:"format,omitempty"`

	// Conf of the backend, which depends on its type.
	Conf Values `json:"conf,omitempty"`
}

// MeshNetworking is the networking of the sidecars.
type MeshNetworking struct {
	// Outbound traffic of the sidecars.
	Outbound *MeshOutbound `json:"outbound,omitempty"`
}

// MeshOutbound is the outbound traffic of the sidecars.
type MeshOutbound struct {
	// Passthrough lets traffic to unknown destinations out, unless false.
	// +kubebuilder:default=true
	Passthrough *bool `json:"passthrough,omitempty"`
}

// MeshRouting is the routing of the mesh's traffic.
type MeshRouting struct {
	// LocalityAwareLoadBalancing prefers endpoints of the same zone.
	LocalityAwareLoadBalancing bool `json:"localityAwareLoadBalancing,omitempty"`

	// ZoneEgress sends traffic out of the zone through a ZoneEgress. It needs mutual TLS.
	ZoneEgress bool `json:"zoneEgress,omitempty"`

	// DefaultForbidMeshExternalServiceAccess forbids access that no policy allows.
	DefaultForbidMeshExternalServiceAccess bool `json:"defaultForbidMeshExternalServiceAccess,omitempty"`
}

// MeshConstraints are constraints on the proxies that may join the mesh.
type MeshConstraints struct {
	// DataplaneProxy constraints.
	DataplaneProxy *MeshMembership `json:"dataplaneProxy,omitempty"`
}

// MeshMembership sets which proxies may join the mesh.
type MeshMembership struct {
	// Requirements: a proxy must meet one of them.
	Requirements []MeshMembershipRule `json:"requirements,omitempty"`

	// Restrictions: a proxy must meet none of them.
	Restrictions []MeshMembershipRule `json:"restrictions,omitempty"`
}

// MeshMembershipRule matches proxies by their tags.
type MeshMembershipRule struct {
	// Tags of the proxy.
	// +fleetwright:example={"kuma.io/zone": "east"}
	Tags map[string]string `json:"tags,omitempty" format:"kuma-tag-value" keys:"kuma-tag"`
}

// MeshServices decides whether Kuma creates MeshServices.
type MeshServices struct {
	// Mode of MeshServices. With Exclusive, Flagger cannot route traffic.
	// +kubebuilder:default=Disabled
	Mode string `json:"mode,omitempty" enum:"Disabled,Everywhere,ReachableBackends,Exclusive"`
}
