package api

// The fields of a Canary that Flagger's router for Gateway API reads (fluxcd/flagger
// artifacts/flagger/crd.yaml). Their names are Flagger's.

// GatewayRef is a parent of an HTTPRoute: a Gateway, or the Service whose callers in a mesh it
// routes.
// +fleetwright:becomes=`spec.service.gatewayRefs[].{path}` of the Canary on gatewayapi
type GatewayRef struct {
	// Group of the parent: "" for a Service.
	// +kubebuilder:default=gateway.networking.k8s.io
	Group *string `json:"group,omitempty" pattern:"api-group"`

	// Kind of the parent: Gateway, or Service for a mesh.
	// +kubebuilder:default=Gateway
	Kind *string `json:"kind,omitempty" pattern:"kind"`

	// Namespace of the parent; without it, the workload's.
	// +fleetwright:example=infra
	Namespace *string `json:"namespace,omitempty" pattern:"dns-label"`

	// Name of the parent. A Service without a name is the rollout's own, with its port.
	// +fleetwright:example=public
	Name string `json:"name,omitempty" format:"dns-subdomain"`

	// SectionName is a listener of the Gateway, or a port of the Service, by its name.
	// +fleetwright:example=https
	SectionName *string `json:"sectionName,omitempty" format:"dns-subdomain"`

	// Port is a listener of the Gateway, or a port of the Service, by its number.
	// +fleetwright:example=80
	Port *int32 `json:"port,omitempty" min:"1" max:"65535"`
}

// GatewayGroup is the group of Gateway API, and of a parent without a group.
const GatewayGroup = "gateway.networking.k8s.io"

// IsService reports whether the parent is a Service.
func (r GatewayRef) IsService() bool { return r.Kind != nil && *r.Kind == "Service" }

// IsGateway reports whether the parent is a Gateway.
func (r GatewayRef) IsGateway() bool {
	return (r.Kind == nil || *r.Kind == "Gateway") && (r.Group == nil || *r.Group == GatewayGroup)
}

// HTTPRewrite changes requests before they are forwarded.
// +fleetwright:becomes=`spec.service.rewrite.{path}` of the Canary on istio and gatewayapi
type HTTPRewrite struct {
	// URI replaces the path of a request, or with type ReplacePrefixMatch the matched
	// prefix.
	// +fleetwright:example=/v2
	URI string `json:"uri,omitempty" pattern:"^/"`

	// Authority replaces the host of a request.
	// +fleetwright:example=backend.example.com
	Authority string `json:"authority,omitempty" format:"dns-subdomain"`

	// Type is how uri replaces the path. For gatewayapi.
	// +kubebuilder:default=ReplaceFullPath
	Type string `json:"type,omitempty" enum:"ReplaceFullPath,ReplacePrefixMatch"`
}

// HTTPMirror sends a copy of all requests to another Service, whose responses are dropped.
// +fleetwright:becomes=`spec.service.mirror[].{path}` of the Canary on gatewayapi
type HTTPMirror struct {
	// BackendRef is the Service that gets the copy.
	BackendRef BackendRef `json:"backendRef"`
}

// BackendRef is a destination of requests.
// +fleetwright:becomes=`spec.service.mirror[].backendRef.{path}` of the Canary on gatewayapi
type BackendRef struct {
	// Group of the backend; a Service has none.
	// +fleetwright:example=example.com
	Group *string `json:"group,omitempty" pattern:"api-group"`

	// Kind of the backend.
	// +kubebuilder:default=Service
	Kind *string `json:"kind,omitempty" pattern:"kind"`

	// Namespace of the backend; without it, the workload's. Another one needs a
	// ReferenceGrant.
	// +fleetwright:example=shadow
	Namespace *string `json:"namespace,omitempty" pattern:"dns-label"`

	// Name of the backend.
	Name string `json:"name" format:"dns-subdomain" example:"backend-shadow"`

	// Port of the backend, required for a Service.
	// +fleetwright:example=80
	Port *int32 `json:"port,omitempty" min:"1" max:"65535"`
}
