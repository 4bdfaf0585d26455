package excerpt_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"
	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/catalogue"
	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/excerpt"
)

// marked returns a text without its mark, and the position of the mark, as the parser counts.
func marked(t *testing.T, text string) (string, diag.Position) {
	t.Helper()
	before, after, ok := strings.Cut(text, catalogue.Mark)
	if !ok {
		t.Fatalf("no mark in %q", text)
	}
	before = strings.TrimPrefix(before, "\ufeff")
	last := before[strings.LastIndexAny(before, "\n")+1:]
	at := diag.Position{Line: strings.Count(before, "\n") + 1, Column: len([]rune(last)) + 1}
	if strings.HasPrefix(text, "\ufeff") {
		before = "\ufeff" + before
	}
	return before + after, at
}

func TestCaretsSpanTheValue(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"a key ends before its colon", "a:\n  »stepWieght: 5", "  stepWieght: 5\n  ^^^^^^^^^^"},
		{"a key may have blanks before its colon", "»key : v", "key : v\n^^^"},
		{"a key may contain colons", "»a:b::c: v", "a:b::c: v\n^^^^^^"},
		{"a key in quotes ends with its quote", `»"a: b": v`, "\"a: b\": v\n^^^^^^"},
		{"a plain value goes to the end of the line", "a: »b c d", "a: b c d\n   ^^^^^"},
		{"blanks at the end are no part of a value", "a: »b c \t ", "a: b c \t \n   ^^^"},
		{"a comment is no part of a value", "a: »b#c  # d", "a: b#c  # d\n   ^^^"},
		{"a plain value may contain brackets and commas", "a: »b[0], c}", "a: b[0], c}\n   ^^^^^^^^"},
		{"a URL is one value", "url: »https://example.com/#x", "url: https://example.com/#x\n     ^^^^^^^^^^^^^^^^^^^^^^"},
		{"a value in double quotes goes to its quote", `a: »"b # \" c" # d`, "a: \"b # \\\" c\" # d\n   ^^^^^^^^^^"},
		{"a value in single quotes goes to its quote", `a: »'it''s # b' # d`, "a: 'it''s # b' # d\n   ^^^^^^^^^^^"},
		{"a quote that goes on in the next line goes to the end", "a: »\"b\n  c\"", "a: \"b\n   ^^"},
		{"an empty value in quotes is its quotes", "a: »'' # b", "a: '' # b\n   ^^"},
		{"an item is without its dash", "- - »b: c", "- - b: c\n    ^"},
		{"a dash is itself", "»- b: c", "- b: c\n^"},
		{"a negative number is no dash", "- »-5", "- -5\n  ^^"},
		{"an item in brackets ends before the comma", "a: [10, »10, 50]", "a: [10, 10, 50]\n        ^^"},
		{"the last item in brackets ends before the bracket", "a: [10, »50 ]", "a: [10, 50 ]\n        ^^"},
		{"a value in braces ends before the brace", "a: {b: »c}", "a: {b: c}\n       ^"},
		{"a key in braces ends before its colon", "a: {»b: c}", "a: {b: c}\n    ^"},
		{"a key in braces may have no value", "a: {»b:, c}", "a: {b:, c}\n    ^"},
		{"JSON needs no blanks", `{"a":[1,»"b"],"c":2}`, "{\"a\":[1,\"b\"],\"c\":2}\n        ^^^"},
		{"a number in JSON ends before the brace", `{"a":[1,2],"c":»2}`, "{\"a\":[1,2],\"c\":2}\n               ^"},
		{"a list in brackets is spanned whole", "a: »[1, [2], '[']  # b", "a: [1, [2], '[']  # b\n   ^^^^^^^^^^^^^"},
		{"a list in brackets that goes on is spanned to the end", "a: »[1, # b\n  2]", "a: [1, # b\n   ^^^"},
		{"items in brackets may stand in lines of their own", "a: [\n  1,\n  »2,\n]", "  2,\n  ^"},
		{"brackets in quotes open nothing", "a: ['[',\n \"{\"]\nb: »c, d", "b: c, d\n   ^^^^"},
		{"brackets in comments open nothing", "# [\na: »c, d", "a: c, d\n   ^^^^"},
		{"brackets in a text open nothing", "a: |\n  [\n\n  {\nb: »c, d", "b: c, d\n   ^^^^"},
		{"brackets in a text of a list open nothing", "- a: >- # b\n   [\n  b: »c, d", "  b: c, d\n     ^^^^"},
		{"a text may follow a dash", "- |\n [\n- »c, d", "- c, d\n  ^^^^"},
		{"brackets and quotes in a long plain value open nothing", "a: b\n  [c\n  \"d\nb: »c, d", "b: c, d\n   ^^^^"},
		{"brackets behind a plain value with a comment do", "a:\n- b # c\n- [c,\n  »d, e]", "  d, e]\n  ^"},
		{"a new document closes what was open", "a: [\n---\nb: »c, d", "b: c, d\n   ^^^^"},
		{"a quote in a word opens nothing", "a: it's\nb: »c, d", "b: c, d\n   ^^^^"},
		{"behind the end of a long quote values go on", "a: [\"b\n  c\", »d, e]", "  c\", d, e]\n      ^"},
		{"of a text only the header is spanned", "a: »|2- # b\n  c", "a: |2- # b\n   ^^^"},
		{"of a folded text, too", "a: »>\n  c", "a: >\n   ^"},
		{"in a text a character is spanned", "a: |\n  b »c d", "  b c d\n    ^"},
		{"in a value a character is spanned", "a: b »c", "a: b c\n     ^"},
		{"a colon is itself", "a: b»: c", "a: b: c\n    ^"},
		{"a comma is itself", "a: [b»,, c]", "a: [b,, c]\n     ^"},
		{"a bracket that closes is itself", "a: [b»]", "a: [b]\n     ^"},
		{"a value is spanned with its anchor", "a: »&b c # d", "a: &b c # d\n   ^^^^"},
		{"a value is spanned with its tag", "a: »!!str [1, 2]", "a: !!str [1, 2]\n   ^^^^^^^^^^^^"},
		{"a value behind its tag is spanned alone", "a: !!str »\"b # c\" # d", "a: !!str \"b # c\" # d\n         ^^^^^^^"},
		{"an anchor without a value here is spanned alone", "a: »&b # d", "a: &b # d\n   ^^"},
		{"a tag in brackets ends before the comma", "a: [»!b, c]", "a: [!b, c]\n    ^^"},
		{"an alias is a value", "a: »*b # c", "a: *b # c\n   ^^"},
		{"a comment is spanned whole", "a: b »# c d ", "a: b # c d \n     ^^^^^"},
		{"a marker is spanned whole", "a: b\n»--- # c", "--- # c\n^^^"},
		{"a directive is spanned whole", "»%YAML 9.9", "%YAML 9.9\n^^^^^^^^^"},
		{"the end of a line can be meant", "a: b»\nc: d", "a: b\n    ^"},
		{"the end of a file can be meant", "a: b\n»", "\n^"},
		{"the end of an empty file can be meant", "»", "\n^"},
		{"the end of a line is not its carriage return", "a: b\r\nc: »d\r\n", "c: d\n   ^"},
		{"a blank is itself", "a:» b", "a: b\n  ^"},
		{"a tab is itself", "»\tname: a", "\tname: a\n^"},
		{"tabs stand before the carets as they are", "a:\t»b", "a:\tb\n  \t^"},
		{"tabs stand between the carets as they are", "a: »\"b\tc\"", "a: \"b\tc\"\n   ^^\t^^"},
		{"wide characters have two carets", "名前: »値段", "名前: 値段\n      ^^^^"},
		{"a key may be wide", "»名前: 値段", "名前: 値段\n^^^^"},
		{"combining characters have none", "e\u0301: »e\u0301e", "e\u0301: e\u0301e\n   ^^"},
		{"a combining character is meant with what it combines with", "a: e»\u0301e", "a: e\u0301e\n   ^"},
		{"emoji are as wide as they look", "a: 👩‍👩‍👧 »b", "a: 👩‍👩‍👧 b\n      ^"},
		{"control characters are written as escapes", "a\x1b[31m: »b\x00\u009b", `a\x1b[31m: b\x00\u009b` + "\n           ^^^^^^^^^^^"},
		{"bytes that are no characters are, too", "a: »\xffb", `a: \xffb` + "\n   ^^^^^"},
		{"what has no shape is, too", "a: »b\u200b\u202ec", `a: b\u200b\u202ec` + "\n   ^^^^^^^^^^^^^^"},
		{"a mark that sits on nothing is, too", "»\u0301a", `\u0301a` + "\n^^^^^^^"},
		{"the byte order mark is not there", "\ufeffa: »b", "a: b\n   ^"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, at := marked(t, tt.text)
			line, carets, ok := excerpt.New([]byte(text)).Excerpt(at)
			if got := line + "\n" + carets; !ok || got != tt.want {
				t.Errorf("it prints\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestLinesEndWhereTheParserSees(t *testing.T) {
	text := []byte("\ufeffa: 1\rb: 2\r\nc: 3\u0085d: 4\u2028e: 5\u2029f: 6\n\ng: '7\u2028  8'\nh: 9")
	source := excerpt.New(text)
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		t.Fatal(err)
	}
	keys := n.Content[0].Content
	for i := 0; i < len(keys); i += 2 {
		line, carets, ok := source.Excerpt(diag.Position{Line: keys[i].Line, Column: keys[i].Column})
		if !ok || carets != "^" || !strings.HasPrefix(line, keys[i].Value+": ") {
			t.Errorf("%s is in line %d, which is %q", keys[i].Value, keys[i].Line, line)
		}
	}
	if len(keys) != 16 {
		t.Errorf("there are %d keys and values", len(keys))
	}
}

func TestThereIsNoExcerptOfALineThatIsNotThere(t *testing.T) {
	source := excerpt.New([]byte("a: b"))
	for _, line := range []int{-1, 0, 2} {
		if _, _, ok := source.Excerpt(diag.Position{Line: line, Column: 1}); ok {
			t.Errorf("there is a line %d", line)
		}
	}
	line, carets, ok := source.Excerpt(diag.Position{Line: 1})
	if !ok || line != "a: b" || carets != "" {
		t.Errorf("without a column it prints %q, %q", line, carets)
	}
	line, carets, ok = source.Excerpt(diag.Position{Line: 1, Column: 99})
	if !ok || line != "a: b" || carets != "    ^" {
		t.Errorf("behind the line it prints %q, %q", line, carets)
	}
}

func TestLongLinesAreCutAroundTheValue(t *testing.T) {
	dots := func(n int) string { return strings.Repeat(".", n) }
	blanks := func(n int) string { return strings.Repeat(" ", n) }
	tests := []struct{ name, text, line, carets string }{
		{"100 columns are not cut", "[»a" + dots(98), "[a" + dots(98), " " + strings.Repeat("^", 99)},
		{"what follows is cut", "{»a: " + dots(200) + "}", "{a: " + dots(94) + "…", " ^"},
		{"what comes before is cut", "{" + dots(200) + ": »b}", "…" + dots(94) + ": b}", blanks(97) + "^"},
		{"a long value is cut", "{a: »" + dots(200) + "}", "{a: " + dots(94) + "…", "    " + strings.Repeat("^", 94)},
		{"both ends are cut", "{" + dots(200) + ": »b, c: " + dots(200) + "}", "…" + dots(26) + ": b, c: " + dots(64) + "…", blanks(29) + "^"},
		{"what is far away is not looked at", "{" + strings.Repeat("値", 9000) + ": »b" + dots(9000), "…" + strings.Repeat("値", 13) + ": b" + dots(69) + "…", blanks(29) + strings.Repeat("^", 70)},
		{"wide characters are counted as such", "{»a: " + strings.Repeat("値", 60) + "}", "{a: " + strings.Repeat("値", 47) + "…", " ^"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, at := marked(t, tt.text)
			line, carets, ok := excerpt.New([]byte(text)).Excerpt(at)
			if !ok || line != tt.line || carets != tt.carets {
				t.Errorf("it prints\n%s\n%s\nwant\n%s\n%s", line, carets, tt.line, tt.carets)
			}
		})
	}
}

// TestCaretsAgreeWithTheParser uses realistic files.
func TestCaretsAgreeWithTheParser(t *testing.T) {
	seen := 0
	check := func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		source := excerpt.New(text)
		var walk func(n *yaml.Node)
		walk = func(n *yaml.Node) {
			for _, child := range n.Content {
				walk(child)
			}
			if n.Kind != yaml.ScalarNode || n.Value == "" {
				return
			}
			line, carets, _ := source.Excerpt(diag.Position{Line: n.Line, Column: n.Column})
			from, to := strings.Index(carets, "^"), len(carets)
			if to > len(line) || strings.Contains(line, "…") {
				return
			}
			var got yaml.Node
			if err := yaml.Unmarshal([]byte(line[from:to]), &got); err != nil || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && got.Content[0].Value != n.Value {
				t.Errorf("%s:%d:%d is %q, not\n%s\n%s", path, n.Line, n.Column, n.Value, line, carets)
			}
			seen++
		}
		for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
			var n yaml.Node
			if d.Decode(&n) != nil {
				return nil
			}
			walk(&n)
		}
	}
	for _, dir := range []string{"../../examples", "../../testdata/golden"} {
		if err := filepath.WalkDir(dir, check); err != nil {
			t.Fatal(err)
		}
	}
	if seen == 0 {
		t.Error("there are no values")
	}
}

// FuzzExcerpt checks that carets stay below their line, for every file.
func FuzzExcerpt(f *testing.F) {
	f.Add([]byte("a: [b, {c: \"d\te\"}] # f\n"), 1, 5)
	f.Add([]byte("名: |2-\n  e\u0301\x1b\u202e👩‍👩‍👧\u0903\n"), 2, 4)
	f.Add([]byte("&a 'b''c\n  d': !e\n---\n\xff"), 2, 1)
	f.Add([]byte(strings.Repeat("値\t", 200)), 1, 150)
	f.Fuzz(func(t *testing.T, text []byte, line, column int) {
		shown, carets, ok := excerpt.New(text).Excerpt(diag.Position{Line: line, Column: column})
		if !ok {
			return
		}
		if got := strings.Trim(carets, " \t"); column >= 1 && strings.Trim(got, "^\t") != "" || column >= 1 && got == "" || column < 1 && carets != "" {
			t.Errorf("the carets of column %d are %q", column, carets)
		}
		// A tab is as wide as the tab above it.
		columns := func(s string) int { return displaywidth.String(strings.ReplaceAll(s, "\t", "x")) }
		if columns(carets) > columns(shown)+1 {
			t.Errorf("the carets %q are longer than the line %q", carets, shown)
		}
		if strings.ContainsFunc(shown, func(r rune) bool { return r < ' ' && r != '\t' || 0x7f <= r && r <= 0x9f || r == '\u202e' }) {
			t.Errorf("the line %q is not printable", shown)
		}
	})
}

// TestExcerptsHoldNoCredential checks that credentials are hidden, and that the carets stay below the value.
func TestExcerptsHoldNoCredential(t *testing.T) {
	for _, tt := range []struct{ text, line, carets string }{
		{"url: »https://user:s3cret@example.com/a # b", "url: https://***@example.com/a # b", "     ^^^^^^^^^^^^^^^^^^^^^^^^^"},
		{"{url: https://user:s3cret@example.com, »interval: x}", "{url: https://***@example.com, interval: x}", "                               ^^^^^^^^"},
		{"{a: »b, url: 'https://example.com/?token=s3cret'}", "{a: b, url: 'https://example.com/?token=***'}", "    ^"},
		{`url: »"https://user:s3cret`, `url: "https://***`, "     ^^^^^^^^^^^^"},
	} {
		text, at := marked(t, tt.text)
		line, carets, ok := excerpt.New([]byte(text)).Excerpt(at)
		if !ok || line != tt.line || carets != tt.carets {
			t.Errorf("excerpt of %s:\n%s\n%s\nwant\n%s\n%s", tt.text, line, carets, tt.line, tt.carets)
		}
	}
}
