package blockyaml

import "testing"

func TestTemplateIsTheYAMLOfTheFilledValue(t *testing.T) {
	type value struct {
		Path string            `json:"path"`
		List []string          `json:"list"`
		Map  map[string]string `json:"map"`
	}
	of := func(text string) value {
		return value{text + "/apps", []string{"kept", text, text + "\nsecond line\n"}, map[string]string{"a": text + ": b", "z": "last"}}
	}
	var template Template
	if err := template.Encode(of(Hole)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "./clusters/a", "true", "a: b", "#", "- x", " led by space", "two\nlines", "ünïcode", "\u2028", "12", "*"} {
		want, err := Marshal(of(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := template.Append([]byte("before"), text); string(got) != "before"+string(want) {
			t.Errorf("with %q in its holes the template is\n%s, not\n%s", text, got, want)
		}
	}
	var text Template
	if err := text.Encode(Hole + "rest"); err != nil || text.Len() == 0 || string(text.Append(nil, "the ")) != "the rest\n" {
		t.Errorf("a text alone is %q, %v", text.Append(nil, "the "), err)
	}
}
