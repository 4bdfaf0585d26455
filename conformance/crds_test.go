package conformance

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	flaggerv1 "github.com/fluxcd/flagger/pkg/apis/flagger/v1beta1"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"

	"github.com/fleetwright/fleetwright/conformance/internal/crds"
	"github.com/fleetwright/fleetwright/conformance/internal/kube"
)

// sharedCRDs is a folder that may hold CRDs that no Go module has, such as Kuma's.
const sharedCRDs = "../../shared/crds"

func files(t *testing.T, get func() ([]string, error)) []string {
	t.Helper()
	names, err := get()
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func made(m crds.Made) func() ([]string, error) {
	return func() ([]string, error) { return m.Files(toolsDir) }
}

// released returns the CRDs of new and old versions of Flux, Flagger and Gateway API, and those of the folder
// next to the repository if it exists.
func released(t *testing.T) map[string]*crds.Set {
	t.Helper()
	sets := map[string][]string{
		"Flux 2.9, Flagger 1.44": slices.Concat(files(t, crds.Kustomize.Files), files(t, crds.Sources.Files), files(t, made(crds.Helm)), files(t, crds.Flagger.Files), files(t, crds.Gateway.Files)),
		"Flux 2.6, Flagger 1.36": slices.Concat(files(t, made(crds.Flux26)), files(t, crds.Flagger36.Files), files(t, crds.Gateway14.Files)),
	}
	if shared, _ := filepath.Glob(filepath.Join(sharedCRDs, "*/*.yaml")); len(shared) > 0 {
		sets["the folder of CRDs"] = slices.Concat(shared, files(t, crds.Gateway.Files))
	}
	loaded := map[string]*crds.Set{}
	for name, files := range sets {
		set, err := crds.Load(files...)
		if err != nil {
			t.Fatal(err)
		}
		loaded[name] = set
	}
	return loaded
}

// newer lists the fields set by everyField that an older CRD lacks, except Flux's: TestFieldsOfReleases
// covers those.
var newer = map[string][]string{
	"Flux 2.6, Flagger 1.36": {"spec.analysis.webhooks[0].disableTLS: unknown field", "spec.provider.headers: unknown field"},
}

// TestPublishedCRDs validates every object of every golden tree with the code of the API server.
// TestBrokenObjectsAreRefused shows what it can find.
func TestPublishedCRDs(t *testing.T) {
	sets := released(t)
	for _, example := range examples(t) {
		tree := golden(t, example)
		for name, set := range sets {
			for _, o := range tree.all(t) {
				if !isCustom(o.Object) || !set.Has(o.Object) && isKuma(o.Object) {
					continue
				}
				t.Run(strings.Join([]string{example, name, o.server, kube.ID(o.Object)}, "/"), func(t *testing.T) {
					record(t, "1. published CRDs: "+name)
					for _, why := range set.Validate(o.Object) {
						if example != everyField || !slices.Contains(newer[name], why) && !(newer[name] != nil && isFlux(o.Object)) {
							t.Error(why)
						}
					}
				})
			}
		}
	}
}

// gatewayGroup is the group of Gateway API.
const gatewayGroup = "gateway.networking.k8s.io"

// isCustom reports whether a CRD defines the object's kind. The built-in API groups have no dot or end in
// k8s.io; Gateway API's also ends in k8s.io.
func isCustom(o *kube.Object) bool {
	group := o.GroupVersionKind().Group
	return group == gatewayGroup || strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io")
}

func isFlux(o *kube.Object) bool {
	return strings.HasSuffix(o.GroupVersionKind().Group, ".toolkit.fluxcd.io")
}

func isKuma(o *kube.Object) bool { return o.GroupVersionKind().Group == "kuma.io" }

// TestGoTypes decodes every object of Flux's and Flagger's kinds strictly into its Go type.
func TestGoTypes(t *testing.T) {
	kinds := map[string]map[string]func() any{
		"Flux": {
			"HelmRelease":    func() any { return new(helmv2.HelmRelease) },
			"Kustomization":  func() any { return new(kustomizev1.Kustomization) },
			"GitRepository":  func() any { return new(sourcev1.GitRepository) },
			"HelmRepository": func() any { return new(sourcev1.HelmRepository) },
			"OCIRepository":  func() any { return new(sourcev1.OCIRepository) },
		},
		"Flagger": {
			"Canary":         func() any { return new(flaggerv1.Canary) },
			"MetricTemplate": func() any { return new(flaggerv1.MetricTemplate) },
			"AlertProvider":  func() any { return new(flaggerv1.AlertProvider) },
		},
	}
	seen := map[string]bool{}
	for _, example := range examples(t) {
		for _, o := range golden(t, example).all(t) {
			var project string
			switch group := o.GroupVersionKind().Group; {
			case strings.HasSuffix(group, ".toolkit.fluxcd.io"):
				project = "Flux"
			case group == "flagger.app":
				project = "Flagger"
			default:
				continue
			}
			seen[o.GetKind()] = true
			t.Run(strings.Join([]string{example, o.server, kube.ID(o.Object)}, "/"), func(t *testing.T) {
				record(t, "1. Go types of "+project)
				newType, ok := kinds[project][o.GetKind()]
				if !ok {
					t.Fatalf("no Go type for %s", o.GetKind())
				}
				if err := decodeStrictly(o.Object, newType()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	for _, types := range kinds {
		for kind := range types {
			if !seen[kind] {
				t.Errorf("no example has a %s", kind)
			}
		}
	}
}

func decodeStrictly(o *kube.Object, into any) error {
	data, err := o.MarshalJSON()
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// TestBrokenObjectsAreRefused breaks one object of each kind in several ways, to show that the checks above
// can fail.
func TestBrokenObjectsAreRefused(t *testing.T) {
	sets := released(t)
	for _, tt := range []struct {
		example, cluster, id string
		path                 []string
		value                any
	}{
		{"kuma-rollout", "kurator-member1", "Kustomization default/rollout-kuma-demo-0", []string{"spec", "intervall"}, "1m"},
		{"kuma-rollout", "kurator-member1", "Kustomization default/rollout-kuma-demo-0", []string{"spec", "interval"}, "1 minute"},
		{"kuma-rollout", "kurator-member1", "Kustomization default/rollout-kuma-demo-0", []string{"spec", "sourceRef", "kind"}, "HelmRepository"},
		{"kuma-rollout", "kurator-member1", "GitRepository default/rollout-kuma-demo", []string{"spec", "timeout"}, "1h"},
		{"kuma-rollout", "kurator-member1", "GitRepository default/rollout-kuma-demo", []string{"spec", "gitImplementation"}, "libgit2"},
		{"kuma-rollout", "kurator-member1", "HelmRepository kuma-system/flagger", []string{"spec", "url"}, "ftp://example.com"},
		{"kuma-rollout", "kurator-member1", "HelmRelease kuma-system/flagger", []string{"spec", "chartRef"}, map[string]any{"kind": "OCIRepository", "name": "x"}},
		{"kuma-rollout", "kurator-member1", "HelmRelease kuma-system/flagger", []string{"spec", "install", "crds"}, "Sometimes"},
		{"kuma-rollout", "kurator-member1", "Canary webapp/backend", []string{"spec", "analysis", "interval"}, "1h"},
		{"kuma-rollout", "kurator-member1", "Canary webapp/backend", []string{"spec", "service", "port"}, "http"},
		{"kuma-rollout", "kurator-member1", "Canary webapp/backend", []string{"spec", "analysis", "stepWeights"}, []any{int64(1)}},
		{"kuma-rollout", "kurator-member1", "MetricTemplate webapp/backend.kuma-request-success-rate", []string{"spec", "provider", "type"}, "abacus"},
		{"helm-oci", "kurator-member1", "OCIRepository default/podinfo", []string{"spec", "layerSelector", "operation"}, "unpack"},
		{"helm-oci", "kurator-member1", "OCIRepository default/podinfo", []string{"spec", "gitImplementation"}, "libgit2"},
		{"hub", "host", "HelmRelease default/dashboard-attachedcluster-kurator-member1", []string{"spec", "kubeConfig", "configMapRef"}, map[string]any{"name": "x"}},
		{everyField, "one", "AlertProvider web/chat", []string{"spec", "address"}, "https://example.com"},
		{everyField, "one", "AlertProvider web/chat", []string{"spec", "type"}, "pigeon"},
	} {
		objects := golden(t, tt.example).objects(t, tt.cluster)
		for name, schemas := range sets {
			t.Run(name+"/"+tt.id+"/"+strings.Join(tt.path, "."), func(t *testing.T) {
				record(t, "1. broken objects are refused")
				o, ok := objects[tt.id]
				if !ok {
					t.Fatalf("no %s among %q", tt.id, slices.Sorted(maps.Keys(objects)))
				}
				o = o.DeepCopy()
				set(t, o.Object, tt.value, tt.path...)
				if refused := schemas.Validate(o); len(refused) == 0 {
					t.Error("the broken object is accepted")
				}
			})
		}
	}
}
