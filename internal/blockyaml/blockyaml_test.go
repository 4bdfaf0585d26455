package blockyaml

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	yamlv4 "go.yaml.in/yaml/v4"
	sigsyaml "sigs.k8s.io/yaml"
)

func TestMarshal(t *testing.T) {
	type inner struct {
		Name  string            `json:"name"`
		Lines string            `json:"lines,omitempty"`
		Tags  map[string]string `json:"tags,omitempty"`
	}
	v := struct {
		Kind  string   `json:"kind"`
		Empty []string `json:"empty"`
		None  struct{} `json:"none"`
		Port  int      `json:"port"`
		Min   float64  `json:"min"`
		On    bool     `json:"on"`
		Null  *int     `json:"null"`
		Items []inner  `json:"items"`
		Lists [][]int  `json:"lists"`
		Next  inner    `json:"next"`
	}{
		Kind: "Test", Empty: []string{}, Port: 80, Min: 99.5, On: true,
		Items: []inner{{Name: "a", Lines: "x\n  y\n\nz\n"}, {Name: "yes", Lines: "no end\nhere"}},
		Lists: [][]int{{1, 2}, {}, {3}},
		Next:  inner{Name: "9898", Tags: map[string]string{"kuma.io/mesh": "default", "9898.service.kuma.io/protocol": "http"}},
	}
	want := `kind: Test
empty: []
none: {}
port: 80
min: 99.5
on: true
null: null
items:
- name: a
  lines: |
    x
      y

    z
- name: "yes"
  lines: |-
    no end
    here
lists:
- - 1
  - 2
- []
- - 3
next:
  name: "9898"
  tags:
    9898.service.kuma.io/protocol: http
    kuma.io/mesh: default
`
	got, err := Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	// YAML readers may take the keys on and null for a boolean and for null, so they are quoted.
	want = strings.Replace(strings.Replace(want, "\non: true", "\n\"on\": true", 1), "\nnull: null", "\n\"null\": null", 1)
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// texts are strings that YAML readers are known to misread.
var texts = []string{
	"", " ", "a", "a b", " a", "a ", "a: b", "a:b", "a:", ":a", "a #b", "#a", "a#b", "- a", "-a", "-", "--", "---", "...", "yes", "No", "ON", "y", "null", "~", "Null",
	"1", "1.0", "1e3", "0x1F", "0o7", "010", "1_000", "12:30:45", "190:20:30", "2001-01-01", "2001-01-01T00:00:00Z", ".5", ".inf", "-.INF", ".nan", "+1", "-1", "1.2.3", "v1", "10m", "90s", "1h0m0s",
	"*", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a`", "'a'", `"a"`, `a"b`, `a\b`, "{a}", "[a]", "a, b", "{{ interval }}", "? a", "?a", "=", "<<", "<", "a\tb", "\ta", "a\nb", "a\nb\n", "a\n\n", "\n", "\na", " a\nb", "a \nb", "a\r\nb", "a\u0085b", "\u2028", "\ufeffa", "日本", "é", "a\x00b", "a\x7fb", "\U0001F600", "http://backend-testloader.webapp/", "hey -z 1m -q 10 -c 2 http://podinfo-canary.test:9898/", "./deploy/webapp", ".", "..", "./", "/", "~/x", "$x", "${x}", "^a$", "(a)", "a)", "true ", "x\n  y\n\n z\n\n", "a\n\tb\n",
	"1:2", "1.e5", "0b1", "0.1e-5", "1e", "e1", "0x", "-0", "08", "0_1", "+.5", "1.", "=a", "<a", ";a", "nan", "Infinity", "inf", strings.Repeat("k", 1100), strings.Repeat("é", 1100), "0777", "1:", "a\n#b\n", "#a\nb", "- a\n- b", "a:\n b",
}

func TestEveryTextIsReadBack(t *testing.T) {
	for _, s := range texts {
		for _, v := range []any{s, map[string]any{"k": s}, []any{s}, []any{[]any{s}}, map[string]any{s: "v"}, []any{map[string]any{"a": s, "b": 1.0}}} {
			checkReadBack(t, v)
		}
	}
}

func FuzzReadBack(f *testing.F) {
	for _, s := range texts {
		j, _ := json.Marshal(map[string]any{"a": []any{s, map[string]any{s: s}}})
		f.Add(j)
	}
	f.Fuzz(func(t *testing.T, j []byte) {
		var v any
		if json.Unmarshal(j, &v) != nil {
			t.Skip()
		}
		checkReadBack(t, v)
	})
}

// checkReadBack checks that the reader of Kubernetes (YAML 1.1) and that of most other programs (YAML 1.2)
// read the original value from the YAML.
func checkReadBack(t *testing.T, v any) {
	t.Helper()
	y, err := Marshal(v)
	if err != nil {
		t.Fatalf("%#v: %v", v, err)
	}
	// The value after a round trip through JSON, which replaces text that is not UTF-8.
	j, _ := json.Marshal(v)
	var want any
	if err := json.Unmarshal(j, &want); err != nil {
		t.Fatal(err)
	}
	var kubernetes any
	if err := sigsyaml.Unmarshal(y, &kubernetes); err != nil {
		t.Fatalf("sigs.k8s.io/yaml: %v\n%s", err, y)
	}
	if !reflect.DeepEqual(kubernetes, want) {
		t.Errorf("sigs.k8s.io/yaml reads %#v, want %#v, from\n%s", kubernetes, want, y)
	}
	var others any
	if err := yamlv4.Unmarshal(y, &others); err != nil {
		t.Fatalf("yaml/v4: %v\n%s", err, y)
	}
	oj, err := json.Marshal(stringKeys(others))
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(oj, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("yaml/v4 reads %#v, want %#v, from\n%s", got, want, y)
	}
}

func stringKeys(v any) any {
	switch v := v.(type) {
	case map[any]any:
		m := map[string]any{}
		for k, e := range v {
			m[k.(string)] = stringKeys(e)
		}
		return m
	case map[string]any:
		for k, e := range v {
			v[k] = stringKeys(e)
		}
	case []any:
		for i, e := range v {
			v[i] = stringKeys(e)
		}
	}
	return v
}
