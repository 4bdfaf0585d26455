package schema

import "testing"

// TestIgnoresAreFound wherever YAML has a comment, and nowhere else.
func TestIgnoresAreFound(t *testing.T) {
	const ignore = "# fleetwright: ignore FW208 it is good"
	for _, tt := range []struct {
		name, text string
		// line that is meant, or 0.
		line int
	}{
		{"behind a value", "a: b " + ignore + "\n", 1},
		{"above", ignore + "\n\n# other\na: b\n", 4},
		{"in the first line, behind a byte order mark", "\ufeff" + ignore + "\na: b\n", 2},
		{"with carriage returns", "a: b\r\n" + ignore + "\r\nc: d\r\n", 3},
		{"without a last line break", "a: b " + ignore, 1},
		{"behind the dash of a list", "a:\n- " + ignore + "\n  b: c\n", 3},
		{"in a flow collection", "a: {\n  b: c, " + ignore + "\n  d: e}\n", 2},
		{"behind |", "a: | " + ignore + "\n  b\n", 1},
		{"below a text", "a: |\n  b\n" + ignore + "\nc: d\n", 4},
		{"in a text", "a: |\n  b\n  " + ignore + "\n", 0},
		{"in quotes", "a: \"b " + ignore + "\"\n", 0},
		{"in quotes of many lines", "a: 'b\n  " + ignore + "\n  c'\n", 0},
		{"behind quotes with quotes in them", "a: 'it''s # b' " + ignore + "\n", 1},
		{"behind texts in a line", "a: ['# ü', 'b # c', \"# d\"] " + ignore + "\n", 1},
		{"between texts of a line", "a: ['# b',\n  \"c # d\", " + ignore + "\n  '# e']\n", 2},
		{"behind a word", "a: b" + ignore + "\n", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ignores := load(File{Name: "a.yaml", Data: []byte(tt.text)}).Ignores
			var line int
			for _, i := range ignores {
				line = i.Line
			}
			if line != tt.line || len(ignores) > 1 {
				t.Errorf("of\n%s\nit ignores %v, want line %d", tt.text, ignores, tt.line)
			}
		})
	}
}
