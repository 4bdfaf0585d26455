package schema

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
	"k8s.io/apimachinery/pkg/util/validation"
)

// A Format is the format of a text that a reader accepts, if no pattern of a schema expresses all
// of it. The tags format and keys of a Go field name the one of its text, of the items
// of its list, or of the values and the keys of its mapping.
type Format struct {
	// Name in the tags.
	Name string
	// Words complete "… is not".
	Words string
	// Reader rejects all other text.
	Reader string

	// reject returns why the reader rejects the text, or "".
	reject func(text string) string
	// hint returns a correct text, or "". It may be nil.
	hint func(text string) string
}

// Formats are all formats.
func Formats() []Format { return slices.Clone(formats[:]) }

// formats holds the formats of readers, each with its source. Patterns are compiled when needed, so
// that the table does not slow down a start.
var formats = [...]Format{
	// k8s.io/apimachinery pkg/util/validation
	{"dns-subdomain", "a valid Kubernetes name", "the API server", refuseLong(validation.DNS1123SubdomainMaxLength), nil},
	{"dns-label", "a valid namespace name: at most 63 lower-case letters, digits and '-'", "Istio",
		valid(validation.IsDNS1123Label, "it must begin and end with a letter or digit"), nil},
	{"qualified-name", "a valid protocol name: at most 63 letters, digits, '-', '_' and '.', with or without a prefix such as example.com/", "the API server",
		valid(validation.IsQualifiedName, "it has other characters, or is too long"), nil},
	{"label-key", "a valid label key: at most 63 letters, digits, '-', '_' and '.', with or without a prefix such as example.com/", "the API server",
		valid(validation.IsQualifiedName, "it has other characters, or is too long"), nil},
	{"config-key", "a key of a Secret or ConfigMap", "the API server",
		valid(validation.IsConfigMapKey, "a key has at most 253 letters, digits, '-', '_' and '.', and does not begin with .."), nil},

	// fluxcd/flagger pkg/controller/webhook.go and pkg/metrics/providers/prometheus.go:
	// url.Parse and net/http
	{"http-url", "the URL of a server", "Flagger", httpURL, suggestURL},
	// fluxcd/flagger pkg/notifier/client.go: url.Parse, and the proxies of net/http
	{"proxy-url", "the URL of an HTTP or SOCKS proxy", "Flagger",
		func(text string) string { return RefuseURL(text, "http", "https", "socks5", "socks5h") }, suggestURL},
	// fluxcd/source-controller internal/controller/gitrepository_controller.go, and
	// go-git plumbing/transport
	{"git-url", "the URL of a Git repository", "source-controller", gitURL, suggestSSH},
	// fluxcd/source-controller internal/helm/repository, chart_repository.go: DownloadIndex
	// adds index.yaml to the path
	{"helm-url", "the URL of a Helm repository", "source-controller", helmURL, suggestHelmURL},
	// google/go-containerregistry pkg/name, repository.go
	{"oci-url", "the URL of an artifact in a registry", "source-controller", ociURL, nil},

	// git-check-ref-format(1)
	{"git-branch", "a valid Git branch", "Git", refuseBranch, suggestRef},
	{"git-tag", "a valid Git tag", "Git", refuseTag, suggestRef},
	// fluxcd/pkg git/gogit/clone.go, cloneRefName: a reference that git ls-remote lists
	{"git-ref", "a full Git reference", "source-controller", except("HEAD", refuseReference), suggestReference},
	// Masterminds/semver v3 constraints.go
	{"semver", "a version or a range of versions", "source-controller", refuseRange, nil},
	// distribution/reference, tag
	{"oci-tag", "a valid registry tag: at most 128 letters, digits, '-', '_' and '.', beginning with a letter, a digit or '_'", "source-controller",
		unless(isTag, "it has other characters, or is too long"), nil},
	// RFC 6838 4.2
	{"media-type", "a media type", "source-controller",
		unless(isMediaType, "it must be a type and a subtype separated by a slash, such as application/vnd.cncf.flux.content.v1.tar+gzip"), nil},

	// fluxcd/pkg kustomize/kustomize_generator.go, IsLocalRelativePath, and
	// sigs.k8s.io/kustomize/api/internal/loader/fileloader.go
	{"component", "the path of a component in the source", "kustomize-controller", refuseComponent, suggestComponent},
	// sigs.k8s.io/kustomize/api/internal/image/image.go, which makes a regular expression of it
	{"image-pattern", "the name of an image", "kustomize",
		unless(isRegexp, "kustomize reads it as a regular expression, and it is not a valid one"), nil},
	// distribution/reference, which container runtimes parse an image by
	{"image-name", "the name of an image", "the container runtime", refuseImageName, nil},
	{"image-tag", "the tag of an image: at most 128 letters, digits, '-', '_' and '.', beginning with a letter, a digit or '_'", "the container runtime", refuseImageTag, nil},
	{"image-digest", "the digest of an image, such as sha256: and 64 hexadecimal digits", "the container runtime", refuseDigest, nil},
	// kustomize-controller api v1, MaxLength of the CRD
	{"affix", "a part of a name", "the API server", refuseLong(200), nil},
	// helm-controller api v2, MaxLength of the CRD
	{"chart", "the name of a chart, or its path", "the API server", refuseLong(2048), nil},
	{"repository-chart", "the name of a chart in a Helm repository", "source-controller", refuseChart, nil},
	{"values-path", "a path of values", "the API server", refuseLong(250), nil},
	// fluxcd/source-controller internal/helm/chart: an empty name is the chart's directory
	{"source-file", "the name of a file in the source", "source-controller",
		func(text string) string { return cmp.Or(when(text == "", "it is empty"), refuseSourcePath(text)) }, nil},
	// path_resolution(7): NAME_MAX and PATH_MAX, which no file of a source can exceed
	{"source-path", "a path in the source", "Flux", refuseSourcePath, nil},

	// regexp of Go, by which source-controller and cosign compare
	{"regexp", "a regular expression", "source-controller", unless(isRegexp, "Go cannot compile it"), nil},
	// fluxcd/pkg kustomize/kustomize_varsub.go, varsubRegex
	{"variable", "the name of a variable: letters, digits and '_', not beginning with a digit", "kustomize-controller",
		unless(matching(`^[_a-zA-Z][_a-zA-Z0-9]*$`), "it has other characters"), nil},
	// RFC 6901 3, by which fluxcd/pkg/ssa/jsondiff reads them
	{"json-pointer", "a JSON pointer such as /spec/replicas", "Flux",
		unless(matching(`^(/([^~/]|~[01])*)*$`), "it must begin with /; in a key, ~ is written ~0 and / is written ~1"), suggestPointer},

	// RFC 9110 5.1 and 5.5, by which net/http, Istio's validation (pkg/config/validation,
	// validHeaderNameRegex) and Envoy go
	{"header", "the name of a header: letters, digits and '-'", "HTTP", refuseToken, nil},
	{"header-value", "the value of a header", "HTTP", refuseHeaderValue, nil},
	// istio pkg/config/validation/validation.go of 1.27: the API server calls its webhook, and
	// checks the CRD of HTTPRoute on gatewayapi. The checks of host next to an operation's header
	// are in refusals
	{"operation-header", "the name of a header: letters, digits and '-'", "the API server",
		except(":authority", refuseToken), nil},
	{"match-header", "the name of a header: letters, digits and '-'", "the API server", refuseMatchHeader, nil},
	{"cors-header", "the name of a header, or *", "the API server", except("*", refuseToken), nil},
	{"cors-method", "an HTTP method in capitals", "the API server",
		unless(isMethod, "the methods are "+strings.Join(methods, ", ")), suggestMethod},
	{"retry-on", "a list of failures, separated by commas without spaces", "Istio", RefuseRetryOn, SuggestRetryOn},
	// istio pkg/config/validation/header_value_validator.go, as Envoy reads the value
	{"envoy-header-value", "the value of a header as Envoy reads it", "Envoy", refuseEnvoyValue, suggestEnvoyValue},
	// fluxcd/flagger pkg/router/istio.go: the name goes into a regular expression, of
	// which Istio accepts up to 1024 characters, and into a Set-Cookie header
	{"cookie", "a cookie name that Flagger can match: at most 256 letters, digits, '-', '_' and '.'", "Flagger", refuseCookie, suggestCookie},

	// google.golang.org/protobuf encoding/protojson, Duration
	{"proto-duration", "a duration that Kuma reads here: seconds, such as 10s or 0.5s", "Kuma", refuseProtoDuration, suggestProtoDuration},
	// kumahq/kuma pkg/core/resources/apis/mesh/mesh_helpers.go, ParseDuration
	{"kuma-duration", "a valid Kuma duration, more than 0 and at most 292 years", "Kuma", refuseKumaDuration, nil},
	// kumahq/kuma pkg/core/resources/apis/mesh/validators.go
	{"kuma-tag", "the name of a tag: letters, digits, '-', '_', '.', ':' and '/'", "Kuma", refuseKumaTag, nil},
	{"kuma-tag-value", "the value of a tag: letters, digits, '-', '_', '.', ':' and '/', or * for any", "Kuma",
		except("*", refuseKumaTag), nil},
	{"host", "a host", "kuma-dp", refuseHost, nil},
}

// formatNamed returns the format of a tag, or nil without a tag. A test finds tags that name
// no format.
func formatNamed(name string) *Format {
	if name == "" {
		return nil
	}
	i := slices.IndexFunc(formats[:], func(f Format) bool { return f.Name == name })
	return &formats[i]
}

// when returns the text if the condition holds, or "".
func when(holds bool, text string) string {
	if holds {
		return text
	}
	return ""
}

func refuseLong(most int) func(string) string {
	return func(text string) string {
		return when(len(text) > most, fmt.Sprintf("it has %d characters, more than %d", len(text), most))
	}
}

// valid returns a function that returns a reason for texts that a validation of Kubernetes rejects.
func valid(refusals func(text string) []string, why string) func(text string) string {
	return unless(taken(refusals), why)
}

// unless returns a function that returns a reason for texts that do not fulfil a condition.
func unless(holds func(text string) bool, why string) func(text string) string {
	return func(text string) string { return when(!holds(text), why) }
}

// except returns a function that accepts one more text than another.
func except(taken string, reject func(text string) string) func(text string) string {
	return func(text string) string {
		if text == taken {
			return ""
		}
		return reject(text)
	}
}

// matching returns a function that reports whether texts match a pattern.
func matching(pattern string) func(text string) bool {
	return func(text string) bool { return compiled(pattern).MatchString(text) }
}

func httpURL(text string) string { return RefuseURL(text, "http", "https") }
func gitURL(text string) string  { return RefuseURL(text, "http", "https", "ssh") }

func helmURL(text string) string {
	why := RefuseURL(text, "http", "https", "oci")
	if rest, ok := strings.CutPrefix(text, "oci://"); ok && why == "" {
		if _, path, _ := strings.Cut(strings.TrimRight(rest, "/"), "/"); path != "" {
			return refuseRepository(path)
		}
	}
	if _, ok := indexDirectory(text); ok && why == "" {
		return "it names the index file, but source-controller adds /index.yaml itself"
	}
	return why
}

// indexDirectory returns the URL of a Helm repository whose index a URL is.
func indexDirectory(text string) (directory string, ok bool) {
	return strings.CutSuffix(strings.TrimRight(text, "/"), "/index.yaml")
}

func suggestHelmURL(text string) string {
	if dir, ok := indexDirectory(text); ok {
		return dir
	}
	return suggestURL(text)
}

func ociURL(text string) string {
	why := RefuseURL(text, "oci")
	_, path, _ := strings.Cut(strings.TrimPrefix(text, "oci://"), "/")
	switch {
	case why != "":
		return why
	case len(path) < 2 || len(path) > 255:
		return "the name of a repository in a registry has 2 to 255 characters"
	}
	return refuseRepository(path)
}

// refuseRepository returns why a registry rejects the name of a repository
// (distribution/reference, path).
var refuseRepository = unless(matching(`^[a-z0-9]+((\.|__?|-+|/)[a-z0-9]+)*$`),
	"each part of the name has lower-case letters and digits, separated by '.', '_', '__' or hyphens")

func isPort(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && 1 <= n && n <= 65535
}

// suggestPointer turns spec.replicas and spec/replicas into /spec/replicas.
func suggestPointer(text string) string {
	if !matching(`^[A-Za-z]+([./][A-Za-z]+)*$`)(text) {
		return ""
	}
	return "/" + strings.ReplaceAll(text, ".", "/")
}

// RefuseChart returns why source-controller rejects the name of a chart in a Helm repository or a
// registry.
func RefuseChart(name string, registry bool) string {
	why := refuseChart(name)
	if why == "" && registry {
		why = refuseRepository(name)
	}
	return why
}

// refuseChart returns why no repository has a chart of the name (fluxcd/source-controller
// internal/helm/chart/builder.go, RemoteReference).
var refuseChart = unless(matching(`^([-a-z0-9]+/?\.?)+$`), "a chart name has lower-case letters, digits and '-', separated by '/' or '.'")

// RefuseURL returns why a text is not the URL of a server, with one of the schemes. The
// reason quotes nothing of the URL, which may hold credentials.
func RefuseURL(text string, schemes ...string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "a URL has no spaces and no line breaks"
	}
	u, err := url.Parse(text)
	switch {
	case err != nil && strings.HasPrefix(text, "ssh://"):
		return "the text between host and path is not a port; separate them with /"
	case err != nil:
		return "it cannot be read as a URL"
	case !slices.Contains(schemes, u.Scheme):
		return "the URL must begin with " + strings.Join(schemes, ":// or ") + "://"
	case u.Hostname() == "":
		return "it names no host"
	}
	if port := u.Port(); port != "" && !isPort(port) {
		return "a port is a number from 1 to 65535"
	}
	// google/go-containerregistry pkg/name, registry.go
	if authority, _, _ := strings.Cut(strings.TrimPrefix(text, "oci://"), "/"); u.Scheme == "oci" && u.Host != authority {
		return "the URL of a registry has neither a user nor a query"
	}
	return refuseHost(u.Hostname())
}

// refuseHost returns why a host cannot be looked up (RFC 1035 2.3.4); an IP address is one.
func refuseHost(host string) string {
	if strings.Contains(host, ":") {
		_, err := netip.ParseAddr(host)
		return when(err != nil, "the host is not an IP address")
	}
	host = strings.TrimSuffix(host, ".")
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.ContainsAny(label, " /\\") {
			return "each part of a host name has 1 to 63 characters"
		}
	}
	return when(len(host) > 253, "a host has at most 253 characters")
}

// suggestURL adds the scheme that is missing.
func suggestURL(text string) string {
	fixed := "http://" + text
	return when(!strings.Contains(text, "://") && !strings.Contains(text, "@") && httpURL(fixed) == "", fixed)
}

// suggestSSH turns ssh://git@host:path into ssh://git@host/path.
func suggestSSH(text string) string {
	rest, ok := strings.CutPrefix(text, "ssh://")
	if authority, path, found := strings.Cut(rest, ":"); ok && found && !strings.Contains(authority, "/") && !strings.Contains(path, "@") {
		if fixed := "ssh://" + authority + "/" + strings.TrimLeft(path, "/"); gitURL(fixed) == "" {
			return fixed
		}
	}
	return ""
}

// refuseRefName returns why Git rejects the name of a reference, or one that ends with it
// (git-check-ref-format(1)).
func refuseRefName(text string) string {
	for i := 0; i < len(text); i++ {
		if c := text[i]; c <= ' ' || c == 0x7f || strings.IndexByte("~^:?*[\\", c) >= 0 {
			return fmt.Sprintf("it has the character %q", c)
		}
	}
	switch {
	case text == "" || text == "@":
		return "it is not a name"
	case strings.Contains(text, ".."):
		return "it has two dots in a row"
	case strings.Contains(text, "@{"):
		return "it has @{"
	case strings.HasSuffix(text, "."):
		return "it ends with a dot"
	}
	for part := range strings.SplitSeq(text, "/") {
		switch {
		case part == "":
			return "it has an empty part between slashes"
		case part[0] == '.':
			return "a part of it begins with a dot"
		case strings.HasSuffix(part, ".lock"):
			return "a part of it ends with .lock"
		}
	}
	return ""
}

func refuseBranch(text string) string {
	bad := strings.HasPrefix(text, "-") || text == "HEAD"
	return cmp.Or(when(bad, "a branch does not begin with a hyphen, and is not called HEAD"), refuseRefName(text))
}

func refuseTag(text string) string {
	return cmp.Or(when(strings.HasPrefix(text, "-"), "it begins with a hyphen"), refuseRefName(text))
}

func refuseReference(text string) string {
	full := strings.HasPrefix(text, "refs/")
	return cmp.Or(when(!full, "it does not begin with refs/"), refuseRefName(strings.TrimSuffix(text, "^{}")))
}

// suggestRef replaces characters that Git rejects with hyphens.
func suggestRef(text string) string {
	bad := compiled(`[\x00-\x20\x7f~^:?*\[\\]+|\.\.+|@\{`)
	name := strings.Trim(bad.ReplaceAllString(text, "-"), "-./")
	return when(refuseBranch(name) == "", name)
}

func suggestReference(text string) string {
	return when(refuseBranch(text) == "", "refs/heads/"+text)
}

// refuseRange returns why a text is neither a version nor a range of versions
// (Masterminds/semver v3, constraints.go). Their own package is not called: it compiles
// six regular expressions at every start, which costs a tenth of one.
func refuseRange(text string) string {
	if len(text) > 512 {
		return "it has more than 512 characters"
	}
	groups := strings.Split(text, "||")
	if len(groups) > 32 {
		return "it has more than 32 alternatives"
	}
	for _, group := range groups {
		versions := strings.FieldsFunc(group, func(r rune) bool { return strings.ContainsRune(" \t\n\r\f,=<>!~^", r) })
		if !isVersionRange(group) || slices.ContainsFunc(versions, func(v string) bool { return len(v) > 256 }) {
			return "write a version such as 1.2.3, or a range such as >=1.2.3 <2.0.0 or 1.2.x"
		}
	}
	return ""
}

// isVersionRange reports whether a text is a list of versions with operators, all of which
// a version meets.
var isVersionRange = matching(`^\s*` + constraintPattern + `((\s+|\s*,\s*)` + constraintPattern + `)*\s*$`)

const (
	constraintPattern = `(` + versionPattern + `\s+-\s+` + versionPattern + `|(=|!=|>|<|>=|=>|<=|=<|~|~>|\^)?\s*` + versionPattern + `)`
	versionPattern    = `v?` + partPattern + `(\.` + partPattern + `){0,2}(-` + prereleasePattern + `(\.` + prereleasePattern + `)*)?(\+` + buildPattern + `(\.` + buildPattern + `)*)?`
	partPattern       = `(0*[0-9]{1,19}|[xX*])` // a number of 64 bits
	prereleasePattern = `(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)`
	buildPattern      = `[0-9A-Za-z-]+`
)

var isTag = matching(`^[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}$`)

var isMediaType = matching(`^` + mediaNamePattern + `/` + mediaNamePattern + `$`)

const mediaNamePattern = `[0-9A-Za-z][0-9A-Za-z!#$&^_.+-]{0,126}`

func refuseComponent(text string) string {
	lower := strings.ToLower(text)
	for _, remote := range []string{"git::", "gh:", "ssh://", "https://", "http://", "git@", "github.com:", "github.com/"} {
		if strings.HasPrefix(lower, remote) {
			return "a component must be in the source itself"
		}
	}
	switch {
	case strings.HasPrefix(strings.TrimPrefix(lower, "file://"), "/"):
		return "its path must be relative to the path of the policy"
	case text == "":
		return "it is empty"
	}
	for part := range strings.SplitSeq(text, "/") {
		if part != ".." && strings.Contains(part, "..") {
			return "kustomize rejects a name that contains two dots in a row"
		}
	}
	return refuseSourcePath(text)
}

// refuseSourcePath returns why no file of a source can have the path.
func refuseSourcePath(text string) string {
	if strings.IndexByte(text, 0) >= 0 {
		return "a path has no NUL"
	}
	if len(text) > 4095 {
		return "a path has at most 4095 bytes"
	}
	for part := range strings.SplitSeq(text, "/") {
		if len(part) > 255 {
			return "each name in a path has at most 255 bytes"
		}
	}
	return ""
}

func suggestComponent(text string) string {
	return when(strings.HasPrefix(text, "/"), "../"+strings.TrimLeft(text, "/"))
}

func isRegexp(text string) bool {
	_, err := regexp.Compile(text)
	return err == nil
}

// refuseImageName returns why container runtimes reject the name of an image, without tag and digest.
func refuseImageName(text string) string {
	const why = "an image name has lower-case parts separated by slashes, after a host and port or none"
	first, rest, ok := strings.Cut(text, "/")
	if !ok || !strings.ContainsAny(first, ".:") && first != "localhost" && strings.ToLower(first) == first {
		return when(refuseRepository(text) != "", why)
	}
	return when(RefuseURL("oci://"+first, "oci") != "" || refuseRepository(rest) != "", why)
}

func refuseImageTag(text string) string {
	tag, digest, ok := strings.Cut(text, "@") // people write a digest behind a tag
	return when(!isTag(tag) || ok && refuseDigest(digest) != "", "it has other characters, or is too long")
}

// refuseDigest returns why the OCI image specification rejects a digest (descriptor.md, Digests).
func refuseDigest(text string) string {
	algorithm, encoded, _ := strings.Cut(text, ":")
	digits := map[string]int{"sha256": 64, "sha512": 128}[algorithm]
	return when(!isDigest(text) || digits > 0 && len(encoded) != digits, "it has other digits, or too few or too many")
}

var isDigest = matching(`^[a-z0-9]+([+._-][a-z0-9]+)*:[0-9a-f]{32,}$`)

// refuseToken returns why HTTP rejects a name (RFC 9110 5.6.2).
var refuseToken = unless(httpguts.ValidHeaderFieldName, "it is empty or has other characters")

var refuseHeaderValue = unless(httpguts.ValidHeaderFieldValue, "it has a control character or a line break")

func refuseMatchHeader(text string) string {
	if slices.Contains([]string{":method", ":scheme", ":authority", ":path", ":status"}, text) ||
		strings.HasPrefix(text, "@request.auth.claims") && len(text) > len("@request.auth.claims.") {
		return ""
	}
	return refuseToken(text)
}

// methods are the HTTP methods that Istio accepts for CORS.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"}

func isMethod(text string) bool { return slices.Contains(methods, text) }

func suggestMethod(text string) string {
	upper := strings.ToUpper(strings.TrimSpace(text))
	return when(isMethod(upper), upper)
}

// retryPolicies are Envoy's retry policies that Istio accepts next to status codes
// (pkg/config/validation/agent, supportedRetryOnPolicies).
var retryPolicies = []string{
	"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream",
	"retriable-status-codes", "retriable-headers", "envoy-ratelimited", "http3-post-connect-failure",
	"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
}

// RefuseRetryOn returns why Istio rejects a list of failures, or "".
func RefuseRetryOn(text string) string {
	for policy := range strings.SplitSeq(text, ",") {
		if !isRetryPolicy(policy) {
			return fmt.Sprintf("Envoy has no failure %q", policy)
		}
	}
	return ""
}

func isRetryPolicy(text string) bool {
	status, err := strconv.Atoi(text)
	return slices.Contains(retryPolicies, text) || err == nil && http.StatusText(status) != "" // which Istio asks
}

// SuggestRetryOn returns a list of failures without those that Istio rejects.
func SuggestRetryOn(text string) string {
	var known []string
	for policy := range strings.SplitSeq(text, ",") {
		if policy = strings.ToLower(strings.TrimSpace(policy)); isRetryPolicy(policy) {
			known = append(known, policy)
		}
	}
	if len(known) == 0 {
		return "gateway-error,connect-failure,refused-stream"
	}
	return strings.Join(known, ",")
}

// refuseEnvoyValue finds a % that begins no variable such as %REQ(:path)%.
func refuseEnvoyValue(text string) string {
	return cmp.Or(refuseHeaderValue(text), when(!isEnvoyValue(text), "% begins a variable of Envoy, such as %REQ(:path)%, and this one is not closed"))
}

var isEnvoyValue = matching(`^([^%]|%%|%[^%(]+%|%[^%(]*\([^)]*\) *%)*$`)

func suggestEnvoyValue(text string) string {
	return when(refuseHeaderValue(text) == "", strings.ReplaceAll(text, "%", "%%"))
}

// refuseCookie accepts names of HTTP without special characters of regular expressions and of
// Envoy's variables.
func refuseCookie(text string) string {
	switch {
	case len(text) > 256:
		return fmt.Sprintf("it has %d characters", len(text))
	case !httpguts.ValidHeaderFieldName(text) || strings.ContainsAny(text, "$%*+^|"):
		return "it goes into a regular expression and a Set-Cookie header"
	}
	return ""
}

func suggestCookie(text string) string {
	name := strings.Trim(compiled(`[^A-Za-z0-9_.-]+`).ReplaceAllString(text, "-"), "-")
	return when(len(name) <= 256, name)
}

// refuseProtoDuration also rejects 0, with which no certificate is ever issued.
func refuseProtoDuration(text string) string {
	number, ok := strings.CutSuffix(text, "s")
	whole, fraction, _ := strings.Cut(number, ".")
	seconds, err := strconv.ParseUint(whole, 10, 64)
	switch {
	case !ok || err != nil || strings.HasSuffix(number, ".") || len(fraction) > 9 || strings.Trim(fraction, "0123456789") != "":
		return "it has another unit, or is not a number"
	case seconds > 315576000000:
		return "it is more than 10,000 years"
	case seconds == 0 && strings.Trim(fraction, "0") == "":
		return "with 0 every request fails"
	}
	return ""
}

func suggestProtoDuration(text string) string {
	d, ok := spokenDuration(text)
	if !ok {
		return "10s"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
}

func refuseKumaDuration(text string) string {
	if n, _, _ := kumaDuration(text); n == 0 {
		return "certificates would expire at once"
	}
	return when(!isKumaDuration(text), "it does not fit into 64 bits of nanoseconds")
}

func isKumaDuration(text string) bool {
	n, unit, ok := kumaDuration(text)
	return ok && n > 0 && n <= int64(math.MaxInt64/unit)
}

func kumaDuration(text string) (n int64, unit time.Duration, ok bool) {
	digits := strings.TrimRight(text, "ywdhms")
	n, err := strconv.ParseInt(digits, 10, 64)
	for _, u := range units {
		if u.name != "" && u.name == text[len(digits):] {
			return n, u.length, err == nil
		}
	}
	return n, 0, false
}

var refuseKumaTag = unless(matching(`^[0-9A-Za-z_.:/-]+$`), "it is empty or has other characters")
