package schema

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/fleetwright/fleetwright/schema/api"
)

func loadRollouts(data string) Documents {
	return LoadRollouts([]File{{Name: "a.yaml", Data: []byte(data)}}, func(string, string) bool { return false })
}

// plainCanary is a Canary with more fields of its analysis, of its service and of its spec.
func plainCanary(analysis, service, spec string) string {
	return "{apiVersion: flagger.app/v1beta1, kind: Canary, metadata: {name: a}, spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, " +
		"service: {port: 80" + service + "}, analysis: {interval: 1m, threshold: 5" + analysis + "}" + spec + "}}"
}

const byWeight = ", stepWeight: 10"

// TestCanaryDiagnostics reads bad Canaries, MetricTemplates and AlertProviders, and checks all that is said about them to the letter.
func TestCanaryDiagnostics(t *testing.T) {
	const name = "testdata/canaries.txtar"
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(archive.Files); i += 2 {
		input, want := archive.Files[i], &archive.Files[i+1]
		t.Run(strings.TrimSuffix(input.Name, filepath.Ext(input.Name)), func(t *testing.T) {
			if got := lines(loadRollouts(string(input.Data)).Diagnostics); got != string(want.Data) {
				t.Errorf("got\n%s\nrun again with UPDATE=1 to take it", got)
				want.Data = []byte(got)
			}
		})
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCanariesThatAnAPIServerTakes: nulls are dropped, and lists of Canaries and empty texts are read.
func TestCanariesThatAnAPIServerTakes(t *testing.T) {
	for name, data := range map[string]string{
		"by weight":                       plainCanary(byWeight, "", ""),
		"step by step":                    plainCanary(", stepWeights: [1, 2]", "", ""),
		"blue/green":                      plainCanary(", iterations: 1", "", ""),
		"null in place of a list":         plainCanary(byWeight+", webhooks: null, metrics: ", "", ""),
		"null in place of a text":         plainCanary(byWeight+", mirrorWeight: null", ", name: null, timeout: ~", ", metricsServer: null, provider: null"),
		"null under a free name":          plainCanary(byWeight+", webhooks: [{name: a, url: 'http://a', metadata: {cmd: null}}]", "", ""),
		"empty texts":                     plainCanary(byWeight+", metrics: [{name: a, templateRef: {name: a, namespace: ''}}]", ", appProtocol: ''", ", metricsServer: ''"),
		"an interval of Graphite":         plainCanary(byWeight+", metrics: [{name: a, interval: 1min, templateRef: {name: a}}]", "", ""),
		"failures as App Mesh calls them": plainCanary(byWeight, ", retries: {retryOn: 'client-error,stream-error'}", ", provider: appmesh"),
		"Knative without a service":       strings.NewReplacer("service: {port: 80}, ", "", "apps/v1, kind: Deployment", "serving.knative.dev/v1, kind: Service").Replace(plainCanary(byWeight, "", "")),
		"a status of Flagger":             strings.TrimSuffix(plainCanary(byWeight, "", ""), "}") + ", status: {phase: Initialized}}",
		"a List":                          "{apiVersion: v1, kind: List, items: [" + plainCanary(byWeight, "", "") + "]}",
		"a CanaryList":                    "{apiVersion: flagger.app/v1beta1, kind: CanaryList, items: [" + plainCanary(byWeight, "", "") + "]}",
		"a MetricTemplate":                "{apiVersion: flagger.app/v1beta1, kind: MetricTemplate, metadata: {name: a}, spec: {provider: {type: prometheus, address: null}, query: up}}",
	} {
		docs := loadRollouts(data)
		if len(docs.Diagnostics) > 0 || len(docs.All) != 1 || !docs.All[0].Valid {
			t.Errorf("%s: %d documents, %v", name, len(docs.All), docs.Diagnostics)
		}
	}
}

// TestEveryKindOfConditionHasOnePart as the CRD has it: none is allowed but for headers of A/B testing and for origins.
func TestEveryKindOfConditionHasOnePart(t *testing.T) {
	for _, tt := range []struct {
		place  func(condition string) string
		orNone bool
	}{
		{func(c string) string { return plainCanary(", iterations: 1, match: [{headers: {a: "+c+"}}]", "", "") }, false},
		{func(c string) string {
			return plainCanary(", iterations: 1, match: [{queryParams: {a: "+c+"}}]", "", "")
		}, true},
		{func(c string) string { return plainCanary(byWeight, ", match: [{uri: "+c+"}]", "") }, true},
		{func(c string) string { return plainCanary(byWeight, ", match: [{withoutHeaders: {a: "+c+"}}]", "") }, true},
		{func(c string) string { return plainCanary(byWeight, ", corsPolicy: {allowOrigins: ["+c+"]}", "") }, false},
	} {
		for condition, want := range map[string]bool{"{exact: a}": true, "{regex: a}": true, "{exact: ''}": true, "{}": tt.orNone, "{exact: a, prefix: b}": false, "{exact: a, regex: null}": true} {
			if list := loadRollouts(tt.place(condition)).Diagnostics; list.HasErrors() == want {
				t.Errorf("%s: %v", tt.place(condition), list)
			}
		}
	}
}

// TestHostileCanaries end without a panic, and soon.
func TestHostileCanaries(t *testing.T) {
	deep := strings.Repeat("{analysis: ", 5000) + "a" + strings.Repeat("}", 5000)
	var many, alike strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, ", {name: a%d, url: 'http://a', cmd: a}", i)
		fmt.Fprintf(&alike, ", interva%d: 1m", i)
	}
	for name, data := range map[string]string{
		"deep":               strings.Replace(plainCanary(byWeight, "", ""), "{port: 80}", deep, 1),
		"many webhooks":      plainCanary(byWeight+", webhooks: [{name: a, url: 'http://a'}"+many.String()+"]", "", ""),
		"many unknown names": plainCanary(byWeight+alike.String(), "", ""),
		"an alias of itself": "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: a}\nspec: &a {analysis: *a}\n",
		"a text as spec":     "{apiVersion: flagger.app/v1beta1, kind: Canary, metadata: {name: a}, spec: a}",
		"a list as kind":     "{apiVersion: flagger.app/v1beta1, kind: [Canary], metadata: {name: a}}",
		"a List of texts":    "{apiVersion: flagger.app/v1beta1, kind: CanaryList, items: [a, null, []]}",
		"large numbers":      plainCanary(byWeight+", maxWeight: 1e400, iterations: 99999999999999999999", "", ""),
	} {
		if list := loadRollouts(data).Diagnostics; !list.HasErrors() && name != "a List of texts" {
			t.Errorf("%s is taken: %v", name, list)
		}
	}
}

// TestCanaryIsReadAsWritten: fields that hide those of an embedded struct are read once.
func TestCanaryIsReadAsWritten(t *testing.T) {
	docs := loadRollouts(plainCanary(byWeight, ", gatewayRefs: [{name: public, namespace: infra}], retries: {attempts: 2, retryOn: a}, corsPolicy: {allowOrigins: [{exact: a}], maxAge: 1h}", ""))
	if len(docs.Diagnostics) > 0 {
		t.Fatal(docs.Diagnostics)
	}
	service := docs.All[0].Object.(*api.Canary).Spec.Service
	if got := fmt.Sprintf("%s %s %d %s %s %s", service.GatewayRefs[0].Name, *service.GatewayRefs[0].Namespace, service.Retries.Attempts, service.Retries.RetryOn, service.CorsPolicy.AllowOrigins[0].Exact, service.CorsPolicy.MaxAge); got != "public infra 2 a a 1h" {
		t.Error(got)
	}
}
