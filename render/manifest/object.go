// Package manifest holds the rendered objects, with their origin in the input.
package manifest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/schema/api"
	"github.com/fleetwright/fleetwright/schema/output"
)

// An Object is a Kubernetes object to be written.
type Object struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Mesh       string   `json:"mesh,omitempty"` // of Kuma's TrafficRoute
	Metadata   Metadata `json:"metadata"`
	Spec       any      `json:"spec,omitempty"`

	// Form is the schema against which it is validated.
	Form output.Form `json:"-"`
	// Patched is the JSON of the object after the user's patches, or nil. Its fields are in the rendered order,
	// and new ones follow.
	Patched json.RawMessage `json:"-"`
}

// Metadata is the metadata of an object.
type Metadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// The rendered API versions, which Flux 2.6 and newer serve (reference: the CRDs of source-, helm- and
// kustomize-controller).
const (
	CoreV1         = "v1"
	AppsV1         = "apps/v1"
	KustomizeV1    = "kustomize.toolkit.fluxcd.io/v1"
	SourceV1       = "source.toolkit.fluxcd.io/v1"
	HelmV2         = "helm.toolkit.fluxcd.io/v2"
	FlaggerV1beta1 = "flagger.app/v1beta1"
	KumaV1alpha1   = "kuma.io/v1alpha1"
	GatewayV1      = "gateway.networking.k8s.io/v1"
	NetworkingV1   = "networking.k8s.io/v1"
)

// An Identity identifies an object in a cluster.
type Identity struct{ Group, Kind, Namespace, Name string }

// Identity returns the identity of the object.
func (m *Object) Identity() Identity {
	group, _, ok := strings.Cut(m.APIVersion, "/")
	if !ok {
		group = ""
	}
	return Identity{group, m.Kind, m.Metadata.Namespace, m.Metadata.Name}
}

// String returns kind namespace/name.
func (id Identity) String() string {
	if id.Namespace == "" {
		return id.Kind + " " + id.Name
	}
	return id.Kind + " " + id.Namespace + "/" + id.Name
}

// An Origin is the place in the input from which an object is rendered.
type Origin struct {
	Doc  *schema.Document
	Path schema.Path
}

// Is reports whether two origins are the same.
func (o Origin) Is(p Origin) bool { return o.Doc == p.Doc && slices.Equal(o.Path, p.Path) }

// SameRollout reports whether two origins are in one rollout.
func (o Origin) SameRollout(p Origin) bool {
	const rollout = 4 // spec.syncPolicies[0].rollout
	return o.Doc == p.Doc && len(o.Path) >= rollout && len(p.Path) >= rollout && slices.Equal(o.Path[:rollout], p.Path[:rollout])
}

// Position returns the position of the origin in its file.
func (o Origin) Position() diag.Position {
	if o.Doc == nil {
		return diag.Position{}
	}
	return o.Doc.Position(o.Path...)
}

// A Rendered object has its origin.
type Rendered struct {
	*Object
	Origin Origin
}

// Output returns the object as it is validated.
func (m *Object) Output() output.Object {
	return output.Object{APIVersion: m.APIVersion, Kind: m.Kind, Name: m.Identity().String(), Value: m, Form: m.Form}
}

// TextOf returns label values as text.
func TextOf(from map[string]api.LabelValue) map[string]string {
	if from == nil {
		return nil
	}
	to := make(map[string]string, len(from))
	for key, value := range from {
		to[key] = string(value)
	}
	return to
}

// FluxSubstitute keeps kustomize-controller from substituting variables in an object. Rendered Kustomizations
// substitute none, but a cluster's own Kustomization may turn substitution on for all of them, as many do
// (fluxcd/pkg kustomize, SubstituteVariables).
const FluxSubstitute = "kustomize.toolkit.fluxcd.io/substitute"

// IsSubstituted reports whether Flux's postBuild would change a text: it replaces ${x}, and $$ by $.
func IsSubstituted(text []byte) bool {
	return bytes.Contains(text, []byte("${")) || bytes.Contains(text, []byte("$$"))
}

// Unsubstituted returns the object with that annotation if Flux would change its content.
func (m *Object) Unsubstituted(content []byte) (*Object, bool) {
	if !IsSubstituted(content) || m.Metadata.Annotations[FluxSubstitute] != "" {
		return m, false
	}
	changed := *m
	changed.Metadata.Annotations = map[string]string{}
	maps.Copy(changed.Metadata.Annotations, m.Metadata.Annotations)
	changed.Metadata.Annotations[FluxSubstitute] = "disabled"
	return &changed, true
}
