package flux

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render/place"
	"github.com/fleetwright/fleetwright/render/settings"
	"github.com/fleetwright/fleetwright/schema"
)

// since lists the versions of Flux that added features after 2.6: a field, a value of one, or that
// a field is optional. They are the differences of the CRDs of its releases
// (controlplaneio-fluxcd/flux-operator config/data/flux/<version>/, 2.6.0 to 2.9.5). TestFieldsOfReleases in
// conformance compares the two.
var since = []struct {
	field, value string
	optional     bool
	version      settings.MinorVersion
}{
	{field: "kustomization.dependsOn[].readyExpr", version: flux27},
	{field: "kustomization.ignoreMissingComponents", version: flux27},
	{field: "kustomization.buildMetadata", version: flux29},
	{field: "kustomization.healthCheckExprs[].kind", optional: true, version: flux29},
	{field: "kustomization.ignore", version: flux29},
	{field: "kustomization.postBuild.substituteStrategy", version: flux29},
	{field: "helm.commonMetadata", version: flux27},
	{field: "helm.dependsOn[].readyExpr", version: flux27},
	{field: "helm.install.strategy", version: flux27},
	{field: "helm.upgrade.strategy", version: flux27},
	{field: "helm.healthCheckExprs", version: flux28},
	{field: "helm.install.serverSideApply", version: flux28},
	{field: "helm.upgrade.serverSideApply", version: flux28},
	{field: "helm.rollback.serverSideApply", version: flux28},
	{field: "helm.waitStrategy", version: flux28},
	{field: "helm.healthCheckExprs[].kind", optional: true, version: flux29},
	{field: "helm.postRenderStrategy", version: flux29},
	{field: "helm.upgrade.chartNameChangeStrategy", version: flux29},
	{field: "helm.valuesFrom[].literal", version: flux29},
	{field: "gitRepository.serviceAccountName", version: flux27},
	{field: "gitRepository.provider", value: "aws", version: flux29},
	{field: "ociRepository.verify.trustedRootSecretRef", version: flux29},
	{field: "existing.kind", value: place.ExternalArtifact, version: flux27},
}

var (
	flux27 = settings.MinorVersion{Major: 2, Minor: 7}
	flux28 = settings.MinorVersion{Major: 2, Minor: 8}
	flux29 = settings.MinorVersion{Major: 2, Minor: 9}
)

// StrictSubstitution is the version of Flux from which a variable without a value fails (kustomize-controller
// CHANGELOG, 1.9.0, StrictPostBuildSubstitutions).
var StrictSubstitution = flux29

// checkVersions reports fields that the oldest version of Flux on the clusters does not have. Its API server
// rejects the whole object (a field that is not declared in the schema).
func (c checker) checkVersions() {
	source := schema.Path{"spec", "source"}
	checkSince(c.fields, source, "gitRepository", c.Spec.Source.GitRepository)
	checkSince(c.fields, source, "ociRepository", c.Spec.Source.OCIRepository)
	checkSince(c.fields, source, "existing", c.Spec.Source.Existing)
	for _, p := range c.Policies {
		checkSince(c.fields, p.Path, "kustomization", p.Kustomization)
		checkSince(c.fields, p.Path, "helm", p.Helm)
	}
}

// checkSince reports the fields of a part of a source or a policy that the version does not have. The part may be nil.
func checkSince[T any](f fields, at schema.Path, part string, set *T) {
	v, ok := settings.ParseMinor(f.settings.Flux)
	if !ok || !v.Less(flux29) || set == nil {
		return
	}
	at, object := at.With(part), reflect.ValueOf(set)
	var refused []string
	for i, way := range waysTo(part, object.Type().Elem()) {
		row := &since[i]
		if way == nil || !v.Less(row.version) {
			continue
		}
		way.walk(object.Elem(), at, func(at schema.Path, field reflect.Value) {
			name := fmt.Sprint(at[len(at)-1])
			found := name
			switch set := !field.IsZero(); {
			case row.value != "" && field.String() != row.value, row.optional == set:
				return
			case row.value != "":
				found = name + ": " + row.value
			case row.optional:
				at, found = at[:len(at)-1], "an expression without a "+name
			}
			if slices.ContainsFunc(refused, func(above string) bool { return strings.HasPrefix(at.String(), above) }) {
				return // with its parent
			}
			refused = append(refused, at.String())
			f.add(diag.NeedsNewerFlux, at, fmt.Sprintf("%s needs Flux %s, but versions.flux is %s: the API server of an older Flux rejects the whole object", found, row.version, f.settings.Flux),
				fmt.Sprintf("remove it, or write versions: {flux: %q} in the RenderConfig once every cluster runs it", row.version))
		})
	}
}

// A way leads from a struct to a field of one below it.
type way []step

// A step goes to a field of a struct, by its name and index, or to each item of a list.
type step struct {
	name  string
	index []int
}

// waysTo returns the way to the field of each row of since, from the struct of a part, or nil for the rows of
// other parts.
func waysTo(part string, t reflect.Type) []way {
	if known, ok := ways.Load(t); ok {
		return known.([]way)
	}
	all := make([]way, len(since))
	for i, row := range since {
		if field, ok := strings.CutPrefix(row.field, part+"."); ok {
			all[i] = wayTo(t, strings.Split(strings.ReplaceAll(field, "[]", ".[]"), "."))
		}
	}
	ways.Store(t, all)
	return all
}

// ways caches waysTo.
var ways sync.Map // reflect.Type → []way

func wayTo(t reflect.Type, elements []string) (w way) {
	for _, name := range elements {
		if t.Kind() == reflect.Pointer || name == "[]" {
			t = t.Elem()
		}
		if name == "[]" {
			w = append(w, step{})
			continue
		}
		fields := schema.FieldsOf(t)
		f := slices.IndexFunc(fields, func(f schema.Field) bool { return f.Name == name })
		if f < 0 {
			return nil
		}
		w = append(w, step{name, fields[f].Index})
		t = t.FieldByIndex(fields[f].Index).Type
	}
	return w
}

// walk visits the fields that the way leads to, set or not, with their paths.
func (w way) walk(v reflect.Value, at schema.Path, visit func(schema.Path, reflect.Value)) {
	if v.Kind() == reflect.Pointer && len(w) > 0 {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	switch {
	case len(w) == 0:
		visit(at, v)
	case w[0].index == nil:
		for i := range v.Len() {
			w[1:].walk(v.Index(i), at.With(i), visit)
		}
	default:
		w[1:].walk(v.FieldByIndex(w[0].index), at.With(w[0].name), visit)
	}
}
