package conformance

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"path"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/layout"
	"github.com/fleetwright/fleetwright/schema"
)

// withFields has a policy for each Flux field that changes the applied objects. The second Application's must
// fail.
const withFields = `
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {name: fields, namespace: default}
spec:
  source: {gitRepository: {url: https://example.com/fields, interval: 1m}}
  syncPolicies:
  - name: substituted
    kustomization:
      {path: ./substituted, interval: 10m, prune: true, targetNamespace: default, namePrefix: a-, nameSuffix: -z,
       postBuild: {substitute: {REGION: eu}, substituteFrom: [{kind: ConfigMap, name: variables}]}}
  - name: decrypted
    kustomization: {path: ./decrypted, interval: 10m, prune: true, targetNamespace: default, decryption: {provider: sops, secretRef: {name: keys}}}
  - name: permitted
    kustomization: {path: ./impersonated, interval: 10m, prune: true, targetNamespace: default, serviceAccountName: deployer}
---
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {name: denied, namespace: default}
spec:
  source: {gitRepository: {url: https://example.com/fields, interval: 1m}}
  syncPolicies:
  - name: denied
    kustomization: {path: ./impersonated, interval: 10m, retryInterval: 5s, prune: true, targetNamespace: default, namePrefix: denied-, serviceAccountName: reader}
`

// deployer is a ServiceAccount that may apply ConfigMaps.
const deployer = `
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: deployer, namespace: default}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: deployer, namespace: default}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get, list, watch, create, patch, delete]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployer, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer}
subjects: [{kind: ServiceAccount, name: deployer, namespace: default}]
`

// TestFluxReadsItsFields checks that the real kustomize-controller substitutes variables, decrypts a Secret
// with an age key, and impersonates two ServiceAccounts, one of which must not apply a ConfigMap.
func TestFluxReadsItsFields(t *testing.T) {
	t.Parallel()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	configMap := func(name, data string) []byte {
		return []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: " + data + "\n")
	}
	repository := tree{
		"substituted/configmap.yaml":  configMap("substituted", `{region: "${REGION}", zone: "${ZONE}", tier: "${TIER:=gold}", shell: "$${HOME}"}`),
		"decrypted/secret.yaml":       encryptedSecret(t, identity.Recipient(), "password"),
		"impersonated/configmap.yaml": configMap("impersonated", "{a: b}"),
	}
	c := startFluxOf(t, application{
		source:     types.NamespacedName{Namespace: "default", Name: "fields"},
		repository: func(*testing.T) tree { return repository },
	}, nil, compiledOf(t, withFields), "host", func(c *fluxCluster) {
		c.world.Push(t, "default", "denied", repository)
		applyAll(t, c.Client, `
{apiVersion: v1, kind: ConfigMap, metadata: {name: variables, namespace: default}, data: {ZONE: b}}
---
{apiVersion: v1, kind: Secret, metadata: {name: keys, namespace: default}, stringData: {identity.agekey: `+identity.String()+`}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: reader, namespace: default}}
`+deployer)
	})
	for _, policy := range []string{"substituted", "decrypted", "permitted"} {
		c.eventually(t, policy, "True", "Applied revision")
	}
	t.Run("substitutes", func(t *testing.T) {
		record(t, "3. Flux: substitutes, and adds a prefix and a suffix")
		has(t, c.Client, "ConfigMap", "default", "a-substituted-z", map[string]string{"region": "eu", "zone": "b", "tier": "gold", "shell": "${HOME}"})
	})
	t.Run("decrypts", func(t *testing.T) {
		record(t, "3. Flux: decrypts with a key of age")
		has(t, c.Client, "Secret", "default", "decrypted", map[string]string{"token": base64.StdEncoding.EncodeToString([]byte("password"))})
	})
	t.Run("impersonates", func(t *testing.T) {
		record(t, "3. Flux: impersonates, and fails without the right")
		has(t, c.Client, "ConfigMap", "default", "impersonated", map[string]string{"a": "b"})
		c.eventually(t, "denied", "False", `User "system:serviceaccount:default:reader" cannot`)
	})
}

// onASpoke is a policy that a hub applies to the cluster one.
const onASpoke = `
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {name: fields, namespace: default}
spec:
  source: {gitRepository: {url: https://example.com/fields, interval: 1m}}
  destination: {fleet: f}
  syncPolicies:
  - name: permitted
    kustomization:
      {path: ., interval: 10m, retryInterval: 5s, prune: true, targetNamespace: web, serviceAccountName: deployer,
       postBuild: {substituteFrom: [{kind: ConfigMap, name: variables}]}}
---
apiVersion: fleet.kurator.dev/v1alpha1
kind: Fleet
metadata: {name: f, namespace: default}
spec: {clusters: [{kind: AttachedCluster, name: one}]}
---
apiVersion: cluster.kurator.dev/v1alpha1
kind: AttachedCluster
metadata: {name: one, namespace: default}
spec: {kubeconfig: {name: one, key: kubeconfig}}
---
apiVersion: fleetwright.dev/v1alpha1
kind: RenderConfig
spec: {topology: hub}
`

// TestHubReadsAndSpokeImpersonates checks FW520 and FW525: the ConfigMap of a hub's policy is read on the
// hub, and its ServiceAccount is used on the target cluster.
func TestHubReadsAndSpokeImpersonates(t *testing.T) {
	t.Parallel()
	record(t, "3. Flux: a hub reads its own objects, and impersonates on the spoke")
	c := startFluxOf(t, application{
		source: types.NamespacedName{Namespace: "default", Name: "fields"},
		repository: func(*testing.T) tree {
			return tree{"configmap.yaml": []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: impersonated}\ndata: {zone: \"${ZONE}\"}\n")}
		},
	}, spokes{secret{"one", "kubeconfig"}: "one"}, compiledOf(t, onASpoke), "host", func(c *fluxCluster) {
		applyAll(t, c.Client, "{apiVersion: v1, kind: ConfigMap, metadata: {name: variables, namespace: default}, data: {ZONE: b}}")
	})
	const kustomization = "permitted-attachedcluster-one"
	c.eventually(t, kustomization, "False", `User "system:serviceaccount:default:deployer" cannot`)
	// The ServiceAccount needs rights in the namespace of the objects.
	applyAll(t, c.servers["one"].Client, strings.NewReplacer("default}\nrules", "web}\nrules", "default}\nroleRef", "web}\nroleRef").Replace(deployer))
	c.eventually(t, kustomization, "True", "Applied revision")
	has(t, c.servers["one"].Client, "ConfigMap", "web", "impersonated", map[string]string{"zone": "b"})
}

// compiledOf returns the output for documents.
func compiledOf(t *testing.T, documents string) tree {
	t.Helper()
	made, list := render.Compile(schema.Load([]schema.File{{Name: "application.yaml", Data: []byte(documents)}}), render.Options{DefaultPath: outputPath, CheckOutput: true})
	if made == nil {
		t.Fatal(list)
	}
	files := tree{}
	for _, cluster := range made.Clusters {
		for f := range cluster.Files() {
			files[path.Join(cluster.Name, layout.Dir, f.Path)] = f.Content
		}
	}
	return files
}

func applyAll(t *testing.T, c *kube.Client, documents string) {
	t.Helper()
	objects, err := kube.Objects([]byte(documents))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if _, err := c.Apply(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually waits until a policy's Flux Kustomization is ready or not, with a message.
func (c *fluxCluster) eventually(t *testing.T, policy, ready, message string) {
	t.Helper()
	kube.Eventually(t, convergence, policy+" is Ready: "+ready, func() error {
		k, err := c.Get(t.Context(), kustomizations, "default", policy)
		if err != nil {
			return err
		}
		if status, text := kube.Condition(k, "Ready"); status != ready || !strings.Contains(text, message) {
			return fmt.Errorf("Ready is %s: %s", status, text)
		}
		return nil
	})
}

// has compares the data of an object.
func has(t *testing.T, c *kube.Client, kind, namespace, name string, want map[string]string) {
	t.Helper()
	gvk := namespaces
	gvk.Kind = kind
	o, err := c.Get(t.Context(), gvk, namespace, name)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := unstructured.NestedStringMap(o.Object, "data"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s %s has %v, want %v", kind, name, got, want)
	}
}

// encryptedSecret returns a Secret whose token is encrypted as SOPS does for an age key (getsops/sops
// aes/cipher.go, age/keysource.go): with AES-GCM, a 32-byte nonce, the path of the value as additional data,
// and a data key that age encrypts. kustomize-controller does not verify the MAC, because kustomize may
// change the Secret.
func encryptedSecret(t *testing.T, recipient *age.X25519Recipient, token string) []byte {
	t.Helper()
	key, nonce := make([]byte, 32), make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	_, _ = rand.Read(nonce)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(nonce))
	if err != nil {
		t.Fatal(err)
	}
	encrypt := func(text, path string) string {
		sealed := gcm.Seal(nil, nonce, []byte(text), []byte(path))
		encode, end := base64.StdEncoding.EncodeToString, len(sealed)-gcm.Overhead()
		return fmt.Sprintf("ENC[AES256_GCM,data:%s,iv:%s,tag:%s,type:str]", encode(sealed[:end]), encode(nonce), encode(sealed[end:]))
	}
	var encrypted bytes.Buffer
	armored := armor.NewWriter(&encrypted)
	to, err := age.Encrypt(armored, recipient)
	if err != nil {
		t.Fatal(err)
	}
	_, err = to.Write(key)
	for _, then := range []func() error{to.Close, armored.Close} {
		if err == nil {
			err = then()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	const modified = "2026-01-01T00:00:00Z"
	data, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "decrypted"},
		"stringData": map[string]any{"token": encrypt(token, "stringData:token:")},
		"sops": map[string]any{
			"age":             []any{map[string]any{"recipient": recipient.String(), "enc": encrypted.String()}},
			"encrypted_regex": "^(data|stringData)$", "lastmodified": modified, "mac": encrypt("0", modified), "version": "3.10.0",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}
