package sources

import (
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fleetwright/fleetwright/render/source"
	"github.com/fleetwright/fleetwright/schema/api"
)

const withVariables = `
-- deploy/configmap.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: "${NAME}", namespace: web}
data: {region: "${REGION:=eu}", shell: "$${HOME} $1 $(date)", lines: "${LINES}"}
-- deploy/script.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: script, namespace: web, annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}
data: {run: "echo ${PATH}"}
`

// TestVariablesAreSubstituted checks that variables are substituted as by kustomize-controller, and that
// those without a value are listed.
func TestVariablesAreSubstituted(t *testing.T) {
	build := func(p *api.PostBuild) *source.Built {
		return buildOne(t, filesOf(t, withVariables), source.Kustomization{Path: "deploy", PostBuild: p}, nil, nil)
	}
	built := build(&api.PostBuild{Substitute: map[string]string{"NAME": "a", "LINES": "b\nc"}})
	if got, want := list(built.Objects), "ConfigMap web/a deploy/configmap.yaml\nConfigMap web/script deploy/script.yaml"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for i, want := range []string{`"data":{"lines":"bc","region":"eu","shell":"${HOME} $1 $(date)"}`, `"run":"echo ${PATH}"`} {
		if got := string(built.Objects[i].JSON); !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	if len(built.Unset) > 0 {
		t.Errorf("nothing sets %v", built.Unset)
	}
	if got := build(&api.PostBuild{Substitute: map[string]string{"NAME": "a"}}).Unset; !slices.Equal(got, []string{"LINES"}) {
		t.Errorf("nothing sets %v, want LINES", got)
	}
	from := []api.SubstituteReference{{Kind: "ConfigMap", Name: "vars"}}
	if got := build(&api.PostBuild{SubstituteFrom: from}).Unread; !strings.Contains(got, "substituteFrom") {
		t.Errorf("what only the cluster knows is read: %q", got)
	}
	known := &api.PostBuild{SubstituteFrom: from, Substitute: map[string]string{"NAME": "a", "LINES": "b", "REGION": "us"}}
	if got := build(known); got.Unread != "" || len(got.Objects) != 2 {
		t.Errorf("what is known is not read: %q", got.Unread)
	}
	for _, p := range []*api.PostBuild{nil, {}} {
		if got := list(build(p).Objects); !strings.Contains(got, "web/${NAME}") {
			t.Errorf("without variables Flux substitutes nothing: %s", got)
		}
	}
	broken := buildOne(t, filesOf(t, strings.ReplaceAll(withVariables, "${LINES}", "${A[0]}")), source.Kustomization{Path: "deploy", PostBuild: &api.PostBuild{SubstituteStrategy: "Always"}}, nil, nil)
	if len(broken.Failures) != 1 || broken.Failures[0].Field[1] != "postBuild" {
		t.Errorf("what Flux cannot substitute is not a failure: %+v", broken)
	}
}

// TestFieldsThatChangeABuild checks names, missing components, and directories that are not fetched.
func TestFieldsThatChangeABuild(t *testing.T) {
	f := filesOf(t, `
-- deploy/kustomization.yaml --
resources: [deployment.yaml]
-- deploy/deployment.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend, namespace: web}
spec: {replicas: 2}
-- other/configmap.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: web}
`)
	added := []kustomize.Patch{{Target: &kustomize.Selector{Kind: "Deployment", Name: "backend"}, Patch: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: backend}\nspec: {replicas: null}\n"}}
	built := buildOne(t, f, source.Kustomization{Path: "deploy", NamePrefix: "a-", NameSuffix: "-b", Components: []string{"../tls"}, IgnoreMissingComponents: true}, nil, added)
	if got, want := list(built.Objects), "Deployment web/a-backend-b deploy/deployment.yaml"; got != want {
		t.Fatalf("got %q, want %q: %+v", got, want, built.Failures)
	}
	if text := string(built.Objects[0].JSON); strings.Contains(text, "replicas") {
		t.Errorf("a patch of the name in the manifest has not met %s", text)
	}
	b := source.Build{
		Source:        &api.ApplicationSource{GitRepository: &api.GitRepository{SparseCheckout: []string{"./deploy"}}},
		Kustomization: &source.Kustomization{Path: "other"},
	}
	sparse := Build(t.Context(), []source.Build{b}, func(*source.Build) (*Files, string) { return f, "" })[b.Key]
	if len(sparse.Failures) != 1 || !strings.Contains(sparse.Failures[0].Message, "the path other is not in the source") {
		t.Errorf("a directory is there that is not fetched: %+v", sparse)
	}
}

// TestEncryptedSecrets checks that encrypted Secrets need a decryption, and those for age or PGP keys a
// Secret with the key.
func TestEncryptedSecrets(t *testing.T) {
	encrypted := func(keys string) string {
		return "-- s.yaml --\napiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: web}\nstringData: {b: c}\nsops: {" + keys + "}\n"
	}
	const age = "age: [{recipient: age1}]"
	for _, tt := range []struct {
		keys     string
		d        *api.Decryption
		keyless  string
		failures int
	}{
		{age, nil, "", 1},
		{age, &api.Decryption{Provider: "sops"}, "a", 0},
		{age, &api.Decryption{Provider: "sops", SecretRef: &api.LocalReference{Name: "k"}}, "", 0},
		{age + ", kms: [{arn: a}]", &api.Decryption{Provider: "sops"}, "", 0},
		{"azure_kv: [{name: a}]", &api.Decryption{Provider: "sops"}, "", 0},
	} {
		built := buildOne(t, filesOf(t, encrypted(tt.keys)), source.Kustomization{Decryption: tt.d}, nil, nil)
		if built.Keyless != tt.keyless || len(built.Failures) != tt.failures {
			t.Errorf("%s, %+v: %+v", tt.keys, tt.d, built)
		}
	}
}
