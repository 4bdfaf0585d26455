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

// A Format is what the reader of a text takes, where no pattern of a schema says all
// of it. The tags format and keys of a Go field name the one of its text, of the items
// of its list, or of the values and the keys of its mapping.
type Format struct {
	// Name is what the tags say.
	Name string
	// Words complete "… is not".
	Words string
	// Reader refuses all other text.
	Reader string

	// refuse returns why the reader refuses the text, or nothing.
	refuse func(text string) string
	// hint returns what to write instead, or nothing. It may be nil.
	hint func(text string) string
}

// Formats are all formats.
func Formats() []Format { return slices.Clone(formats[:]) }

// formats are what readers take, each with its source. Its patterns are compiled when they
// are needed, so that the table costs a start nothing.
var formats = [...]Format{
	// k8s.io/apimachinery pkg/util/validation
	{"dns-subdomain", "a name that Kubernetes takes", "the API server", refuseLong(validation.DNS1123SubdomainMaxLength), nil},
	{"dns-label", "a name that Kubernetes takes for a namespace: at most 63 lower-case letters, digits and '-'", "Istio",
		valid(validation.IsDNS1123Label, "it begins and ends with a letter or digit"), nil},
	{"qualified-name", "a protocol that Kubernetes takes: at most 63 letters, digits, '-', '_' and '.', with a prefix such as example.com/ or none", "the API server",
		valid(validation.IsQualifiedName, "it has another character, or more of them"), nil},
	{"label-key", "the key of a label: at most 63 letters, digits, '-', '_' and '.', with a prefix such as example.com/ or none", "the API server",
		valid(validation.IsQualifiedName, "it has another character, or more of them"), nil},
	{"config-key", "a key of a Secret or ConfigMap", "the API server",
		valid(validation.IsConfigMapKey, "a key has letters, digits, '-', '_' and '.', at most 253, and does not begin with .."), nil},

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
	{"git-branch", "a branch that Git takes", "Git", refuseBranch, suggestRef},
	{"git-tag", "a tag that Git takes", "Git", refuseTag, suggestRef},
	// fluxcd/pkg git/gogit/clone.go, cloneRefName: one of what git ls-remote lists
	{"git-ref", "a full Git reference", "source-controller", except("HEAD", refuseReference), suggestReference},
	// Masterminds/semver v3 constraints.go
	{"semver", "a version or a range of versions", "source-controller", refuseRange, nil},
	// distribution/reference, tag
	{"oci-tag", "a tag that a registry takes: at most 128 letters, digits, '-', '_' and '.', beginning with a letter, a digit or '_'", "source-controller",
		unless(isTag, "it has another character, or more of them"), nil},
	// RFC 6838 4.2
	{"media-type", "a media type", "source-controller",
		unless(isMediaType, "it is a type and a subtype, parted by a slash, such as application/vnd.cncf.flux.content.v1.tar+gzip"), nil},

	// fluxcd/pkg kustomize/kustomize_generator.go, IsLocalRelativePath, and
	// sigs.k8s.io/kustomize/api/internal/loader/fileloader.go
	{"component", "the path of a component in the source", "kustomize-controller", refuseComponent, suggestComponent},
	// sigs.k8s.io/kustomize/api/internal/image/image.go, which makes a regular expression of it
	{"image-pattern", "the name of an image", "kustomize",
		unless(isRegexp, "a regular expression is made of it, which it is not"), nil},
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
		unless(matching(`^[_a-zA-Z][_a-zA-Z0-9]*$`), "it has another character"), nil},
	// RFC 6901 3, by which fluxcd/pkg/ssa/jsondiff reads them
	{"json-pointer", "a JSON pointer such as /spec/replicas", "Flux",
		unless(matching(`^(/([^~/]|~[01])*)*$`), "it begins with /, and ~ is written ~0, / in a key ~1"), suggestPointer},

	// RFC 9110 5.1 and 5.5, by which net/http, Istio's validation (pkg/config/validation,
	// validHeaderNameRegex) and Envoy go
	{"header", "the name of a header: letters, digits and '-'", "HTTP", refuseToken, nil},
	{"header-value", "the value of a header", "HTTP", refuseHeaderValue, nil},
	// istio pkg/config/validation/validation.go of 1.27, by whose webhook the API server goes, as
	// by the CRD of HTTPRoute on gatewayapi; what is checked of host beside an operation's header
	// is in refusals
	{"operation-header", "the name of a header: letters, digits and '-'", "the API server",
		except(":authority", refuseToken), nil},
	{"match-header", "the name of a header: letters, digits and '-'", "the API server", refuseMatchHeader, nil},
	{"cors-header", "the name of a header, or *", "the API server", except("*", refuseToken), nil},
	{"cors-method", "an HTTP method in capitals", "the API server",
		unless(isMethod, "there are "+strings.Join(methods, ", ")), suggestMethod},
	{"retry-on", "a list of failures, parted by commas without spaces", "Istio", RefuseRetryOn, SuggestRetryOn},
	// istio pkg/config/validation/header_value_validator.go, as Envoy reads the value
	{"envoy-header-value", "the value of a header as Envoy reads it", "Envoy", refuseEnvoyValue, suggestEnvoyValue},
	// fluxcd/flagger pkg/router/istio.go: the name goes into a regular expression, which
	// Istio takes up to 1024 characters of, and into a Set-Cookie header
	{"cookie", "the name of a cookie that Flagger can look for: at most 256 letters, digits, '-', '_' and '.'", "Flagger", refuseCookie, suggestCookie},

	// google.golang.org/protobuf encoding/protojson, Duration
	{"proto-duration", "a duration as Kuma reads one here: seconds, such as 10s or 0.5s", "Kuma", refuseProtoDuration, suggestProtoDuration},
	// kumahq/kuma pkg/core/resources/apis/mesh/mesh_helpers.go, ParseDuration
	{"kuma-duration", "a duration that Kuma takes, more than 0 and at most 292 years", "Kuma", refuseKumaDuration, nil},
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

// when returns the text if the condition holds, and else nothing.
func when(holds bool, text string) string {
	if holds {
		return text
	}
	return ""
}

func refuseLong(most int) func(string) string {
	return func(text string) string {
		return when(len(text) > most, fmt.Sprintf("it has %d characters, and the most is %d", len(text), most))
	}
}

// valid returns a reason for texts of which a function of Kubernetes finds one to refuse them.
func valid(refusals func(text string) []string, why string) func(text string) string {
	return unless(taken(refusals), why)
}

// unless returns a reason for texts of which a function does not hold.
func unless(holds func(text string) bool, why string) func(text string) string {
	return func(text string) string { return when(!holds(text), why) }
}

// except returns what a function returns, and no reason for one text.
func except(taken string, refuse func(text string) string) func(text string) string {
	return func(text string) string {
		if text == taken {
			return ""
		}
		return refuse(text)
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
		return "it names the index, and source-controller adds /index.yaml to it"
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
		return "a repository in a registry has a name of 2 to 255 characters"
	}
	return refuseRepository(path)
}

// refuseRepository returns why a registry takes no repository of this name
// (distribution/reference, path).
var refuseRepository = unless(matching(`^[a-z0-9]+((\.|__?|-+|/)[a-z0-9]+)*$`),
	"a registry takes lower-case letters and digits, parted by '.', '_', '__' or hyphens, in each part of a name")

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

// RefuseChart returns why source-controller asks a Helm repository, or a registry, for no chart of
// this name.
func RefuseChart(name string, registry bool) string {
	why := refuseChart(name)
	if why == "" && registry {
		why = refuseRepository(name)
	}
	return why
}

// refuseChart is that of charts in any repository (fluxcd/source-controller
// internal/helm/chart/builder.go, RemoteReference).
var refuseChart = unless(matching(`^([-a-z0-9]+/?\.?)+$`), "it has lower-case letters, digits and '-', parted by '/' or '.'")

// RefuseURL returns why a text is not the URL of a server, with one of the schemes. The
// reason quotes nothing of the URL, which may hold credentials.
func RefuseURL(text string, schemes ...string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "a URL has no spaces and no line breaks"
	}
	u, err := url.Parse(text)
	switch {
	case err != nil && strings.HasPrefix(text, "ssh://"):
		return "what is between host and path is not a port; the path is parted from the host by /"
	case err != nil:
		return "it cannot be read as a URL"
	case !slices.Contains(schemes, u.Scheme):
		return "a URL begins with " + strings.Join(schemes, "://, ") + "://"
	case u.Hostname() == "":
		return "it names no host"
	}
	if port := u.Port(); port != "" && !isPort(port) {
		return "a port is a number from 1 to 65535"
	}
	// google/go-containerregistry pkg/name, registry.go
	if authority, _, _ := strings.Cut(strings.TrimPrefix(text, "oci://"), "/"); u.Scheme == "oci" && u.Host != authority {
		return "the URL of a registry has neither a user before its host nor a query"
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
			return "the labels of a host have 1 to 63 characters"
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

// refuseRefName returns why Git takes no reference of this name, or of one that ends with
// it (git-check-ref-format(1)).
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
			return "a part of it between slashes is empty"
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

// suggestRef replaces what Git does not take by hyphens.
func suggestRef(text string) string {
	bad := compiled(`[\x00-\x20\x7f~^:?*\[\\]+|\.\.+|@\{`)
	name := strings.Trim(bad.ReplaceAllString(text, "-"), "-./")
	return when(refuseBranch(name) == "", name)
}

func suggestReference(text string) string {
	return when(refuseBranch(text) == "", "refs/heads/"+text)
}

// refuseRange returns why a text is neither a version nor a range of versions
// (Masterminds/semver v3, constraints.go). Their own package is not asked: it compiles
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
			return "a version is 1.2.3, a range >=1.2.3 <2.0.0 or 1.2.x"
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
			return "kustomize takes a name with two dots in it for two paths that were written as one"
		}
	}
	return refuseSourcePath(text)
}

// refuseSourcePath returns why no file of a source has the path.
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

// refuseImageName returns why no container runtime takes a name without tag and digest.
func refuseImageName(text string) string {
	const why = "a name is lower-case parts between slashes, and may begin with a host and its port"
	first, rest, ok := strings.Cut(text, "/")
	if !ok || !strings.ContainsAny(first, ".:") && first != "localhost" && strings.ToLower(first) == first {
		return when(refuseRepository(text) != "", why)
	}
	return when(RefuseURL("oci://"+first, "oci") != "" || refuseRepository(rest) != "", why)
}

func refuseImageTag(text string) string {
	tag, digest, ok := strings.Cut(text, "@") // people write a digest behind a tag
	return when(!isTag(tag) || ok && refuseDigest(digest) != "", "it has another character, or more of them")
}

// refuseDigest is that of the OCI image specification (descriptor.md, Digests).
func refuseDigest(text string) string {
	algorithm, encoded, _ := strings.Cut(text, ":")
	digits := map[string]int{"sha256": 64, "sha512": 128}[algorithm]
	return when(!isDigest(text) || digits > 0 && len(encoded) != digits, "it has other digits, or fewer or more of them")
}

var isDigest = matching(`^[a-z0-9]+([+._-][a-z0-9]+)*:[0-9a-f]{32,}$`)

// refuseToken is that of names of HTTP (RFC 9110 5.6.2).
var refuseToken = unless(httpguts.ValidHeaderFieldName, "HTTP allows neither other characters nor an empty name")

var refuseHeaderValue = unless(httpguts.ValidHeaderFieldValue, "it has a control character or a line break")

func refuseMatchHeader(text string) string {
	if slices.Contains([]string{":method", ":scheme", ":authority", ":path", ":status"}, text) ||
		strings.HasPrefix(text, "@request.auth.claims") && len(text) > len("@request.auth.claims.") {
		return ""
	}
	return refuseToken(text)
}

// methods are those that Istio takes for CORS.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"}

func isMethod(text string) bool { return slices.Contains(methods, text) }

func suggestMethod(text string) string {
	upper := strings.ToUpper(strings.TrimSpace(text))
	return when(isMethod(upper), upper)
}

// retryPolicies are those of Envoy that Istio takes beside the numbers of statuses
// (pkg/config/validation/agent, supportedRetryOnPolicies).
var retryPolicies = []string{
	"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream",
	"retriable-status-codes", "retriable-headers", "envoy-ratelimited", "http3-post-connect-failure",
	"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
}

// RefuseRetryOn returns why Istio refuses a list of failures, or nothing.
func RefuseRetryOn(text string) string {
	for policy := range strings.SplitSeq(text, ",") {
		if !isRetryPolicy(policy) {
			return fmt.Sprintf("%q is not one that Envoy has", policy)
		}
	}
	return ""
}

func isRetryPolicy(text string) bool {
	status, err := strconv.Atoi(text)
	return slices.Contains(retryPolicies, text) || err == nil && http.StatusText(status) != "" // which Istio asks
}

// SuggestRetryOn returns a list of failures without those that Istio refuses.
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
	return cmp.Or(refuseHeaderValue(text), when(!isEnvoyValue(text), "a % begins a variable of Envoy, such as %REQ(:path)%, and this one does not end"))
}

var isEnvoyValue = matching(`^([^%]|%%|%[^%(]+%|%[^%(]*\([^)]*\) *%)*$`)

func suggestEnvoyValue(text string) string {
	return when(refuseHeaderValue(text) == "", strings.ReplaceAll(text, "%", "%%"))
}

// refuseCookie leaves of HTTP's names what means itself in a regular expression, and
// does not begin a variable of Envoy.
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

// refuseProtoDuration also refuses 0, with which no certificate is ever got.
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
	return when(!isKumaDuration(text), "Kuma counts it in nanoseconds of 64 bits")
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

var refuseKumaTag = unless(matching(`^[0-9A-Za-z_.:/-]+$`), "it has another character, or none at all")
