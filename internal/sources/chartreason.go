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

// schemaRefused begins what Helm says of values that a schema refuses (helm.sh/helm/v4
// pkg/chart/common/util/values.go, ToRenderValuesWithSchemaValidation).
const schemaRefused = "values don't meet the specifications of the schema(s) in the following chart(s):\n"

var (
	noDependency = lazyregexp.New(`missing in charts/ directory: (.*)`)
	noFunction   = lazyregexp.New(`function "([^"]*)" not defined`)
	// refusal is a value that the schema refuses, by its pointer, and formerRefusal what Helm said until
	// 3.17, by its path.
	refusal       = lazyregexp.New(`^( *)- at '((?:[^'\\]|\\.)*)': (.*)$`)
	formerRefusal = lazyregexp.New(`^()- ([^\s:]+): (.*)$`)
	unknownKeys   = lazyregexp.New(`^(?:additional properties '(.*)' not allowed|Additional property (.*) is not allowed)$`)
	wantedType    = lazyregexp.New(`^(?:got \w+, want (.*)|Invalid type\. Expected: (\w+), given: \w+)$`)
	missingKeys   = lazyregexp.New(`^(?:missing propert(?:y|ies) '(.*)'|(\S+) is required)$`)
)

// failure returns what helm's standard error says of a chart that it does not render.
func (c *chart) failure(stderr string) *source.Built {
	_, reason, ok := strings.Cut("\n"+stderr, "\nError: ")
	switch {
	case strings.Contains(stderr, "out of memory"), strings.Contains(stderr, "cannot allocate memory"):
		return unread("rendering it takes more memory than helm gets")
	case !ok:
		return unread("helm fails and does not say why")
	}
	reason, _, _ = strings.Cut(reason, "\n\nUse --debug")
	reason = strings.ReplaceAll(reason, c.tmp+"/", "")
	if refused, ok := strings.CutPrefix(reason, schemaRefused); ok && !strings.Contains(reason, "failing loading") {
		return c.refusedValues(refused)
	}
	reason = cut(spaces().ReplaceAllString(strings.TrimSpace(reason), " "))
	switch {
	case noDependency().MatchString(reason):
		return unread("the chart's dependencies are not in its charts/: %s", noDependency().FindStringSubmatch(reason)[1])
	case noFunction().MatchString(reason):
		return unread("the helm on the PATH has no function %s", noFunction().FindStringSubmatch(reason)[1])
	case strings.Contains(reason, "requires kubeVersion"), strings.HasPrefix(reason, "unknown "), strings.Contains(reason, "failing loading"):
		return unread("helm says: %s", reason)
	case c.Chart.Incomplete:
		return unread(valuesUnknown)
	case c.asksTheCluster(reason):
		return unread("its templates ask the cluster, and without one helm says: %s", reason)
	}
	return failed(chartField, "run helm template on it, and correct what it reports", "Helm cannot render the chart: %s", reason)
}

// asksTheCluster reports whether a failure of the templates may be none on a cluster: they look
// something up, or fail by what its API server has.
func (c *chart) asksTheCluster(reason string) bool {
	guards := strings.HasPrefix(reason, "execution error at ")
	return slices.ContainsFunc(c.files.below(c.dir), func(name string) bool {
		text, err := c.files.read(name)
		return err != nil || strings.HasSuffix(name, ".tgz") ||
			path.Base(name) != chartFile && (bytes.Contains(text, []byte("lookup ")) || guards && bytes.Contains(text, []byte(".Capabilities")))
	})
}

// refusedValues returns the values that schemas refuse, each on the user's own line. Where further values
// are in Secrets and ConfigMaps, only those count that these cannot complete: a policy's own values win.
func (c *chart) refusedValues(text string) *source.Built {
	built := &source.Built{}
	var of []string // the values of the subchart
	var parent *source.Failure
	depth := 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		m := refusal().FindStringSubmatch(line)
		pointer := pointerOf
		if m == nil {
			m, pointer = formerRefusal().FindStringSubmatch(line), pathOf
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
			continue // what fails is below
		}
		at := slices.Concat(of, pointer(m[2]))
		unknown := unknownKeys().FindStringSubmatch(m[3])
		if unknown == nil {
			if c.refuse(built, at, m[3], false) && strings.HasSuffix(m[3], " failed") {
				parent, depth = &built.Failures[len(built.Failures)-1], len(m[1])
			}
			continue
		}
		keys := strings.Split(unknown[1]+unknown[2], "', '")
		slices.Sort(keys)
		for _, key := range keys {
			c.refuse(built, append(slices.Clone(at), key), "", true)
		}
	}
	switch {
	case len(built.Failures) > 0:
		// Helm prints them in any order.
		slices.SortFunc(built.Failures, func(a, b source.Failure) int { return strings.Compare(a.Message, b.Message) })
	case c.Chart.Incomplete:
		built.Unread = valuesUnknown
	default:
		return failed(chartField, "run helm template on it, and correct what it reports", "the values do not match the chart's values.schema.json: %s", cut(spaces().ReplaceAllString(strings.TrimSpace(text), " ")))
	}
	return built
}

// refuse adds the failure of a value, and reports whether it counts.
func (c *chart) refuse(built *source.Built, at []string, why string, unknown bool) bool {
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
	hint := "run helm show values on the chart for what it takes"
	if m := wantedType().FindStringSubmatch(why); m != nil {
		hint = fmt.Sprintf("write a value of the type %s", m[1]+m[2])
	} else if m := missingKeys().FindStringSubmatch(why); m != nil {
		hint = fmt.Sprintf("add %s", strings.ReplaceAll(m[1]+m[2], "', '", ", "))
	} else if unknown {
		message = fmt.Sprintf("%s is not in the chart's values.schema.json, which allows no other keys", nameOf(at))
		hint = "remove the key, or write it as the chart's values.yaml does"
	}
	built.Failures = append(built.Failures, source.Failure{
		Field: field, Values: true, Message: cut(message), Hint: cut(hint),
	})
	return true
}

// nameOf returns how people name a value.
func nameOf(at []string) string {
	if len(at) == 0 {
		return "helm.values"
	}
	return strings.Join(at, ".")
}

// child returns the value of a key, and the step of a path to it.
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

// pointerOf returns the keys of a JSON pointer as Helm quotes it.
func pointerOf(text string) (keys []string) {
	if text == "" {
		return nil
	}
	for key := range strings.SplitSeq(strings.TrimPrefix(text, "/"), "/") {
		keys = append(keys, strings.NewReplacer("~1", "/", "~0", "~", `\'`, "'", `\\`, `\`).Replace(key))
	}
	return keys
}

// pathOf returns the keys of a path of former versions of Helm, which do not quote them.
func pathOf(text string) []string {
	if text == "(root)" {
		return nil
	}
	return strings.Split(text, ".")
}
