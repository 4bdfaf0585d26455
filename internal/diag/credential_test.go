package diag

import (
	"strings"
	"testing"
)

const (
	githubToken = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
	gitlabToken = "glpat-0123456789abcdefghij"
)

// TestRedact checks that exactly the credentials in a text are replaced.
func TestRedact(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"https://user:s3cret@example.com/a.git", "https://***@example.com/a.git"},
		{"HTTPS://user:s3cret@example.com", "HTTPS://***@example.com"},
		{"oci://user:s3cret@example.com/a", "oci://***@example.com/a"},
		{"ssh://git:s3cret@example.com", "ssh://***@example.com"},
		{"https://:s3cret@example.com", "https://***@example.com"},
		{"https://user:s3%40cret@example.com", "https://***@example.com"},
		{"https://user%3As3cret@example.com", "https://***@example.com"},
		{"https://user:s3@cr@et@example.com/@x", "https://***@example.com/@x"},
		{"https://user:s3/cret@example.com", "https://***@example.com"},
		{"https://user:s3#cret?@example.com", "https://***@example.com"},
		{"https://user:s3 cret@example.com", "https://***@example.com"},
		{`https://user:s3"cret@example.com`, "https://***@example.com"},
		{"https://user:s3cret%40example.com", "https://***%40example.com"},
		{"https:/user:s3cret@example.com", "https:/***@example.com"},
		{`https:\/\/user:s3cret@example.com`, `https:\/\/***@example.com`},
		{"https://" + githubToken + "@github.com/a", "https://***@github.com/a"},
		{"https://" + githubToken + ":x-oauth-basic@github.com/a", "https://***@github.com/a"},
		{"https://x-access-token:" + githubToken + "@github.com/a", "https://***@github.com/a"},
		{"https://glpat-short123@gitlab.com", "https://***@gitlab.com"},
		{"https://AKIAIOSFODNN7EXAMPLE@s3.amazonaws.com", "https://***@s3.amazonaws.com"},
		{"user:s3cret@example.com/a.git", "***@example.com/a.git"},
		{"//user:s3cret@example.com/a.git", "//***@example.com/a.git"},
		{"url=user:s3cret@example.com", "url=***@example.com"},
		{`the URL "https://user:s3cret@example.com" and https://a:b@c, which`, `the URL "https://***@example.com" and https://***@c, which`},
		{`parse "https://user:s3cret@h:port": invalid port ":port" after host`, `parse "https://***@h:port": invalid port ":port" after host`},
		{"https://example.com/?access_token=s3cret", "https://example.com/?access_token=***"},
		{"https://example.com/?a=b&Private-Token=s3cret&c=d#e", "https://example.com/?a=b&Private-Token=***&c=d#e"},
		{"https://example.com/?a=b;token=s3cret", "https://example.com/?a=b;token=***"},
		{"https://example.com/?%74oken=s3cret.", "https://example.com/?%74oken=***."},
		{"https://example.com/?X-Amz-Signature=0a&X-Amz-Date=1", "https://example.com/?X-Amz-Signature=***&X-Amz-Date=1"},
		{"https://example.com/?sig=a%2Fb", "https://example.com/?sig=***"},
		{"https://example.com/#access_token=s3cret", "https://example.com/#access_token=***"},
		{"curl -d 'user=a&password=s3cret' http://h", "curl -d 'user=a&password=***' http://h"},
		{"https://hooks.slack.com/services/T0AB1CD2E/B0AB1CD2E/abcdEFGH1234", "https://hooks.slack.com/services/***"},
		{"https://discord.com/api/webhooks/123456789/abcdEFGH1234", "https://discord.com/api/webhooks/***"},
		{"https://acme.webhook.office.com/webhookb2/a@b/IncomingWebhook/abcdEFGH1234/x-y-zzzzzz1", "https://acme.webhook.office.com/webhookb2/***"},
		{"https://chat.example.com/hooks/5f1e0c2a9d3b4e6f7/abcdEFGH1234abcdEFGH1234abcdEFGH", "https://chat.example.com/hooks/***"},
		{"Authorization: Bearer " + gitlabToken + ".", "Authorization: Bearer ***."},
		{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "***"},
		{"match.headers." + githubToken + ".exact", "match.headers.***"},
		{"web-" + gitlabToken, "web-***"},
		{"path spec.values[https://a:b@c]", "path spec.values[https://***@c]"},
	} {
		got := Redact(c.text)
		if got != c.want {
			t.Errorf("%s\nis redacted to %s\nwant           %s", c.text, got, c.want)
		}
		if again := Redact(got); again != got {
			t.Errorf("%s is redacted again, to %s", got, again)
		}
	}
}

// TestNoCredential checks that names and placeholders are not replaced.
func TestNoCredential(t *testing.T) {
	for _, text := range []string{
		"", "x", "://", ":/", "@", "a@b", "?token", "?token=", "&token=&", "https://", "https://@", "https://:@h",
		"https://example.com/a.git", "ssh://git@github.com/shop/shop.git", "https://org@dev.azure.com/org/p/_git/r",
		"git@github.com:shop/shop.git", "https://user:@example.com", "https://example.com:8080/@user/a:b@1.2",
		"https://[::1]:8080/", "https://user@[::1]/", "https://host1:9092,host2:9092/a@b",
		"https://user:${TOKEN}@example.com", "https://user:$TOKEN@example.com", "https://user:$(cat token)@example.com",
		"https://user:{{ token }}@example.com", "https://user:<token>@example.com", "https://user:***@example.com", "https://user:xxxx@example.com", "https://user:…@example.com",
		"https://example.com/?token=$TOKEN", "https://example.com/?token=${token}&a=b", "https://example.com/?token=***", "https://example.com/?token=<token>",
		"https://example.com/?page=1&key=name&author=me&tokens=3&signal=9", "?query=up{token=\"a\"}",
		"https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", "https://hooks.slack.com/services/YOUR/WEBHOOK/URL", "https://hooks.slack.com/services/…",
		"https://chat.example.com/hooks/flagger", "https://docs.slack.com/services/a/b/c12345678",
		"ghcr.io/stefanprodan/podinfo:6.0.0@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"mailto:a@example.com", "rate(a[5m:1m]@end())", "rate(a[5m] @ 1609746000)",
		"npm_config_registry", "hf_transformers_cache_directory_of_all_models", "ASIA-PACIFIC-REGION-1-OF-2", "AKIA", "eyJ", "glpat-", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		"ssh://npm_publisher@example.com/a", "fleet/application.yaml:38:15: error FW110: a@b",
	} {
		if got := Redact(text); got != text {
			t.Errorf("%s is redacted to %s", text, got)
		}
	}
}

// TestCredentialsApart checks that credentials are found in order and without overlap, whatever surrounds
// them, and that each character is visited only a few times.
func TestCredentialsApart(t *testing.T) {
	for _, part := range []string{
		"https://user:s3cret@h ", "a:/h:x/", "http:/h:x ", "?token=a&token=b", "?;token=a", "?;token={{", "&token=$", "a:b@", "a:b@c ", "@", ":/", `:\/`, "ghp_0123456789", "pypi-.", "eyJ-", "https://user:", "?", "#", "%40", "https://hooks.slack.com/services/abcdefgh1/", "\n", "é", "\xff",
	} {
		text := strings.Repeat(part, 100_000)
		end := 0
		for _, c := range Credentials(text) {
			if c.Start < end || c.End <= c.Start || c.End > len(text) || c.Kind == "" {
				t.Fatalf("of many %q there is %+v after %d", part, c, end)
			}
			end = c.End
		}
	}
}

// TestTokensBeginAsIsLookedFor checks that the fast search finds every form of token.
func TestTokensBeginAsIsLookedFor(t *testing.T) {
	for _, form := range tokenForms {
		if !beginsToken(form.prefix) || form.least < shortestToken-len(form.prefix) {
			t.Errorf("%s is not looked for", form.prefix)
		}
	}
}
