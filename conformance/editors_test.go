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

// An editor is one with the YAML language server, on a directory with documents,
// beside which the command has printed the schemas.
type editor struct {
	*lsp.Client
	t *testing.T
	// dir holds the documents.
	dir string
	// modeline is the README's, which names the schema of an Application.
	modeline string
	opened   int
}

// withoutNetwork are settings that have the server fetch nothing: what an editor knows
// of a document is then from its modeline.
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
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	modeline := regexp.MustCompile(`(?m)^# yaml-language-server: \$schema=\.\./application\.schema\.json$`).FindString(string(readme))
	if modeline == "" {
		t.Fatal("the README shows no modeline")
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

// kindLine is the line of a document that says its kind.
var kindLine = regexp.MustCompile(`(?m)^kind: (\w+)$`)

// withModelines puts a modeline above each document of a file.
func (e *editor) withModelines(text string) (file string, documents int) {
	all := strings.Split(text, "\n---\n")
	for i, document := range all {
		m := kindLine.FindStringSubmatch(document)
		if m == nil {
			e.t.Fatalf("no kind is said by\n%s", document)
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

// application is the Application of Kurator's example with a piece of its text replaced.
func (e *editor) application(from, to string) string {
	e.t.Helper()
	return e.edited("application.yaml", from, to)
}

// edited is the first document of a file of Kurator's example with a piece of its text replaced.
func (e *editor) edited(file, from, to string) string {
	e.t.Helper()
	text, _, _ := strings.Cut(string(documents(e.t, "kuma-rollout")[file]), "---\n")
	if strings.Count(text, from) != 1 {
		e.t.Fatalf("%q is %d times in the example", from, strings.Count(text, from))
	}
	text, _ = e.withModelines(strings.Replace(text, from, to, 1))
	return text
}

// cursor takes the first sign out of a text, and returns the place where it stood.
func cursor(text, sign string) (string, lsp.Position) {
	before, after, _ := strings.Cut(text, sign)
	line := strings.Count(before, "\n")
	return before + after, lsp.Position{Line: line, Character: len(before) - 1 - strings.LastIndex(before, "\n")}
}

// TestEditorsMarkMistakes makes mistakes in Kurator's example: each is marked, where
// it stands and nowhere else. « and » are around it.
func TestEditorsMarkMistakes(t *testing.T) {
	e := newEditor(t)
	for name, tt := range map[string]struct{ from, to, says string }{
		"an unknown field":   {"stepWeight: 10", "«stepWieght»: 10", "Property stepWieght is not allowed"},
		"an unknown value":   {"Provider: kuma", "Provider: «kumma»", `"istio", "kuma", "nginx"`},
		"a missing field":    {"workload:\n          apiVersion: apps/v1\n          name: backend\n", "«workload»:\n          apiVersion: apps/v1\n", `Missing property "name"`},
		"a wrong type":       {"port: 9898\n", "port: «\"9898\"»\n", `Expected "integer"`},
		"too large a number": {"maxWeight: 50", "maxWeight: «150»", "maximum of 100"},
		"a wrong form":       {"interval: 3m0s", "interval: «3 minutes»", "does not match the pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			record(t, "7. yaml-language-server: marks mistakes")
			text, start := cursor(e.application(tt.from, tt.to), "«")
			text, end := cursor(text, "»")
			_, marked := e.open(text)
			if len(marked) != 1 || !strings.Contains(marked[0].Message, tt.says) || marked[0].Range != (lsp.Range{Start: start, End: end}) {
				t.Errorf("it marks %+v, want %s from %v to %v", marked, tt.says, start, end)
			}
		})
	}
}

// TestEditorsPassTheExamples: in what compiles nothing is marked. That the documents
// are looked at is seen by an unknown field in each.
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
					t.Errorf("%s: it marks %+v", name, marked)
				}
				unknown := kindLine.ReplaceAllString(text, "kind: $1\nunheard: of")
				if _, marked := e.open(unknown); len(marked) != documents {
					t.Errorf("%s: of %d documents with an unknown field it marks %+v", name, documents, marked)
				}
			}
		})
	}
}

// TestEditorsOfferFields completes in Kurator's example, at ‸: what is not there yet
// is offered, with its description, and inserted as a field.
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
		// What an API server sets is taken, and not offered.
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
					t.Errorf("for %s it inserts %q", item.Label, item.InsertText)
				}
			}
			if slices.Sort(offered); !slices.Equal(offered, tt.want) {
				t.Errorf("it offers %q, want %q", offered, tt.want)
			}
		})
	}
}

// TestEditorsOfferValues completes at ‸ where a value is to be: those of an enum, and
// an example.
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
				t.Errorf("it offers %q, want %q", offered, tt.want)
			}
		})
	}
}

// TestEditorsDescribeFields points at a field.
func TestEditorsDescribeFields(t *testing.T) {
	record(t, "7. yaml-language-server: describes fields")
	e := newEditor(t)
	text, at := cursor(e.application("stepWeight: 10", "step‸Weight: 10"), "‸")
	file, _ := e.open(text)
	said := e.Hover(file, at)
	for _, want := range []string{descriptions(t, "Application", "CanaryStrategy")["stepWeight"], "Example:\n\n```yaml\n10\n```"} {
		if !strings.Contains(said, want) {
			t.Errorf("it says %q, want %q", said, want)
		}
	}
}

// descriptions are those of the fields of one of a kind's types.
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
		t.Fatalf("nothing is said of %s", of)
	}
	return all
}
