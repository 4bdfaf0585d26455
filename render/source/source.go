// Package source describes what an application's source holds: what Flux builds of it for a sync
// policy, as a request that others fulfil, and the objects that it built, as the rules read them.
// Nothing here is rendered: it decides diagnostics alone.
package source

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/render/manifest"
	"github.com/fleetwright/fleetwright/schema/api"
)

// A Key names a sync policy of an Application.
type Key struct {
	// Namespace and Application are those of the Application.
	Namespace, Application string
	// Policy is the index of the policy in spec.syncPolicies.
	Policy int
	// Variant of the Application, from 0.
	Variant int
}

// A Build is what Flux builds of the source of an Application for one of its policies. It has
// either a Kustomization or a Chart.
type Build struct {
	Key
	// Source of the Application.
	Source *api.ApplicationSource
	// OfClusters reports whether the source is the Git repository that the clusters sync from.
	OfClusters bool
	// Kustomization is how kustomize-controller builds a directory, or nil.
	Kustomization *Kustomization
	// Chart is how helm-controller renders a chart, or nil.
	Chart *Chart
	// Patches are the policy's own, and Added those that fleetwright renders behind them.
	Patches, Added []kustomize.Patch
}

// A Kustomization has the fields of a Flux Kustomization that change what is built.
type Kustomization struct {
	// Path of the directory in the source, "" for its root.
	Path            string
	TargetNamespace string
	CommonMetadata  *api.CommonMetadata
	Components      []string
	Images          []kustomize.Image

	NamePrefix, NameSuffix  string
	IgnoreMissingComponents bool
	PostBuild               *api.PostBuild
	Decryption              *api.Decryption
}

// A Chart has the fields of a HelmRelease that change what is rendered.
type Chart struct {
	// Path of the chart in a Git source, or its name in a repository of charts.
	Path string
	// Version is the range of versions that a repository of charts is asked for.
	Version string
	// Release is the name of Helm's release, and Namespace that of its objects.
	Release, Namespace string
	// ValuesFiles of the chart, in place of its values.yaml, and Values over them.
	ValuesFiles []string
	Values      api.Values
	// Incomplete reports whether further values are in Secrets or ConfigMaps.
	Incomplete bool
	// Images are replaced in what is rendered, and CommonMetadata is added.
	Images         []kustomize.Image
	CommonMetadata *api.CommonMetadata
}

// A Built is what was built for a policy, or why it was not.
type Built struct {
	// Objects as they are applied, in the order of their files.
	Objects []Object
	// Plain are the objects without the patches that fleetwright adds; nil where it adds none.
	Plain []Object
	// Unread is why the source, or the program that renders it, could not be read here: nobody
	// knows what it holds. It is lower case and ends without a full stop.
	Unread string
	// Failures are what Flux, too, would fail with.
	Failures []Failure
	// Unset are the variables that the manifests name and nothing sets.
	Unset []string
	// Keyless is a Secret that is encrypted for a key, where the policy names no Secret with keys.
	Keyless string

	// index of Objects, once it was asked for.
	index *index
}

// A Failure is why Flux cannot build a source.
type Failure struct {
	// Field of the policy that it is reported at, such as kustomization.path or
	// helm.values.replicas, by its elements.
	Field []any
	// Message says what fails, and Hint what to write instead.
	Message, Hint string
	// Values reports whether the chart's schema refuses the values.
	Values bool
}

// An Object is one that a source builds.
type Object struct {
	APIVersion, Kind string
	// Namespace is "" where the manifest names none, and for what has none.
	Namespace, Name string
	// File that has it, from the root of the source; "" where several make it.
	File string
	// JSON is the whole object.
	JSON []byte
	// read is what [Read] has made of it.
	read *memo
}

// A memo keeps a value of any type.
type memo struct{ value any }

// NewObject returns an object of a file by its JSON.
func NewObject(text []byte, file string) (Object, error) {
	var o struct {
		APIVersion, Kind string
		Metadata         struct{ Namespace, Name string }
	}
	if err := json.Unmarshal(text, &o); err != nil {
		return Object{}, err
	}
	return Object{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Metadata.Namespace, Name: o.Metadata.Name, File: file, JSON: text, read: &memo{}}, nil
}

// Group returns the API group of the object, "" for the core.
func (o *Object) Group() string {
	group, _, ok := strings.Cut(o.APIVersion, "/")
	if !ok {
		return ""
	}
	return group
}

// Identity returns what the object is called on a cluster, in a namespace where it names none.
func (o *Object) Identity(namespace string) manifest.Identity {
	return manifest.Identity{Group: o.Group(), Kind: o.Kind, Namespace: cmp.Or(o.Namespace, namespace), Name: o.Name}
}

// Manifests are what was built, by policy.
type Manifests map[Key]*Built
