package conformance

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"

	"github.com/fleetwright/fleetwright/conformance/internal/crds"
	"github.com/fleetwright/fleetwright/conformance/internal/kube"
)

// sharedCRDs may hold CRDs that no Go module has: Kuma's.
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

// released are the CRDs of two ages of Flux and Flagger, and those of the folder
// beside the repository where it is there.
func released(t *testing.T) map[string]*crds.Set {
	t.Helper()
	sets := map[string][]string{
		"Flux 2.9, Flagger 1.44": slices.Concat(files(t, crds.Kustomize.Files), files(t, crds.Sources.Files), files(t, made(crds.Helm)), files(t, crds.Flagger.Files)),
		"Flux 2.6, Flagger 1.36": slices.Concat(files(t, made(crds.Flux26)), files(t, crds.Flagger36.Files)),
	}
	if shared, _ := filepath.Glob(filepath.Join(sharedCRDs, "*/*.yaml")); len(shared) > 0 {
		sets["the folder of CRDs"] = shared
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

// TestPublishedCRDs validates every object of every golden tree with the code of
// the API server. TestBrokenObjectsAreRefused shows what it sees.
func TestPublishedCRDs(t *testing.T) {
	sets := released(t)
	for _, example := range examples(t) {
		tree := golden(t, example)
		for name, set := range sets {
			for _, cluster := range tree.clusters() {
				for id, o := range tree.objects(t, cluster) {
					if !isCustom(o) || !set.Has(o) && isKuma(o) {
						continue
					}
					t.Run(strings.Join([]string{example, name, cluster, id}, "/"), func(t *testing.T) {
						record(t, "1. published CRDs: "+name)
						for _, why := range set.Validate(o) {
							t.Errorf("%s: %s", id, why)
						}
					})
				}
			}
		}
	}
}

// isCustom says whether a CRD makes the object's kind.
func isCustom(o *kube.Object) bool {
	group := o.GroupVersionKind().Group
	return group != "" && group != "apps"
}

func isKuma(o *kube.Object) bool { return o.GroupVersionKind().Group == "kuma.io" }

// TestFluxTypes decodes every object of Flux' kinds strictly into Flux' own type.
func TestFluxTypes(t *testing.T) {
	types := map[string]func() any{
		"HelmRelease":    func() any { return new(helmv2.HelmRelease) },
		"Kustomization":  func() any { return new(kustomizev1.Kustomization) },
		"GitRepository":  func() any { return new(sourcev1.GitRepository) },
		"HelmRepository": func() any { return new(sourcev1.HelmRepository) },
	}
	for _, example := range examples(t) {
		tree := golden(t, example)
		for _, cluster := range tree.clusters() {
			for id, o := range tree.objects(t, cluster) {
				if !strings.HasSuffix(o.GroupVersionKind().Group, ".toolkit.fluxcd.io") {
					continue
				}
				t.Run(strings.Join([]string{example, cluster, id}, "/"), func(t *testing.T) {
					record(t, "1. Flux' Go types")
					newType, ok := types[o.GetKind()]
					if !ok {
						t.Fatalf("there is no Go type of %s", o.GetKind())
					}
					if err := decodeStrictly(o, newType()); err != nil {
						t.Error(err)
					}
				})
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

// TestBrokenObjectsAreRefused breaks one object of each kind in several ways, so
// that the checks above are known to see what they are for.
func TestBrokenObjectsAreRefused(t *testing.T) {
	tree := golden(t, "kuma-rollout")
	objects := tree.objects(t, "kurator-member1")
	sets := released(t)
	for _, tt := range []struct {
		id    string
		path  []string
		value any
	}{
		{"Kustomization default/rollout-kuma-demo-0", []string{"spec", "intervall"}, "1m"},
		{"Kustomization default/rollout-kuma-demo-0", []string{"spec", "interval"}, "1 minute"},
		{"Kustomization default/rollout-kuma-demo-0", []string{"spec", "sourceRef", "kind"}, "HelmRepository"},
		{"GitRepository default/rollout-kuma-demo", []string{"spec", "timeout"}, "1h"},
		{"GitRepository default/rollout-kuma-demo", []string{"spec", "gitImplementation"}, "libgit2"},
		{"HelmRepository kuma-system/flagger", []string{"spec", "url"}, "ftp://example.com"},
		{"HelmRelease kuma-system/flagger", []string{"spec", "chartRef"}, map[string]any{"kind": "OCIRepository", "name": "x"}},
		{"HelmRelease kuma-system/flagger", []string{"spec", "install", "crds"}, "Sometimes"},
		{"Canary webapp/backend", []string{"spec", "analysis", "interval"}, "1h"},
		{"Canary webapp/backend", []string{"spec", "service", "port"}, "http"},
		{"Canary webapp/backend", []string{"spec", "analysis", "stepWeights"}, []any{int64(1)}},
		{"MetricTemplate webapp/backend.kuma-request-success-rate", []string{"spec", "provider", "type"}, "abacus"},
	} {
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
					t.Error("it is accepted")
				}
			})
		}
	}
}
