package schema

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/fluxcd/pkg/apis/kustomize"
	"sigs.k8s.io/yaml"

	"github.com/fleetwright/fleetwright/schema/api"
)

// TestFormats: what each reader rejects, and what it takes.
func TestFormats(t *testing.T) {
	long := strings.Repeat("a", 300)
	for name, tt := range map[string]struct{ refused, taken []string }{
		"dns-subdomain":    {[]string{long[:254]}, []string{"a", long[:253]}},
		"dns-label":        {[]string{"a.b", long[:64]}, []string{"a-b"}},
		"qualified-name":   {[]string{"a b", "é", long[:64], "/a", "a/"}, []string{"http", "kubernetes.io/h2c", "example.com/My_proto.1", long[:63]}},
		"config-key":       {[]string{"a b", "..", long, "é"}, []string{"values.yaml", "a", "_A.b-1"}},
		"http-url":         {[]string{"http://", "http://a b", "http://:80", "https://a:99999", "ftp://a", "prometheus:9090", "http://a\nb", "http://a..b", "http://%", "https://" + long[:64], "http://[::g]"}, []string{"http://a", "https://a.b:443/c?d=e", "http://127.0.0.1:9090", "http://[::1]:9090", "http://user@a_b", "http://a./x"}},
		"proxy-url":        {[]string{"proxy.example.com:3128", "http:// a", "socks://a"}, []string{"http://a:3128", "socks5://a"}},
		"git-url":          {[]string{"https://", "https://a/b c", "ssh://git@a:b/c", "git://a/b"}, []string{"https://a/b", "ssh://git@a:22/b.git", "ssh://git@a/b", "http://a", "https://org@dev.azure.com/a/_git/b", "https://a/b%20c"}},
		"helm-url":         {[]string{"https://", "oci://", "https://a /b", "oci://a.b/C", "oci://ex@ample.com/charts", "oci://a:b@c.d/e", "oci://a@b@c", "oci://a?b", "oci://a#b", "oci://a:x/b", "oci://a:0/b", "oci:///b", "oci://:5000/b", "oci://[fe80::1%25eth0]/b", "oci://a%41/b", "https://a/b/index.yaml", "https://a/index.yaml/"}, []string{"https://a/b", "oci://a", "oci://a:5000/b/c/", "oci://[::1]:5000/b", "https://user@a/b", "https://a/b?c=d", "https://a/index.yaml.d"}},
		"oci-url":          {[]string{"oci://a.b/c", "oci://a.b:0/cc", "oci://a.b/" + long, "oci://a.b/c___d", "oci://a@b.c/dd"}, []string{"oci://a.b/cc", "oci://a:5000/b/c-d__e"}},
		"git-branch":       {[]string{"a b", "a..b", ".a", "a/.b", "a.lock", "a/", "/a", "a//b", "a~1", "a^", "a:b", "a?", "a*", "a[", `a\b`, "a.", "@", "a@{b", "-a", "HEAD", "a\tb"}, []string{"main", "feature/a", "release-1.x", "a@b", "é", "a.b", "${BRANCH}"}},
		"git-tag":          {[]string{"v1 ", "-v1", "v1..2"}, []string{"v1.2.0", "a/b", "v1+meta"}},
		"git-ref":          {[]string{"main", "heads/main", "refs/heads/a b", "refs/"}, []string{"refs/heads/main", "refs/pull/420/head", "refs/tags/v1^{}", "HEAD"}},
		"oci-tag":          {[]string{"-a", ".a", "a+b", "a b", long[:129]}, []string{"latest", "v1.2.3", "_a", "a_b", long[:128]}},
		"media-type":       {[]string{"a", "a/", "a b/c", "/b"}, []string{"application/vnd.cncf.helm.chart.content.v1.tar+gzip", "text/plain"}},
		"component":        {[]string{"/a", "https://a/b", "github.com/a/b", "git@a:b", "", "file:///a", "GH:a", "../c../c", "a - ../b", "a/\x00"}, []string{"../a", "a", "./a", "github.com", "../github.com/a"}},
		"image-pattern":    {[]string{"[", "a(", "*"}, []string{"a/b", ".*/app", "ghcr.io/a/b"}},
		"image-name":       {[]string{"A", "a b", "a:b", "a/B", "a@b", "", "a.b:x/c", "/a", "a@b.c/d", "a.b?/c", "a.b#/c"}, []string{"a", "ghcr.io/a/b", "localhost:5000/a", "localhost/a", "registry:5000/a-b/c__d"}},
		"image-tag":        {[]string{"a b", "-a", "a@sha256:0", "é"}, []string{"1.2.3", "latest", "v1_2", "1.0@sha256:" + strings.Repeat("0", 64)}},
		"image-digest":     {[]string{"sha256:0", "0", "sha256:" + strings.Repeat("g", 64), ":" + strings.Repeat("0", 64)}, []string{"sha256:" + strings.Repeat("0", 64), "sha512:" + strings.Repeat("a", 128)}},
		"affix":            {[]string{long[:201]}, []string{"staging-", long[:200]}},
		"chart":            {[]string{strings.Repeat("a", 2049)}, []string{"podinfo", "./charts/a"}},
		"repository-chart": {[]string{"./charts/a", "/a", "A", "a_b", "../a", "a//b", ""}, []string{"podinfo", "charts/a", "a.b-c", "a/"}},
		"values-path":      {[]string{long[:251]}, []string{"a.b"}},
		"source-file":      {[]string{"", strings.Repeat("a", 256)}, []string{"values.yaml", strings.Repeat("a", 255)}},
		"source-path":      {[]string{"a/" + strings.Repeat("b", 256), strings.Repeat("a/", 2048), "a\x00"}, []string{"", "./a", "/a/" + strings.Repeat("b", 255), strings.Repeat("a/", 2047)}},
		"header":           {[]string{"", "a b", "é", "a:", "a\n"}, []string{"X-Scope-OrgID", "a_b"}},
		"header-value":     {[]string{"a\nb", "a\x00"}, []string{"", "a b", "é", "a\tb"}},

		"operation-header":   {[]string{"", "x y", ":path"}, []string{"x-a", "host", ":authority"}},
		"match-header":       {[]string{"", "x y", ":x"}, []string{"x-a", "cookie", ":path", "@request.auth.claims.sub"}},
		"cors-header":        {[]string{"", "x y", "x:y"}, []string{"content-type", "*"}},
		"cors-method":        {[]string{"get", "GETS", ""}, []string{"GET", "OPTIONS", "*"}},
		"retry-on":           {[]string{"5XX", "gateway-error, reset", "a", "5xx,", "299"}, []string{"5xx", "gateway-error,connect-failure", "503", "retriable-4xx,unavailable"}},
		"envoy-header-value": {[]string{"100%", "%a", "%START_TIME%%", "a\nb", "%REQ(a%"}, []string{"", "a b", "100%%", "%REQ(:path)%", "a %HOSTNAME% b", "%UPSTREAM_METADATA([\"a\", \"b\"])%"}},
		"cookie":             {[]string{"[a", "a b", "a;b", "a,b", "a=b", "a*", "a+b", "a|b", "$a", "^a", "a%", "é", "(a)", "a{1}", `a\`, `"a"`, long}, []string{"flagger-cookie", "A_b.c", "a~", "!a", "__Host-x"}},

		"proto-duration": {[]string{"10", "1m", "abc", "0s", "0.0s", "-1s", "1.s", ".5s", "1e3s", "1.0123456789s", "315576000001s", "1m30s", "10 s"}, []string{"10s", "0.5s", "315576000000s", "0.000000001s"}},
		"kuma-duration":  {[]string{"0d", "999999y", "99999999999999999999s", "293y"}, []string{"1d", "292y", "10ms", "24h"}},
		"kuma-tag":       {[]string{"", "a b", "é"}, []string{"kuma.io/zone", "a_b:c"}},
		"kuma-tag-value": {[]string{"", "a b", "**"}, []string{"east", "*", "a/b"}},
		"host":           {[]string{"a..b", "a b", long}, []string{"127.0.0.1", "::1", "a.b"}},

		"regexp":       {[]string{"[", "a(", "*"}, []string{".*-rc.*", "^https://github.com/a/b.*$"}},
		"variable":     {[]string{"", "a-b", "1a", "a.b", "é"}, []string{"REGION", "_a1", "a"}},
		"json-pointer": {[]string{"spec/replicas", "spec.replicas", "/a~", "/a~2"}, []string{"", "/spec/replicas", "/metadata/annotations/example.com~1a", "/a~0b"}},

		"semver": {[]string{"latest", "", "1.2.3.4", "a", ">=1.0.0<2.0.0", ">= ", "1.2 ||", "1,", "1.2.3-01", "master", "1..2", "é", strings.Repeat("1 ", 300), "1.2.3 -2.0.0"},
			[]string{"*", "1.x", "x", ">=1 <2", ">=1.0.0, <2", "^1.2 || ~2", "~> 2.1", "v1", "1.2.3-rc.1+a", "1.2.3 - 2.0.0", " 1.0 ", "=>1", "1 2", ">=1.0.0-0 <2.0.0-0", "!=1.0,>0.1", "1.*"}},
	} {
		f := formatNamed(name)
		for _, text := range tt.refused {
			if f.reject(text) == "" {
				t.Errorf("%s: %.40q is taken", name, text)
			}
			if hint := f.suggest(text); hint != "" && f.reject(hint) != "" {
				t.Errorf("%s: the hint for %.40q is %q, which is refused: %s", name, text, hint, f.reject(hint))
			}
		}
		for _, text := range tt.taken {
			if why := f.reject(text); why != "" {
				t.Errorf("%s: %q is refused: %s", name, text, why)
			}
		}
	}
}

// TestRangesAreThoseOfTheLibrary that Flux and Helm read them with.
func TestRangesAreThoseOfTheLibrary(t *testing.T) {
	parts := []string{"1", "1.2", "1.2.3", "v1", "x", "1.x", "*", "01", "1.2.3-rc.1", "1.2.3-01", "1.2.3+a.b", "1.2.3-", "a", "", " ", "  ", ",", ", ", " ,", "||", " || ", " - ", "-", ">=", "<", "~", "~>", "^", "=", "!=", "=<", "1.2.3.4", "18446744073709551616", "\t"}
	check := func(text string) {
		_, err := semver.NewConstraint(text)
		if why := refuseRange(text); (why == "") != (err == nil) {
			t.Errorf("%q: %q, and the library says %v", text, why, err)
		}
	}
	for _, a := range parts {
		for _, b := range parts {
			check(a + b)
			for _, c := range parts {
				check(a + b + c)
				check(a + b + c + "1.2.3")
			}
		}
	}
}

// unchecked are the texts of which the reader takes all, and who that is, or whose
// format something else checks.
var unchecked = map[string]string{
	"TypeMeta.APIVersion": "the kind's own, or no such document", "TypeMeta.Kind": "the kind's own, or no such document",
	"ObjectMeta.Name":               "checkNames: a Mesh has a shorter one",
	"ObjectMeta.Labels keys":        "checkKeys",
	"ObjectMeta.Annotations keys":   "checkKeys",
	"ObjectMeta.Annotations values": "the API server takes any text; checkKeys checks how much it is",

	"CommonMetadata.Labels keys": "checkKeys", "CommonMetadata.Annotations keys": "checkKeys", "CommonMetadata.Annotations values": "checkKeys",
	"ServiceMetadata.Labels keys": "checkKeys", "ServiceMetadata.Annotations keys": "checkKeys", "ServiceMetadata.Annotations values": "checkKeys",
	"RenderConfigMeta.Labels keys": "checkKeys", "RenderConfigMeta.Annotations keys": "checkKeys", "RenderConfigMeta.Annotations values": "checkKeys",
	"ClusterSelector.MatchLabels keys": "checkKeys", "NamespaceSelector.MatchLabels keys": "checkKeys", "HTTPMatch.SourceLabels keys": "checkKeys",

	"PolicyOverride.Kustomization keys": "as those of the whole, once merged", "PolicyOverride.Helm keys": "the same", "PolicyOverride.Rollout keys": "the same", "SourceOverride.Source keys": "the same",

	"GitRepository.Ignore": "go-git's gitignore, which passes over a pattern that it cannot read", "OCIRepository.Ignore": "the same",
	"Image.Name": "", "Image.NewName": "", "Image.NewTag": "", "Image.Digest": "",
	"Dependency.ReadyExpr": "kustomize-controller and helm-controller compile CEL", "HealthCheckExpr.InProgress": "the same", "HealthCheckExpr.Failed": "the same",
	"PostBuild.Substitute values": "Flux takes any text",
	"Patch.Patch":                 "render/patch, as kustomize reads it", "Selector.Group": "render/patch, a regular expression", "Selector.Version": "the same", "Selector.Kind": "the same",
	"Selector.Namespace": "the same", "Selector.Name": "the same", "Selector.AnnotationSelector": "render/patch, a selector", "Selector.LabelSelector": "the same",

	"Rollout.PortName": "", "AutoscalerReference.PrimaryScalerQueries keys": "Flagger, which looks triggers up by them", "AutoscalerReference.PrimaryScalerQueries values": "KEDA and the trigger's server",
	"IntOrString.StrVal":    "render/rollout.go, as Kubernetes reads the name of a port",
	"Webhook.Metadata keys": "the receiver; render/webhook.go where that is a load tester", "Webhook.Metadata values": "the same",
	"TrafficRouting.Gateways": "render/provider", "TrafficRouting.Hosts": "render/provider", "TrafficRouting.Host": "render/provider",
	"Metric.TemplateVariables keys": "render/rules, as the query names them", "Metric.TemplateVariables values": "render/rules, in the query",
	"CustomMetric.Query": "render/rules for Prometheus; the servers of other providers cannot be asked", "MetricProvider.Address": "render/rules, by the type of the provider",
	"Webhooks.Command":       "render/rules, as the load tester's shell reads it",
	"CorsPolicy.AllowOrigin": "a browser's Origin is compared with it: Envoy takes any text",
	"StringMatch.Exact":      "Envoy compares it", "StringMatch.Prefix": "Envoy compares it", "StringMatch.Suffix": "Envoy compares it", "StringMatch.Regex": "render/match.go",
	"HTTPMatch.QueryParams keys":    "Envoy compares it",
	"ServiceMatch.QueryParams keys": "an HTTPRoute's are judged with it (FW735), of Istio's Envoy compares it",

	"AlertProviderSpec.Channel": "the chat cannot be asked", "AlertProviderSpec.Username": "the chat cannot be asked",

	"ClusterReference.Namespace": "nobody", "ClusterReference.APIVersion": "nobody", "ClusterReference.UID": "nobody", "ClusterReference.ResourceVersion": "nobody", "ClusterReference.FieldPath": "nobody",

	"MeshSpec.SkipCreatingInitialPolicies": "Kuma compares it with the names of its policies",
	"MeshMTLS.EnabledBackend":              "mesh.rules.cue: one of the backends", "MeshMetrics.EnabledBackend": "the same", "MeshTracing.DefaultBackend": "the same", "MeshLogging.DefaultBackend": "the same",
	"MeshPrometheus.Tags keys": "Kuma takes any", "MeshPrometheus.Tags values": "Kuma takes any", "MeshAggregate.Name": "Kuma takes any, once (mesh.rules.cue)", "MeshAggregate.Path": "kuma-dp asks for any path",
	"MeshEnvoyMetrics.FilterRegex": "render/provider", "MeshLoggingBackend.Format": "Envoy's format strings cannot be asked",

	"RenderConfigMeta.Name": "nobody", "RenderConfigMeta.Namespace": "nobody", "RenderConfigSpec.Path": "render/settings",
	"RenderConfigSpec.Severities keys": "render/settings", "FunctionConfig.Cluster": "internal/sink/krm: one of the clusters", "FunctionConfig.Inputs": "internal/sink/krm: the file system", "FunctionConfig.AllowPrune": "internal/sink/krm: Applications among the inputs", "FunctionConfig.Directory": "internal/sink/krm: a path in the package",
	"SourceDirectory.Path": "internal/sources: the file system",
}

// TestEveryTextIsChecked: each text of a document, item of a list, key and value of a
// mapping has a format, or a pattern or a list in the JSON Schema, or says why not.
func TestEveryTextIsChecked(t *testing.T) {
	used := map[string]bool{}
	for _, k := range kinds {
		seen := map[reflect.Type]bool{}
		var walk func(of reflect.Type, s *Shape)
		walk = func(of reflect.Type, s *Shape) {
			for of.Kind() == reflect.Pointer {
				of = of.Elem()
			}
			if of.Kind() != reflect.Struct || seen[of] {
				return
			}
			seen[of] = true
			for i := range of.NumField() {
				field := of.Field(i)
				name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				below := s
				if name != "" {
					below, _ = s.below(name)
				}
				format, keys := FormatsOf(of, field)
				if f := formatNamed(format); format != "" && f == nil {
					t.Errorf("%s.%s has no format %s", of.Name(), field.Name, format)
				}
				what := of.Name() + "." + field.Name
				for typ := field.Type; ; {
					switch typ.Kind() {
					case reflect.Pointer:
						typ = typ.Elem()
						continue
					case reflect.Slice:
						typ, below = typ.Elem(), below.Items
						continue
					case reflect.Map:
						if typ == reflect.TypeFor[api.Values]() {
							break
						}
						if keys == "" && unchecked[what+" keys"] == "" {
							t.Errorf("nothing checks the keys of %s", what)
						}
						used[what+" keys"] = true
						typ, below = typ.Elem(), below.Items
						what += " values"
						continue
					case reflect.Struct:
						walk(typ, below)
					case reflect.String:
						_, known := unchecked[what]
						if used[what] = true; format == "" && below.Pattern == "" && len(below.Enum) == 0 && !known {
							t.Errorf("nothing checks %s", what)
						}
					}
					break
				}
			}
		}
		walk(reflect.TypeOf(k.New()), k.shape())
	}
	for what := range unchecked {
		if !used[what] {
			t.Errorf("there is no %s", what)
		}
	}
}

// TestTextsAreFoundWhereTheyAre: in lists, keys and values, with the line to write.
func TestTextsAreFoundWhereTheyAre(t *testing.T) {
	var a api.Application
	a.Spec.Source.GitRepository = &api.GitRepository{URL: "ssh://git@example.com:shop/web.git", Ref: &api.GitReference{Branch: "a b"}}
	a.Spec.SyncPolicies = []api.SyncPolicy{{Kustomization: &api.Kustomization{
		Components: []string{"../a", "/b"}, Interval: "9999999999h",
		Images: []kustomize.Image{{Name: "a"}, {Name: "b", NewTag: "é"}},
	}, Rollout: &api.Rollout{RolloutPolicy: api.RolloutPolicy{SkipTrafficAnalysis: true, TrafficAnalysis: &api.TrafficAnalysis{Metrics: []api.Metric{{CustomMetric: &api.CustomMetric{
		Query: "x", Provider: api.MetricProvider{Headers: map[string][]string{"a b": {"c"}, "d": {"e", "f\ng"}}}}}}}}}}}
	var got []string
	for _, r := range CheckTexts(&a) {
		got = append(got, string(r.Code)+" "+r.Path.String()+" | "+r.Hint)
	}
	const provider = "spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics[0].customMetric.provider"
	want := []string{
		"FW115 spec.source.gitRepository.url | url: ssh://git@example.com/shop/web.git",
		"FW115 spec.source.gitRepository.ref.branch | branch: a-b",
		"FW114 spec.syncPolicies[0].kustomization.interval | ",
		"FW115 spec.syncPolicies[0].kustomization.images[1].newTag | ",
		"FW115 spec.syncPolicies[0].kustomization.components[1] | ../b",
		"FW115 " + provider + `.headers["a b"] | `,
		"FW115 " + provider + ".headers.d[1] | ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// TestNoCredentialsAreShown of a URL that is wrong.
func TestNoCredentialsAreShown(t *testing.T) {
	for _, text := range []string{"https://user:secret@a b", "https://user:se/cret@host", "https://a b/?access_token=secret", "user:secret@host", "ssh://user:secret@host:path", "https://secret@a b#secret"} {
		for i := range formats {
			f := &formats[i]
			if why := f.reject(text); why != "" && (strings.Contains(f.explain(text, why)+f.suggest(text), "secret") || strings.Contains(f.explain(text, why)+f.suggest(text), "cret@")) && strings.HasSuffix(f.Name, "url") {
				t.Errorf("%s: %s | %s", f.Name, f.explain(text, why), f.suggest(text))
			}
		}
	}
}

// TestHowMuchIsTaken: all annotations of an object together, and a key, which the API
// server reads as YAML.
func TestHowMuchIsTaken(t *testing.T) {
	document := func(meta string) string {
		return "apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f" + meta + "}\nspec: {clusters: []}\n"
	}
	values := func(key string) string {
		return document("") + "---\n" + "apiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nspec: {charts: {kuma: {values: {" + key + ": 1}}}}\n"
	}
	for name, tt := range map[string]struct{ text, want string }{
		"annotations":             {document(", annotations: {a: " + strings.Repeat("b", 256<<10-1) + "}"), ""},
		"annotations of too much": {document(", annotations: {a: " + strings.Repeat("b", 256<<10) + "}"), "FW115"},
		"a key":                   {values(strings.Repeat("k", 1022)), ""},
		"a key that is too long":  {values(strings.Repeat("k", 1023)), "FW115"},
		"a key of many bytes":     {values(strings.Repeat("é", 1022)), ""},
	} {
		var got []string
		for _, d := range load(File{Name: "f.yaml", Data: []byte(tt.text)}).Diagnostics {
			got = append(got, string(d.Code))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: got %v, want %s", name, got, tt.want)
		}
	}
}

// TestKeysAreThoseThatTheServerReads as YAML.
func TestKeysAreThoseThatTheServerReads(t *testing.T) {
	for _, r := range []string{"k", "é", `"`, "<", "\u2028"} {
		for n := range 1100 {
			key := strings.Repeat(r, n)
			if length := keyLength(key); length < maxKey-10 || length > maxKey+10 {
				continue
			}
			text, err := json.Marshal(map[string]int{key: 1})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := yaml.YAMLToJSON(text); err != nil && keyLength(key) <= maxKey {
				t.Fatalf("%d of %q are taken, and the server says %v", n, r, err)
			} else if err == nil && keyLength(key) > maxKey {
				t.Fatalf("%d of %q are refused", n, r)
			}
		}
	}
}
