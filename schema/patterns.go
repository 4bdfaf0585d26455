package schema

import (
	"regexp"
	"strconv"
	"strings"
)

// patterns say in words what the patterns of the schemas ask for.
var patterns = []struct {
	// begins is how the pattern begins.
	begins string
	// words complete "… is not".
	words string
	// hint is an example, or a function of what was found.
	hint func(text string) string
}{
	{`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`, "a name that Kubernetes takes: at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit", suggestLabel},
	{`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`, "a name that Kubernetes takes for a Service: at most 63 lower-case letters, digits and '-', beginning with a letter and ending with a letter or digit", suggestServiceName},
	{`^[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$`, "a port name: at most 15 lower-case letters, digits and '-'", nil},
	{`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.`, "a name that Kubernetes takes: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit", suggestName},
	{`^(([A-Za-z0-9]`, "a label value: at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit", nil},
	{`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`, "a duration: numbers with the units ms, s, m or h", suggestDuration},
	{`^([0-9]+(\.[0-9]+)?(ms|s|m))+$`, "a duration: numbers with the units ms, s or m (Flux has no hours here)", suggestDuration},
	{`^(http|https|ssh)://`, "a URL that begins with https://, http:// or ssh://", suggestGitURL},
	{`^(http|https|oci)://`, "a URL that begins with https://, http:// or oci://", nil},
	{`^\d+(y|w|d|h|m|s|ms)$`, "a number and one of y, w, d, h, m, s, ms", nil},
	{`^v?[0-9]+\.[0-9]+`, "a version such as 2.6", nil},
}

// explainPattern says what a pattern asks for and what to write instead of text.
func explainPattern(pattern, text string) (words, hint string) {
	for _, p := range patterns {
		if strings.HasPrefix(pattern, p.begins) {
			if p.hint != nil {
				hint = p.hint(text)
			}
			return p.words, hint
		}
	}
	return "of the form " + pattern, ""
}

func suggestName(text string) string {
	notInName := regexp.MustCompile(`[^a-z0-9.-]+`)
	name := strings.Trim(notInName.ReplaceAllString(strings.ToLower(text), "-"), "-.")
	if len(name) > 63 {
		return ""
	}
	return name
}

// suggestLabel is a name without dots.
func suggestLabel(text string) string { return suggestName(strings.ReplaceAll(text, ".", "-")) }

// suggestServiceName is a name without dots that begins with a letter.
func suggestServiceName(text string) string {
	return suggestName(strings.TrimLeft(strings.ReplaceAll(text, ".", "-"), "0123456789-"))
}

// suggestDuration turns "5 minutes" into 5m and 60 into 60s.
func suggestDuration(text string) string {
	hours := regexp.MustCompile(`^([0-9]+)h(?:0m)?(?:0s)?$`)
	spoken := regexp.MustCompile(`(?i)^\s*([0-9]+)\s*(s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?|d|days?)?\s*$`)
	if m := hours.FindStringSubmatch(text); m != nil {
		return times(m[1], 60) + "m"
	}
	m := spoken.FindStringSubmatch(text)
	if m == nil {
		return "1m30s"
	}
	switch unit := strings.ToLower(m[2]); {
	case strings.HasPrefix(unit, "m"):
		return m[1] + "m"
	case strings.HasPrefix(unit, "h"):
		return m[1] + "h"
	case strings.HasPrefix(unit, "d"):
		return times(m[1], 24) + "h"
	}
	return m[1] + "s"
}

// suggestGitURL turns git@host:path into ssh://git@host/path.
func suggestGitURL(text string) string {
	if host, path, ok := strings.Cut(text, ":"); ok && strings.Contains(host, "@") && !strings.HasPrefix(path, "//") {
		return "ssh://" + host + "/" + path
	}
	return ""
}

// times is a number in digits, multiplied.
func times(digits string, factor int) string {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return digits
	}
	return strconv.Itoa(n * factor)
}
