package diag_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/fleetwright/fleetwright/internal/catalogue"
	"github.com/fleetwright/fleetwright/internal/diag"
)

// publishedSchema returns the schema of SARIF 2.1.0, errata 01, as published by OASIS. go-sarif has it in a
// constant that it does not export.
func publishedSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "schema.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err = strconv.Unquote(literal.Value)
		}
		return err == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	id, _ := document.(map[string]any)["id"].(string)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(id, document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(id)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestSARIFIsAsPublished(t *testing.T) {
	schema := publishedSchema(t)
	odd := func(file string) diag.List {
		return diag.List{diag.New(diag.Syntax, at(file, 1, 1), "", "x", "")}
	}
	var all diag.List
	for _, rule := range diag.Rules() {
		all = append(all, diag.New(rule.Code, at("a.yaml", 1, 1), "", "x", ""))
	}
	tests := []struct {
		name string
		list diag.List
		uri  string
	}{
		{"without diagnostics", nil, ""},
		{"with every severity, and with parts unknown", run, "."},
		{"with all rules", all, "a.yaml"},
		{"with an unknown code", diag.List{diag.New("FW999", at("a", 1, 1), "", "x", "")}, "a"},
		{"with a file name with spaces", odd("a b/c d.yaml"), "a%20b/c%20d.yaml"},
		{"with a file name with percents", odd("100%/%41.yaml"), "100%25/%2541.yaml"},
		{"with a file name in Unicode", odd("値/ü.yaml"), "%E5%80%A4/%C3%BC.yaml"},
		{"with a file name like a scheme", odd("a:b.yaml"), "./a:b.yaml"},
		{"with the separators of URIs in a file name", odd("a?b#c[d]<e>.yaml"), "a%3Fb%23c%5Bd%5D%3Ce%3E.yaml"},
		{"with a file name that is no text", odd("a\xff\n\x1b.yaml"), "a%FF%0A%1B.yaml"},
		{"with a file elsewhere", odd("/tmp/a b.yaml"), "file:///tmp/a%20b.yaml"},
		{"with a file above", odd("../a.yaml"), "../a.yaml"},
		{"with control characters", diag.List{diag.New(diag.Syntax, at("a", 1, 1), "\x00[\x1b]\u009b\xff", "\x00\r\u2028\xff", "\x07\n\x08")}, "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := written(t, "sarif", diag.FormatOptions{Version: "v1.2.3"}, tt.list)
			document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(document); err != nil {
				t.Errorf("%#v in\n%s", err, text)
			}
			// Another reader reads the same values.
			report, err := sarif.FromString(text)
			if err != nil {
				t.Fatal(err)
			}
			results := report.Runs[0].Results
			if len(results) != len(tt.list) {
				t.Fatalf("%d results, want %d", len(results), len(tt.list))
			}
			for i, r := range results {
				if rule := report.Runs[0].Tool.Driver.Rules[r.RuleIndex]; *rule.ID != *r.RuleID || *r.RuleID != string(tt.list[i].Code) {
					t.Errorf("result %d of %s has the rule %s", i, *r.RuleID, *rule.ID)
				}
			}
			if len(results) > 0 && *results[0].Locations[0].PhysicalLocation.ArtifactLocation.URI != tt.uri {
				t.Errorf("the file is %s, want %s", *results[0].Locations[0].PhysicalLocation.ArtifactLocation.URI, tt.uri)
			}
		})
	}
	if err := schema.Validate(map[string]any{"version": "2.1.0", "runs": []any{map[string]any{}}}); err == nil {
		t.Error("the schema takes anything")
	}
}

func TestSARIFIsWhatCodeScanningTakes(t *testing.T) {
	list := diag.List{
		diag.New("FW999", at("fleet/a.yaml", 4, 5), "spec.steps[1]", "10 after 10", "write 20\nor 30"),
		{Position: at("stdin", 0, 0), Severity: diag.Info, Code: "FW998", Message: "none"},
	}
	options := diag.FormatOptions{Version: "(devel)", URI: func(file string) string { return "repo/" + file }}
	expect(t, written(t, "sarif", options, list), `{
  "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
  "version": "2.1.0",
  "runs": [
    {
      "tool": {
        "driver": {
          "name": "fleetwright",
          "version": "(devel)",
          "informationUri": "https://github.com/fleetwright/fleetwright",
          "rules": [
            {
              "id": "FW998",
              "defaultConfiguration": {
                "level": "error"
              }
            },
            {
              "id": "FW999",
              "defaultConfiguration": {
                "level": "error"
              }
            }
          ]
        }
      },
      "results": [
        {
          "ruleId": "FW999",
          "ruleIndex": 1,
          "level": "error",
          "message": {
            "text": "10 after 10\nhint: write 20\nhint: or 30"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "repo/fleet/a.yaml"
                },
                "region": {
                  "startLine": 4,
                  "startColumn": 5
                }
              },
              "logicalLocations": [
                {
                  "fullyQualifiedName": "spec.steps[1]"
                }
              ]
            }
          ],
          "partialFingerprints": {
            "fleetwright/v1": "956692699b0f357bbc4747017633706d:1"
          }
        },
        {
          "ruleId": "FW998",
          "ruleIndex": 0,
          "level": "note",
          "message": {
            "text": "none"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "repo/stdin"
                }
              }
            }
          ],
          "partialFingerprints": {
            "fleetwright/v1": "0dca0ce248d10b3b39234975b9fb7a06:1"
          }
        }
      ],
      "columnKind": "unicodeCodePoints"
    }
  ]
}
`)
}

func TestRulesSayWhatTheCatalogueSays(t *testing.T) {
	report, err := sarif.FromString(written(t, "sarif", diag.FormatOptions{Version: "v1.2.3-rc.1"}, diag.List{
		diag.New(diag.StepsStandStill, at("a", 1, 1), "", "x", ""),
		diag.New(diag.SelectsNothing, at("a", 1, 1), "", "x", ""),
		diag.New(diag.StepsStandStill, at("a", 2, 1), "", "x", ""),
	}))
	if err != nil {
		t.Fatal(err)
	}
	driver := report.Runs[0].Tool.Driver
	if *driver.Version != "v1.2.3-rc.1" || *driver.SemanticVersion != "1.2.3-rc.1" {
		t.Errorf("the version is %s, %s", *driver.Version, *driver.SemanticVersion)
	}
	if len(driver.Rules) != 2 || *driver.Rules[0].ID != "FW204" || *driver.Rules[1].ID != "FW326" {
		t.Fatalf("the rules are %v", driver.Rules)
	}
	if level := driver.Rules[0].DefaultConfiguration.Level; level != "warning" {
		t.Errorf("FW204 is a %s", level)
	}
	rule := driver.Rules[1]
	known, err := catalogue.Read("FW326")
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string][2]string{
		"the title":                   {*rule.ShortDescription.Text, known.Title},
		"what is said of ignoring it": {*rule.FullDescription.Text, known.Effect},
		"the help":                    {*rule.Help.Text, known.Fix + "\n\nSource: " + known.Source},
		"the level":                   {rule.DefaultConfiguration.Level, "error"},
	} {
		if text[0] != text[1] {
			t.Errorf("%s is %q, want %q", what, text[0], text[1])
		}
	}
}

// fingerprints returns the fingerprints of the results, in order.
func fingerprints(t *testing.T, options diag.FormatOptions, list diag.List) []string {
	t.Helper()
	report, err := sarif.FromString(written(t, "sarif", options, list))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range report.Runs[0].Results {
		all = append(all, r.PartialFingerprints["fleetwright/v1"])
	}
	return all
}

func TestFingerprintsStayWhenLinesMove(t *testing.T) {
	list := func(shift int) diag.List {
		return diag.List{
			diag.New(diag.UnknownField, at("a.yaml", 1+shift, 5), "spec", "unknown x", ""),
			diag.New(diag.UnknownField, at("a.yaml", 2+shift, 5), "spec", "unknown y", ""),
			diag.New(diag.UnknownField, at("a.yaml", 3+shift, 5), "spec.z", "unknown z", ""),
			diag.New(diag.WrongType, at("a.yaml", 3+shift, 5), "spec", "a number", ""),
			diag.New(diag.UnknownField, at("b.yaml", 3+shift, 5), "spec", "unknown x", ""),
		}
	}
	before, after := fingerprints(t, diag.FormatOptions{}, list(0)), fingerprints(t, diag.FormatOptions{}, list(7))
	if strings.Join(before, " ") != strings.Join(after, " ") {
		t.Errorf("they were %q and are %q", before, after)
	}
	seen := map[string]bool{}
	for _, f := range before {
		if seen[f] {
			t.Errorf("%s is that of two", f)
		}
		seen[f] = true
	}
	if first, second := before[0], before[1]; strings.TrimSuffix(first, ":1") != strings.TrimSuffix(second, ":2") {
		t.Errorf("two like each other have %s and %s", first, second)
	}
}
