package source

import (
	"slices"
	"testing"

	"github.com/fleetwright/fleetwright/render/manifest"
)

// object decodes an object from JSON.
func object(t *testing.T, text string) Object {
	t.Helper()
	o, err := NewObject([]byte(text), "all.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestGetFindsObjectsByTheirNamespace(t *testing.T) {
	unnamed := object(t, `{"apiVersion":"v1","kind":"Service","metadata":{"name":"shop"}}`)
	named := object(t, `{"apiVersion":"v1","kind":"Service","metadata":{"name":"shop","namespace":"other"}}`)
	set := &Set{
		Built: &Built{Objects: []Object{unnamed}}, DefaultNamespace: "shop",
		Others: []Other{{Built: &Built{Objects: []Object{unnamed, named}}, DefaultNamespace: "cart"}},
	}
	for namespace, own := range map[string]bool{"shop": true, "cart": false, "other": false} {
		id := manifest.Identity{Kind: "Service", Namespace: namespace, Name: "shop"}
		if found := set.Get(id); found == nil || found.ID != id || set.IsOwn(id) != own {
			t.Errorf("in namespace %s: found %+v, want one that is the rollout's own: %t", namespace, found, own)
		}
	}
	if found := set.Get(manifest.Identity{Kind: "Service", Namespace: "default", Name: "shop"}); found != nil {
		t.Errorf("in namespace default: found %s, want none", found.ID)
	}
	if all := slices.Collect(set.Find("", "Service")); len(all) != 3 || all[0].ID.Namespace != "shop" {
		t.Errorf("found %v, want the rollout's own Service and two", all)
	}
}

func TestReadDecodesOnce(t *testing.T) {
	o := object(t, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"shop"},"spec":{"replicas":2}}`)
	copied := o
	first, again := Read[Workload](&o), Read[Workload](&copied)
	if first == nil || first != again || *first.Spec.Replicas != 2 {
		t.Errorf("read %p, then %p, want one Workload with 2 replicas", first, again)
	}
}

func TestReadRejectsOtherShapes(t *testing.T) {
	o := object(t, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"shop"},"spec":{"replicas":"two"}}`)
	for range 2 {
		if w := Read[Workload](&o); w != nil {
			t.Errorf("read %+v, want none", w)
		}
	}
}

func TestGetPlainOmitsAddedPatches(t *testing.T) {
	plain := object(t, `{"apiVersion":"v1","kind":"Service","metadata":{"name":"shop"}}`)
	id := manifest.Identity{Kind: "Service", Namespace: "shop", Name: "shop"}
	if o := (&Set{Built: &Built{Plain: []Object{plain}}, DefaultNamespace: "shop"}).GetPlain(id); o == nil {
		t.Error("found none of those without patches")
	}
	if o := (&Set{Built: &Built{Objects: []Object{plain}}, DefaultNamespace: "shop"}).GetPlain(id); o == nil {
		t.Error("found none without added patches")
	}
	if o := (&Set{Built: &Built{Objects: []Object{plain}, Plain: []Object{}}, DefaultNamespace: "shop"}).GetPlain(id); o != nil {
		t.Error("found one that only patches make")
	}
}
