package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/fleetwright/fleetwright/internal/pages"
	"github.com/fleetwright/fleetwright/schema"
)

const (
	// forged is the start of a line that only other programs write.
	forged = "::error::forged"
	// hostile is a possible file name that manipulates a terminal, the direction of text and a log.
	hostile = "a\x1b[31m\x1b]0;b\x07\r\b\u009b1m\x9b\xff\u202e\u2028\u0085\x7f\n" + forged
	// quoted is hostile text that YAML and JSON can express.
	hostileText = `"a\u001b[31m\u001b]0;b\u0007\r\b\u009b1m\u202e\u2028\u0085\u007f\n` + forged + `"`
	// secret is a credential that no output for people may contain.
	secret = "tok3nvalue0123456789"
)

// harmless reports effects of a text other than being read.
func harmless(text string) error {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, forged) {
			return fmt.Errorf("a line is forged: %q", line)
		}
		for i, r := range line {
			_, size := utf8.DecodeRuneInString(line[i:])
			switch {
			case r == '\n' || r == '\t':
			case r == utf8.RuneError && size == 1, unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control):
				return fmt.Errorf("%U is in the line %q", r, line)
			}
		}
	}
	if strings.Contains(text, secret) {
		return fmt.Errorf("a credential is printed: %q", text)
	}
	return nil
}

// write writes a file, with its directories.
func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// world creates a directory with everything that can be hostile: names of files, directories and clusters,
// links, the texts of documents, and a rendered directory.
func world(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	pages.Shell(t, dir, "git init -q -b main")
	good, err := os.ReadFile(repository + "/examples/kuma-rollout/application.yaml")
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := os.ReadFile(repository + "/examples/kuma-rollout/fleet.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/good/application.yaml", string(good))
	write(t, dir+"/good/fleet.yaml", string(fleet))

	// Documents with diagnostics that still compile.
	said := strings.NewReplacer(
		"rolloutPolicy:\n", "rolloutPolicy:\n          webhooks:\n          - {name: \"w\\u202e\\u2028 https://user:"+secret+"@h\", type: confirm-promotion, url: \"http://user:"+secret+"@web.web/?token="+secret+"\", metadata: {a: \"\\u202e\\u2028\"}}\n",
	).Replace(string(good))
	write(t, dir+"/said/application.yaml", said)
	write(t, dir+"/said/fleet.yaml", string(fleet))
	if code := run([]string{"check", dir + "/said"}, nil, new(bytes.Buffer), new(bytes.Buffer)); code != exitOK {
		t.Fatal("the documents with diagnostics do not compile")
	}

	// Documents that do not compile.
	bad := strings.NewReplacer("name: backend", "name: "+hostileText, "https://github.com", "https://user:"+secret+"@github.com", "protocol: http", hostileText+": 1").Replace(string(good))
	write(t, filepath.Join(dir, "bad", hostile+".yaml"), bad)
	write(t, filepath.Join(dir, "bad", "kind.yaml"), "apiVersion: apps.kurator.dev/v1alpha1\nkind: "+hostileText+"\nmetadata: {name: "+hostileText+"}\n")
	write(t, filepath.Join(dir, "bad", "syntax.yaml"), "a: [ "+hostileText+"\n b: https://user:"+secret+"@h\n")
	write(t, filepath.Join(dir, "bad", "raw.yaml"), "a: \x1b\x9b\n")
	for _, kind := range schema.Kinds() {
		for name, version := range map[string]string{"a": kind.APIVersion, "b": hostileText} {
			write(t, filepath.Join(dir, "bad", kind.Name+name+".yaml"), "apiVersion: "+version+"\nkind: "+kind.Name+"\nmetadata: {name: "+hostileText+", labels: {"+hostileText+": "+hostileText+"}}\nspec: {"+hostileText+": 1}\n")
		}
	}
	if err := os.Symlink(hostile+"-nowhere", filepath.Join(dir, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/links/x.yaml", "a: b\n")
	if err := os.Symlink(hostile, filepath.Join(dir, "links", hostile+".yaml")); err != nil {
		t.Fatal(err)
	}

	// A directory with stale clusters, inventories and journals.
	if code := run([]string{"render", dir + "/good", "-o", dir + "/out", "--path", "out"}, nil, new(bytes.Buffer), new(bytes.Buffer)); code != exitOK {
		t.Fatal("the good documents do not compile")
	}
	inventory, err := os.ReadFile(dir + "/out/kurator-member1/fleetwright/inventory")
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{"out", "cut", "names"} {
		stale := filepath.Join(dir, out, hostile, "fleetwright")
		write(t, stale+"/inventory", string(inventory))
		write(t, stale+"/sync.yaml", "a: b\n")
	}
	line := strings.ReplaceAll(hostile, "\n", "") // an inventory has one line per file
	write(t, filepath.Join(dir, "cut", hostile, "fleetwright", ".journal.json"), `{"files": [`+hostileText+`]}`)
	write(t, filepath.Join(dir, "names", hostile, "fleetwright", "inventory"), strings.Replace(string(inventory), "sync.yaml", line, 1))
	write(t, filepath.Join(dir, "names", hostile, "fleetwright", line), "b")
	write(t, filepath.Join(dir, "names", "kurator-member1", "fleetwright", "inventory"), strings.Replace(string(inventory), "sync.yaml", "../"+line, 1))
	write(t, filepath.Join(dir, "broken", hostile, "fleetwright", "inventory"), "{")
	write(t, filepath.Join(dir, "broken", hostile, "fleetwright", ".journal.json"), "{")

	// Directories of the former layout, one of them unreadable.
	former := "{\n\"apiVersion\": \"fleetwright.dev/v1alpha1\",\n\"kind\": \"Inventory\",\n\"files\": {\n\"sync.yaml\": \"" + strings.Repeat("0", 64) + "\"\n}\n}\n"
	object := "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: app-default.rollout-kuma-demo, namespace: flux-system, labels: {a: " + hostileText + "}}\n"
	for out, sync := range map[string]string{"former": object, "unreadable": "a: [ " + hostileText + "\n b: https://user:" + secret + "@h\n"} {
		write(t, filepath.Join(dir, out, "kurator-member1", "fleetwright", "inventory.json"), former)
		write(t, filepath.Join(dir, out, "kurator-member1", "fleetwright", "sync.yaml"), sync)
	}
	return dir
}

// TestNothingIsPrintedRaw runs every command on hostile input. Neither the output for people nor the messages
// may contain a control character, a forged line or a credential.
func TestNothingIsPrintedRaw(t *testing.T) {
	dir := world(t)
	t.Chdir(dir)
	pages.Shell(t, dir, "git add good && git -c user.name=a -c user.email=a@b commit -q -m a")
	url := "https://user:" + secret + "@example.com/a?access_token=" + secret
	var lines [][]string
	add := func(args ...string) { lines = append(lines, args) }
	for _, word := range []string{hostile, url} {
		add(word)
		add("help", word)
		add("--" + word)
		add("-" + word)
		for _, command := range []string{"render", "check", "diff", "plan", "fleet", "explain", "schema", "init", "completion"} {
			add(command, word)
			add(command, word, word)
			add(command, "--"+word)
			add(command, "good", "--format", word)
			add(command, "good", "--strict="+word)
		}
		for _, flag := range []string{"--cluster", "--cluster-selector", "--path", "-o"} {
			for _, command := range []string{"render", "check", "diff"} {
				add(command, "good", "-o", "out", flag, word)
			}
			add("plan", "good", flag, word)
			add("fleet", "good", flag, word)
		}
		add("render", "good", "-o", "out", "--shard", word)
		add("render", word+"-nowhere", "-o", "out", "--watch")
		add("check", word+"-nowhere", "--watch")
		add("check", "good", "-o", word, "--staged")
		add("check", word, "--staged")
		add("diff", "good", "--base", word)
		add("diff", "good", "--base", "main", "--head", word)
		add("diff", word, "--base", "main")
		add("diff", word, "--base", "main", "--head", "main")
		add("init", "new", "--name", word)
		add("init", "new", "--provider", word)
		add("__complete", "render", word, "")
	}
	for _, format := range []string{"text", "github"} {
		for _, inputs := range []string{"bad", "link.yaml", "links", "said", ".", filepath.Join("bad", hostile+".yaml")} {
			add("check", inputs, "--format", format)
			add("check", inputs, "--format", format, "--strict", "-o", "out")
			add("render", inputs, "--format", format, "-o", "new")
		}
		for _, out := range []string{"out", "cut", "names", "broken", "former", "unreadable", filepath.Join("out", hostile)} {
			add("check", "good", "--format", format, "-o", out)
		}
	}
	for _, out := range []string{"out", "cut", "names", "broken", "former", "unreadable"} {
		for _, format := range []string{"text", "markdown"} {
			add("diff", "said", "-o", out, "--format", format)
			add("diff", "good", "-o", out, "--format", format)
		}
		add("render", "good", "-o", out)
		add("render", "good", "-o", out, "--allow-prune")
	}
	for _, format := range []string{"text", "markdown"} {
		add("diff", "said", "--base", "main", "--format", format)
		add("diff", "bad", "-o", "out", "--format", format)
		add("plan", "bad", "--format", format)
	}
	for _, format := range []string{"text", "markdown", "svg", "html"} {
		add("plan", "said", "--format", format)
	}
	for _, format := range []string{"text", "markdown", "svg", "html", "mermaid"} {
		add("fleet", "good", "--format", format)
		add("fleet", "said", "--format", format)
	}
	add("__complete", "render", "bad", "--cluster", "")
	add("__complete", "render", "bad", "--cluster-selector", "")
	add("check", ".", "-o", "out", "--staged")
	add("render", "good", "-o", filepath.Join("new", hostile))
	add("render", "good", "-o", filepath.Join("new", hostile), "--staged")
	add("init", filepath.Join("begun", hostile))
	add("init", filepath.Join("begun", hostile))
	for _, args := range lines {
		if slices.ContainsFunc(args, func(arg string) bool { return strings.ContainsRune(arg, 0) }) {
			t.Fatalf("no command line has a NUL: %q", args)
		}
		var stdout, stderr bytes.Buffer
		run(args, strings.NewReader(""), &stdout, &stderr)
		for name, text := range map[string]string{"stdout": stdout.String(), "stderr": stderr.String()} {
			if name == "stdout" && args[0] == "completion" {
				continue // a script
			}
			if err := harmless(text); err != nil {
				t.Errorf("%s of %q: %v", name, args, err)
			}
		}
	}
}

// TestFunctionSaysNothingRaw checks that a KRM function escapes hostile items and settings in its messages,
// and that its results contain no credential.
func TestFunctionSaysNothingRaw(t *testing.T) {
	url := "https://user:" + secret + "@example.com/a"
	object := "{apiVersion: apps.kurator.dev/v1alpha1, kind: %[1]s, metadata: {name: %[1]s, namespace: %[1]s, annotations: {internal.config.kubernetes.io/path: %[1]s, config.kubernetes.io/path: %[1]s}}, spec: {%[1]s: %[1]s}}"
	for _, text := range []string{hostileText, fmt.Sprintf("%q", url)} {
		for _, list := range []string{
			"apiVersion: " + text + "\nkind: ResourceList\n",
			"apiVersion: v1\nkind: " + text + "\n",
			"a: " + text + ": b\n",
			"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: [" + fmt.Sprintf(object, text) + "]\n",
			"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: [" + strings.Replace(fmt.Sprintf(object, text), "kind: "+text, "kind: Application", 1) + "]\n",
			"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig: " + fmt.Sprintf(object, text) + "\nitems: []\n",
			"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {" + text + ": " + text + ", cluster: " + text + ", mode: " + text + ", inputs: " + text + "}}\nitems: []\n",
			"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig: {apiVersion: fleetwright.dev/v1alpha1, kind: RenderConfig, metadata: {name: a}, spec: {function: {inputs: [" + text + "], directory: " + text + ", cluster: " + text + "}}}\nitems: []\n",
		} {
			var stdout, stderr bytes.Buffer
			run(nil, strings.NewReader(list), &stdout, &stderr)
			if err := harmless(stderr.String()); err != nil {
				t.Errorf("of %s: %v", list, err)
			}
			_, results, _ := strings.Cut(stdout.String(), "\nresults:")
			for line := range strings.Lines(results) {
				// References to an object or its file must stay unchanged.
				if key, _, _ := strings.Cut(strings.TrimLeft(line, " -"), ":"); strings.Contains(line, secret) && (key == "message" || key == "hint") {
					t.Errorf("the results of %s are %s", list, results)
				}
			}
		}
	}
}

// TestWatchSaysNothingRaw checks the same for the messages of a watch.
func TestWatchSaysNothingRaw(t *testing.T) {
	var stderr bytes.Buffer
	a := &app{stderr: &stderr}
	log := changeLog{print: a.print, out: hostile}
	log.add(hostile, true)
	log.end()
	a.fail(cannotWatch(fmt.Errorf("%s", hostile)))
	if err := harmless(stderr.String()); err != nil || stderr.Len() == 0 {
		t.Errorf("message %q: %v", stderr.String(), err)
	}
}

// TestProgramsGetNoCredential checks that the formats for programs contain no credential either: of
// diagnostics, differences and plans.
func TestProgramsGetNoCredential(t *testing.T) {
	dir := world(t)
	t.Chdir(dir)
	for _, args := range [][]string{
		{"check", "bad", "--format", "json"},
		{"check", "said", "--format", "json"},
		{"check", "bad", "--format", "sarif"},
		{"check", "said", "--format", "sarif"},
		{"diff", "said", "-o", "out", "--format", "json"},
		{"diff", "bad", "-o", "out", "--format", "json"},
		{"plan", "said", "--format", "json"},
		{"fleet", "said", "--format", "json"},
	} {
		var stdout, stderr bytes.Buffer
		run(args, nil, &stdout, &stderr)
		if strings.Contains(stdout.String()+stderr.String(), secret) {
			t.Errorf("%q prints %s%s", args, stdout.String(), stderr.String())
		}
	}
}

// TestColoursPassAlone checks that the command's own colours reach a terminal, and no other escape sequence.
func TestColoursPassAlone(t *testing.T) {
	var out bytes.Buffer
	d := &door{to: &out, color: true}
	fmt.Fprint(d, "\x1b[1;31merror\x1b[0m a\x1b[2J\x1b[31", ";1m\tb\u009b\r\nhttps://user:", secret, "@h/?token="+secret+"\x1b[0m\nc\x1b")
	if err := d.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "\x1b[1;31merror\x1b[0m a\\x1b[2J\\x1b[31;1m\tb\\u009b\\r\nhttps://***@h/?token=***\x1b[0m\nc\\x1b"
	if got := out.String(); got != want {
		t.Errorf("it prints\n%q\nwant\n%q", got, want)
	}
	out.Reset()
	d.color = false
	fmt.Fprintln(d, "\x1b[31ma\x1b[0m")
	if got := out.String(); got != "\\x1b[31ma\\x1b[0m\n" {
		t.Errorf("output without colours: %q", got)
	}
}

// TestCommandLinesStayPasteable checks that a shell reads quoted hints correctly.
func TestCommandLinesStayPasteable(t *testing.T) {
	for _, name := range []string{hostile, "a b", "it's", "\u202e", "-x", "é\x1bf"} {
		line := commandLine("check", []string{name})
		if err := harmless(line); err != nil {
			t.Error(err)
		}
		output, err := exec.Command("bash", "-c", strings.Replace(line, "fleetwright check", "printf %s", 1)).Output()
		if err != nil || strings.TrimPrefix(string(output), "./") != name {
			t.Errorf("for %q a shell reads %q in %s: %v", name, output, line, err)
		}
	}
}

// aroundTheDoor lists the functions that print without the door: output for programs, our own text, and the
// progress line, which moves on a terminal.
var aroundTheDoor = map[string]string{
	"door.go":                        "it is the door",
	"main.go main":                   "gives the streams",
	"man.go main":                    "is built for packages only",
	"program.go renderWith":          "only collects the errors of the other program",
	"render.go stream":               "manifests",
	"import.go writeDocuments":       "documents",
	"function.go function":           "a ResourceList",
	"schema.go newSchemaCmd":         "a schema",
	"completion.go newCompletionCmd": "a script",
	"explain.go newExplainCmd":       "the catalogue",
	"progress.go newProgress":        "only asks for a terminal",
}

// throughTheDoor lists the functions that pass a stream on to the door.
var throughTheDoor = []string{"show", "newPrinter", "isTerminal", "terminalWidth", "newDoor"}

// TestAllIsPrintedThroughTheDoor finds prints that bypass the door.
func TestAllIsPrintedThroughTheDoor(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		positions := token.NewFileSet()
		file, err := parser.ParseFile(positions, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			passed := map[ast.Node]bool{}
			ast.Inspect(function, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && slices.Contains(throughTheDoor, calleeOf(call)) {
					for _, argument := range call.Args {
						passed[argument] = true
					}
				}
				if !printsAnywhere(n) || passed[n] {
					return true
				}
				for _, allowed := range []string{name, name + " " + function.Name.Name} {
					if aroundTheDoor[allowed] != "" {
						used[allowed] = true
						return true
					}
				}
				t.Errorf("%s: %s bypasses door.go: use print or show", positions.Position(n.Pos()), function.Name.Name)
				return true
			})
		}
	}
	for name := range aroundTheDoor {
		if !used[name] {
			t.Errorf("%s no longer prints", name)
		}
	}
}

// calleeOf returns the name of the called function.
func calleeOf(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// printsAnywhere reports whether an expression is a stream for people, or prints to one.
func printsAnywhere(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		of, _ := n.X.(*ast.Ident)
		switch n.Sel.Name {
		case "stdout", "stderr", "Stdout", "Stderr":
			return true
		case "Print", "Printf", "Println", "PrintErr", "PrintErrf", "PrintErrln":
			return of != nil
		}
		return of != nil && of.Name == "log" && strings.HasPrefix(n.Sel.Name, "Fatal")
	case *ast.CallExpr:
		f, ok := n.Fun.(*ast.Ident)
		return ok && (f.Name == "print" || f.Name == "println")
	}
	return false
}
