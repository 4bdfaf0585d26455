package catalogue

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/templates"
)

func TestEveryFileIsRead(t *testing.T) {
	files, err := os.ReadDir("../../templates/diagnostics")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`^FW[1-9][0-9]{2}\.md$`)
	n := 0
	for _, f := range files {
		if f.Name() == "README.md" {
			continue
		}
		n++
		if !form.MatchString(f.Name()) {
			t.Errorf("%s is not named after a code, FW123.md", f.Name())
		}
	}
	if codes := Codes(); n == 0 || len(codes) != n {
		t.Errorf("there are %d codes in %d files", len(codes), n)
	}
	names, titles := map[string]string{}, map[string]string{}
	for _, code := range Codes() {
		e, err := Read(code)
		if err != nil {
			t.Error(err)
		}
		if other := names[e.Name]; other != "" {
			t.Errorf("%s and %s are both named %s", other, code, e.Name)
		}
		if other := titles[e.Title]; other != "" || strings.HasSuffix(e.Title, ".") {
			t.Errorf("%s has the title %q, and so has %s", code, e.Title, other)
		}
		names[e.Name], titles[e.Title] = code, code
		for _, text := range []string{e.Effect, e.Fix} {
			if !strings.HasSuffix(text, ".") {
				t.Errorf("%s has %q, want sentences", code, text)
			}
		}
		if strings.Count(e.Bad, Mark) > 1 || strings.Contains(e.Good, Mark) {
			t.Errorf("%s has more marks than one, or one in the good example", code)
		}
	}
	if _, err := Read("FW999"); err == nil {
		t.Error("there is a code FW999")
	}
}

// Codes returns the codes of the catalogue, in order.
func Codes() (codes []string) {
	files, _ := templates.Diagnostics.ReadDir("diagnostics")
	for _, f := range files {
		codes = append(codes, strings.TrimSuffix(f.Name(), ".md"))
	}
	return codes
}

const whole = `---
name: GuessedPort
severity: warning
structural: true
base: istio
---

# the port is a guess

## What happens

Requests fail.
So does \<name>.

## How to fix it

Write it.

## Reported

` + "```yaml" + `
port: »80

---
` + "```" + `

## Not reported

` + "```yaml" + `
port: 8080
` + "```" + `

## Source

a;
b
`

func TestParse(t *testing.T) {
	got, err := parse("FW123.md", whole)
	if err != nil {
		t.Fatal(err)
	}
	want := Entry{
		Name: "GuessedPort", Severity: "warning", Structural: true, Base: "istio", Title: "the port is a guess",
		Effect: "Requests fail. So does <name>.", Fix: "Write it.",
		Bad: "port: »80\n\n---\n", Good: "port: 8080\n", Source: "a; b",
	}
	if got != want {
		t.Errorf("got %#v, want %#v", got, want)
	}
	start, end := strings.Index(whole, "\n## Reported"), strings.Index(whole, "\n## Source")
	for _, rest := range []string{
		whole[:end],
		whole[:start] + whole[end:],
		whole[:start],
		strings.NewReplacer("structural: true\n", "", "base: istio\n", "").Replace(whole),
	} {
		if _, err := parse("FW123.md", rest); err != nil {
			t.Errorf("%v in\n%s", err, rest)
		}
	}
}

func TestParseIsStrict(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"an empty file", whole, "", `FW123.md:1: want "---"`},
		{"no name", "name: GuessedPort\n", "", `FW123.md:2: want "name: " and a text`},
		{"an empty name", "GuessedPort", "", `FW123.md:2: want "name: " and a text`},
		{"an unknown severity", "warning", "fatal", `FW123.md:3: want severity: error or warning or info`},
		{"keys in another order", "structural: true\nbase: istio\n", "base: istio\nstructural: true\n", `FW123.md:5: want "---"`},
		{"an unknown key", "structural: true", "structural: false", `FW123.md:4: want structural: true`},
		{"an unknown key", "base: istio", "provider: istio", `FW123.md:5: want "---"`},
		{"an unknown base", "base: istio", "base: kuma", `FW123.md:5: want base: istio or nginx or gatewayapi or kubernetes or none`},
		{"an open front matter", "istio\n---\n", "istio\n", `FW123.md:6: want "---"`},
		{"no title", "# the port is a guess\n\n", "", `FW123.md:8: want "# " and a text`},
		{"no section", "## What happens\n\nRequests fail.\nSo does \\<name>.\n\n", "", `FW123.md:10: want "## What happens"`},
		{"an empty section", "Write it.\n\n", "", `FW123.md:17: want words`},
		{"an unknown section", "## Source", "## Sources", `FW123.md:33: want "## Source"`},
		{"sections in another order", "## How to fix it", "## Source", `FW123.md:15: want "## How to fix it"`},
		{"two paragraphs", "fail.\nSo", "fail.\n\nSo", `FW123.md:14: want "## How to fix it"`},
		{"a list among the words", "So does", "- So does", `FW123.md:13: want words`},
		{"no blank line below a heading", "happens\n\n", "happens\n", `FW123.md:11: want ""`},
		{"one example", "## Not reported\n\n```yaml\nport: 8080\n```\n\n", "", `FW123.md:27: want "## Not reported"`},
		{"an example of another language", "```yaml\nport: 8080", "```\nport: 8080", `FW123.md:29: want "` + "```yaml" + `"`},
		{"an open fence", "8080\n```\n", "8080\n", `FW123.md:37: want "` + "```" + `"`},
		{"a blank line at the end", "b\n", "b\n\n", `FW123.md:38: want the end of the file`},
		{"more at the end", "b\n", "b\n\nc\n", `FW123.md:38: want the end of the file`},
		{"no line break at the end", "b\n", "b", `FW123.md:37: want ""`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(whole, tt.old, tt.new, 1)
			if text == whole {
				t.Fatalf("there is no %q", tt.old)
			}
			if _, err := parse("FW123.md", text); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
