package diag_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/excerpt"
)

const application = `kind: Application
spec:
  canaryStrategy:
    stepWieght: 5 # percent
  url: "値段"
`

func at(file string, line, column int) diag.Position {
	return diag.Position{File: file, Line: line, Column: column}
}

// run has an example of everything.
var run = diag.List{
	diag.New(diag.NothingToCompile, diag.Position{}, "", "nothing", "name the files"),
	diag.New(diag.Encoding, at("fleet/a.yaml", 0, 0), "", "UTF-16", ""),
	diag.New(diag.OtherDocuments, at("fleet/a.yaml", 1, 7), "kind", "left out", ""),
	diag.New(diag.UnknownField, at("fleet/a.yaml", 4, 5), "spec.canaryStrategy", `unknown field "stepWieght"`, "did you mean stepWeight?"),
	diag.New(diag.SelectsNothing, at("fleet/a.yaml", 5, 8), "spec.url", "no <cluster> & 100%", "one\ntwo"),
	diag.New(diag.UnknownField, at("gone: b,c.yaml", 7, 0), "x[0]", "a\x1b[31m\r\nb", "c\x00"),
}

// written returns a list in a format.
func written(t *testing.T, format string, options diag.FormatOptions, list diag.List) string {
	t.Helper()
	f, ok := diag.Formats.Get(format)
	if !ok {
		t.Fatalf("there is no format %s", format)
	}
	var b strings.Builder
	if err := f(&b, list, options); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("it writes\n%s\nwant\n%s", got, want)
	}
}

// excerpts are the lines of application, under its name in run.
var excerpts = excerpt.From(map[string][]byte{"fleet/a.yaml": []byte(application)})

func TestFormatsAreFoundByTheirNames(t *testing.T) {
	if want := []string{"text", "json", "github", "sarif"}; !slices.Equal(diag.Formats.Names(), want) {
		t.Errorf("the formats are %q, want %q", diag.Formats.Names(), want)
	}
	for _, name := range diag.Formats.Names() {
		if _, ok := diag.Formats.Get(name); !ok {
			t.Errorf("there is no format %s", name)
		}
	}
	if _, ok := diag.Formats.Get("xml"); ok {
		t.Error("there is a format xml")
	}
}

func TestTextIsPlainUnlessAskedFor(t *testing.T) {
	var b strings.Builder
	if err := diag.WriteText(&b, run); err != nil {
		t.Fatal(err)
	}
	expect(t, written(t, "text", diag.FormatOptions{}, run), b.String())
}

func TestTextShowsTheLineWithCarets(t *testing.T) {
	expect(t, written(t, "text", diag.FormatOptions{Excerpt: excerpts}, run), `error FW200 nothing
  hint: name the files
fleet/a.yaml: error FW104 UTF-16
fleet/a.yaml:1:7: info FW106 kind: left out
    1 | kind: Application
      |       ^^^^^^^^^^^
fleet/a.yaml:4:5: error FW110 spec.canaryStrategy: unknown field "stepWieght"
    4 |     stepWieght: 5 # percent
      |     ^^^^^^^^^^
  hint: did you mean stepWeight?
fleet/a.yaml:5:8: warning FW204 spec.url: no <cluster> & 100%
    5 |   url: "値段"
      |        ^^^^^^
  hint: one
  hint: two
gone: b,c.yaml:7: error FW110 x[0]: a\x1b[31m\r\nb
  hint: c\x00
`)
}

func TestTextShowsALineWithoutAColumn(t *testing.T) {
	options := diag.FormatOptions{Excerpt: excerpt.From(map[string][]byte{"a": []byte(strings.Repeat("a: b\n\n", 100000))})}
	list := diag.List{
		diag.New(diag.Syntax, at("a", 99999, 0), "", "x", ""),
		diag.New(diag.Syntax, at("a", 100000, 1), "", "y", ""),
		diag.New(diag.Syntax, at("a", 200002, 1), "", "z", ""),
	}
	expect(t, written(t, "text", options, list), `a:99999: error FW101 x
99999 | a: b
a:100000:1: error FW101 y
100000 |
       | ^
a:200002:1: error FW101 z
`)
}

func TestTextWithoutSourcesShowsNone(t *testing.T) {
	expect(t, written(t, "text", diag.FormatOptions{Excerpt: excerpt.From(nil)}, run), written(t, "text", diag.FormatOptions{}, run))
}

func TestColorsSayHowBadItIs(t *testing.T) {
	got := written(t, "text", diag.FormatOptions{Excerpt: excerpts, Color: true}, run)
	// Escape sequences of the format are shown as \e. Those that diagnostics quote are unchanged.
	expect(t, strings.ReplaceAll(got, "\x1b", `\e`), `\e[1;31merror\e[0m FW200 nothing
  \e[32mhint:\e[0m name the files
\e[1mfleet/a.yaml\e[0m: \e[1;31merror\e[0m FW104 UTF-16
\e[1mfleet/a.yaml:1:7\e[0m: \e[36minfo\e[0m FW106 kind: left out
    1 | kind: Application
      | \e[36m      ^^^^^^^^^^^\e[0m
\e[1mfleet/a.yaml:4:5\e[0m: \e[1;31merror\e[0m FW110 spec.canaryStrategy: unknown field "stepWieght"
    4 |     stepWieght: 5 # percent
      | \e[1;31m    ^^^^^^^^^^\e[0m
  \e[32mhint:\e[0m did you mean stepWeight?
\e[1mfleet/a.yaml:5:8\e[0m: \e[1;33mwarning\e[0m FW204 spec.url: no <cluster> & 100%
    5 |   url: "値段"
      | \e[1;33m       ^^^^^^\e[0m
  \e[32mhint:\e[0m one
  \e[32mhint:\e[0m two
\e[1mgone: b,c.yaml:7\e[0m: \e[1;31merror\e[0m FW110 x[0]: a\x1b[31m\r\nb
  \e[32mhint:\e[0m c\x00
`)
}

func TestWithoutItsColorsTextIsTheSame(t *testing.T) {
	list := append(slices.Clone(run), diag.New(diag.Syntax, at("a\xff\n\u202eb.yaml", 1, 1), "\x9b", "\u2028", "\u009b"))
	colors := strings.NewReplacer("\x1b[0m", "", "\x1b[1m", "", "\x1b[32m", "", "\x1b[36m", "", "\x1b[1;31m", "", "\x1b[1;33m", "")
	options := diag.FormatOptions{Excerpt: excerpts}
	plain := written(t, "text", options, list)
	options.Color = true
	expect(t, colors.Replace(written(t, "text", options, list)), plain)
	if want := `a\xff\n\u202eb.yaml:1:1: error FW101 \x9b: \u2028` + "\n  hint: \\u009b\n"; !strings.HasSuffix(plain, want) {
		t.Errorf("it ends in\n%s\nwant\n%s", plain, want)
	}
}

func TestJSONHoldsAllThatIsKnown(t *testing.T) {
	expect(t, written(t, "json", diag.FormatOptions{Version: "v1.2.3"}, run[:5]), `{
  "$schema": "https://fleetwright.dev/schema/check/v1.json",
  "fleetwright": "v1.2.3",
  "diagnostics": [
    {
      "severity": "error",
      "code": "FW200",
      "title": "the inputs contain nothing to render",
      "message": "nothing",
      "hint": "name the files"
    },
    {
      "file": "fleet/a.yaml",
      "severity": "error",
      "code": "FW104",
      "title": "the file is not valid UTF-8 text",
      "message": "UTF-16"
    },
    {
      "file": "fleet/a.yaml",
      "line": 1,
      "column": 7,
      "severity": "info",
      "code": "FW106",
      "title": "documents of other kinds are skipped",
      "path": "kind",
      "message": "left out"
    },
    {
      "file": "fleet/a.yaml",
      "line": 4,
      "column": 5,
      "severity": "error",
      "code": "FW110",
      "title": "the field does not exist",
      "path": "spec.canaryStrategy",
      "message": "unknown field \"stepWieght\"",
      "hint": "did you mean stepWeight?"
    },
    {
      "file": "fleet/a.yaml",
      "line": 5,
      "column": 8,
      "severity": "warning",
      "code": "FW204",
      "title": "the selector matches no cluster",
      "path": "spec.url",
      "message": "no <cluster> & 100%",
      "hint": "one\ntwo"
    }
  ],
  "summary": {
    "errors": 3,
    "warnings": 1,
    "infos": 1
  }
}
`)
	expect(t, written(t, "json", diag.FormatOptions{Version: "v1.2.3"}, nil), `{
  "$schema": "https://fleetwright.dev/schema/check/v1.json",
  "fleetwright": "v1.2.3",
  "diagnostics": [],
  "summary": {
    "errors": 0,
    "warnings": 0,
    "infos": 0
  }
}
`)
}

func TestJSONReadsBackAsItWas(t *testing.T) {
	var read struct {
		Diagnostics []struct {
			File, Severity, Path, Message, Hint string
			Line, Column                        int
			Code                                diag.Code
		}
	}
	if err := json.Unmarshal([]byte(written(t, "json", diag.FormatOptions{Version: "v1.2.3"}, run)), &read); err != nil {
		t.Fatal(err)
	}
	var got diag.List
	for _, d := range read.Diagnostics {
		severity, ok := diag.SeverityNamed(d.Severity)
		if !ok {
			t.Errorf("there is no severity %s", d.Severity)
		}
		got = append(got, diag.Diagnostic{Position: at(d.File, d.Line, d.Column), Severity: severity, Code: d.Code, Path: d.Path, Message: d.Message, Hint: d.Hint})
	}
	if !reflect.DeepEqual(got, run) {
		t.Errorf("it reads\n%v\nwant\n%v", got, run)
	}
}

func TestGitHubGetsCommands(t *testing.T) {
	options := diag.FormatOptions{URI: func(file string) string { return "repo/" + file }}
	expect(t, written(t, "github", options, run), `::error title=FW200 the inputs contain nothing to render::nothing%0Ahint: name the files
::error file=repo/fleet/a.yaml,title=FW104 the file is not valid UTF-8 text::UTF-16
::notice file=repo/fleet/a.yaml,line=1,col=7,title=FW106 documents of other kinds are skipped::kind: left out
::error file=repo/fleet/a.yaml,line=4,col=5,title=FW110 the field does not exist::spec.canaryStrategy: unknown field "stepWieght"%0Ahint: did you mean stepWeight?
::warning file=repo/fleet/a.yaml,line=5,col=8,title=FW204 the selector matches no cluster::spec.url: no <cluster> & 100%25%0Ahint: one%0Ahint: two
::error file=repo/gone%3A b%2Cc.yaml,line=7,title=FW110 the field does not exist::x[0]: a\x1b[31m\r\nb%0Ahint: c\x00
`)
	// A file name must not begin another workflow command.
	list := diag.List{diag.New("FW999", at("a\r\n::stop%\x1b", 1, 1), "", "b", "")}
	expect(t, written(t, "github", diag.FormatOptions{}, list), "::error file=a%0D%0A%3A%3Astop%25\\x1b,line=1,col=1,title=FW999::b\n")
}
