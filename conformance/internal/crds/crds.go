// Package crds validates objects with the API server's own code, as an API server with their CRDs does.
package crds

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
)

// A Set is the CRDs of a cluster.
type Set struct {
	// Objects are the CRDs, ready to install.
	Objects []*kube.Object

	kinds map[schema.GroupVersionKind]kind
}

type kind struct {
	structural *structuralschema.Structural
	schema     validation.SchemaValidator
	rules      *cel.Validator
}

// Load reads the CRDs in files. It skips documents of other kinds.
func Load(files ...string) (*Set, error) {
	s := &Set{kinds: map[schema.GroupVersionKind]kind{}}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		objects, err := kube.Objects(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, o := range objects {
			if err := s.Add(o); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return s, nil
}

// Add adds a CRD. It skips objects of other kinds.
func (s *Set) Add(o *kube.Object) error {
	if o.GetKind() != "CustomResourceDefinition" {
		return nil
	}
	s.Objects = append(s.Objects, o)
	var crd apiextensionsv1.CustomResourceDefinition
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &crd); err != nil {
		return err
	}
	for _, v := range crd.Spec.Versions {
		if !v.Served {
			continue
		}
		var props apiextensions.JSONSchemaProps
		if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v.Schema.OpenAPIV3Schema, &props, nil); err != nil {
			return err
		}
		structural, err := structuralschema.NewStructural(&props)
		if err != nil {
			return err
		}
		validator, _, err := validation.NewSchemaValidator(&props)
		if err != nil {
			return err
		}
		gvk := schema.GroupVersionKind{Group: crd.Spec.Group, Version: v.Name, Kind: crd.Spec.Names.Kind}
		s.kinds[gvk] = kind{structural, validator, cel.NewValidator(structural, true, celconfig.PerCallLimit)}
	}
	return nil
}

// Has reports whether the set has a CRD for an object.
func (s *Set) Has(o *kube.Object) bool { _, ok := s.kinds[o.GroupVersionKind()]; return ok }

// Validate returns the reasons why an API server would reject an object: fields that the CRD lacks, and
// values that violate its schema or its CEL rules.
func (s *Set) Validate(o *kube.Object) (refused []string) {
	k, ok := s.kinds[o.GroupVersionKind()]
	if !ok {
		return []string{"no CRD for " + o.GroupVersionKind().String()}
	}
	object := o.DeepCopy().Object
	for _, path := range pruning.PruneWithOptions(object, k.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		refused = append(refused, path+": unknown field")
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object, k.structural)
	defaulting.Default(object, k.structural)
	for _, err := range validation.ValidateCustomResource(nil, object, k.schema) {
		refused = append(refused, err.Error())
	}
	if k.rules != nil {
		errs, _ := k.rules.Validate(context.Background(), nil, k.structural, object, nil, celconfig.RuntimeCELCostBudget)
		for _, err := range errs {
			refused = append(refused, err.Error())
		}
	}
	return refused
}
