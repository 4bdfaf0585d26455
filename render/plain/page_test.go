package plain_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/catalogue"
	"github.com/fleetwright/fleetwright/internal/diag"
)

// reporting are the files that report on plain Canaries: the loader, the rules, and the routers of all
// providers.
var reporting = []string{
	"../../schema/load.go", "../../schema/yaml.go", "../../schema/shape.go", "../../schema/texts.go", "../../schema/canary.go",
	"../rules/*.go", "*.go", "../provider/router.go", "../provider/httproute.go", "../provider/features.go",
}

// ofApplications are the codes in these files that only Applications get: about their load testers, Ingress and
// sources.
var ofApplications = []string{"NoLoadTester", "TesterInOtherMesh", "PatchBreaks", "UnknownKind", "OtherTool", "MetricTwice",
	"NotOnKuma", "NotOnIstio", "NotOnKubernetes", "TimeoutOnNginx", "TimeoutOnKubernetes"}

// TestPageListsCodes compares the list in docs/canaries.md with the codes that can be reported. UPDATE=1 writes
// it.
func TestPageListsCodes(t *testing.T) {
	const page = "../../docs/canaries.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, pattern := range reporting {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				addCodes(t, file, names)
			}
		}
	}
	routers, err := filepath.Glob(judging)
	if err != nil || len(routers) == 0 {
		t.Fatalf("%s: %v", judging, err)
	}
	for _, file := range routers {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, d := range parse(t, file).Decls {
			if f, ok := d.(*ast.FuncDecl); ok && slices.ContainsFunc(f.Type.Params.List, func(p *ast.Field) bool { return types.ExprString(p.Type) == "*rules.Rollout" }) {
				add(f, names)
			}
		}
	}
	list := "| code | severity | reported |\n|---|---|---|\n"
	for _, rule := range diag.Rules() {
		code := string(rule.Code)
		e, err := catalogue.Read(code)
		if err != nil {
			t.Fatal(err)
		}
		if names[e.Name] && !slices.Contains(ofApplications, e.Name) {
			list += fmt.Sprintf("| [%s](diagnostics.md#%s) | %s | %s |\n", code, strings.ToLower(code), e.Severity, e.Title)
		}
	}
	want := regexp.MustCompile(`(?s)(<!-- codes -->\n).*(<!-- /codes -->)`).ReplaceAllString(string(text), "${1}"+list+"${2}")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s does not list the codes that can be reported: UPDATE=1 go test ./render/plain", page)
	}
	if len(names) < 80 {
		t.Errorf("%d codes are found", len(names))
	}
}

// judging are the files in which the functions with a Rollout report on Canaries; their other functions report
// on Applications.
const judging = "../provider/*.go"

// addCodes adds the names of the codes in a file.
func addCodes(t *testing.T, file string, names map[string]bool) {
	t.Helper()
	add(parse(t, file), names)
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// add adds the names of the codes in a part of a file.
func add(part ast.Node, names map[string]bool) {
	ast.Inspect(part, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := s.X.(*ast.Ident); ok && pkg.Name == "diag" {
				names[s.Sel.Name] = true
			}
		}
		return true
	})
}
