// Package source describes the contents of an application's source: Flux's build of it for a sync
// policy, as a request that others fulfil, and the built objects, as the rules read them.
// Nothing here is rendered; it is used only for diagnostics.
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

// A Build is Flux's build of the source of an Application for one of its policies. It has
// either a Kustomization or a Chart.
type Build struct {
	Key
	// Source of the Application.
	Source *api.ApplicationSource
	// OfClusters reports whether the source is the Git repository that the clusters sync from.
	OfClusters bool
	// Kustomization describes how kustomize-controller builds a directory, or is nil.
	Kustomization *Kustomization
	// Chart describes how helm-controller renders a chart, or is nil.
	Chart *Chart
	// Patches holds the policy's own patches, and Added those that fleetwright adds after them.
	Patches, Added []kustomize.Patch
}

// A Kustomization has the fields of a Flux Kustomization that change the build.
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

// A Chart has the fields of a HelmRelease that change the rendered objects.
type Chart struct {
	// Path of the chart in a Git source, or its name in a repository of charts.
	Path string
	// Version is the requested range of versions in a repository of charts.
	Version string
	// Release is the name of Helm's release, and Namespace that of its objects.
	Release, Namespace string
	// ValuesFiles of the chart replace its values.yaml, and Values override them.
	ValuesFiles []string
	Values      api.Values
	// Incomplete reports whether further values are in Secrets or ConfigMaps.
	Incomplete bool
	// Images are replaced in the rendered objects, and CommonMetadata is added.
	Images         []kustomize.Image
	CommonMetadata *api.CommonMetadata
}

// A Built is the result of a policy's build, or the reason why there is none.
type Built struct {
	// Objects holds the objects as they are applied, in the order of their files.
	Objects []Object
	// Plain holds the objects without the patches that fleetwright adds, or nil if it adds none.
	Plain []Object
	// Unread is the reason why the source, or the program that renders it, could not be read here, so that its
	// contents are unknown. It is lower case and ends without a full stop.
	Unread string
	// Failures are the errors that Flux would also report.
	Failures []Failure
	// Unset holds the variables in the manifests without a value.
	Unset []string
	// Keyless is a Secret that is encrypted although the policy names no Secret with keys.
	Keyless string

	// index of Objects, created on first use.
	index *index
}

// A Failure is why Flux cannot build a source.
type Failure struct {
	// Field is the path of the policy's field at which the failure is reported, such as kustomization.path or
	// helm.values.replicas.
	Field []any
	// Message describes the failure, and Hint the fix.
	Message, Hint string
	// Values reports whether the chart's schema rejects the values.
	Values bool
}

// An Object is an object that a source builds.
type Object struct {
	APIVersion, Kind string
	// Namespace is "" if the manifest sets none, and for cluster-scoped objects.
	Namespace, Name string
	// File is the path of the object's file from the root of the source, or "" if several files make it.
	File string
	// JSON is the whole object.
	JSON []byte
	// read holds the result of [Read].
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

// Identity returns the identity of the object on a cluster; namespace is the default.
func (o *Object) Identity(namespace string) manifest.Identity {
	return manifest.Identity{Group: o.Group(), Kind: o.Kind, Namespace: cmp.Or(o.Namespace, namespace), Name: o.Name}
}

// Manifests holds the builds, by policy.
type Manifests map[Key]*Built
