package diag

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// A Credential is a secret in a text.
type Credential struct {
	// Start and End of the secret in the text, in bytes.
	Start, End int
	// What it is, such as "a password".
	What string
	// Loose says that the secret is one only if the text is a URL: it could be
	// something else in a sentence or a command.
	Loose bool
	// Bare says that the secret is a token outside of a URL.
	Bare bool
}

// Redacted stands in place of a credential.
const Redacted = "***"

// Redact returns the text with every credential replaced.
func Redact(text string) string {
	found := Credentials(text)
	if len(found) == 0 {
		return text
	}
	var b strings.Builder
	end := 0
	for _, c := range found {
		b.WriteString(text[end:c.Start])
		b.WriteString(Redacted)
		end = c.End
	}
	b.WriteString(text[end:])
	return b.String()
}

// Plain returns text as it may be printed for people: without credentials and without
// control characters.
func Plain(text string) string { return Printable(Redact(text)) }

// Credentials returns the credentials in a text, in order and apart from each other: user
// information and query parameters of URLs, webhooks whose path is the secret, and tokens
// with a known form. The text need not be a URL, nor a URL in it a valid one.
func Credentials(text string) []Credential {
	f := finder{text: text}
	f.urls()
	f.parameters()
	f.tokens()
	f.withoutScheme()
	if len(f.found) < 2 {
		return f.found
	}
	slices.SortStableFunc(f.found, func(a, b Credential) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	apart := f.found[:1]
	for _, c := range f.found[1:] {
		last := &apart[len(apart)-1]
		if c.Start >= last.End {
			apart = append(apart, c)
			continue
		}
		last.End = max(last.End, c.End)
		last.Loose, last.Bare = last.Loose && c.Loose, last.Bare && c.Bare
	}
	return apart
}

// A finder finds credentials in a text.
type finder struct {
	text  string
	found []Credential
}

func (f *finder) add(start, end int, what string, loose bool) {
	f.found = append(f.found, Credential{Start: start, End: end, What: what, Loose: loose})
}

// endsWord reports whether a character ends a URL in a text.
func endsWord(r rune) bool { return r <= ' ' || strings.ContainsRune("\"'`<>\x7f", r) }

// wordEnd returns where the word at a place ends, before a limit.
func (f *finder) wordEnd(at, limit int) int {
	if i := strings.IndexFunc(f.text[at:limit], endsWord); i >= 0 {
		return at + i
	}
	return limit
}

// urls finds what URLs hold before their host, and in the paths of webhooks.
func (f *finder) urls() {
	for colon := nextURL(f.text, 0); colon < len(f.text); {
		at := colon + 1
		for at < len(f.text) && isSlash(f.text[at]) {
			at++
		}
		// A URL ends where the next one begins, so that each character is looked at once.
		colon = nextURL(f.text, at)
		f.url(at, colon)
	}
}

// nextURL returns the place of the next colon between a scheme and a slash, or the end.
func nextURL(text string, from int) int {
	for at := from; ; at++ {
		i := strings.IndexByte(text[at:], ':')
		if i < 0 {
			return len(text)
		}
		at += i
		if at > 0 && isAlphanumeric(text[at-1]) && at+1 < len(text) && isSlash(text[at+1]) {
			return at
		}
	}
}

// isSlash reports whether a character is a slash, or what stands before one in JSON.
func isSlash(c byte) bool { return c == '/' || c == '\\' }

// url finds the credentials of the URL whose authority begins at a place. The next URL
// begins at the limit.
func (f *finder) url(start, limit int) {
	end := f.wordEnd(start, limit)
	word := f.text[start:end]
	authority := word
	if i := strings.IndexAny(word, `/?#\`); i >= 0 {
		authority = word[:i]
	}
	at := strings.LastIndexByte(authority, '@')
	host := authority[at+1:]
	if !hasPort(host) {
		// What seems to be a port is a part of a password with a character that ends an
		// authority, or with an escaped @.
		if i := strings.LastIndex(strings.ToLower(host), "%40"); i >= 0 {
			f.add(start, start+at+1+i, "a password", true)
			return
		}
		if i := f.laterAt(start+len(authority), end, limit); i >= 0 {
			f.add(start, i, "a password", true)
			return
		}
	}
	if at >= 0 {
		if what := inUserInfo(authority[:at]); what != "" {
			f.add(start, start+at, what, false)
		}
	}
	name, _, _ := strings.Cut(strings.ToLower(host), ":")
	if from := secretPath(name, word[len(authority):]); from > 0 {
		f.add(start+len(authority)+from, end, "a webhook's secret", false)
	}
}

// hasPort reports whether a host has a port that is a number or a placeholder, or none.
func hasPort(host string) bool {
	i := strings.LastIndexByte(host, ':')
	return i < 0 || strings.HasSuffix(host, "]") || strings.Trim(host[i+1:], "0123456789,") == "" || isPlaceholder(host[i+1:])
}

// laterAt returns the place of the @ that ends the user information of a URL without a
// valid one, or -1: the last in the word, or the first in the line.
func (f *finder) laterAt(from, end, limit int) int {
	if i := strings.LastIndexByte(f.text[from:end], '@'); i >= 0 {
		return from + i
	}
	if i := strings.IndexAny(f.text[end:limit], "@\n"); i >= 0 && f.text[end+i] == '@' {
		return end + i
	}
	return -1
}

// inUserInfo returns which credential is in the user information of a URL, or nothing. A
// user alone is none, unless it is a token.
func inUserInfo(info string) string {
	if decoded, err := url.PathUnescape(info); err == nil {
		info = decoded
	}
	user, password, _ := strings.Cut(info, ":")
	if !isPlaceholder(password) {
		return "a password"
	}
	return tokenForm(user, 8)
}

// parameters finds the values of query parameters that are secrets.
func (f *finder) parameters() {
	query := false     // the word has a ? so far
	end, shown := 0, 0 // of the value, with and without the punctuation behind it
	for i := 0; i < len(f.text); i++ {
		switch c := f.text[i]; {
		case c == '?' || c == '#':
			query = true
		case c == '&':
		case c == ';' && query:
		default:
			if query && endsWord(rune(c)) {
				query = false
			}
			continue
		}
		start := i + 1
		for start < len(f.text) && (isAlphanumeric(f.text[start]) || strings.IndexByte("_-.%", f.text[start]) >= 0) {
			start++
		}
		if start == len(f.text) || f.text[start] != '=' {
			continue
		}
		name := f.text[i+1 : start]
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if !isSecretParameter(name) {
			continue
		}
		// A value may have others in it, behind semicolons, which end where it does.
		if start++; start >= end {
			end = len(f.text)
			if j := strings.IndexFunc(f.text[start:], func(r rune) bool { return r == '&' || r == '#' || endsWord(r) }); j >= 0 {
				end = start + j
			}
			shown = start + len(strings.TrimRight(f.text[start:end], ",.;:)]}"))
		}
		if !isPlaceholder(f.text[start:end]) {
			f.add(start, max(start, shown), "the parameter "+name, false)
		}
	}
}

// secretParameters are the query parameters whose values are secrets, in lower case and
// without '-' and '_', and who reads them.
var secretParameters = []string{
	"accesstoken",                  // RFC 6750, 2.3; DingTalk's robots
	"refreshtoken", "clientsecret", // RFC 6749, 2.3.1 and 6
	"idtoken",                  // OpenID Connect Core 1.0, 3.2.2.5
	"privatetoken", "jobtoken", // GitLab, doc/api/rest/authentication.md
	"sig",                                // Azure, shared access signatures; Logic Apps behind Teams' workflows
	"signature",                          // Amazon S3 and CloudFront, signed URLs; OpenTelemetry, url.full
	"xamzsignature", "xamzsecuritytoken", // Amazon S3, authenticating requests with query parameters
	"xgoogsignature",                  // Google Cloud Storage, signed URLs
	"token", "authtoken", "accesskey", // Google Chat's webhooks, Gotify, Jenkins
	"apikey", "apitoken", "appkey", "applicationkey", // Datadog, doc/api/latest/authentication; Dynatrace
	"subscriptionkey", "routingkey", "integrationkey", // Azure API Management; PagerDuty, Events API
	"password", "passwd", "passphrase", "pwd", "secret", // InfluxDB 1 has password, Elastic's APM agents hide all of them
	"jwt", "sastoken", "sessiontoken",
}

func isSecretParameter(name string) bool {
	if len(name) > 32 {
		return false
	}
	return slices.Contains(secretParameters, strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' {
			return -1
		}
		return unicode.ToLower(r)
	}, name))
}

// webhookPaths are webhooks that let in everybody who knows the path: the end of the host,
// and how the path begins before the secret.
var webhookPaths = []struct{ host, path string }{
	{"hooks.slack.com", "/services/"}, // docs.slack.dev, sending messages using incoming webhooks: "your webhook URL contains a secret"
	{"hooks.slack.com", "/workflows/"},
	{"hooks.slack.com", "/triggers/"},
	{"hooks.slack-gov.com", "/services/"},
	{"discord.com", "/api/webhooks/"}, // docs.discord.com, Webhook Resource: /webhooks/{id}/{token}
	{"discord.com", "/api/v10/webhooks/"},
	{"discordapp.com", "/api/webhooks/"},
	{"webhook.office.com", "/webhookb2/"}, // learn.microsoft.com, Teams, create incoming webhooks
	{"outlook.office.com", "/webhook/"},
	{"api.telegram.org", "/bot"},                          // core.telegram.org/bots/api, making requests
	{"open.feishu.cn", "/open-apis/bot/v2/hook/"},         // open.feishu.cn, custom bot
	{"open.larksuite.com", "/open-apis/bot/v2/hook/"},     // the same elsewhere
	{"qyapi.weixin.qq.com", "/cgi-bin/webhook/send?key="}, // developer.work.weixin.qq.com, group robot
}

// secretPath returns where in a URL's path, and what follows it, the secret of a webhook
// begins, or 0.
func secretPath(host, path string) int {
	for _, w := range webhookPaths {
		if (host == w.host || strings.HasSuffix(host, "."+w.host)) && len(path) > len(w.path) && strings.EqualFold(path[:len(w.path)], w.path) {
			secret, _, _ := strings.Cut(path[len(w.path):], "?")
			secret = strings.TrimRight(secret, "/")
			if last := secret[strings.LastIndexByte(secret, '/')+1:]; len(last) >= shortestSecret && !isPlaceholder(last) {
				return len(w.path)
			}
		}
	}
	// Rocket.Chat is on hosts of its users: /hooks/{id}/{token} (docs.rocket.chat,
	// integrations).
	if rest, ok := strings.CutPrefix(path, "/hooks/"); ok {
		id, token, _ := strings.Cut(rest, "/")
		if len(id) >= 16 && len(token) >= 30 {
			return len("/hooks/")
		}
	}
	return 0
}

// shortestSecret is how long the secret in a path is at least: documentation has shorter
// ones.
const shortestSecret = 8

// tokenForms are how tokens begin that can be told from names. The least is how many
// characters follow, except where the text is the user of a URL.
var tokenForms = []struct {
	prefix, what string
	least        int
}{
	// GitHub (github.blog, 2021-04-05, behind GitHub's new authentication token formats)
	{"ghp_", "a GitHub token", 36}, {"gho_", "a GitHub token", 36}, {"ghu_", "a GitHub token", 36},
	{"ghs_", "a GitHub token", 36}, {"ghr_", "a GitHub token", 36}, {"github_pat_", "a GitHub token", 22},
	// GitLab (doc/security/tokens, token prefixes)
	{"glpat-", "a GitLab token", 20}, {"gldt-", "a GitLab token", 20}, {"glrt-", "a GitLab token", 20},
	{"glsoat-", "a GitLab token", 20}, {"glcbt-", "a GitLab token", 20}, {"glptt-", "a GitLab token", 20},
	{"glft-", "a GitLab token", 20}, {"gloas-", "a GitLab token", 20}, {"glimt-", "a GitLab token", 20}, {"glagent-", "a GitLab token", 20},
	// Slack (docs.slack.dev, token types)
	{"xoxa-", "a Slack token", 10}, {"xoxb-", "a Slack token", 10}, {"xoxp-", "a Slack token", 10},
	{"xoxr-", "a Slack token", 10}, {"xoxs-", "a Slack token", 10}, {"xoxe-", "a Slack token", 10}, {"xapp-", "a Slack token", 20},
	// Amazon (IAM user guide, unique identifiers)
	{"AKIA", "an AWS access key", 16}, {"ASIA", "an AWS access key", 16},
	// Atlassian (support.atlassian.com, API tokens and app passwords)
	{"ATATT3", "an Atlassian token", 32}, {"ATCTT3", "an Atlassian token", 32}, {"ATBB", "a Bitbucket app password", 24},
	// Registries: npm (docs.npmjs.com, about access tokens), PyPI (pypi.org/help), Docker Hub
	// (docs.docker.com, access tokens), Hugging Face (huggingface.co/docs/hub, security tokens)
	{"npm_", "an npm token", 36}, {"pypi-", "a PyPI token", 32}, {"dckr_pat_", "a Docker token", 20}, {"hf_", "a Hugging Face token", 30},
	// DigitalOcean (docs.digitalocean.com, personal access tokens), Google (cloud.google.com/docs, API keys)
	{"dop_v1_", "a DigitalOcean token", 32}, {"doo_v1_", "a DigitalOcean token", 32}, {"AIza", "a Google API key", 35},
	// Providers of metrics: Grafana (grafana.com/docs, service accounts), Dynatrace (docs.dynatrace.com,
	// token format), New Relic (docs.newrelic.com, API keys)
	{"glsa_", "a Grafana token", 20}, {"dt0c01.", "a Dynatrace token", 24}, {"NRAK-", "a New Relic key", 20},
	// JSON Web Tokens (RFC 7519): {" in base64url
	{"eyJ", "a JSON Web Token", 20},
}

// tokens finds tokens, wherever they stand.
func (f *finder) tokens() {
	for i := 0; i < len(f.text); i++ {
		if !isToken(f.text[i]) {
			continue
		}
		end := i + 1
		for end < len(f.text) && isToken(f.text[end]) {
			end++
		}
		f.word(i, strings.TrimRight(f.text[i:end], "."))
		i = end
	}
}

// word finds the token in a word, which may have names before it.
func (f *finder) word(start int, word string) {
	for i := range len(word) - shortestToken {
		if i > 0 && isAlphanumeric(word[i-1]) || !beginsToken(word[i:]) {
			continue
		}
		if what := tokenForm(word[i:], 0); what != "" {
			f.found = append(f.found, Credential{Start: start + i, End: start + len(word), What: what, Bare: true})
			return
		}
	}
}

// beginsToken reports quickly whether a word may begin with one of tokenForms.
func beginsToken(word string) bool {
	switch word[:2] {
	case "gh", "gi", "gl", "xo", "xa", "AK", "AS", "AT", "AI", "np", "py", "dc", "hf", "do", "dt", "NR", "ey":
		return true
	}
	return false
}

// shortestToken is less than any token has characters.
const shortestToken = 14

// tokenForm returns which token a word is, or nothing. With a least number of characters
// behind the prefix it need not be as long as in any text.
func tokenForm(word string, least int) string {
	for _, form := range tokenForms {
		rest, ok := strings.CutPrefix(word, form.prefix)
		if !ok || len(rest) < cmp.Or(least, form.least) {
			continue
		}
		// The beginning of a long word is enough to judge by.
		if rest = rest[:min(len(rest), 256)]; isPlaceholder(rest) {
			continue
		}
		digits := strings.ContainsAny(rest, "0123456789")
		switch form.prefix {
		case "AKIA", "ASIA":
			if len(rest) != form.least || strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
				continue
			}
		case "eyJ":
			if !strings.Contains(rest, ".") {
				continue // base64 of any JSON
			}
		default:
			if !digits && (least == 0 || len(rest) < 16) {
				continue // words
			}
		}
		return form.what
	}
	return ""
}

func isToken(c byte) bool { return isAlphanumeric(c) || c == '_' || c == '-' || c == '.' }

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// withoutScheme finds user:password@host.
func (f *finder) withoutScheme() {
	for at := 0; ; {
		i := strings.IndexByte(f.text[at:], '@')
		if i < 0 {
			return
		}
		start := at + 1 + strings.LastIndexFunc(f.text[at:at+i], endsWord)
		end := f.wordEnd(at+i, len(f.text))
		f.wordWithoutScheme(start, f.text[start:end])
		at = end
	}
}

// noUsers are what stands before a colon, and names no user.
var noUsers = []string{"mailto", "sip", "sips", "xmpp", "acct", "npm"}

func (f *finder) wordWithoutScheme(start int, word string) {
	trimmed := strings.TrimLeft(word, "([{/=,;|\\")
	start += len(word) - len(trimmed)
	if i := strings.IndexAny(trimmed, "/?#"); i >= 0 {
		trimmed = trimmed[:i]
	}
	colon, at := strings.IndexByte(trimmed, ':'), strings.LastIndexByte(trimmed, '@')
	if colon < 0 || colon > at || at == len(trimmed)-1 {
		return
	}
	// A name may be before it, as in url=user:password@host.
	if i := strings.LastIndexAny(trimmed[:colon], "([{=,;|"); i >= 0 {
		trimmed, start = trimmed[i+1:], start+i+1
		colon, at = colon-i-1, at-i-1
	}
	user, password, host := trimmed[:colon], trimmed[colon+1:at], trimmed[at+1:]
	algorithm, _, isDigest := strings.Cut(host, ":")
	switch {
	case isPlaceholder(password), strings.ContainsAny(password, "[](){}"), slices.Contains(noUsers, strings.ToLower(user)):
	case isDigest && strings.HasPrefix(algorithm, "sha"): // image:tag@sha256:…
	case !isAlphanumeric(host[0]) && host[0] != '[':
	default:
		f.add(start, start+at, "a password", true)
	}
}

// isPlaceholder reports whether a text stands for a secret, or for nothing: a variable,
// what a template fills in, or a mask.
func isPlaceholder(text string) bool {
	switch {
	case strings.TrimLeft(text, "*xX.…•") == "":
		return true
	case strings.HasPrefix(text, "$("), strings.HasPrefix(text, "{{"), strings.HasPrefix(text, "<"), strings.HasPrefix(text, "%("):
		return true
	case strings.HasPrefix(text, "${"):
		name, ok := strings.CutSuffix(text[2:], "}")
		return ok && isVariable(name, true)
	case strings.HasPrefix(text, "$"):
		return isVariable(text[1:], false)
	}
	return false
}

// isVariable reports whether a text is the name of a variable. Without braces a lower
// case one could be a password.
func isVariable(name string, lower bool) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'A' <= c && c <= 'Z', c == '_', '0' <= c && c <= '9', lower && 'a' <= c && c <= 'z':
		default:
			return false
		}
	}
	return name != ""
}
