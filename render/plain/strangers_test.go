package plain_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	sink "github.com/fleetwright/fleetwright/internal/sink/plan"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/render/plain"
	"github.com/fleetwright/fleetwright/schema"
)

// ofApplication matches words that only Applications have, or objects rendered from them.
var ofApplication = regexp.MustCompile(`customMetric|trafficAnalysis|trafficRouting|rolloutPolicy|analysisTimes|canaryStrategy|serviceMatch|testLoader|(Interval|Timeout)Seconds|the patches|the policy|the fleet's|rendered?\b`)

// TestStrangers compares the diagnostics of the Canaries in testdata/canaries with diagnostics.txt there, and
// writes the plans of those without errors in every format. UPDATE=1 writes the file.
func TestStrangers(t *testing.T) {
	const dir = "../../testdata/canaries/"
	names, err := filepath.Glob(dir + "*.yaml")
	if err != nil || len(names) < 75 {
		t.Fatalf("%d files: %v", len(names), err)
	}
	var got bytes.Buffer
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(name)
		_, rollouts, list := render.Plan(schema.LoadRollouts([]schema.File{{Name: base, Data: data}}, plain.IsBeside), render.Options{})
		for _, d := range list {
			if word := ofApplication.FindString(d.Message + "\n" + d.Hint); word != "" {
				t.Errorf("%s is of Applications in\n%s", word, d)
			}
		}
		if len(rollouts) == 0 && !list.HasErrors() {
			t.Errorf("%s has no plan", base)
		}
		if len(list) == 0 {
			got.WriteString(base + ": no diagnostics\n")
		}
		if err := diag.WriteText(&got, list); err != nil {
			t.Fatal(err)
		}
		checkPlans(t, base, rollouts)
	}
	golden := dir + "diagnostics.txt"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nUPDATE=1 go test ./render/plain -run TestStrangers accepts it", got.String())
	}
}

// nowhere matches phrases from which the name of an Application, a cluster or a provider is missing.
var nowhere = regexp.MustCompile(`on :|on ;|, on *[;<\n]|Application [,;]|</small> *</h2>|\bon *</p>|"clusters": null`)

// checkPlans writes plans in every format.
func checkPlans(t *testing.T, name string, rollouts []render.Rollout) {
	t.Helper()
	for _, f := range sink.Formats {
		var b bytes.Buffer
		format := f.Name
		if err := f.Value(&b, rollouts, sink.Options{}); err != nil {
			t.Fatalf("%s as %s: %v", name, format, err)
		}
		if left := nowhere.FindString(b.String()); left != "" {
			t.Errorf("%s as %s has %q", name, format, left)
		}
		if format != "svg" && len(rollouts) > 0 && !strings.Contains(b.String(), rollouts[0].Name) {
			t.Errorf("%s as %s does not name the rollout", name, format)
		}
	}
}

// TestCanariesAreCheckedWithTheirFile checks that each Canary is checked with the documents of its file if a directory has
// files of several clusters.
func TestCanariesAreCheckedWithTheirFile(t *testing.T) {
	file := func(name, port string) schema.File {
		return schema.File{Name: "clusters/" + name, Data: []byte(`apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: shop, namespace: shop}
spec:
  provider: kubernetes
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  service: {port: 80, targetPort: ` + port + `}
  analysis: {interval: 1m, threshold: 5, iterations: 5, webhooks: [{name: test, type: rollout, url: "http://tests.shop/"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:1.0.0", ports: [{containerPort: ` + port + `}]}]}
`)}
	}
	_, rollouts, list := render.Plan(schema.LoadRollouts([]schema.File{file("eu.yaml", "8080"), file("us.yaml", "9090")}, plain.IsBeside), render.Options{})
	if len(list) > 0 || len(rollouts) != 2 {
		t.Errorf("got %d plans and\n%v", len(rollouts), list)
	}
}

// TestSilence checks that nothing is reported about values that Flux substitutes, and that null counts as unset.
func TestSilence(t *testing.T) {
	for name, tt := range map[string]struct{ canary, want string }{
		"variables of Flux": {`apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: "${APP}", namespace: shop}
spec:
  provider: ${PROVIDER:=istio}
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: "${APP}"}
  service: {port: "${PORT}", hosts: ["${APP}.${DOMAIN}"], gateways: [public]}
  analysis:
    interval: ${INTERVAL}
    threshold: ${THRESHOLD}
    stepWeight: ${STEP}
    metrics:
    - {name: request-success-rate, thresholdRange: {min: "${LEAST}"}, interval: "${WINDOW}"}
    webhooks:
    - {name: load, url: "${TESTER}", metadata: {cmd: "hey -z 1m http://${APP}-canary.shop/"}}
`, ""},
		"null in metadata": {`apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: shop, namespace: shop, creationTimestamp: null}
spec:
  provider: linkerd
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  service: {port: 80}
  analysis: {interval: 1m, threshold: 5, stepWeight: 10, metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
`, ""},
		"a default namespace": {`apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: shop}
spec:
  provider: linkerd
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  service: {port: 80}
  analysis:
    interval: 1m
    threshold: 5
    stepWeight: 10
    metrics: [{name: errors, templateRef: {name: errors}, thresholdRange: {max: 1}, interval: 1m}]
    webhooks: [{name: load, url: "http://flagger-loadtester.test/", metadata: {cmd: "hey -z 50s http://shop-canary.web/"}}]
---
apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata: {name: errors}
spec:
  provider: {type: prometheus, address: "http://prometheus.monitoring:9090"}
  query: sum(rate(response_total{deployment="{{ target }}", namespace="{{ namespace }}", classification="failure"}[{{ interval }}])) or vector(0)
`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, list := render.Plan(schema.LoadRollouts([]schema.File{{Name: "a.yaml", Data: []byte(tt.canary)}}, plain.IsBeside), render.Options{})
			got := ""
			for _, d := range list {
				got += string(d.Code) + " " + d.Path
			}
			if got != tt.want {
				t.Errorf("got %q, want %q:\n%v", got, tt.want, list)
			}
		})
	}
}
