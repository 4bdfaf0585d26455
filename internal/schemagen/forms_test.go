package schemagen_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"

	"github.com/fleetwright/fleetwright/internal/accept"
	"github.com/fleetwright/fleetwright/internal/schemagen"
)

// TestFormsSayWhatCUESays: of what each construct takes and refuses, CUE says the same,
// and what is accepted without it. Where the two differ, the form leaves it to CUE.
func TestFormsSayWhatCUESays(t *testing.T) {
	for _, c := range []struct {
		cue string
		// accepted are values that the form accepts and CUE takes, refused those that
		// neither does, and left those that CUE takes and the form leaves to it.
		accepted, refused, left []string
	}{
		{`#D: _`, []string{`null`, `1`, `1.5`, `"a"`, `{"a":[{}]}`}, nil, nil},
		{`#D: string`, []string{`""`, `"a"`}, []string{`null`, `1`, `{}`, `[]`, `true`}, nil},
		{`#D: int`, []string{`0`, `-1`, `9223372036854775808`}, []string{`1.5`, `1.0`, `1e3`, `"1"`, `null`}, nil},
		{`#D: number`, []string{`0`, `1.5`, `1e21`}, []string{`"1"`, `null`}, nil},
		{`#D: bool`, []string{`true`, `false`}, []string{`"true"`, `0`}, nil},
		{`#D: null`, []string{`null`}, []string{`0`, `{}`, `""`}, nil},
		{`#D: bytes`, nil, []string{`"a"`}, nil},
		{`#D: "a"`, []string{`"a"`}, []string{`"b"`, `1`}, nil},
		{`#D: 8080`, []string{`8080`}, []string{`8081`, `8080.0`, `"8080"`}, nil},
		{`#D: 'a'`, nil, []string{`"a"`}, nil},
		{`#D: #"a\#n"#`, []string{`"a\n"`}, []string{`"a"`}, nil},
		{`#D: 1_0`, nil, []string{`1`}, []string{`10`}},
		{`#D: -1`, []string{`-1`}, []string{`1`}, nil},
		{`#D: true`, []string{`true`}, []string{`false`, `"true"`}, nil},
		{`#D: 1.5`, nil, []string{`1`}, []string{`1.5`}},
		{`#D: "a" | "b" | "c"`, []string{`"a"`, `"c"`}, []string{`"d"`, `null`}, nil},
		{`#D: *"a" | "b"`, []string{`"b"`}, []string{`"c"`}, []string{`"a"`}},
		{`#D: >=1 & <=100`, []string{`1`, `1.5`, `100`, `100.0`}, []string{`0`, `101`, `100.5`, `"1"`, `null`}, nil},
		{`#D: int & >0 & <3`, []string{`1`, `2`}, []string{`0`, `3`, `1.5`}, nil},
		{`#D: >=-1`, nil, []string{`-2`}, []string{`0`}},
		{`#D: <=2147483647`, []string{`2147483647`}, []string{`2147483648`}, []string{`-9007199254740993`}},
		{`#D: !=""`, []string{`"a"`}, []string{`""`, `1`, `null`}, nil},
		{`#D: !=null`, nil, []string{`null`}, []string{`1`}},
		{`#D: =~"b+"`, []string{`"abba"`}, []string{`"a"`, `1`}, nil},
		{`#D: =~"^.+$"`, []string{`"a"`, `"é"`}, []string{`""`, `"a\nb"`}, nil},
		{`#D: !~"b"`, nil, []string{`"b"`}, []string{`"a"`}},
		{`#D: [...int]`, []string{`[]`, `[1,2]`}, []string{`["a"]`, `{}`, `null`}, nil},
		{`#D: [int, ...string]`, []string{`[1]`, `[1,"a"]`}, []string{`[]`, `[1,2]`}, nil},
		{`#D: [int]`, []string{`[1]`}, []string{`[]`, `[1,2]`}, nil},
		{`#D: [_, ...]`, []string{`[null]`, `[1,"a"]`}, []string{`[]`}, nil},
		{`#D: [_, ...] & [...int]`, []string{`[1]`}, []string{`[]`, `["a"]`}, nil},
		{`#D: [...{a?: int}]`, []string{`[{},{"a":1}]`}, []string{`[{"b":1}]`}, nil},
		{`#D: {}`, []string{`{}`}, []string{`{"a":1}`, `[]`, `null`}, nil},
		{`#D: {...}`, []string{`{}`, `{"a":{"b":null}}`}, []string{`[]`, `1`}, nil},
		{`#D: {a!: int, b?: string}`, []string{`{"a":1}`, `{"a":1,"b":""}`}, []string{`{}`, `{"b":""}`, `{"a":1,"c":1}`, `{"a":null}`, `{"a":1,"b":null}`}, nil},
		{`#D: {a: int}`, []string{`{"a":1}`}, []string{`{}`}, nil},
		{`#D: {a: 1}`, []string{`{"a":1}`}, []string{`{"a":2}`}, []string{`{}`}},
		{`#D: {"a b"!: int}`, []string{`{"a b":1}`}, []string{`{}`}, nil},
		{`#D: {a?: {b?: int}}`, []string{`{"a":{"b":1}}`}, []string{`{"a":{"c":1}}`}, nil},
		{`#D: {a?: {b?: {c?: int}, ...}}`, []string{`{"a":{"x":1,"b":{"c":1}}}`}, []string{`{"a":{"b":{"x":1}}}`, `{"x":1}`}, nil},
		{`#D: {a!: b!: c?: int}`, []string{`{"a":{"b":{}}}`}, []string{`{"a":{}}`, `{"a":{"b":{"c":"x"}}}`, `{"a":{"b":{},"c":1}}`}, nil},
		{`#D: {a?: b?: int, a?: c?: int}`, []string{`{"a":{}}`}, []string{`{"a":{"d":1}}`, `{"a":{"b":"x"}}`}, []string{`{"a":{"b":1,"c":1}}`}},
		{`#D: {a?: int, a?: <5}`, []string{`{"a":4}`}, []string{`{"a":5}`, `{"a":1.5}`}, nil},
		{`#D: {a?: int, a!: _}`, []string{`{"a":4}`}, []string{`{}`}, nil},
		{`#D: {[string]: int}`, []string{`{}`, `{"a":1,"_b":2,"#c":3,"":4}`}, []string{`{"a":""}`}, nil},
		{`#D: {[=~"^(a|b)$"]: int}`, []string{`{"a":1}`}, []string{`{"c":1}`, `{"a":""}`}, nil},
		{`#D: {a?: 1, [string]: int}`, []string{`{"a":1,"b":2}`}, []string{`{"a":2}`}, nil},
		{`#D: {ab?: string, [=~"^a"]: !=""}`, []string{`{"ab":"x","ac":"y"}`}, []string{`{"ab":""}`, `{"b":"x"}`}, nil},
		{`#D: {["a"]: int}`, []string{`{"a":1}`}, []string{`{"a":""}`, `{"b":1}`}, nil},
		{`#D: {[!="a"]: int}`, nil, []string{`{"b":""}`}, []string{`{"b":1}`}},
		{`#D: =~"^(ab|c)$"`, []string{`"ab"`, `"c"`}, []string{`"abc"`, `"a"`, `"c\n"`}, nil},
		{`#D: =~"^(ab|c)"`, []string{`"ab"`, `"cd"`}, []string{`"a"`}, nil},
		{`#D: =~"^a(b{0,3}c)?$"`, []string{`"a"`, `"abbbc"`, `"ac"`}, []string{`"abbbbc"`, `"ab"`}, nil},
		{`#D: {a?: _|_}`, []string{`{}`}, []string{`{"a":1}`}, nil},
		{`#D: {a?: #B, #B: {b!: int}}`, []string{`{"a":{"b":1}}`}, []string{`{"a":{"b":1,"c":1}}`, `{"a":{}}`}, nil},
		{`#D: {a?: {#B, c?: int}, #B: {b?: int}}`, []string{`{"a":{"b":1,"c":1}}`}, []string{`{"a":{"d":1}}`, `{"a":{"b":""}}`}, nil},
		{`#D: {a?: {#B, c?: int}, #B: {b?: int, ...}}`, []string{`{"a":{"b":1,"d":1}}`}, []string{`{"a":{"b":""}}`}, nil},
		{`#D: {a?: [{#B, ...}, ...#B], #B: {b?: int}}`, []string{`{"a":[{"d":1},{"b":1}]}`}, []string{`{"a":[{},{"d":1}]}`}, nil},
		{`#D: {a?: #B, #B: {b?: int}, #B: {b!: _}}`, nil, []string{`{"a":{}}`}, []string{`{}`}},
		{`#P: {a?: #B, #B: {b?: int}}, #D: {#P, #B: {b!: _}}`, nil, []string{`{"a":{}}`}, []string{`{}`}},
		{`#D: {a?: int}, #D: {a?: >1}`, nil, []string{`{"a":1}`}, []string{`{}`}},
		{`#D: {n!: string, b?: _, if n == "x" {b!: n}}`, []string{`{"n":"y"}`, `{"n":"x","b":"x"}`}, []string{`{"n":"x"}`, `{"n":"x","b":"y"}`}, nil},
		{`#D: {n!: string, l?: _, o?: string, if l != _|_ for i, m in l if n == "x" {o!: m}}`, []string{`{"n":"x","l":[]}`, `{"n":"x","l":["a","a"],"o":"a"}`, `{"n":"y","l":["a"]}`}, []string{`{"n":"x","l":["a"]}`, `{"n":"x","l":["a","b"],"o":"a"}`}, nil},
		{`#D: {n!: string, l?: [...{n!: string, if n == "x" {o!: _}, o?: n}], if n == "y" {l!: _}}`, []string{`{"n":"x"}`, `{"n":"y","l":[{"n":"x","o":"x"},{"n":"z"}]}`}, []string{`{"n":"y"}`, `{"n":"x","l":[{"n":"x"}]}`, `{"n":"x","l":[{"n":"z","o":"x"}]}`}, nil},
		{`#D: {a?: #D}`, []string{`{}`}, []string{`{"a":{"b":1}}`}, []string{`{"a":{"a":{}}}`}},
		{`#D: {a!: string} | {b!: string}`, []string{`{"a":"x"}`, `{"b":"x"}`}, []string{`{}`, `{"a":"x","b":"x"}`, `{"c":"x"}`}, nil},
		{`#D: {a!: string, ...} | {b!: string, ...}`, nil, []string{`{"a":"x"}`}, []string{`{"a":"x","b":"x"}`}},
		{`#D: {a?: string} | {a?: =~"x"}`, nil, []string{`{"b":""}`}, []string{`{"a":"x"}`}},
		{`#D: (int & >=1) | =~"x"`, []string{`1`, `"x"`}, []string{`0`, `"a"`, `null`}, nil},
		{`#D: string | =~"x"`, []string{`"x"`, `"a"`}, []string{`1`}, nil},
		{`#D: [...int] | [...string]`, []string{`[1]`, `["a"]`}, []string{`[1,"a"]`}, nil},
		{`#D: matchN(1, [int & >=1, =~"^a"])`, []string{`1`, `"a"`}, []string{`0`, `"b"`, `null`}, nil},
		{`#D: matchN(1, [>=1, <=3])`, []string{`0`, `4`}, []string{`2`}, nil},
		{`#D: matchN(2, [>=1, <=3])`, nil, []string{`0`}, []string{`2`}},
		{`#D: {a!: string, b?: a}`, []string{`{"a":"x"}`, `{"a":"x","b":"x"}`}, []string{`{"a":"x","b":"y"}`}, nil},
		{`#D: {a?: string, b?: a}`, []string{`{"a":"x","b":"x"}`}, []string{`{"b":"x"}`}, nil},
		{`#D: {a!: number, b?: a}`, nil, []string{`{"a":1,"b":2}`}, []string{`{"a":1,"b":1}`}},
		{`#D: {m!: {n!: string}, s!: t!: n!: m.n}`, []string{`{"m":{"n":"x"},"s":{"t":{"n":"x"}}}`}, []string{`{"m":{"n":"x"},"s":{"t":{"n":"y"}}}`}, nil},
		{`#D: {n!: string, s!: {n!: string, r!: n}}`, []string{`{"n":"x","s":{"n":"y","r":"y"}}`}, []string{`{"n":"x","s":{"n":"y","r":"x"}}`}, nil},
		{`#D: {n!: string, s!: {n?: "y", #R, p!: n}, #R: {r!: n}}`, []string{`{"n":"x","s":{"n":"y","r":"x","p":"y"}}`}, []string{`{"n":"x","s":{"n":"y","r":"y","p":"y"}}`}, nil},
		{`#D: {a!: string, b!: "r-\(a)!"}`, []string{`{"a":"x","b":"r-x!"}`}, []string{`{"a":"x","b":"r-y!"}`}, nil},
		{`#D: {a?: string, b?: string, if a != _|_ {b?: _|_}, if a == _|_ {b!: _}}`, []string{`{"a":"x"}`, `{"b":"x"}`}, []string{`{}`, `{"a":"x","b":"y"}`}, nil},
		{`#D: {a?: _, b?: [...], if a != _|_ {b?: _|_}}`, []string{`{"a":null}`, `{"b":[]}`}, []string{`{"a":null,"b":[]}`}, nil},
		{`#D: {a?: string, b?: int, if a == "x" {b?: 1}}`, []string{`{"a":"y","b":2}`, `{"a":"x","b":1}`}, []string{`{"a":"x","b":2}`, `{}`}, nil},
		{`#D: {a!: string, if a == "x" {b!: 1}}`, []string{`{"a":"y"}`}, []string{`{"a":"y","b":1}`}, []string{`{"a":"x","b":1}`}},
		{`#D: {a!: p!: string, b?: c?: [...], if a.p == "x" {b: c?: [...{d!: _}]}}`, []string{`{"a":{"p":"x"},"b":{"c":[{"d":1}]}}`, `{"a":{"p":"y"},"b":{"c":[1]}}`}, []string{`{"a":{"p":"x"},"b":{"c":[{}]}}`}, []string{`{"a":{"p":"x"}}`}},
		{`#D: {a?: string, if (a & =~"^x") != _|_ {b!: _}, b?: _}`, []string{`{}`, `{"a":"y"}`, `{"a":"x","b":1}`}, []string{`{"a":"x"}`}, nil},
		{`#D: {a?: int, let b = a, if b == 1 {c!: _}}`, nil, []string{`{"a":1}`}, []string{`{"a":2}`}},
	} {
		t.Run(c.cue, func(t *testing.T) { checkForm(t, c.cue, "#D", c.accepted, c.refused, c.left) })
	}
}

// TestFormsOfRules: as above, of rules, which are open and ask for nothing.
func TestFormsOfRules(t *testing.T) {
	for _, c := range []struct {
		cue                     string
		accepted, refused, left []string
	}{
		{`a?: _, if a != _|_ {error("e")}`, []string{`{}`, `{"b":1}`}, []string{`{"a":null}`, `{"a":{}}`}, nil},
		{`a?: _, b?: _, if a != _|_ if b != _|_ {error("e")}`, []string{`{"a":1}`, `{"b":[]}`}, []string{`{"a":1,"b":[]}`}, nil},
		{`a?: _, if a == "x" {error("e")}`, []string{`{}`, `{"a":"y"}`}, []string{`{"a":"x"}`}, []string{`{"a":1}`, `{"a":null}`}},
		{`a?: _, if a != "x" if a != "y" {error("e")}`, []string{`{}`, `{"a":"x"}`, `{"a":"y"}`}, []string{`{"a":""}`}, nil},
		{`a?: _, b?: _, if a > b {error("e")}`, []string{`{}`, `{"a":1}`, `{"b":1}`, `{"a":1,"b":1}`, `{"a":1.5,"b":2}`, `{"a":1,"b":1.0}`}, []string{`{"a":2,"b":1.5}`, `{"a":1,"b":"x"}`}, []string{`{"a":"x","b":"y"}`}},
		{`a?: _, if (a & true) != _|_ {error("e")}`, []string{`{}`, `{"a":false}`, `{"a":1}`}, []string{`{"a":true}`}, nil},
		{`x?: {a?: _, if (a & true) == _|_ {error("e")}}`, []string{`{}`, `{"x":{"a":true}}`}, []string{`{"x":{}}`, `{"x":{"a":false}}`}, nil},
		{`x?: {a?: _, if (a & >0) == _|_ {error("e")}}`, []string{`{"x":{"a":1}}`, `{"x":{"a":0.5}}`}, []string{`{"x":{"a":0}}`, `{"x":{"a":"1"}}`}, nil},
		{`x?: {a?: _, if (a & [_, ...]) == _|_ {error("e")}}`, []string{`{"x":{"a":[null]}}`}, []string{`{"x":{"a":[]}}`, `{"x":{"a":{}}}`}, nil},
		{`a?: _, if (a & [_, _, ...]) != _|_ {error("e")}`, []string{`{"a":[1]}`, `{"a":{}}`}, []string{`{"a":[1,2]}`}, nil},
		{`x?: {a?: _, if (a.b & !="") == _|_ {error("e")}}`, []string{`{"x":{"a":{"b":"c"}}}`}, []string{`{"x":{"a":{}}}`, `{"x":{"a":1}}`, `{"x":{"a":{"b":1}}}`, `{"x":{}}`}, nil},
		{`x?: {a?: b?: _, if a.b == _|_ {error("e")}}`, []string{`{"x":{"a":{"b":1}}}`}, []string{`{"x":{}}`, `{"x":{"a":{}}}`}, nil},
		{`a?: _, if (a & ("x" | "y")) != _|_ {error("e")}`, []string{`{"a":"z"}`, `{}`}, []string{`{"a":"y"}`}, nil},
		{`a?: _, if a != _|_ for i, b in a if (b & =~"^\\s*$") != _|_ {error("e \(i)")}`, []string{`{}`, `{"a":[]}`, `{"a":["x"]}`}, []string{`{"a":["x"," "]}`}, []string{`{"a":{"b":"x"}}`}},
		{`a?: _, if a != _|_ for i, x in a for j, y in a if i < j if x.n == y.n {error("e")}`, []string{`{"a":[{"n":"1"},{"n":"2"}]}`}, []string{`{"a":[{"n":"1"},{"n":"2"},{"n":"1"}]}`}, []string{`{"a":[{},{}]}`}},
		{`n?: string, a?: _, if n != "" if len([if a != _|_ for x in a if x.n == n {x}]) == 0 {error("e")}`, []string{`{}`, `{"n":""}`, `{"n":"x","a":[{"n":"y"},{"n":"x"}]}`}, []string{`{"n":"x"}`, `{"n":"x","a":[]}`, `{"n":"x","a":[{"n":"y"}]}`}, nil},
		{`a?: b?: _, a?: c?: int`, []string{`{"a":{"b":1,"c":1,"d":1}}`}, []string{`{"a":{"c":""}}`}, nil},
		{`{m?: _, s?: p?: _, if s.p == "k" if (m & !="") == _|_ {error("e")}}, s?: _`, []string{`{}`, `{"s":{"p":"l"}}`, `{"m":"x","s":{"p":"k"}}`}, []string{`{"s":{"p":"k"}}`}, nil},
		{`[=~"^a"]: {t?: _, if t == 1 {error("e")}}`, []string{`{"a":{"t":2},"b":{"t":1}}`}, []string{`{"ab":{"t":1}}`}, nil},
		{`l?: [...{n?: _, if n == 1 {error("e")}}]`, []string{`{"l":[{"n":2}]}`, `{"l":[{}]}`}, []string{`{"l":[{},{"n":1}]}`}, nil},
		{`a?: _, b?: _, let c = [if a == 1 {true}, false][0], if b != _|_ if b != c {error("e")}`, []string{`{"a":1}`}, []string{`{"a":1,"b":false}`}, []string{`{"a":1,"b":true}`}},
	} {
		t.Run(c.cue, func(t *testing.T) { checkForm(t, "rules: {"+c.cue+"}", "rules", c.accepted, c.refused, c.left) })
	}
}

func checkForm(t *testing.T, src, name string, accepted, refused, left []string) {
	t.Helper()
	rules := name == "rules"
	form, err := schemagen.Form("test.cue", []byte(src), name, rules)
	if err != nil {
		t.Fatal(err)
	}
	ctx := cuecontext.New()
	definition := ctx.CompileString(src).LookupPath(cue.ParsePath(name))
	if !definition.Exists() {
		t.Fatalf("%s does not compile", src)
	}
	check := func(values []string, accepts, takes bool) {
		for _, text := range values {
			raw, value := bothNumbers(t, text)
			err := definition.Unify(ctx.Encode(value)).Validate(cue.Concrete(!rules))
			if (err == nil) != takes {
				t.Errorf("CUE says of %s: %v", text, err)
			}
			for _, v := range []any{raw, value} {
				if got := accept.Accepts(form, v); got != accepts {
					t.Errorf("%s is accepted: %t (%T)", text, got, v)
				}
			}
		}
	}
	check(accepted, true, true)
	check(refused, false, false)
	check(left, false, true)
}

// bothNumbers is the value of JSON with its numbers as text, and with those of Go.
func bothNumbers(t *testing.T, text string) (raw, value any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	if err := decoder.Decode(&raw); err != nil {
		t.Fatal(err)
	}
	return raw, withGoNumbers(raw)
}

func withGoNumbers(value any) any {
	switch v := value.(type) {
	case map[string]any:
		m := map[string]any{}
		for key, field := range v {
			m[key] = withGoNumbers(field)
		}
		return m
	case []any:
		items := []any{}
		for _, item := range v {
			items = append(items, withGoNumbers(item))
		}
		return items
	case json.Number:
		if i, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return i
		}
		if u, err := strconv.ParseUint(string(v), 10, 64); err == nil {
			return u
		}
		f, err := v.Float64()
		if err != nil {
			panic(err)
		}
		return f
	}
	return value
}
