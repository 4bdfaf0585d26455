package schema

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// A pattern describes a regular expression of the schemas in words.
type pattern struct {
	// name stands for the expression in the tag pattern; it may be empty.
	name string
	// begins is the expression, or its beginning.
	begins string
	// words complete "… is not".
	words string
	// hint returns an example for a text.
	hint func(text string) string
	// takes reports true for texts that match the pattern, which then need not be compiled:
	// Kubernetes' own expressions are compiled at every start anyway. It may be nil.
	takes func(text string) bool
}

const flaggerDuration = "a duration that Flagger reads: minutes and seconds, such as 30s or 1m30s"

var patterns = []pattern{
	{"dns-label", `^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`, "a valid Kubernetes name: at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit", suggestLabel, taken(validation.IsDNS1123Label)},
	{"dns-label-or-none", `^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$`, "a namespace, or empty for all: at most 63 lower-case letters, digits and '-'", suggestLabel, nil},
	{"dns-1035-label", `^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`, "a valid Service name: at most 63 lower-case letters, digits and '-', beginning with a letter and ending with a letter or digit", suggestServiceName, taken(validation.IsDNS1035Label)},
	{"port-name", `^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$`, "a port name: at most 15 lower-case letters, digits and '-'", nil, nil},
	{"dns-subdomain", `^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`, "a valid Kubernetes name: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit", suggestName, taken(validation.IsDNS1123Subdomain)},
	{"fleet-name", `^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$`, "a valid Kubernetes name: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit", suggestName, func(text string) bool { return text == "" || len(validation.IsDNS1123Subdomain(text)) == 0 }},
	{"label-value", `^(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?$`, "a label value: at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit", nil, taken(validation.IsValidLabelValue)},
	{"wave-name", `^([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$`, "the name of a wave: at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit", nil, nil},
	{"release-range", `^(>=|<=|>|<|=) *v?(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){0,2}(-[0-9A-Za-z.-]+)?([ ,]+(>=|<=|>|<|=) *v?(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){0,2}(-[0-9A-Za-z.-]+)?)*$`, "a range of releases: comparisons with >=, <=, >, < or =, separated by spaces, such as >=0.9 or >=0.9 <2", suggestRange, nil},
	{"duration", `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`, "a duration: numbers with the units ms, s, m or h", func(text string) string { return suggestDuration(text, time.Hour) }, isPlainDuration},
	{"source-timeout", `^([0-9]+(\.[0-9]+)?(ms|s|m))+$`, "a duration: numbers with the units ms, s or m (Flux has no hours here)", func(text string) string { return suggestDuration(text, time.Minute) }, isShortDuration},
	{"flagger-duration", `^([0-9]+m([0-9]+s)?|[0-9]+s)$`, flaggerDuration, suggestFlaggerDuration, nil},
	{"metric-interval", `^[0-9]+(m|s)`, "a duration that begins with minutes or seconds, such as 30s or 1m30s", suggestFlaggerDuration, nil},
	{"", `^[0-9]+(m([0-9]+s)?|s)$`, flaggerDuration, suggestFlaggerDuration, nil},
	{"", `^([1-9][0-9]*m([0-9]+s)?|`, flaggerDuration + ", but not 0", suggestFlaggerDuration, nil},
	{"percent", `^(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%$`, "a share in percent, such as 5% or 0.1%", suggestPercent, nil},
	{"api-group", `^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$`, "an API group, or empty for Kubernetes' own: lower-case letters, digits, '-' and '.'", nil, nil},
	{"kind", `^[a-zA-Z]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$`, "a kind: at most 63 letters, digits and '-'", nil, nil},
	{"api-version", `^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[a-z0-9]+$`, "the group and version of a kind, such as apps/v1", nil, nil},
	{"name-prefix", `^[a-z0-9]+((-+|\.)[a-z0-9]+)*(-*|\.)$`, "the beginning of a name, such as staging-: lower-case letters, digits, '-' and '.'; it begins with a letter or digit, and '.' is never next to '.' or '-'", nil, nil},
	{"name-suffix", `^(-*|\.)[a-z0-9]+((-+|\.)[a-z0-9]+)*$`, "the end of a name, such as -blue: lower-case letters, digits, '-' and '.'; it ends with a letter or digit, and '.' is never next to '.' or '-'", nil, nil},
	{"cookie-path", `^/[!-:<-~]*$`, "a path that begins with / and has neither spaces nor ;", func(text string) string { return "/" + strings.TrimLeft(text, "/") }, nil},
	{"", `^/`, "a path that begins with /", func(text string) string { return "/" + text }, nil},
	{"", `^[^ ]+$`, "an image without spaces", nil, nil},
	{"", `^[\s\S]+$`, "text with at least one character", nil, nil},
	{"release-name", `^[a-z0-9]([-.a-z0-9]{0,51}[a-z0-9])?$`, "a valid Helm release name: at most 53 lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit", suggestRelease, nil},
	{"", `^https?://.+$`, "a URL that begins with https:// or http://", nil, isHTTPS},
	{"", `^oci://`, "the URL of an artifact in a registry: oci://, a host and lower-case names separated by slashes, without a tag", nil, nil},
	{"", `^sha256:`, "a digest: sha256: and 64 hexadecimal digits", nil, nil},
	{"config-key", `^[\-._a-zA-Z0-9]+$`, "a key of a Secret or ConfigMap: letters, digits, '-', '_' and '.'", nil, taken(validation.IsConfigMapKey)},
	{"values-path", `^([a-zA-Z0-9_\-.\\\/]|\[[0-9]{1,5}\])+$`, "a path of values: names separated by dots", nil, nil},
	{"", `^[0-9a-fA-F]{40}$`, "the SHA of a commit: 40 hexadecimal digits", nil, nil},
	{"", `^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`, "a region: letters, digits and '-'", nil, nil},
	{"", `^(http|https|ssh)://.*$`, "a URL that begins with https://, http:// or ssh://", suggestGitURL, isHTTPS},
	{"", `^(http|https|oci)://.*$`, "a URL that begins with https://, http:// or oci://", nil, isHTTPS},
	{"kuma-duration", `^\d+(y|w|d|h|m|s|ms)$`, "a number and one of y, w, d, h, m, s, ms", suggestSingleUnit, nil},
	{"", `^[^ ].*$`, "an address of at least one character", nil, nil},
	{"", `^.+$`, "a name of at least one character", nil, nil},
	{"prometheus-label", `^[a-zA-Z_][a-zA-Z0-9_]*$`, "a label of Prometheus: letters, digits and '_', not beginning with a digit", nil, nil},
	{"component-version", `^v?[0-9]+\.[0-9]+(\.[0-9]+(-[0-9A-Za-z.-]*[0-9A-Za-z])?)?$`, "a version such as 1.44.0", nil, nil},
	{"version", `^v?[0-9]+\.[0-9]+(\.[0-9]+)?$`, "a version such as 2.6", nil, nil},
}

// taken reports whether a function of Kubernetes finds no reason to reject a text.
func taken(refusals func(text string) []string) func(text string) bool {
	return func(text string) bool { return len(refusals(text)) == 0 }
}

func isPlainDuration(text string) bool {
	_, err := time.ParseDuration(text)
	return err == nil && text != "0" && strings.Trim(text, "0123456789smh") == ""
}

func isShortDuration(text string) bool { return isPlainDuration(text) && !strings.Contains(text, "h") }

func isHTTPS(text string) bool {
	rest, ok := strings.CutPrefix(text, "https://")
	return ok && rest != "" && !strings.Contains(rest, "\n")
}

// patternNamed returns the pattern of a name, or "".
func patternNamed(name string) string {
	for i := 0; i < len(patterns) && name != ""; i++ {
		if patterns[i].name == name {
			return patterns[i].begins
		}
	}
	return ""
}

// explainPattern returns the description of a pattern, and a text that matches it instead of another.
func explainPattern(pattern, text string) (words, hint string) {
	for _, p := range patterns {
		if strings.HasPrefix(pattern, p.begins) {
			if p.hint != nil && len(diag.Credentials(text)) == 0 {
				hint = p.hint(text)
			}
			if hint != "" && !compiled(pattern).MatchString(hint) {
				hint = "" // no suggestion matches
			}
			return p.words, hint
		}
	}
	return "of the form " + pattern, ""
}

func suggestName(text string) string {
	var parts []string
	for part := range strings.SplitSeq(compiled(`[^a-z0-9.-]+`).ReplaceAllString(strings.ToLower(text), "-"), ".") {
		if part = strings.Trim(part, "-"); part != "" {
			parts = append(parts, part)
		}
	}
	name := strings.Join(parts, ".")
	return when(len(name) <= 63, name)
}

func suggestLabel(text string) string { return suggestName(strings.ReplaceAll(text, ".", "-")) }

func suggestRelease(text string) string {
	name := suggestName(text)
	return strings.TrimRight(name[:min(len(name), 53)], "-.")
}

func suggestServiceName(text string) string {
	return suggestName(strings.TrimLeft(strings.ReplaceAll(text, ".", "-"), "0123456789-"))
}

// suggestDuration turns "5 minutes" into 5m, 60 into 60s and 2 days into 48h, or
// into 2880m where hours are too large a unit.
func suggestDuration(text string, largest time.Duration) string {
	if d, ok := spokenDuration(text); ok {
		return formatDuration(d, largest)
	}
	return anyDuration
}

// anyDuration is the suggestion for a duration that cannot be guessed.
const anyDuration = "1m30s"

// suggestPercent returns the share that a number without % is meant to be.
func suggestPercent(text string) string {
	n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "%")), 64)
	if err != nil || n < 0 || n > 100 || math.IsNaN(n) {
		return "5%"
	}
	return strconv.FormatFloat(n, 'f', -1, 64) + "%"
}

// suggestRange returns the range that begins, or ends, with the first version in a text.
func suggestRange(text string) string {
	from := strings.IndexAny(text, "0123456789")
	if from < 0 || strings.Contains(text, "!") || strings.Contains(text, "<") && strings.Contains(text, ">") {
		return ">=0.9 <2"
	}
	comparison := ">="
	if before := text[:from]; strings.Contains(before, "<") {
		comparison = "<"
		if strings.Contains(before, "=") {
			comparison = "<="
		}
	}
	version := text[from:]
	if end := strings.IndexFunc(version, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); end >= 0 {
		version = version[:end]
	}
	numbers := strings.Split(strings.Trim(version, "."), ".")
	return comparison + strings.Join(numbers[:min(len(numbers), 3)], ".")
}

// suggestFlaggerDuration rounds up to whole seconds: Flagger reads no smaller ones.
func suggestFlaggerDuration(text string) string {
	if d, ok := spokenDuration(text); ok {
		return formatDuration((d + time.Second - 1).Truncate(time.Second), time.Minute)
	}
	return anyDuration
}

// suggestSingleUnit turns "36 hours" into 36h, and "2 days" into 2d.
func suggestSingleUnit(text string) string {
	d, ok := spokenDuration(text)
	if !ok {
		return "1d"
	}
	for _, u := range units {
		if u.name != "" && u.length <= 24*time.Hour && d%u.length == 0 {
			return strconv.FormatInt(int64(d/u.length), 10) + u.name
		}
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}

// units are the units of time, by their names in durations and in speech.
var units = []struct {
	name, words string
	length      time.Duration
}{
	{"y", "year years", 365 * 24 * time.Hour},
	{"", "month months", 30 * 24 * time.Hour},
	{"w", "week weeks", 7 * 24 * time.Hour},
	{"d", "day days", 24 * time.Hour},
	{"h", "hr hrs hour hours", time.Hour},
	{"m", "min mins minute minutes", time.Minute},
	{"s", "sec secs second seconds", time.Second},
	{"ms", "milli millis millisecond milliseconds", time.Millisecond},
}

// spokenDuration returns the duration meant by "5 minutes", 60 and "2 days".
func spokenDuration(text string) (d time.Duration, ok bool) {
	rest := strings.Trim(strings.ReplaceAll(strings.ToLower(text), " ", ""), "+-,.")
	var total float64
	for rest != "" {
		m := compiled(`^([0-9]+(?:\.[0-9]+)?)([a-z]*)`).FindStringSubmatch(rest)
		if m == nil {
			return 0, false
		}
		unit, ok := spokenUnit(m[2])
		number, err := strconv.ParseFloat(m[1], 64)
		if !ok || err != nil {
			return 0, false
		}
		total += number * float64(unit)
		rest = rest[len(m[0]):]
	}
	// A year less than the most, for rounding up.
	if total < float64(time.Millisecond) || total > float64(math.MaxInt64-365*24*time.Hour) {
		return 0, false
	}
	return time.Duration(total), true
}

// spokenUnit returns the unit of time that a word, or the beginning of a misspelt one, names.
// Without a word, it is seconds.
func spokenUnit(word string) (time.Duration, bool) {
	for end := min(len(word), len("milliseconds")); end > 0; end-- {
		for _, u := range units {
			if u.name == word[:end] || slices.Contains(strings.Fields(u.words), word[:end]) {
				return u.length, true
			}
		}
	}
	return time.Second, word == ""
}

// formatDuration is a duration without the parts that are 0, in units up to the largest.
func formatDuration(d, largest time.Duration) string {
	var b strings.Builder
	for _, u := range units {
		if n := d / u.length; u.length <= largest && n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.name)
			d -= n * u.length
		}
	}
	return b.String()
}

// suggestGitURL turns git@host:path into ssh://git@host/path.
func suggestGitURL(text string) string {
	if host, path, ok := strings.Cut(text, ":"); ok && strings.Contains(host, "@") && !strings.HasPrefix(path, "//") {
		return "ssh://" + host + "/" + path
	}
	return ""
}
