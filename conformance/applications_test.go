package conformance

import (
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fleetwright/fleetwright/conformance/internal/crds"
)

// An application is the application that an example rolls out.
type application struct {
	// source is the GitRepository, or empty.
	source types.NamespacedName
	// repository holds the files of the source.
	repository func(t *testing.T) tree
	// paths are the directories of the repository to apply.
	paths []string
	// workload is the Deployment to roll out, or empty.
	workload types.NamespacedName
	// chart reports whether a chart installs the workload. The tests have no charts; a Deployment in the
	// repository stands in.
	chart bool
	// audience describes the requests that reach the canary, in the words of the provider's route, if a
	// condition on requests selects them.
	audience string
	// measured is the canary's name in the provider's metrics, unless the user wrote the queries.
	measured string
}

func (a application) rollsOut() bool { return a.workload.Name != "" }

// upstreamPodinfo is github.com/stefanprodan/podinfo.
func upstreamPodinfo(t *testing.T) tree { return readTree(t, "../testdata/podinfo") }

// podinfo is that repository plus the fields that the rendered patches remove: replicas, and a label on the
// namespace.
func podinfo(t *testing.T) tree {
	t.Helper()
	files := upstreamPodinfo(t)
	for file, edit := range map[string][2]string{
		"deploy/webapp/common/namespace.yaml":    {"  name: webapp\n", "  name: webapp\n  labels: {app.kubernetes.io/part-of: webapp}\n"},
		"deploy/webapp/backend/deployment.yaml":  {"spec:\n  min", "spec:\n  replicas: 2\n  min"},
		"deploy/webapp/frontend/deployment.yaml": {"spec:\n  min", "spec:\n  replicas: 2\n  min"},
	} {
		text := strings.Replace(string(files[file]), edit[0], edit[1], 1)
		if text == string(files[file]) {
			t.Fatalf("%s lacks %q", file, edit[0])
		}
		files[file] = []byte(text)
	}
	return files
}

// flaggersOwn is the repository of Flagger's guides.
func flaggersOwn(t *testing.T) tree {
	t.Helper()
	dir, err := crds.Flagger.Dir()
	if err != nil {
		t.Fatal(err)
	}
	return readTree(t, filepath.Join(dir, "kustomize")).below("kustomize")
}

// webapp is the application of most examples.
var webapp = application{
	source:     types.NamespacedName{Namespace: "default", Name: "webapp"},
	repository: podinfo,
	paths:      []string{"deploy/webapp"},
	workload:   types.NamespacedName{Namespace: "webapp", Name: "backend"},
}

// with returns a changed copy of the application.
func (a application) with(change func(a *application)) application {
	change(&a)
	return a
}

// measuredAs returns the application with another name of its canary in metrics.
func (a application) measuredAs(name string) application {
	a.measured = name
	return a
}

const (
	byKuma  = `.*,backend-canary_webapp_svc_9898,.*`
	byIstio = `destination_workload=~"backend"`
	byNginx = `canary="webapp-backend-canary-9898"`
	// byIstioRoute is the name in the rendered queries of Istio's metrics, which differ from Flagger's own.
	byIstioRoute = `destination_workload="backend"`
	// byContour is Envoy's name for a Service port.
	byContour = `envoy_cluster_name="webapp_backend-canary_9898"`
)

// The audiences of A/B tests.
const (
	istioInsiders   = `x-user-group: exact insider, or cookie: regex ^(.*?;)?(type=insider)(;.*)?$`
	gatewayInsiders = `x-user-group: exact insider, or cookie: regex ^(.*;)?(canary=always)(;.*)?$`
	nginxInsiders   = "canary-by-cookie: canary, canary-by-header-value: insider, canary-by-header: x-user-group"
)

// applications are the examples that Flux or Flagger runs.
var applications = map[string]application{
	"kuma-rollout": webapp.with(func(a *application) { a.source.Name = "rollout-kuma-demo" }),
	"kuma-rollout-corrected": webapp.with(func(a *application) {
		a.source.Name = "rollout-kuma-demo"
		a.repository = upstreamPodinfo
	}),
	"own-mesh": webapp.measuredAs(`.*,frontend-canary_webapp_svc_80,.*`).with(func(a *application) {
		a.source = types.NamespacedName{Namespace: "shop", Name: "web"}
		a.workload.Name = "frontend"
	}),
	"istio-canary":     webapp.measuredAs(byIstio),
	"istio-blue-green": webapp.measuredAs(byIstio),
	"istio-ab": webapp.measuredAs(byIstio).with(func(a *application) {
		a.audience = istioInsiders
	}),
	"nginx-canary":     webapp.measuredAs(byNginx),
	"nginx-blue-green": webapp,
	"nginx-ab": webapp.measuredAs(byNginx).with(func(a *application) {
		a.audience = nginxInsiders
	}),
	"helm-repository": webapp.measuredAs(byKuma).with(func(a *application) {
		a.source = types.NamespacedName{}
		a.paths = []string{"deploy/webapp/backend"}
		a.chart = true
	}),
	"helm-oci": {repository: podinfo},
	"flagger-guide": {
		source:     types.NamespacedName{Namespace: "default", Name: "guide"},
		repository: flaggersOwn,
		paths:      []string{"kustomize/tester", "kustomize/podinfo"},
		workload:   types.NamespacedName{Namespace: "test", Name: "podinfo"},
		measured:   `.*,podinfo-canary_test_svc_9898,.*`,
	},
	"cluster-selectors": {
		source:     types.NamespacedName{Namespace: "shop", Name: "podinfo"},
		repository: podinfo,
	},
	"hub": webapp,
	"overrides": webapp.measuredAs(byKuma).with(func(a *application) {
		a.source.Name = "podinfo"
	}),
	"waves": webapp.with(func(a *application) {
		a.source.Namespace = "shop"
	}),

	"gatewayapi-canary":     webapp.measuredAs(byContour),
	"gatewayapi-blue-green": webapp.measuredAs(byContour),
	"gatewayapi-ab": webapp.measuredAs(byContour).with(func(a *application) {
		a.audience = gatewayInsiders
	}),
	"kuma-gatewayapi": webapp.measuredAs(byKuma).with(func(a *application) {
		a.source.Name = "kuma-gatewayapi"
	}),
	"istio-gatewayapi":      webapp.measuredAs(byIstioRoute),
	"kubernetes-blue-green": webapp,
	"oci":                   webapp,

	"installed-istio-nginx":      webapp.measuredAs(byIstio),
	"installed-istio":            webapp.measuredAs(byIstio),
	"installed-istio-blue-green": webapp.measuredAs(byIstio),
	"installed-istio-ab": webapp.measuredAs(byIstio).with(func(a *application) {
		a.audience = istioInsiders
	}),
	"installed-nginx":            webapp.measuredAs(byNginx),
	"installed-nginx-blue-green": webapp,
	"installed-nginx-ab": webapp.measuredAs(byNginx).with(func(a *application) {
		a.audience = nginxInsiders
	}),
	"installed-kuma": webapp.with(func(a *application) { a.source.Name = "rollout-kuma-demo" }),
	alerts: {
		source:     types.NamespacedName{Namespace: "default", Name: "backend"},
		repository: podinfo,
		paths:      []string{"deploy/webapp/backend"},
		workload:   types.NamespacedName{Namespace: "webapp", Name: "backend"},
	},
}

func applicationOf(t *testing.T, example string) application {
	t.Helper()
	a, ok := applications[example]
	if !ok {
		t.Fatalf("applications lacks the example %s", example)
	}
	return a
}
