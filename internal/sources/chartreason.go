package sources

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetwright/fleetwright/internal/lazyregexp"
	"github.com/fleetwright/fleetwright/render/source"
)

// schemaRejected is the beginning of Helm's message about values that a schema rejects (helm.sh/helm/v4
// pkg/chart/common/util/values.go, ToRenderValuesWithSchemaValidation).
const schemaRejected = "values don't meet the specifications of the schema(s) in the following chart(s):\n"

var (
	noDependency = lazyregexp.New(`missing in charts/ directory: (.*)`)
	noFunction   = lazyregexp.New(`function "([^"]*)" not defined`)
	// rejection matches a value that the schema rejects, by its pointer. formerRejection matches the message of Helm
	// up to 3.17, with the path of the value.
	rejection       = lazyregexp.New(`^( *)- at '((?:[^'\\]|\\.)*)': (.*)$`)
	formerRejection = lazyregexp.New(`^()- ([^\s:]+): (.*)$`)
	unknownKeys     = lazyregexp.New(`^(?:additional properties '(.*)' not allowed|Additional property (.*) is not allowed)$`)
	wantedType      = lazyregexp.New(`^(?:got \w+, want (.*)|Invalid type\. Expected: (\w+), given: \w+)$`)
	missingKeys     = lazyregexp.New(`^(?:missing propert(?:y|ies) '(.*)'|(\S+) is required)$`)
)

// failure returns the result for a chart that helm does not render, from its standard error.
func (c *chart) failure(stderr string) *source.Built {
	_, reason, ok := strings.Cut("\n"+stderr, "\nError: ")
	switch {
	case strings.Contains(stderr, "out of memory"), strings.Contains(stderr, "cannot allocate memory"):
		return unread("it needs more memory than helm may use")
	case !ok:
		return unread("helm fails without an error message")
	}
	reason, _, _ = strings.Cut(reason, "\n\nUse --debug")
	reason = strings.ReplaceAll(reason, c.tmp+"/", "")
	if rejected, ok := strings.CutPrefix(reason, schemaRejected); ok && !strings.Contains(reason, "failing loading") {
		return c.rejectedValues(rejected)
	}
	reason = cut(spaces().ReplaceAllString(strings.TrimSpace(reason), " "))
	switch {
	case noDependency().MatchString(reason):
		return unread("dependencies are missing in the chart's charts/: %s", noDependency().FindStringSubmatch(reason)[1])
	case noFunction().MatchString(reason):
		return unread("the helm on the PATH has no function %s", noFunction().FindStringSubmatch(reason)[1])
	case strings.Contains(reason, "requires kubeVersion"), strings.HasPrefix(reason, "unknown "), strings.Contains(reason, "failing loading"):
		return unread("helm reports: %s", reason)
	case c.Chart.Incomplete:
		return unread(valuesUnknown)
	case c.asksTheCluster(reason):
		return unread("its templates query the cluster; without one, helm reports: %s", reason)
	}
	return failed(chartField, "run helm template on it, and correct what it reports", "Helm cannot render the chart: %s", reason)
}

// asksTheCluster reports whether the templates may succeed on a cluster, because they use lookup, or fail by the
// features of its API server.
func (c *chart) asksTheCluster(reason string) bool {
	guards := strings.HasPrefix(reason, "execution error at ")
	return slices.ContainsFunc(c.files.below(c.dir), func(name string) bool {
		text, err := c.files.read(name)
		return err != nil || strings.HasSuffix(name, ".tgz") ||
			path.Base(name) != chartFile && (bytes.Contains(text, []byte("lookup ")) || guards && bytes.Contains(text, []byte(".Capabilities")))
	})
}

// rejectedValues returns the values that schemas reject, each on the user's own line. If Secrets and ConfigMaps
// contain more values, it returns only the rejections that these cannot repair: a policy's own values take
// precedence.
func (c *chart) rejectedValues(text string) *source.Built {
	built := &source.Built{}
	var of []string // the values of the subchart
	var parent *source.Failure
	depth := 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		m := rejection().FindStringSubmatch(line)
		pointer := pointerOf
		if m == nil {
			m, pointer = formerRejection().FindStringSubmatch(line), pathOf
		}
		switch {
		case m == nil:
			if name, ok := strings.CutSuffix(line, ":"); ok {
				of, parent = nil, nil
				if name != c.name {
					of = []string{name}
				}
			}
			continue
		case parent != nil && len(m[1]) > depth:
			parent.Message = cut(parent.Message + "; " + m[3])
			continue
		}
		parent = nil
		if m[3] == "validation failed" || m[3] == "'allOf' failed" {
			continue // its children have the failure
		}
		at := slices.Concat(of, pointer(m[2]))
		unknown := unknownKeys().FindStringSubmatch(m[3])
		if unknown == nil {
			if c.reject(built, at, m[3], false) && strings.HasSuffix(m[3], " failed") {
				parent, depth = &built.Failures[len(built.Failures)-1], len(m[1])
			}
			continue
		}
		keys := strings.Split(unknown[1]+unknown[2], "', '")
		slices.Sort(keys)
		for _, key := range keys {
			c.reject(built, append(slices.Clone(at), key), "", true)
		}
	}
	switch {
	case len(built.Failures) > 0:
		// Helm prints them in random order.
		slices.SortFunc(built.Failures, func(a, b source.Failure) int { return strings.Compare(a.Message, b.Message) })
	case c.Chart.Incomplete:
		built.Unread = valuesUnknown
	default:
		return failed(chartField, "run helm template on it, and correct what it reports", "the values do not match the chart's values.schema.json: %s", cut(spaces().ReplaceAllString(strings.TrimSpace(text), " ")))
	}
	return built
}

// reject adds the failure of a value, and reports whether it counts.
func (c *chart) reject(built *source.Built, at []string, why string, unknown bool) bool {
	field, value := []any{"helm", "values"}, any(map[string]any(c.Chart.Values))
	isWhole := true
	for _, key := range at {
		next, step, ok := child(value, key)
		if !ok {
			isWhole = false
			break
		}
		field, value = append(field, step), next
	}
	_, isMap := value.(map[string]any)
	if c.Chart.Incomplete && (!isWhole || isMap && !unknown) {
		return false
	}
	if len(field) == 2 && len(c.Chart.Values) == 0 {
		field = chartField
	}
	message := fmt.Sprintf("%s does not match the chart's values.schema.json: %s", nameOf(at), why)
	hint := "helm show values on the chart lists the allowed values"
	if m := wantedType().FindStringSubmatch(why); m != nil {
		hint = fmt.Sprintf("write a value of type %s", m[1]+m[2])
	} else if m := missingKeys().FindStringSubmatch(why); m != nil {
		hint = fmt.Sprintf("add %s", strings.ReplaceAll(m[1]+m[2], "', '", ", "))
	} else if unknown {
		message = fmt.Sprintf("%s is not a key in the chart's values.schema.json, which allows no others", nameOf(at))
		hint = "remove the key, or spell it as in the chart's values.yaml"
	}
	built.Failures = append(built.Failures, source.Failure{
		Field: field, Values: true, Message: cut(message), Hint: cut(hint),
	})
	return true
}

// nameOf returns the name of a value for messages.
func nameOf(at []string) string {
	if len(at) == 0 {
		return "helm.values"
	}
	return strings.Join(at, ".")
}

// child returns the value of a key, and its step in a path.
func child(value any, key string) (next, step any, ok bool) {
	switch v := value.(type) {
	case map[string]any:
		next, ok = v[key]
		return next, key, ok
	case []any:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(v) {
			return v[i], i, true
		}
	}
	return nil, nil, false
}

// pointerOf returns the keys of a JSON pointer in Helm's quotes.
func pointerOf(text string) (keys []string) {
	if text == "" {
		return nil
	}
	for key := range strings.SplitSeq(strings.TrimPrefix(text, "/"), "/") {
		keys = append(keys, strings.NewReplacer("~1", "/", "~0", "~", `\'`, "'", `\\`, `\`).Replace(key))
	}
	return keys
}

// pathOf returns the keys of a path from former versions of Helm, which do not quote keys.
func pathOf(text string) []string {
	if text == "(root)" {
		return nil
	}
	return strings.Split(text, ".")
}
