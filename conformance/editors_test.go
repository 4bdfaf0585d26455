package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/conformance/internal/lsp"
	"github.com/fleetwright/fleetwright/conformance/internal/tools"
	"github.com/fleetwright/fleetwright/schema"
)

// An editor is an editor with the YAML language server. It opens a directory with documents, next to the
// schemas that the command printed.
type editor struct {
	*lsp.Client
	t *testing.T
	// dir holds the documents.
	dir string
	// modeline selects the schema of an Application, as docs/inputs.md shows.
	modeline string
	opened   int
}

// withoutNetwork holds settings that keep the server from fetching schemas, so that it only uses the
// modeline.
var withoutNetwork = map[string]any{"yaml": map[string]any{
	"validate": true, "hover": true, "completion": true,
	"schemaStore":        map[string]any{"enable": false},
	"kubernetesCRDStore": map[string]any{"enable": false},
}}

func newEditor(t *testing.T) *editor {
	t.Helper()
	root := t.TempDir()
	for _, kind := range schema.Kinds() {
		name := strings.ToLower(kind.Name)
		printed, err := exec.Command(fleetwright(t), "schema", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		mustCopy(t, tree{name + ".schema.json": printed}, root)
	}
	page, err := os.ReadFile("../docs/inputs.md")
	if err != nil {
		t.Fatal(err)
	}
	modeline := regexp.MustCompile(`(?m)^# yaml-language-server: \$schema=\.\./application\.schema\.json$`).FindString(string(page))
	if modeline == "" {
		t.Fatal("docs/inputs.md shows no modeline")
	}
	script, err := tools.Install(toolsDir, tools.YAMLLanguageServer)
	if err != nil {
		t.Fatal(err)
	}
	return &editor{
		Client: lsp.Start(t, exec.Command("node", script, "--stdio"), withoutNetwork),
		t:      t, dir: filepath.Join(root, "fleet"), modeline: modeline,
	}
}

// kindLine matches the kind of a document.
var kindLine = regexp.MustCompile(`(?m)^kind: (\w+)$`)

// withModelines adds a modeline above each document of a file.
func (e *editor) withModelines(text string) (file string, documents int) {
	all := strings.Split(text, "\n---\n")
	for i, document := range all {
		m := kindLine.FindStringSubmatch(document)
		if m == nil {
			e.t.Fatalf("no kind in\n%s", document)
		}
		all[i] = strings.Replace(e.modeline, "application", strings.ToLower(m[1]), 1) + "\n" + document
	}
	return strings.Join(all, "\n---\n"), len(all)
}

// open opens a text as a new file.
func (e *editor) open(text string) (file string, marked []lsp.Diagnostic) {
	e.t.Helper()
	e.opened++
	file = filepath.Join(e.dir, fmt.Sprintf("%d.yaml", e.opened))
	return file, e.Open(file, text)
}

// application returns the Application of Kurator's example with part of its text replaced.
func (e *editor) application(from, to string) string {
	e.t.Helper()
	return e.edited("application.yaml", from, to)
}

// edited returns the first document of a file of Kurator's example with part of its text replaced.
func (e *editor) edited(file, from, to string) string {
	e.t.Helper()
	text, _, _ := strings.Cut(string(documents(e.t, "kuma-rollout")[file]), "---\n")
	if strings.Count(text, from) != 1 {
		e.t.Fatalf("%q occurs %d times in the example", from, strings.Count(text, from))
	}
	text, _ = e.withModelines(strings.Replace(text, from, to, 1))
	return text
}

// cursor removes the first occurrence of a sign from a text, and returns its position.
func cursor(text, sign string) (string, lsp.Position) {
	before, after, _ := strings.Cut(text, sign)
	line := strings.Count(before, "\n")
	return before + after, lsp.Position{Line: line, Character: len(before) - 1 - strings.LastIndex(before, "\n")}
}

// TestEditorsMarkMistakes makes mistakes in Kurator's example. Only the text between « and » must be marked.
func TestEditorsMarkMistakes(t *testing.T) {
	e := newEditor(t)
	for name, tt := range map[string]struct{ from, to, says string }{
		"an unknown field":           {"stepWeight: 10", "«stepWieght»: 10", "Property stepWieght is not allowed"},
		"an unknown value":           {"Provider: kuma", "Provider: «kumma»", `"istio", "kuma", "nginx"`},
		"a missing field":            {"workload:\n          apiVersion: apps/v1\n          name: backend\n", "«workload»:\n          apiVersion: apps/v1\n", `Missing property "name"`},
		"a wrong type":               {"port: 9898\n", "port: «\"9898\"»\n", `Expected "integer"`},
		"a number above the maximum": {"maxWeight: 50", "maxWeight: «150»", "maximum of 100"},
		"a wrong format":             {"interval: 3m0s", "interval: «3 minutes»", "does not match the pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			record(t, "7. yaml-language-server: marks mistakes")
			text, start := cursor(e.application(tt.from, tt.to), "«")
			text, end := cursor(text, "»")
			_, marked := e.open(text)
			if len(marked) != 1 || !strings.Contains(marked[0].Message, tt.says) || marked[0].Range != (lsp.Range{Start: start, End: end}) {
				t.Errorf("marked %+v, want %s from %v to %v", marked, tt.says, start, end)
			}
		})
	}
}

// TestEditorsPassTheExamples checks that no valid document is marked. An unknown field in each shows that the
// server reads the documents.
func TestEditorsPassTheExamples(t *testing.T) {
	e := newEditor(t)
	for _, example := range examples(t) {
		t.Run(example, func(t *testing.T) {
			record(t, "7. yaml-language-server: passes the examples")
			for name, data := range documents(t, example) {
				if path.Ext(name) != ".yaml" {
					continue
				}
				text, documents := e.withModelines(string(data))
				if _, marked := e.open(text); len(marked) > 0 {
					t.Errorf("%s: marked %+v", name, marked)
				}
				unknown := kindLine.ReplaceAllString(text, "kind: $1\nunheard: of")
				if _, marked := e.open(unknown); len(marked) != documents {
					t.Errorf("%s: for %d documents with an unknown field, marked %+v", name, documents, marked)
				}
			}
		})
	}
}

// TestEditorsOfferFields completes at ‸ in Kurator's example. The server offers the missing fields with their
// descriptions, and inserts them as fields.
func TestEditorsOfferFields(t *testing.T) {
	e := newEditor(t)
	for of, tt := range map[string]struct {
		kind, from, to string
		want           []string
	}{
		"CanaryStrategy": {
			"Application", "maxWeight: 50\n              stepWeight: 10\n", "‸\n",
			[]string{"maxWeight", "stepWeight", "stepWeightPromotion", "stepWeights"},
		},
		"Rollout": {
			"Application", "        port: 9898\n", "        port: 9898\n        ‸\n",
			[]string{"appProtocol", "autoscalerRef", "meshName", "metricsServer", "patches", "portDiscovery", "portName", "preview", "primary", "targetPort", "testLoaderServiceAccountName"},
		},
		// Fields that an API server sets are accepted, and not offered.
		"ObjectMeta": {
			"Application", "  namespace: default\n", "  namespace: default\n  ‸\n",
			[]string{"annotations", "labels"},
		},
		"Destination": {
			"Application", "fleet: quickstart\n      kustomization:\n        interval: 0s\n", "fleet: quickstart\n        ‸\n      kustomization:\n        interval: 0s\n",
			[]string{"clusterSelector", "fleetNamespace"},
		},
		"Installed": {
			"Fleet", "      trafficRoutingProvider: kuma\n", "      trafficRoutingProvider: kuma\n      installed:\n        ‸\n",
			[]string{"contour", "flagger", "gateway-api", "ingress-nginx", "istio", "kuma", "loadtester", "prometheus"},
		},
		"InstalledKuma": {
			"Fleet", "      trafficRoutingProvider: kuma\n", "      trafficRoutingProvider: kuma\n      installed:\n        kuma:\n          version: 2.13.10\n          ‸\n",
			[]string{"catchAllRoute", "handOver", "mesh", "namespace"},
		},
	} {
		t.Run(of, func(t *testing.T) {
			record(t, "7. yaml-language-server: offers fields and values")
			text, at := cursor(e.edited(strings.ToLower(tt.kind)+".yaml", tt.from, tt.to), "‸")
			file, _ := e.open(text)
			described := descriptions(t, tt.kind, of)
			var offered []string
			for _, item := range e.Complete(file, at) {
				offered = append(offered, item.Label)
				if got := string(item.Documentation); got == "" || got != described[item.Label] {
					t.Errorf("%s is described as %q, want %q", item.Label, got, described[item.Label])
				}
				if !strings.HasPrefix(item.InsertText, item.Label+":") {
					t.Errorf("%s inserts %q", item.Label, item.InsertText)
				}
			}
			if slices.Sort(offered); !slices.Equal(offered, tt.want) {
				t.Errorf("offered %q, want %q", offered, tt.want)
			}
		})
	}
}

// TestEditorsOfferValues completes a value at ‸: the server offers the values of an enum, and an example.
func TestEditorsOfferValues(t *testing.T) {
	e := newEditor(t)
	for name, tt := range map[string]struct {
		from, to string
		want     []string
	}{
		"an enum":              {"trafficRoutingProvider: kuma", "trafficRoutingProvider: ‸", []string{"gatewayapi", "gatewayapi:v1", "istio", "kubernetes", "kuma", "nginx"}},
		"an example":           {"serviceName: backend", "serviceName: ‸", []string{"backend"}},
		"an example of a list": {`- "hey -z 1m -q 10 -c 2 http://podinfo-canary.test:9898/"`, "- ‸", []string{"hey -z 50s -q 10 -c 2 http://backend-canary.webapp:9898/"}},
		"a default":            {"kind: Deployment", "kind: ‸", []string{"DaemonSet", "Deployment"}},
	} {
		t.Run(name, func(t *testing.T) {
			record(t, "7. yaml-language-server: offers fields and values")
			text, at := cursor(e.application(tt.from, tt.to), "‸")
			file, _ := e.open(text)
			var offered []string
			for _, item := range e.Complete(file, at) {
				offered = append(offered, item.Label)
			}
			if slices.Sort(offered); !slices.Equal(offered, tt.want) {
				t.Errorf("offered %q, want %q", offered, tt.want)
			}
		})
	}
}

// TestEditorsDescribeFields hovers over a field.
func TestEditorsDescribeFields(t *testing.T) {
	record(t, "7. yaml-language-server: describes fields")
	e := newEditor(t)
	text, at := cursor(e.application("stepWeight: 10", "step‸Weight: 10"), "‸")
	file, _ := e.open(text)
	said := e.Hover(file, at)
	for _, want := range []string{descriptions(t, "Application", "CanaryStrategy")["stepWeight"], "Example:\n\n```yaml\n10\n```"} {
		if !strings.Contains(said, want) {
			t.Errorf("description %q, want %q", said, want)
		}
	}
}

// descriptions returns the descriptions of the fields of a type of a kind.
func descriptions(t *testing.T, kindName, of string) map[string]string {
	t.Helper()
	kind, _ := schema.KindNamed(kindName)
	var s struct {
		Defs map[string]struct {
			Properties map[string]struct{ Description string }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(kind.JSONSchema(), &s); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for name, p := range s.Defs[of].Properties {
		all[name] = p.Description
	}
	if len(all) == 0 {
		t.Fatalf("no description of %s", of)
	}
	return all
}
