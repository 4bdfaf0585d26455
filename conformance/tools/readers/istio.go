package main

import (
	"encoding/json"
	"log"

	networking "istio.io/api/networking/v1alpha3"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/gvk"
	"istio.io/istio/pkg/config/validation"
	"istio.io/istio/pkg/util/protomarshal"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// readByIstio validates the objects that Flagger creates for Istio, as istiod's webhook does.
func readByIstio(objects []unstructured.Unstructured, a *answer) {
	for _, o := range objects {
		meta := config.Meta{Name: o.GetName(), Namespace: o.GetNamespace(), Labels: o.GetLabels(), Annotations: o.GetAnnotations()}
		data, err := json.Marshal(o.Object["spec"])
		if err != nil {
			log.Fatal(err)
		}
		var validate validation.ValidateFunc
		var spec config.Spec
		switch o.GetKind() {
		case "VirtualService":
			s := &networking.VirtualService{}
			a.refuse("Istio's Go type of VirtualService", protomarshal.ApplyJSONStrict(string(data), s))
			meta.GroupVersionKind, spec, validate = gvk.VirtualService, s, validation.ValidateVirtualService
		case "DestinationRule":
			s := &networking.DestinationRule{}
			a.refuse("Istio's Go type of DestinationRule", protomarshal.ApplyJSONStrict(string(data), s))
			meta.GroupVersionKind, spec, validate = gvk.DestinationRule, s, validation.ValidateDestinationRule
		default:
			log.Fatalf("no validation for kind %s", o.GetKind())
		}
		_, err = validate(config.Config{Meta: meta, Spec: spec})
		a.refuse("istiod's validation of "+o.GetKind(), err)
	}
}
