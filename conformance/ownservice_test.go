package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
)

var autoscalers = schema.GroupVersionKind{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"}

// An ownService is an application's own Service for its workload, after Flagger has taken it over.
type ownService struct {
	// ports are of the form NAME NUMBER → TARGET.
	ports []string
	// autoscalers are all autoscalers of the namespace.
	autoscalers []string
}

// ownServices are the Services of podinfo's backend, by example.
var ownServices = map[string]ownService{
	"kuma-rollout": {
		[]string{"http 9898 → 9898"},
		[]string{"backend scales backend from 1 to 2", "frontend scales backend from 1 to 4"},
	},
	"kuma-rollout-corrected": {
		[]string{"grpc 9999 → 9999", "http 9898 → 9898", "http-metrics 9797 → 9797"},
		[]string{"backend scales backend from 1 to 2", "backend-primary scales backend-primary from 1 to 2", "frontend scales frontend from 1 to 4"},
	},
}

const (
	protocolAnnotation = "9898.service.kuma.io/protocol"
	backendDir         = "deploy/webapp/backend/"
)

// TestOwnService lets Flux apply the unchanged podinfo, which has a Service and autoscalers, and Flagger roll
// it out. In the middle, a new revision changes the image and the Service. At each point, the Service must be
// as documented and as the diagnostics describe.
func TestOwnService(t *testing.T) {
	const cluster = "kurator-member1"
	for example, want := range ownServices {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			record(t, "3. Flux: an own Service keeps what the rollout needs, beside Flagger")
			tree := quickened(t, example)
			c := startPodinfo(t, example, tree, cluster)
			before := c.service(t, "backend")
			if got, want := portsOf(before), []string{"grpc 9999 → grpc", "http 9898 → http"}; !slices.Equal(got, want) {
				t.Fatalf("ports of podinfo's own Service: %q, want %q", got, want)
			}
			f := c.startFlagger(t, tree)
			check := func(when string) {
				t.Helper()
				for _, why := range c.wrongServices(t, want) {
					t.Errorf("%s: %s", when, why)
				}
			}
			f.follow(t, "Initialized")
			check("before a rollout")
			none(t, wrongDiagnostics(t, example, before, c.service(t, "backend"), want))

			app := c.repository(t)
			app.replace(t, backendDir+"deployment.yaml", "podinfo:6.9.2", "podinfo:6.9.3")
			c.pushApplication(t, tree, app)
			f.follow(t, "Progressing")
			app.replace(t, backendDir+"deployment.yaml", "podinfo:6.9.3", "podinfo:6.9.4")
			app.replace(t, backendDir+"service.yaml", "namespace: webapp\n", "namespace: webapp\n  labels: {revision: second}\n")
			app.replace(t, backendDir+"service.yaml", "  ports:\n", "  ports:\n  - {name: late, port: 7777, targetPort: http}\n")
			c.pushApplication(t, tree, app)
			check("in the middle of the rollout")

			none(t, f.wrongSteps(f.follow(t, "Succeeded")))
			check("after the rollout")
			if got := c.service(t, "backend"); got.GetUID() != before.GetUID() || len(got.GetOwnerReferences()) > 0 {
				t.Errorf("the Service was recreated: %v", got.Object["metadata"])
			}
			primary, err := c.Get(t.Context(), deployments, c.workload.Namespace, "backend-primary")
			if err != nil {
				t.Fatal(err)
			}
			if image := slice(primary.Object, "spec", "template", "spec", "containers")[0]["image"]; image != "ghcr.io/stefanprodan/podinfo:6.9.4" {
				t.Errorf("the primary runs %v", image)
			}
		})
	}
}

// TestOwnServiceOfARunningRollout starts with a Service that Flagger took over without the patch, as under an
// earlier release. The patch then never reaches the Service, and a manual annotation stays.
func TestOwnServiceOfARunningRollout(t *testing.T) {
	t.Parallel()
	record(t, "3. Flux: an own Service that Flagger has is left as it is")
	const example, cluster = "kuma-rollout", "kurator-member1"
	tree, before := quickened(t, example), quickened(t, example)
	for name, data := range before {
		if strings.HasPrefix(path.Base(name), "kustomization-rollout-kuma-demo") {
			before[name] = []byte(strings.ReplaceAll(string(data), "kind: Service\n", "kind: OtherService\n"))
		}
	}
	c := startPodinfo(t, example, before, cluster)
	c.startFlagger(t, before).follow(t, "Initialized")
	lacks := func() {
		t.Helper()
		if wrong := c.wrongServices(t, ownServices[example]); len(wrong) != 1 || !strings.Contains(wrong[0], protocolAnnotation) {
			t.Errorf("reported differences: %q", wrong)
		}
	}
	lacks()
	revision := c.push(t, tree)
	c.converge(t, tree, map[string]string{"flux-system": revision})
	c.reconcile(t)
	lacks()
	if err := c.Patch(t.Context(), c.service(t, "backend"), map[string]any{"metadata": map[string]any{"annotations": map[string]any{protocolAnnotation: "http"}}}); err != nil {
		t.Fatal(err)
	}
	c.reconcile(t)
	time.Sleep(interval) // Flagger reconciles it within this time
	none(t, c.wrongServices(t, ownServices[example]))
}

// TestOwnServiceAfterTheRollout removes a rollout. Until Flagger's annotation on the Service is removed, Flux
// does not change the Service: it keeps Flagger's ports and, without revertOnDeletion, selects the pods of
// the primary, which no longer exist.
func TestOwnServiceAfterTheRollout(t *testing.T) {
	for revert, pods := range map[bool]string{false: "backend-primary", true: "backend"} {
		t.Run(fmt.Sprintf("revertOnDeletion %t", revert), func(t *testing.T) {
			t.Parallel()
			record(t, "3. Flux: an own Service stays Flagger's until its annotation goes")
			const example, cluster = "kuma-rollout", "kurator-member1"
			tree := quickened(t, example)
			for name, data := range tree {
				if path.Base(name) == "canary-backend.yaml" && revert {
					tree[name] = []byte(strings.Replace(string(data), "spec:\n", "spec:\n  revertOnDeletion: true\n", 1))
				}
			}
			c := startPodinfo(t, example, tree, cluster)
			before := portsOf(c.service(t, "backend"))
			c.startFlagger(t, tree).follow(t, "Initialized")
			after := compiled(t, example, eachPolicy(func(policy map[string]any) { delete(policy, "rollout") }))
			c.converge(t, after, map[string]string{"flux-system": c.push(t, after)})
			kube.Eventually(t, convergence, "the Canary is gone", func() error {
				if _, err := c.Get(t.Context(), canaries, c.workload.Namespace, c.workload.Name); !errors.IsNotFound(err) {
					return fmt.Errorf("the Canary still exists: %v", err)
				}
				return nil
			})
			mustBe := func(pods string, ports ...string) {
				t.Helper()
				c.reconcile(t)
				s := c.service(t, "backend")
				selector, _, _ := unstructured.NestedStringMap(s.Object, "spec", "selector")
				if got := portsOf(s); selector["app"] != pods || !slices.Equal(got, ports) {
					t.Errorf("the Service selects %v with the ports %q, want %s with %q", selector, got, pods, ports)
				}
			}
			mustBe(pods, ownServices[example].ports...)
			if err := c.Patch(t.Context(), c.service(t, "backend"), map[string]any{"metadata": map[string]any{"annotations": map[string]any{reconcileAnnotation: nil}}}); err != nil {
				t.Fatal(err)
			}
			mustBe("backend", before...)
		})
	}
}

// droppedPort matches a port that Flagger drops, in a diagnostic.
var droppedPort = regexp.MustCompile(`\b(\d+) \(`)

// wrongDiagnostics compares the diagnostics for an example's source with Flagger's behaviour: for the former
// ports of the Service, and for autoscalers.
func wrongDiagnostics(t *testing.T, example string, before, after *kube.Object, want ownService) (wrong []string) {
	t.Helper()
	cmd := exec.Command(fleetwright(t), "check", "examples/"+example, "--source", "https://github.com/stefanprodan/podinfo=testdata/podinfo", "--format", "json")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Diagnostics []struct{ Code, Message string }
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatal(err)
	}
	dropped, unscaled := map[string]bool{}, false
	for _, d := range said.Diagnostics {
		switch d.Code {
		case "FW365":
			for _, m := range droppedPort.FindAllStringSubmatch(d.Message, -1) {
				dropped[m[1]] = true
			}
		case "FW367":
			unscaled = unscaled || strings.HasSuffix(d.Message, "the pods that serve users are never scaled")
		case "FW517":
			wrong = append(wrong, d.Message)
		}
	}
	for _, p := range slice(before.Object, "spec", "ports") {
		number := fmt.Sprint(p["port"])
		gone := !slices.ContainsFunc(slice(after.Object, "spec", "ports"), func(p map[string]any) bool { return fmt.Sprint(p["port"]) == number })
		if gone != dropped[number] {
			wrong = append(wrong, fmt.Sprintf("port %s was dropped: %t; diagnostics report it: %t", number, gone, dropped[number]))
		}
	}
	if scaled := slices.ContainsFunc(want.autoscalers, func(a string) bool { return strings.HasPrefix(a, "backend-primary ") }); scaled == unscaled {
		wrong = append(wrong, fmt.Sprintf("the primary has an autoscaler: %t; diagnostics report that it has none: %t", scaled, unscaled))
	}
	if example == "kuma-rollout-corrected" && len(said.Diagnostics) > 0 {
		wrong = append(wrong, fmt.Sprintf("unexpected diagnostics for %s: %v", example, said.Diagnostics))
	}
	return wrong
}

// startPodinfo starts a cluster of an example, and waits until Flux has applied podinfo itself.
func startPodinfo(t *testing.T, example string, tree tree, cluster string) *fluxCluster {
	t.Helper()
	app := applicationOf(t, example).with(func(a *application) { a.repository = upstreamPodinfo })
	c := startFluxOf(t, app, kubeconfigs(t, example), tree, cluster)
	c.converge(t, tree, nil)
	return c
}

// pushApplication pushes a revision of the application, and waits until Flux has applied it.
func (c *fluxCluster) pushApplication(t *testing.T, tree, app tree) {
	t.Helper()
	revision := c.world.Push(t, c.source.Namespace, c.source.Name, app)
	c.converge(t, tree, map[string]string{c.source.Name: revision})
}

// replace replaces text that a file must contain.
func (f tree) replace(t *testing.T, file, old, with string) {
	t.Helper()
	text := strings.Replace(string(f[file]), old, with, 1)
	if text == string(f[file]) {
		t.Fatalf("%s lacks %q", file, old)
	}
	f[file] = []byte(text)
}

// service returns a Service in the workload's namespace.
func (c *fluxCluster) service(t *testing.T, name string) *kube.Object {
	t.Helper()
	service, err := c.Get(t.Context(), services, c.workload.Namespace, name)
	if err != nil {
		t.Fatal(err)
	}
	return service
}

// portsOf returns the ports of a Service, sorted by name.
func portsOf(service *kube.Object) (ports []string) {
	for _, p := range slice(service.Object, "spec", "ports") {
		ports = append(ports, fmt.Sprintf("%v %v → %v", p["name"], p["port"], p["targetPort"]))
	}
	slices.Sort(ports)
	return ports
}

// wrongServices describes differences in the application's Service, in the Services that Flagger creates, and
// in the autoscalers.
func (c *fluxCluster) wrongServices(t *testing.T, want ownService) (wrong []string) {
	t.Helper()
	for name, pods := range map[string]string{"backend": "backend-primary", "backend-primary": "backend-primary", "backend-canary": "backend"} {
		s := c.service(t, name)
		selector, _, _ := unstructured.NestedStringMap(s.Object, "spec", "selector")
		if !maps.Equal(selector, map[string]string{"app": pods}) {
			wrong = append(wrong, fmt.Sprintf("%s selects %v, not the pods of %s", name, selector, pods))
		}
		if got := portsOf(s); !slices.Equal(got, want.ports) {
			wrong = append(wrong, fmt.Sprintf("ports of %s: %q, want %q", name, got, want.ports))
		}
		for key, value := range map[string]string{protocolAnnotation: "http", reconcileAnnotation: "disabled"} {
			if got := s.GetAnnotations()[key]; got != value {
				wrong = append(wrong, fmt.Sprintf("annotation of %s: %s = %q, want %q", name, key, got, value))
			}
		}
	}
	all, err := c.List(t.Context(), autoscalers)
	if err != nil {
		t.Fatal(err)
	}
	var scalers []string
	for _, a := range all {
		spec := a.Object["spec"].(map[string]any)
		if target, _, _ := unstructured.NestedString(spec, "scaleTargetRef", "name"); a.GetNamespace() == c.workload.Namespace {
			scalers = append(scalers, fmt.Sprintf("%s scales %s from %v to %v", a.GetName(), target, spec["minReplicas"], spec["maxReplicas"]))
		}
	}
	slices.Sort(scalers)
	if !slices.Equal(scalers, want.autoscalers) {
		wrong = append(wrong, fmt.Sprintf("autoscalers: %q, want %q", scalers, want.autoscalers))
	}
	return wrong
}
