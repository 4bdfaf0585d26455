package render_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// ownArtifacts returns a RenderConfig with an ociRepository that has further fields next to its URL and
// interval.
func ownArtifacts(more string) schema.File {
	return config("  sourceRef: {kind: OCIRepository}\n  ociRepository: {url: oci://fleetwright/fleet, interval: 5m" + more + "}\n")
}

// TestOCIPaths checks that the directory of a cluster is the root if an artifact contains one cluster.
func TestOCIPaths(t *testing.T) {
	const oci = "  sourceRef: {kind: OCIRepository}\n"
	for _, tt := range []struct {
		name, config string
		opts         render.Options
		want         string
	}{
		{"no path known", oci, render.Options{}, "./mesh"},
		{"found", oci, render.Options{DefaultPath: "clusters"}, "./mesh"},
		{"found outside of the repository", oci, render.Options{DefaultPath: "../clusters"}, "./mesh"},
		{"set", oci + "  path: clusters\n", render.Options{}, "./clusters/kurator-member1/fleetwright/mesh"},
		{"given", oci, render.Options{Path: "clusters"}, "./clusters/kurator-member1/fleetwright/mesh"},
		{"given as the root", oci, render.Options{Path: "."}, "./kurator-member1/fleetwright/mesh"},
		{"in a bucket", "  sourceRef: {kind: Bucket}\n", render.Options{}, "./kurator-member1/fleetwright/mesh"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree, list := render.Compile(schema.Load(append(example(t, seed), config(tt.config))), tt.opts)
			if tree == nil {
				t.Fatal(text(list))
			}
			if got := at(syncOf(t, tree, "kurator-member1", "mesh"), "spec path"); got != tt.want {
				t.Errorf("the path is %v", got)
			}
			if own := strings.HasPrefix(tt.want, "./mesh"); tree.OwnArtifacts != own || tree.With(nil).OwnArtifacts != own {
				t.Errorf("the tree is of own artifacts: %t", tree.OwnArtifacts)
			}
		})
	}
}

// TestOCIPathsExist checks that each Flux Kustomization for a cluster's directories applies a directory of the
// artifact.
func TestOCIPathsExist(t *testing.T) {
	for name, files := range map[string][]schema.File{
		"pull": append(example(t, seed), ownArtifacts("")),
		"hub":  append(example(t, seed), config("  topology: hub\n  sourceRef: {kind: OCIRepository}\n  ociRepository: {url: oci://fleetwright/fleet, interval: 5m}\n")),
	} {
		for _, cluster := range compile(t, files...).Clusters {
			dirs := map[string]bool{}
			for file := range cluster.Paths() {
				dirs["./"+layout.Stage(file)] = true
			}
			for file := range cluster.Files() {
				for i, o := range file.Objects() {
					if o.Applies == "" {
						continue
					}
					path := at(unmarshal(t, strings.Split(string(file.Content), "\n---\n")[i]), "spec path").(string)
					if !dirs[path] {
						t.Errorf("%s: %s of %s applies %s, which the artifact does not have", name, o, cluster.Name, path)
					}
				}
			}
		}
	}
}

// TestOCIRepositoryOfEachCluster checks that it has every field and that only its URL differs, whatever its
// other texts.
func TestOCIRepositoryOfEachCluster(t *testing.T) {
	files := append(example(t, seed), config(`
  versions: {flux: "2.9"}
  sourceRef: {kind: OCIRepository, name: fleet, namespace: flux}
  ociRepository:
    url: oci://fleetwright/fleet
    ref: {tag: latest}
    layerSelector: {operation: extract}
    provider: aws
    secretRef: {name: login}
    verify: {matchOIDCIdentity: [{issuer: "^https://fleetwright/x$", subject: "^s${}$"}], trustedRootSecretRef: {name: root}}
    serviceAccountName: puller
    certSecretRef: {name: ca}
    proxySecretRef: {name: proxy}
    interval: 1h
    timeout: 60m
    ignore: |
      //fleetwright/
        url: oci://fleetwright/fleet
    insecure: true
    suspend: true
`))
	tree, list := render.Compile(schema.Load(files), render.Options{CheckOutput: true})
	if tree == nil {
		t.Fatal(text(list))
	}
	for _, name := range []string{"kurator-member1", "kurator-member2"} {
		source := get(t, tree, name+"/fleetwright/"+layout.SourceFile)
		wantSpec(t, source, `
url: oci://fleetwright/fleet/`+name+`
ref: {tag: latest}
layerSelector: {operation: extract}
provider: aws
secretRef: {name: login}
verify: {provider: cosign, matchOIDCIdentity: [{issuer: "^https://fleetwright/x$", subject: "^s${}$"}], trustedRootSecretRef: {name: root}}
serviceAccountName: puller
certSecretRef: {name: ca}
proxySecretRef: {name: proxy}
interval: 1h
timeout: 60m
ignore: "//fleetwright/\n  url: oci://fleetwright/fleet\n"
insecure: true
suspend: true
`)
		for path, want := range map[string]any{
			"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository", "metadata name": "fleet", "metadata namespace": "flux",
			"metadata annotations": map[string]any{"kustomize.toolkit.fluxcd.io/prune": "disabled", "kustomize.toolkit.fluxcd.io/substitute": "disabled"},
		} {
			if got := at(source, path); marshal(t, got) != marshal(t, want) {
				t.Errorf("%s is %v, want %v", path, got, want)
			}
		}
		if got := marshal(t, at(get(t, tree, name+"/fleetwright/kustomization.yaml"), "resources")); got != "- source.yaml\n- sync.yaml\n" {
			t.Errorf("the cluster's own Kustomization applies\n%s", got)
		}
		listed := layout.InventoryFiles(contents(tree)[name+"/fleetwright/"+layout.InventoryFile])
		if !slices.Contains(listed, layout.SourceFile) {
			t.Errorf("the inventory lists %v", listed)
		}
	}
	for code, want := range map[diag.Code]string{diag.SecretsNeeded: "flux/ca, flux/login, flux/proxy, flux/root", diag.AccountsNeeded: "flux/puller"} {
		if !slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Code == code && strings.Contains(d.Message, want) }) {
			t.Errorf("%s does not name %s:\n%s", code, want, text(list))
		}
	}
	// Without a ref, the object names the tag that it follows. A hub has only one object.
	tree = compile(t, append(example(t, seed), config("  topology: hub\n  sourceRef: {kind: OCIRepository}\n  ociRepository: {url: oci://fleetwright/fleet, interval: 5m}\n"))...)
	wantSpec(t, get(t, tree, "host/fleetwright/"+layout.SourceFile), "url: oci://fleetwright/fleet/host\nref: {tag: latest}\ninterval: 5m\n")
}

// TestOCIRepositoryIsChecked checks it like that of an Application, and as the source of the clusters.
func TestOCIRepositoryIsChecked(t *testing.T) {
	const oci = "  sourceRef: {kind: OCIRepository}\n"
	repository := func(more string) string {
		return oci + "  ociRepository: {url: oci://registry.example.com/fleet, interval: 5m" + more + "}\n"
	}
	for spec, want := range map[string]string{
		"  ociRepository: {url: oci://registry.example.com/fleet, interval: 5m}\n":             "config.yaml:4:3: error FW233 spec.ociRepository: no cluster syncs from ociRepository: sourceRef.kind is GitRepository",
		repository("") + "  path: clusters\n":                                                  "config.yaml:5:3: error FW233 spec.ociRepository: ociRepository needs one artifact for each cluster, but path: clusters puts all clusters into one",
		repository(", layerSelector: {operation: copy}"):                                       "config.yaml:5:72: error FW233 spec.ociRepository.layerSelector",
		repository(", layerSelector: {mediaType: application/x-tar}"):                          "config.yaml:5:72: error FW233 spec.ociRepository.layerSelector",
		repository(", ref: {digest: \"sha256:" + strings.Repeat("0", 64) + "\"}"):              "config.yaml:5:72: error FW233 spec.ociRepository.ref:",
		repository(", ref: {tag: stable}"):                                                     "config.yaml:5:72: error FW233 spec.ociRepository.ref:",
		repository(", ref: {semver: 1.x}"):                                                     "config.yaml:5:72: error FW233 spec.ociRepository.ref:",
		repository(", verify: {provider: notation}"):                                           "config.yaml:5:91: error FW533 spec.ociRepository.verify.provider",
		repository(", verify: {trustedRootSecretRef: {name: a}}"):                              "config.yaml:5:81: error FW524 spec.ociRepository.verify.trustedRootSecretRef",
		repository(", timeout: 0s"):                                                            "config.yaml:5:81: error FW114 spec.ociRepository.timeout",
		repository(", secretRef: {name: a}"):                                                   "config.yaml:5:90: info FW514 spec.ociRepository.secretRef.name",
		oci + "  ociRepository: {url: oci://registry.example.com/fleet/, interval: 5m}\n":      "config.yaml:5:24: error FW115 spec.ociRepository.url",
		oci + "  ociRepository: {url: 'oci://a:b@registry.example.com/fleet', interval: 5m}\n": "config.yaml:5:24: error FW116 spec.ociRepository.url",
		oci + "  ociRepository: {url: oci://registry.example.com/fleet, interval: 0s}\n":       "config.yaml:5:68: error FW501 spec.ociRepository.interval",
		oci + "  ociRepository: {url: oci://registry.example.com/fleet}\n":                     "config.yaml:5:3: error FW112 spec.ociRepository: interval is missing",
	} {
		wantDiagnostic(t, append(example(t, seed), config(spec)), want)
	}
	// An Application's source of the same name is the same object.
	twice := app("flux-system", "  syncPolicies: [{name: p, "+policy+"}]\n")
	twice.Data = []byte(strings.NewReplacer("gitRepository: {url: https://example.com", "ociRepository: {url: oci://example.com/a", "metadata: {", "metadata: {namespace: flux-system, ").Replace(string(twice.Data)))
	wantDiagnostic(t, []schema.File{twice, ownArtifacts("")}, "flux-system.yaml:5:12: error FW601 spec.source.ociRepository: OCIRepository flux-system/flux-system is also rendered for config.yaml:5:3 on the same cluster")
	_, list := render.Compile(schema.Load(append(example(t, seed), ownArtifacts(""))), render.Options{Path: "clusters"})
	if !slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Code == diag.ClusterSource }) {
		t.Errorf("with --path: got\n%s", text(list))
	}
}
