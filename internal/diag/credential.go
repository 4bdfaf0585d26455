package diag

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

// A Credential is a secret in a text.
type Credential struct {
	// Start and End are the position of the secret in the text, in bytes.
	Start, End int
	// Kind is the kind of secret, such as "a password".
	Kind string
	// Loose reports whether the text is a secret only within a URL: elsewhere it could be anything.
	Loose bool
	// Bare reports whether the secret is a token outside of a URL.
	Bare bool
}

// Redacted replaces a credential.
const Redacted = "***"

// Redact returns the text with every credential replaced.
func Redact(text string) string {
	var b strings.Builder
	end := 0
	for _, c := range Credentials(text) {
		b.WriteString(text[end:c.Start] + Redacted)
		end = c.End
	}
	return b.String() + text[end:]
}

// RedactAll returns texts without the credentials in them.
func RedactAll(texts []string) (all []string) {
	for _, text := range texts {
		all = append(all, Redact(text))
	}
	return all
}

// Plain returns text that is safe to print: without credentials and control characters.
func Plain(text string) string { return Printable(Redact(text)) }

// Credentials returns the credentials in a text, in order and without overlaps: user information and query
// parameters of URLs, webhooks whose path is the secret, and tokens of known forms. The text may contain any
// number of URLs, including invalid ones.
func Credentials(text string) []Credential {
	f := finder{text: text}
	f.urls()
	f.parameters()
	f.tokens()
	f.withoutScheme()
	slices.SortStableFunc(f.found, func(a, b Credential) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	apart := f.found[:0]
	for _, c := range f.found {
		n := len(apart)
		if n == 0 || c.Start >= apart[n-1].End {
			apart = append(apart, c)
			continue
		}
		last := &apart[n-1]
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
	f.found = append(f.found, Credential{Start: start, End: end, Kind: what, Loose: loose})
}

// Classes of characters that end a URL in a text, and of characters in a URL.
const (
	ends   = `\x00-\x20"'` + "`" + `<>\x7f`
	inWord = `[^` + ends + `]`
)

var (
	authorityBegins  = lazyregexp.New(`:[/\\]+`) // JSON may have a backslash before a slash
	authorityAndPath = lazyregexp.New(`^([^/?#\\` + ends + `]*)(` + inWord + `*)`)
	// inQuery matches a parameter. Its value may contain further parameters, separated by semicolons.
	inQuery       = lazyregexp.New(`[?#&][^&#` + ends + `]*`)
	parameterName = lazyregexp.New(`[?#&;]([-\w.%]+)=`)
	tokenWord     = lazyregexp.New(`^[-\w.]*`)
	wordWithAt    = lazyregexp.New(inWord + `*@` + inWord + `*`)
	userAtHost    = lazyregexp.New(`^[([{/=,;|\\]*` +
		`(?:[^:/?#]*[([{=,;|])?` + // a name, as in url=user:password@host
		`([^:/?#([{=,;|]*):([^/?#[\](){}]*)@([0-9A-Za-z[][^/?#@]*)(?:[/?#]|$)`)
	placeholder = lazyregexp.New(`^(?:[*xX.…•]*$|\$\(|\{\{|<|%\(|\$\{\w+\}$|\$[0-9A-Z_]+$)`)
)

// urls finds the user information of URLs, and the secrets in the paths of webhooks.
func (f *finder) urls() {
	if !strings.Contains(f.text, ":/") && !strings.Contains(f.text, `:\`) {
		return
	}
	// A URL ends where the next one begins, so that each character is read once.
	limit := len(f.text)
	for _, at := range slices.Backward(authorityBegins().FindAllStringIndex(f.text, -1)) {
		if at[0] > 0 && isAlphanumeric(f.text[at[0]-1]) {
			f.url(at[1], limit)
			limit = at[0]
		}
	}
}

// url finds the credentials of the URL whose authority begins at start; the next URL begins at limit.
func (f *finder) url(start, limit int) {
	parts := authorityAndPath().FindStringSubmatch(f.text[start:limit])
	authority, path := parts[1], parts[2]
	pathAt, end := start+len(authority), start+len(parts[0])
	at := strings.LastIndexByte(authority, '@')
	host := authority[at+1:]
	if !hasPort(host) {
		// The host seems to have a port, but it is part of a password with an escaped @, or with a character that
		// ends an authority. The @ after the password is the last one in the word, or else the first one on the
		// line.
		if i := strings.LastIndex(host, "%40"); i >= 0 {
			f.add(start, start+at+1+i, "a password", true)
			return
		}
		if i := strings.LastIndexByte(path, '@'); i >= 0 {
			f.add(start, pathAt+i, "a password", true)
			return
		}
		if i := strings.IndexAny(f.text[end:limit], "@\n"); i >= 0 && f.text[end+i] == '@' {
			f.add(start, end+i, "a password", true)
			return
		}
	}
	if at >= 0 {
		if what := inUserInfo(authority[:at]); what != "" {
			f.add(start, start+at, what, false)
		}
	}
	name, _, _ := strings.Cut(strings.ToLower(host), ":")
	if from := secretPath(name, path); from > 0 {
		f.add(pathAt+from, end, "a webhook's secret", false)
	}
}

// hasPort reports whether a host has no port, or a port that is a number or a placeholder.
func hasPort(host string) bool {
	i := strings.LastIndexByte(host, ':')
	return i < 0 || strings.HasSuffix(host, "]") || strings.Trim(host[i+1:], "0123456789,") == "" || isPlaceholder(host[i+1:])
}

// inUserInfo returns the description of the credential in the user information of a URL, or "".
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

// parameters finds secret values of query parameters.
func (f *finder) parameters() {
	if !strings.Contains(f.text, "=") || !strings.ContainsAny(f.text, "?#&") {
		return
	}
	for _, part := range inQuery().FindAllStringIndex(f.text, -1) {
		text := f.text[part[0]:part[1]]
		for _, at := range parameterName().FindAllStringSubmatchIndex(text, -1) {
			name, value := text[at[2]:at[3]], text[at[1]:]
			if decoded, err := url.QueryUnescape(name); err == nil {
				name = decoded
			}
			if isSecretParameter(name) && !isPlaceholder(value) {
				start := part[0] + at[1]
				f.add(start, start+len(strings.TrimRight(value, ",.;:)]}")), "the parameter "+name, false)
				break // with the parameters in its value
			}
		}
	}
}

// secretParameters are the query parameters whose values are secrets, in lower case and without '-' and '_', and
// their readers.
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
	name = strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(name))
	return slices.Contains(secretParameters, name)
}

// webhookPaths are webhooks that accept everybody who knows the path: the end of the host, and the part of the
// path before the secret.
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
	{"open.larksuite.com", "/open-apis/bot/v2/hook/"},     // the same service outside China
	{"qyapi.weixin.qq.com", "/cgi-bin/webhook/send?key="}, // developer.work.weixin.qq.com, group robot
}

// secretPath returns the offset of the secret in a webhook's path and query, or 0.
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
	// Users host Rocket.Chat themselves: /hooks/{id}/{token} (docs.rocket.chat, integrations).
	if rest, ok := strings.CutPrefix(path, "/hooks/"); ok {
		id, token, _ := strings.Cut(rest, "/")
		if len(id) >= 16 && len(token) >= 30 {
			return len("/hooks/")
		}
	}
	return 0
}

// shortestSecret is the minimum length of a secret in a path; examples in documentation are shorter.
const shortestSecret = 8

// tokenForms are the prefixes of tokens that differ from names. least is the minimum number of characters after
// the prefix, unless the text is the user of a URL.
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

// tokens finds tokens anywhere in the text. Other characters may precede a token in its word.
func (f *finder) tokens() {
	end := 0 // the end of the word
	for i := 0; i < len(f.text)-shortestToken; i++ {
		if i > 0 && isAlphanumeric(f.text[i-1]) || !beginsToken(f.text[i:]) {
			continue
		}
		if i >= end {
			end = i + len(tokenWord().FindString(f.text[i:]))
		}
		word := strings.TrimRight(f.text[i:end], ".")
		if what := tokenForm(word, 0); what != "" {
			f.found = append(f.found, Credential{Start: i, End: i + len(word), Kind: what, Bare: true})
			i = end
		}
	}
}

// beginsToken is a fast test whether a word may begin with one of tokenForms.
func beginsToken(word string) bool {
	switch word[:2] {
	case "gh", "gi", "gl", "xo", "xa", "AK", "AS", "AT", "AI", "np", "py", "dc", "hf", "do", "dt", "NR", "ey":
		return true
	}
	return false
}

// shortestToken is a lower bound for the length of tokens.
const shortestToken = 14

// tokenForm returns the description of a token, or "". least may replace the minimum of the form.
func tokenForm(word string, least int) string {
	for _, form := range tokenForms {
		rest, ok := strings.CutPrefix(word, form.prefix)
		if !ok || len(rest) < cmp.Or(least, form.least) {
			continue
		}
		// The beginning of a long word is enough for the decision.
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

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// noUsers are words before a colon that are not the names of users.
var noUsers = []string{"mailto", "sip", "sips", "xmpp", "acct", "npm"}

// withoutScheme finds user:password@host.
func (f *finder) withoutScheme() {
	if !strings.Contains(f.text, "@") {
		return
	}
	for _, word := range wordWithAt().FindAllStringIndex(f.text, -1) {
		text := f.text[word[0]:word[1]]
		at := userAtHost().FindStringSubmatchIndex(text)
		if at == nil {
			continue
		}
		user, password, host := text[at[2]:at[3]], text[at[4]:at[5]], text[at[6]:at[7]]
		isDigest := strings.HasPrefix(host, "sha") && strings.Contains(host, ":") // image:tag@sha256:…
		if !isDigest && !isPlaceholder(password) && !slices.Contains(noUsers, strings.ToLower(user)) {
			f.add(word[0]+at[2], word[0]+at[5], "a password", true)
		}
	}
}

// isPlaceholder reports whether a text stands for a secret or is empty: a variable, a template action, or a mask.
// A lower-case variable without braces could be a password.
func isPlaceholder(text string) bool { return placeholder().MatchString(text) }
