package api

import "time"

// TypeMeta names the kind of a document.
type TypeMeta struct {
	// APIVersion is the group and version of the kind.
	// +fleetwright:becomes=which language the document is in
	APIVersion string `json:"apiVersion"`

	// Kind is the name of the kind.
	// +fleetwright:becomes=which kind the document is of
	Kind string `json:"kind"`
}

// ObjectMeta is what Kubernetes keeps about every object. A document needs only a name; what an API
// server adds is accepted and ignored, so that the output of `kubectl get -o yaml` compiles.
// +fleetwright:becomes=ignored: an API server sets it
type ObjectMeta struct {
	// Name of the object, unique in its namespace.
	// +fleetwright:becomes=names the directories, and the source of an Application
	Name string `json:"name" pattern:"dns-subdomain" example:"webapp"`

	// Namespace of the object.
	// +kubebuilder:default=default
	// +fleetwright:becomes=the namespace of what Flux reads, and of the fleet that an Application names
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`

	// Labels that selectors match.
	// +fleetwright:example={"team": "shop"}
	// +fleetwright:becomes=of a cluster, what a clusterSelector matches; else ignored
	Labels map[string]LabelValue `json:"labels,omitempty"`

	// Annotations are free notes, which a Mesh and an AlertProvider keep.
	// +fleetwright:example={"example.com/owner": "shop"}
	// +fleetwright:becomes=ignored, but for the control plane of a Fleet, which is not rendered (info FW210)
	Annotations map[string]string `json:"annotations,omitempty"`

	// CreationTimestamp is set by the API server and ignored.
	CreationTimestamp any `json:"creationTimestamp,omitempty"`

	// DeletionTimestamp is set by the API server and ignored.
	DeletionTimestamp any `json:"deletionTimestamp,omitempty"`

	// DeletionGracePeriodSeconds is set by the API server and ignored.
	DeletionGracePeriodSeconds any `json:"deletionGracePeriodSeconds,omitempty"`

	// Finalizers are the controllers' own and ignored.
	Finalizers any `json:"finalizers,omitempty"`

	// Generation is set by the API server and ignored.
	Generation any `json:"generation,omitempty"`

	// ManagedFields are set by the API server and ignored.
	ManagedFields any `json:"managedFields,omitempty"`

	// OwnerReferences are the controllers' own and ignored.
	OwnerReferences any `json:"ownerReferences,omitempty"`

	// ResourceVersion is set by the API server and ignored.
	ResourceVersion any `json:"resourceVersion,omitempty"`

	// SelfLink was set by old API servers and is ignored.
	SelfLink any `json:"selfLink,omitempty"`

	// UID is set by the API server and ignored.
	UID any `json:"uid,omitempty"`
}

// LabelValue is the value of a Kubernetes label: at most 63 letters, digits,
// '-', '_' or '.', beginning and ending with a letter or digit, or empty.
type LabelValue string

// Duration is a Go duration as Flux' CRDs accept it: numbers with the units ms,
// s, m or h, as in 1m30s.
type Duration string

// Length returns how long the duration is. One that cannot be parsed was rejected, and is long.
func (d Duration) Length() time.Duration {
	length, err := time.ParseDuration(string(d))
	if err != nil {
		return time.Hour
	}
	return length
}

// IsNone reports whether the duration is zero, however it is written.
func (d Duration) IsNone() bool { return d != "" && d.Length() == 0 }

// SourceTimeout is a Duration without hours: Flux' source CRDs have no h in the
// pattern of spec.timeout (source-controller api/v1, +kubebuilder:validation:Pattern).
type SourceTimeout string

// FlaggerDuration is a duration as Flagger's CRD and its parser both read it: minutes and seconds,
// such as 1m30s (artifacts/flagger/crd.yaml, whose pattern is not anchored).
type FlaggerDuration string

// LocalReference names an object of the same namespace.
type LocalReference struct {
	// Name of the object.
	Name string `json:"name" format:"dns-subdomain" example:"credentials"`
}

// NamespacedReference names an object of this or another namespace.
type NamespacedReference struct {
	// Name of the object.
	Name string `json:"name" format:"dns-subdomain" example:"backend"`

	// Namespace of the object; without it, that of the referring object.
	// +fleetwright:example=shop
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`
}

// Values are free-form, such as those of a Helm chart.
type Values map[string]any
