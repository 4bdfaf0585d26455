package mutant

import (
	"maps"
	"math/rand/v2"
	"strings"
)

// boundary lists values that readers have rejected, and some that they accept, grouped by their form. A field
// may get a value of any group: its readers are not known here.
var boundary = []string{
	// Names, labels, ports.
	"", "a", "web", "a-b", "a.b", "a..b", "-a", "a-", ".a", "a.", "A", "a_b", "1", "123", "1a", "a b", " a", "a ", "é", "a\tb", "a\nb", "a:b", "a/b", "a,b", "a=b", "a%b", "a\"b", "a'b", "a\\b", "$a", "${a}", "{{a}}", "a*b", "*",
	"true", "null", "~", "1.0", "1e3", "0x1", "2001-01-01", "yes", "#a", "!a", "&a", "- a", "a: b",
	strings.Repeat("a", 15), strings.Repeat("a", 16), strings.Repeat("a", 52), strings.Repeat("a", 53), strings.Repeat("a", 54), strings.Repeat("a", 57),
	strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a", 253), strings.Repeat("a", 254),
	strings.Repeat("a", 1024), strings.Repeat("a", 1025), strings.Repeat("é", 512),
	strings.Repeat("a.", 126) + "a", strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("a", 61),
	"kubernetes", "default", "kube-system", "http", "https", "grpc", "tcp", "h2c", "kubernetes.io/h2c", "a/b/c", "mesh",
	// Paths.
	"/", ".", "..", "./a", "./a/b", "../a", "../../a", "/a", "a/../b", "a//b", "./", "a/", "~/a", "C:\\a", "a b/c", "é/a", "./" + strings.Repeat("a", 254), "file:///a",
	"https://github.com/a/b//c?ref=v1", "github.com/a/b", "git@github.com:a/b", "git::https://a.example/b", "s3://a/b",
	// URLs.
	"http://", "https://", "ssh://", "oci://", "http:///a", "https:///a", "https://?a", "https:// a.example", "https://a b.example/c", "https://a.example/b c", "https://a.example/%zz", "https://a.example:port/", "https://a.example:99999/", "https://[::1", "https://[::1]:80/",
	"http://:80", "https://é.example/", "HTTP://a.example", "ftp://a.example", "a.example", "a.example:80", "//a.example", "http:a.example", "https://a.example", "http://a.example/b", "http://a.b:8080/c?d=e#f", "https://a.example/b.git", "https://a.example/b/", "https://a@a.example/b",
	"ssh://git@a.example/b", "ssh://a.example:22/b.git", "ssh://git@/b", "ssh://git@a.example", "oci://a.example", "oci://a.example/b", "oci://a.example/b/c", "oci://a.example/b:1", "oci://a.example/B", "oci://a.example/b c", "oci://a.example:5000/b", "oci:///b", "oci://a.example/b@sha256:1",
	"https://" + strings.Repeat("a", 64) + ".example", "https://a..example", "https://-a.example", "https://*.example", "http://127.0.0.1:1", "https://a.example\n", "http://a.example\x7f", "https://{{a}}.example",
	"http://a.example/" + strings.Repeat("a", 2048), "https://a.example:", "https://a.example:0", "https://a.example:-1", "https://a.example:080",
	// Versions and constraints.
	"1.2.3", "v1.2.3", "2.6", "2.7.1", "v2.9", "1.x", "1.2", "*", ">=1.0.0", ">=1.0.0 <2.0.0", ">= 1.0, < 2", "^1", "~1.2", "1 - 2", "1 || 2", "x", "latest", "1.2.3.4", ">=", ">=a", "=>1", "1.2.3-rc.1", "1.2.3+a", "01.2.3", "1.2.3 a", "1.2.3-", ">1.0.0-0", "1.a",
	// Git references.
	"main", "feature/a", "refs/heads/main", "refs/tags/v1", "refs/pull/1/head", "refs/a", "refs/heads/", "refs/heads/a..b", "refs/tags/v1^{}", "HEAD", "@", "@{a}", "a@{b", "a~b", "a^b", "a?b", "a[b", "a.lock", "a/.b", "a.lock/b", "x/", "/x", "-x", "x//y",
	"0123456789012345678901234567890123456789", "0123456789abcdefABCDEF0123456789abcdef01", "012345678901234567890123456789012345678", "01234567890123456789012345678901234567890", "g123456789012345678901234567890123456789", "abc1234", strings.Repeat("0", 64),
	// Images, digests, media types.
	"sha256:" + strings.Repeat("0", 64), "sha256:" + strings.Repeat("0", 63), "sha256:" + strings.Repeat("g", 64), "sha256:", "sha512:" + strings.Repeat("a", 128), "md5:" + strings.Repeat("0", 32),
	"a.example/b", "a.example/b:1", "A/B", "a@b", strings.Repeat("a", 128), strings.Repeat("a", 129), "application/x-tar", "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "text", "text/plain; a=b",
	// Durations.
	"0s", "1s", "1m", "1h", "1.5h", "90s", "1m30s", "1h1m1s", "10ms", "1ms", "0.5ms", "1us", "-1s", "1", "1d", "1 m", "m", "100000h", "9999999h", "99999999999999h", "1m0.5s", "0", "00s", ".5s", "1.s", "30", "2540400h",
	// Hosts and gateways.
	"*.example.com", "a.com/x", "a.*.com", "*a.com", "*.com", "**.com", "a.com.", "A.com", "a_b.com", "a.com:80", "1.2.3.4", "::1", "[::1]", "a/b", "./gw", "../gw", "*/gw", "a/*", "ns/gw.x", "Mesh", "istio-system/public-gateway.istio-system.svc.cluster.local",
	// Headers, methods, retries, cookies.
	"x-a", "X-A", "x a", "x:a", "x-é", ":authority", ":path", "Host", "host", "cookie", "Content-Length", "x_a", "(x)", "get", "GET", "Get", "PATCH", "FOO", "G E T", "gateway-error", "5xx", "503", "99", "600", "5xx,reset", "5xx, reset", ",", "5XX", "retriable-4xx", "unknown",
	"a;b", "a=b; Path=/", "cookie\x00", "__Host-a",
	// Regular expressions.
	"[a", "(a", "a)", "a{2", "a{2,1}", "a**", "*a", "+", "?a", "(?i)a", "(?=a)", "(?P<a>b)", `\d`, `\z`, `\1`, `[[:alpha:]]`, "^a$", ".*", strings.Repeat("a", 1000) + ".*", "(" + strings.Repeat("a|", 600) + "a)", "a{1001}", `\`,
	// Queries, templates, commands, patches.
	"sum(a{b=\"{{ namespace }}\"})", "{{ target }}", "{{ unknown }}", "{{ variables.a }}", "{{ index . }}", "{{", "}}", "{{ interval }} {{ name }}", "up[{{ interval }}]", "up[", "hey http://web-canary.web", "hey", "curl a; rm b", "a && b", "a | b",
	"- {op: remove, path: /spec/replicas}", "[{op: add, path: /metadata/labels/a, value: b}]", "[{op: test}]", "{}", "[]", "kind: Deployment", "[{op: add, path: /metadata/labels, value: {c: d}}]", "metadata: {labels: {e: f}}", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 1}", "a: [", "$patch: delete",
	// Selectors, keys, globs.
	"a=b", "a in (b)", "a in (b", "!a", "a!=b", "a=b,c", "a==b", "=", "a.b/c=d", "a.b[0].c", "a.b[", "a\\.b", "values.yaml", "a.yaml", "./a.yaml", "../a.yaml", "/a.yaml", "*.md\n", "!*.md", "[", "# a", "apps", "v1", "apps/v1", "a.*", "flagger.app", "flagger.*", "v1beta.*", "Canary", "Can.*", "Canary|Service", "(web|api)", "^web", "v1beta1",
	"eu-west-1", "eu west 1", "#alerts", "@team", "us-east-1\n",
	// Characters that no text, or not every text, may contain.
	"a\x00b", "a\x1bb", "\u202ea", "\u2028", "\ufeff", "a\u00a0b", "😀", "\ufffd",
}

// huge exceeds the limit for all annotations of an object: 256 KiB.
var huge = strings.Repeat("a", 256<<10)

// pick chooses one of several values.
func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

// text returns a new string for a field of a shape.
func text(r *rand.Rand, s *shape, now string) string {
	if len(s.Enum) > 0 && r.IntN(10) > 0 {
		if v, ok := pick(r, s.Enum).(string); ok {
			return v
		}
	}
	switch n := r.IntN(100); {
	case n == 0 && r.IntN(10) == 0:
		return huge
	case n < 15 && len(s.Examples) > 0:
		if v, ok := pick(r, s.Examples).(string); ok {
			return v
		}
	case n < 35 && now != "":
		return edit(r, now)
	case n < 40 && now != "":
		return pick(r, []string{now + ".*", now + "|a", "(" + now + ")"}) // a value that matches the pattern
	}
	// Values outside the shape are rejected without asking any reader.
	v := pick(r, boundary)
	for range 200 {
		if s.pattern == nil || s.pattern.MatchString(v) {
			break
		}
		v = pick(r, boundary)
		if r.IntN(4) == 0 && now != "" {
			v = edit(r, now)
		}
	}
	return v
}

// edit changes a string in one place.
func edit(r *rand.Rand, s string) string {
	characters := []rune(s)
	at := r.IntN(len(characters) + 1)
	before, after := string(characters[:at]), string(characters[at:])
	switch r.IntN(8) {
	case 0:
		return s + s
	case 1:
		return strings.ToUpper(s)
	case 2:
		return before
	case 3:
		return before + pick(r, boundary) + after
	case 4:
		length := pick(r, []int{15, 16, 52, 53, 54, 57, 63, 64, 253, 254, 1024, 1025})
		return strings.Repeat(s, length/len(s)+1)[:length]
	}
	return before + pick(r, []string{"a", "1", "-", ".", "/", "_", " ", ":", "é", "..", "%", "*", "[", "(", ",", "=", "~", "@", "\\", "\"", "{{", "\n", "x"}) + after
}

// value returns a new value of a shape. It sets the required fields of objects, and sometimes others.
func value(r *rand.Rand, s *shape, now any) any {
	if len(s.OneOf) > 0 {
		s = pick(r, s.OneOf)
	}
	switch {
	case s.Items != nil:
		list := []any{}
		for range r.IntN(3) + 1 {
			list = append(list, value(r, s.Items, nil))
		}
		return list
	case s.values != nil:
		m := map[string]any{}
		for range r.IntN(3) + 1 {
			m[key(r)] = value(r, s.values, nil)
		}
		return m
	case len(s.Properties) > 0:
		return object(r, s)
	}
	switch s.Type {
	case "boolean":
		return r.IntN(2) == 0
	case "integer", "number":
		return number(r, s, now)
	case "string":
		old, _ := now.(string)
		return text(r, s, old)
	}
	// Values of any form.
	if m, ok := now.(map[string]any); ok && r.IntN(4) > 0 {
		m = maps.Clone(m)
		m[key(r)] = pick(r, []any{pick(r, boundary), 1, true, []any{"a"}, map[string]any{"a": "b"}})
		return m
	}
	return pick(r, []any{map[string]any{}, map[string]any{"a": "b"}, map[string]any{"a": map[string]any{"b": []any{1, "two", nil, 1.5, true}}}, map[string]any{pick(r, boundary): pick(r, boundary)}})
}

// object returns an object with its required fields.
func object(r *rand.Rand, s *shape) map[string]any {
	m := map[string]any{}
	for _, name := range s.Required {
		m[name] = sane(r, s.Properties[name])
	}
	return m
}

// sane returns a value that is usually valid.
func sane(r *rand.Rand, s *shape) any {
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return pick(r, s.Enum)
	case s.Items != nil:
		return []any{sane(r, s.Items)}
	case s.Type == "string" && (s.pattern == nil || s.pattern.MatchString("a")):
		return "a"
	}
	return value(r, s, nil)
}

func number(r *rand.Rand, s *shape, now any) any {
	all := []int{0, 1, 2, 10, 50, 99, 100, 101, 600, 65535, 65536, 1 << 31, 1<<31 - 1, -1}
	for _, bound := range []*float64{s.Minimum, s.Maximum} {
		if bound != nil {
			all = append(all, int(*bound), int(*bound)+1, int(*bound)-1)
		}
	}
	switch n := now.(type) {
	case int64:
		all = append(all, int(n)+1, int(n)-1, int(n)*2)
	case float64:
		all = append(all, int(n)+1, int(n)-1, int(n)*2)
	}
	v := pick(r, all)
	for range 20 {
		if (s.Minimum == nil || float64(v) >= *s.Minimum) && (s.Maximum == nil || float64(v) <= *s.Maximum) {
			break
		}
		v = pick(r, all)
	}
	if s.Type == "number" && r.IntN(2) == 0 {
		return float64(v) + 0.5
	}
	return v
}

// key returns a key of a map: of labels, annotations, headers, variables.
func key(r *rand.Rand) string {
	if r.IntN(2) == 0 {
		return pick(r, []string{"a", "app", "app.kubernetes.io/name", "example.com/a", "x-a", "cmd", "type", "team"})
	}
	return pick(r, boundary)
}
