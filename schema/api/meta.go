package api

import "time"

// TypeMeta names the kind of a document.
type TypeMeta struct {
	// APIVersion is the group and version of the kind.
	// +fleetwright:becomes=selects the API of the document
	APIVersion string `json:"apiVersion"`

	// Kind is the name of the kind.
	// +fleetwright:becomes=selects the kind of the document
	Kind string `json:"kind"`
}

// ObjectMeta is the metadata of every Kubernetes object. A document needs only a name; fields that an API
// server adds are accepted and ignored, so that the output of `kubectl get -o yaml` compiles.
// +fleetwright:becomes=ignored: an API server sets it
type ObjectMeta struct {
	// Name of the object, unique in its namespace.
	// +fleetwright:becomes=names the directories, and the source of an Application
	Name string `json:"name" pattern:"dns-subdomain" example:"webapp"`

	// Namespace of the object.
	// +kubebuilder:default=default
	// +fleetwright:becomes=the namespace of the Flux objects, and of the fleet that an Application names
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`

	// Labels that selectors match.
	// +fleetwright:example={"team": "shop"}
	// +fleetwright:becomes=on a cluster, matched by a clusterSelector; otherwise ignored
	Labels map[string]LabelValue `json:"labels,omitempty"`

	// Annotations are notes; a Mesh and an AlertProvider are rendered with theirs.
	// +fleetwright:example={"example.com/owner": "shop"}
	// +fleetwright:becomes=ignored; the control plane of a Fleet is not rendered (info FW210)
	Annotations map[string]string `json:"annotations,omitempty"`

	// CreationTimestamp is set by the API server and ignored.
	CreationTimestamp any `json:"creationTimestamp,omitempty"`

	// DeletionTimestamp is set by the API server and ignored.
	DeletionTimestamp any `json:"deletionTimestamp,omitempty"`

	// DeletionGracePeriodSeconds is set by the API server and ignored.
	DeletionGracePeriodSeconds any `json:"deletionGracePeriodSeconds,omitempty"`

	// Finalizers are set by controllers and ignored.
	Finalizers any `json:"finalizers,omitempty"`

	// Generation is set by the API server and ignored.
	Generation any `json:"generation,omitempty"`

	// ManagedFields are set by the API server and ignored.
	ManagedFields any `json:"managedFields,omitempty"`

	// OwnerReferences are set by controllers and ignored.
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

// Duration is a Go duration as Flux's CRDs accept it: numbers with the units ms,
// s, m or h, as in 1m30s.
type Duration string

// Length returns the length of the duration. One that cannot be parsed was rejected before; its length is 1 hour.
func (d Duration) Length() time.Duration {
	length, err := time.ParseDuration(string(d))
	if err != nil {
		return time.Hour
	}
	return length
}

// IsNone reports whether the duration is zero, however it is written.
func (d Duration) IsNone() bool { return d != "" && d.Length() == 0 }

// SourceTimeout is a Duration without hours: Flux's source CRDs have no h in the
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

	// Namespace of the object; without it, the referring object's.
	// +fleetwright:example=shop
	Namespace string `json:"namespace,omitempty" pattern:"dns-label"`
}

// Values are free-form, such as a Helm chart's.
type Values map[string]any
