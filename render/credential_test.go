package render_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/excerpt"
	"github.com/fleetwright/fleetwright/schema"
)

// credentials returns the diagnostics about credentials, as code, path and hint.
func credentials(files ...schema.File) (all []string) {
	for _, d := range diagnostics(files) {
		if d.Code == diag.CredentialInURL || d.Code == diag.CredentialInText {
			all = append(all, fmt.Sprintf("%s %s: %s", d.Code, d.Path, d.Hint))
		}
	}
	return all
}

// sourced returns an Application with a source.
func sourced(source string) schema.File {
	policy := "kustomization: {interval: 5m, prune: true}"
	if strings.HasPrefix(source, "helm") {
		policy = "helm: {interval: 5m, chart: {spec: {chart: web}}}"
	}
	return document("x", "    "+source+"\n", "\n  - name: p\n    "+policy+"\n")
}

// providedBy returns a rollout with a metric of a provider.
func providedBy(provider string) []schema.File {
	return rolledOut("kuma", `
      rolloutPolicy:
        trafficRouting: {canaryStrategy: {stepWeight: 10}}
        trafficAnalysis: {metrics: [{name: m, thresholdRange: {max: 1}, customMetric: {provider: {`+provider+`}, query: q}}]}
`)
}

func alerting(spec string) schema.File {
	return schema.File{Name: "alert.yaml", Data: []byte("apiVersion: flagger.app/v1beta1\nkind: AlertProvider\nmetadata: {name: chat, namespace: web}\nspec: {" + spec + "}\n")}
}

// TestCredentials checks that a credential in any URL is reported, with the Secret that its reader accepts, if
// any.
func TestCredentials(t *testing.T) {
	const git, provider = "spec.source.gitRepository.url", "spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.metrics[0].customMetric.provider.address"
	token := "ghp_" + strings.Repeat("0aB", 12)
	slack := "https://hooks.slack.com/services/T0AB1CD2E/B0AB1CD2E/abcdEFGH1234abcdEFGH1234"
	for _, tt := range []struct {
		name  string
		files []schema.File
		// want is the code, the path, and a part of the hint.
		want, hint string
	}{
		{"a password", []schema.File{sourced(`gitRepository: {url: "https://user:token@example.com/a", interval: 1m}`)}, "FW116 " + git, "secretRef: {name: x-auth}, a Secret with the keys username and password, or bearerToken"},
		{"an existing secretRef", []schema.File{sourced(`gitRepository: {url: "https://user:token@example.com/a", interval: 1m, secretRef: {name: mine}}`)}, "FW116 " + git, "secretRef: {name: mine}"},
		{"a password over SSH", []schema.File{sourced(`gitRepository: {url: "ssh://git:token@example.com/a", interval: 1m}`)}, "FW116 " + git, "identity and known_hosts"},
		{"a token as the user", []schema.File{sourced(`gitRepository: {url: "https://` + token + `@github.com/a", interval: 1m}`)}, "FW116 " + git, ""},
		{"a token in the path", []schema.File{sourced(`gitRepository: {url: "https://github.com/` + token + `/a", interval: 1m}`)}, "FW116 " + git, ""},
		{"a parameter", []schema.File{sourced(`gitRepository: {url: "https://example.com/a?private_token=b", interval: 1m}`)}, "FW116 " + git, ""},
		{"capitals", []schema.File{sourced(`gitRepository: {url: "HTTPS://user:token@example.com/a", interval: 1m}`)}, "FW116 " + git, ""},
		{"no scheme", []schema.File{sourced(`gitRepository: {url: "user:token@example.com:a", interval: 1m}`)}, "FW116 " + git, ""},
		{"no URL", []schema.File{sourced(`gitRepository: {url: "https://user:to/k en@example.com/a", interval: 1m}`)}, "FW116 " + git, ""},
		{"charts", []schema.File{sourced(`helmRepository: {url: "https://user:token@example.com/a", interval: 1m}`)}, "FW116 spec.source.helmRepository.url", "username and password"},
		{"a registry", []schema.File{sourced(`ociRepository: {url: "oci://user:token@example.com/a", interval: 1m}`)}, "FW116 spec.source.ociRepository.url", "kubernetes.io/dockerconfigjson"},
		{"a registry's parameter", []schema.File{sourced(`ociRepository: {url: "oci://example.com/a?token=b", interval: 1m}`)}, "FW116 spec.source.ociRepository.url", ""},
		{"a metric", providedBy(`type: prometheus, address: "http://user:token@p:9090"`), "FW116 " + provider, "the key token, or username and password"},
		{"a metric of Datadog", providedBy(`type: datadog, address: "https://api.datadoghq.com?api_key=token"`), "FW116 " + provider, "datadog_api_key and datadog_application_key"},
		{"a metric without a Secret", providedBy(`type: cloudwatch, address: "http://user:token@p:9090"`), "FW117 " + provider, "revoke it"},
		{"a chat", []schema.File{alerting(`type: rocket, address: "https://chat.example.com/?token=b"`)}, "FW116 spec.address", "secretRef: {name: chat-auth}, instead of the address, a Secret with the key address"},
		{"a chat's path", []schema.File{alerting(`type: slack, address: "` + slack + `"`)}, "FW116 spec.address", "the key address"},
		{"a proxy", []schema.File{alerting(`type: slack, address: "https://chat.example.com", proxy: "http://user:token@proxy:3128"`)}, "FW117 spec.proxy", ""},
		{"a Prometheus", rolledOut("kuma", "      metricsServer: http://user:token@p:9090\n      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}\n"), "FW117 spec.syncPolicies[0].rollout.metricsServer", ""},
		{"a webhook", hooked("false", `type: rollout, url: "http://user:token@web.web"`), "FW117 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[0].url", "a Service of the cluster"},
		{"a webhook's path", hooked("false", `type: event, url: "`+slack+`"`), "FW117 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[0].url", ""},
		{"a webhook's metadata", hooked("false", `type: event, url: "http://web.web", metadata: {to: "http://user:token@h"}`), "FW117 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[0].metadata.to", ""},
		{"a webhook's command", hooked("true", `type: rollout, metadata: {type: bash, cmd: "curl http://web.web/?token=a"}`), "FW117 spec.syncPolicies[0].rollout.rolloutPolicy.webhooks[0].metadata.cmd", "$TOKEN"},
		{"a command", loaded("kuma", "hey http://user:token@web-canary.web:8080/"), "FW117 spec.syncPolicies[0].rollout.rolloutPolicy.trafficAnalysis.webhooks.command[0]", "$TOKEN"},
		{"a patch of the rollout", rolledOut("kuma", "      rolloutPolicy: {trafficRouting: {canaryStrategy: {stepWeight: 10}}}\n      patches: [{patch: 'url: http://user:token@h'}]\n"), "FW117 spec.syncPolicies[0].rollout.patches[0].patch", ""},
		{"a patch", []schema.File{document("x", "    gitRepository: {url: https://example.com, interval: 1m}\n", "\n  - name: p\n    kustomization: {interval: 5m, prune: true, patches: [{patch: 'url: http://user:token@h'}]}\n")}, "FW117 spec.syncPolicies[0].kustomization.patches[0].patch", ""},
		{"values", []schema.File{document("x", "    helmRepository: {url: https://example.com, interval: 1m}\n", "\n  - name: p\n    helm: {interval: 5m, chart: {spec: {chart: web}}, values: {db: [{dsn: 'postgres://user:token@h/db'}]}}\n")}, "FW117 spec.syncPolicies[0].helm.values.db[0].dsn", "valuesFrom: [{kind: Secret"},
		{"a fleet's charts", []schema.File{{Name: "f.yaml", Data: []byte("apiVersion: fleet.kurator.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f}\nspec: {plugin: {flagger: {trafficRoutingProvider: kuma, chart: {repository: 'https://user:token@h', name: flagger}}}}\n")}}, "FW117 spec.plugin.flagger.chart.repository", "a repository"},
		{"settings", []schema.File{{Name: "f.yaml", Data: []byte("apiVersion: fleetwright.dev/v1alpha1\nkind: RenderConfig\nmetadata: {name: f}\nspec: {charts: {flagger: {repository: 'https://user:token@h'}}}\n")}}, "FW117 spec.charts.flagger.repository", ""},
		{"a document with a mistake", []schema.File{sourced(`gitRepository: {url: "https://user:token@example.com/a", interval: often}`)}, "FW116 " + git, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := credentials(tt.files...)
			if len(got) != 1 || !strings.HasPrefix(got[0], tt.want+": ") || !strings.Contains(got[0], tt.hint) {
				t.Errorf("got %q, want one %s with %s", got, tt.want, tt.hint)
			}
		})
	}
}

// TestNoCredentials checks that users, placeholders and lookalikes are not reported.
func TestNoCredentials(t *testing.T) {
	for _, url := range []string{
		"https://example.com/a", "ssh://git@github.com/shop/shop.git", "https://org@dev.azure.com/org/p/_git/r", "https://user@example.com:8443/a",
		"https://x-token-auth@bitbucket.org/a", "https://user:${TOKEN}@example.com", "https://user:@example.com", "https://example.com/a?ref=main&key=b",
		"git@github.com:shop/shop.git", "https://example.com/@scope/pkg@1.2.3:x",
	} {
		if got := credentials(sourced("gitRepository: {url: " + strconv.Quote(url) + ", interval: 1m}")); len(got) > 0 {
			t.Errorf("%s: got %q", url, got)
		}
	}
	for name, files := range map[string][]schema.File{
		"a variable":    loaded("kuma", `curl -H "Authorization: Bearer $TOKEN" "http://web.web:8080/?token=$TOKEN"`),
		"a mail":        loaded("kuma", `echo owner:team@example.com`),
		"an image":      {document("x", "    helmRepository: {url: https://example.com, interval: 1m}\n", "\n  - name: p\n    helm: {interval: 5m, chart: {spec: {chart: web}}, values: {image: 'ghcr.io/a/b:1.0@sha256:"+strings.Repeat("0a", 32)+"', token: "+githubToken+"}}\n")},
		"a placeholder": {alerting(`type: slack, address: "https://hooks.slack.com/services/YOUR/WEBHOOK/URL"`)},
		"a chat":        {alerting(`type: rocket, address: "https://chat.example.com/hooks/flagger"`)},
		"a Secret":      {alerting(`type: slack, secretRef: {name: chat}`)},
		"an ignored one": {schema.File{Name: "x.yaml", Data: bytes.Replace(sourced(`gitRepository: {url: "https://user:token@example.com/a", interval: 1m}`).Data,
			[]byte("interval: 1m}"), []byte("interval: 1m} # fleetwright: ignore FW116 of a test"), 1)}},
	} {
		if got := credentials(files...); len(got) > 0 {
			t.Errorf("%s: got %q", name, got)
		}
	}
	for _, dir := range examples(t) {
		if got := credentials(example(t, dir)...); len(got) > 0 {
			t.Errorf("the example %s: got %q", dir, got)
		}
	}
}

const githubToken = "ghp_0123456789abcdefghijABCDEFGHIJ012345"

// TestNoOutputHoldsACredential puts a credential into each value and each key in turn, and checks that no format
// of the diagnostics contains it.
func TestNoOutputHoldsACredential(t *testing.T) {
	const token = "tok3nvalue0123456789"
	texts := []string{
		"https://user:" + token + "@example.com/a?access_token=" + token,
		"user:" + token + "@example.com",
		"https://user:" + token + "%40" + "@example.com:port/ a",
		"HTTPS://user:a\"" + token + "/ @example.com",
		githubToken,
	}
	inputs := everyDocument()
	for _, dir := range examples(t) {
		inputs[dir] = example(t, dir)
	}
	seen := map[string]bool{}
	leak := func(files []schema.File, where string) {
		list := diagnostics(files)
		for _, name := range diag.Formats.Names() {
			format, _ := diag.Formats.Get(name)
			options := diag.FormatOptions{Excerpt: excerpt.From(map[string][]byte{files[0].Name: files[0].Data})}
			var b bytes.Buffer
			if err := format(&b, list, options); err != nil {
				t.Fatal(err)
			}
			said := strings.ToLower(b.String())
			for _, secret := range []string{token, strings.ToLower(githubToken)} {
				if i := strings.Index(said, secret); i >= 0 {
					t.Errorf("%s: %s contains %s", where, name, said[max(0, i-200):min(len(said), i+100)])
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		for i, f := range inputs[name] {
			for _, document := range strings.Split(string(f.Data), "\n---\n") {
				var root yaml.Node
				if yaml.Load([]byte(document), &root) != nil {
					continue
				}
				var walk func(n *yaml.Node, path string)
				walk = func(n *yaml.Node, path string) {
					for j, child := range n.Content {
						below := path
						if n.Kind == yaml.MappingNode {
							below += "." + n.Content[j-j%2].Value + []string{"", " as a key"}[1-j%2]
						}
						walk(child, below)
					}
					if n.Kind != yaml.ScalarNode || seen[path] || strings.HasSuffix(path, " as a key") && strings.Count(path, ".") < 2 {
						return
					}
					was := *n
					for _, text := range []string{texts[0], texts[len(seen)%len(texts)]} {
						n.Value, n.Style, n.Tag = text, yaml.DoubleQuotedStyle, "!!str"
						data, err := yaml.Dump(&root)
						if err != nil {
							t.Fatal(err)
						}
						files := slices.Clone(inputs[name])
						files[i] = schema.File{Name: f.Name, Data: []byte(strings.Replace(string(f.Data), document, string(data), 1))}
						files[0], files[i] = files[i], files[0]
						leak(files, name+" "+path)
					}
					*n = was
					seen[path] = true
				}
				walk(&root, kindOf(&root))
			}
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d values were tried", len(seen))
	}
}

// kindOf returns the kind of a document.
func kindOf(root *yaml.Node) string {
	for i, key := range root.Content[0].Content {
		if key.Value == "kind" {
			return root.Content[0].Content[i+1].Value
		}
	}
	return ""
}
