package schema

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// The variables of a cluster are ${cluster.name} and ${cluster.labels.<key>}. They are resolved in
// the texts of sync policies. $${cluster. is the text ${cluster. itself; any other $ means nothing here.
const (
	variable   = "${cluster."
	nameOf     = "name"
	labelsOf   = "labels."
	resolvedIn = "fleetwright resolves variables only in values of a policy's kustomization, helm and rollout"
)

// hasVariable reports whether a text has a variable of a cluster, or an escaped one.
func hasVariable(text string) bool { return strings.Contains(text, variable) }

// expand replaces each variable in a text with the value of the name after ${cluster., and
// $${cluster. with ${cluster. It stops at a variable that is not closed, which it reports.
func expand(text string, value func(name string) string) (expanded string, ended bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, variable)
		if !found {
			return b.String() + text, true
		}
		if literal, escaped := strings.CutSuffix(before, "$"); escaped {
			b.WriteString(literal + variable)
			text = rest
			continue
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return b.String() + text, false
		}
		b.WriteString(before + value(name))
		text = after
	}
}

// A Variable is a variable of a cluster in a text of a document.
type Variable struct {
	// Label is the key of its label, or "" for the cluster's name.
	Label string
	// Path of the text.
	Path Path
}

// isVariable reports whether the text after ${cluster. is the name of a variable.
func isVariable(name string) bool {
	key, ofLabel := strings.CutPrefix(name, labelsOf)
	return name == nameOf || ofLabel && len(validation.IsQualifiedName(key)) == 0
}

// findVariables finds the policies that have variables, and reports those that cannot be resolved.
func (d *Document) findVariables() (list diag.List) {
	if d.Kind.Name != "Application" || !anyText(d.node, hasVariable) {
		return nil
	}
	d.variables = map[int]bool{}
	d.bad, d.templated = map[diag.Position]bool{}, map[diag.Position]bool{}
	report := func(at diag.Position, path Path, message, hint string) {
		d.bad[at] = true
		list = append(list, diag.New(diag.BadVariable, at, d.where(path), message, hint))
	}
	eachText(d.node, nil, func(n *yaml.Node, path Path, isKey bool) {
		if !hasVariable(n.Value) || path[0] != "spec" {
			return
		}
		policy, inPolicy := policyOf(path)
		if inPolicy {
			d.variables[policy] = true
			d.templated[d.at(n)] = true
		}
		_, ended := expand(n.Value, func(name string) string {
			switch {
			case !inPolicy:
				report(d.at(n), path, variable+name+"} is not resolved here: "+resolvedIn, "write the value, or use overrides")
			case isKey:
				report(d.at(n), path, variable+name+"} is not resolved in a key: "+resolvedIn, "write the key, or use overrides")
			case !isVariable(name):
				report(d.at(n), path, fmt.Sprintf("unknown variable %s%s}", variable, name), hintOf(name))
			}
			return ""
		})
		if !ended {
			report(d.at(n), path, "the variable "+variable+" is not closed", "close it with }, or write $"+variable+" for the literal text")
		}
	})
	return list
}

// withoutForms removes from a list the diagnostics about texts whose variables cannot be resolved.
func (d *Document) withoutForms(list diag.List) diag.List {
	if len(d.bad) == 0 {
		return list
	}
	return slices.DeleteFunc(list, func(of diag.Diagnostic) bool { return of.Code != diag.BadVariable && d.bad[of.Position] })
}

// hintOf returns the hint for a variable that does not exist.
func hintOf(name string) string {
	key := name
	for _, prefix := range []string{"labels.", "label.", "metadata.labels.", "labels", "label"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			key = rest
			break
		}
	}
	if diag.Nearest(name, []string{nameOf}) == nameOf || name == "metadata.name" {
		return variable + nameOf + "}"
	}
	if key = strings.Trim(key, `."'[]`); len(validation.IsQualifiedName(key)) > 0 {
		key = "region"
	}
	return variable + labelsOf + key + "}, or " + variable + nameOf + "}"
}

// policyOf returns the index of the sync policy whose text is at a path, if variables are resolved there.
func policyOf(path Path) (policy int, ok bool) {
	if len(path) < 4 || path[0] != "spec" || path[1] != "syncPolicies" {
		return 0, false
	}
	policy, isItem := path[2].(int)
	rest := path[3:]
	if rest[0] == "overrides" && len(rest) > 2 {
		rest = rest[2:]
	}
	return policy, isItem && slices.Contains([]any{"kustomization", "helm", "rollout"}, rest[0])
}

// isResolved reports whether no variables are left in the policy that a path is in, if it is in one.
func (d *Document) isResolved(path Path) bool {
	if len(d.variables) == 0 || len(path) < 3 || path[0] != "spec" || path[1] != "syncPolicies" {
		return true
	}
	policy, _ := path[2].(int)
	return !d.variables[policy]
}

// variablesIn returns the variables of clusters at and below a path.
func variablesIn(n *yaml.Node, at Path) (all []Variable) {
	eachText(n, at, func(n *yaml.Node, path Path, isKey bool) {
		if isKey {
			return
		}
		expand(n.Value, func(name string) string {
			if isVariable(name) {
				label := strings.TrimPrefix(name, labelsOf)
				if name == nameOf {
					label = ""
				}
				all = append(all, Variable{label, slices.Clone(path)})
			}
			return ""
		})
	})
	return all
}

// withoutVariables replaces values with variables by null where the shape expects no text.
func (s *Shape) withoutVariables(value any) {
	hides := func(v any, s *Shape) bool {
		text, ok := v.(string)
		return ok && s.mode&templated != 0 && s.Type != Text && s.Type != Anything && hasVariable(text)
	}
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			below, _ := s.below(name)
			switch {
			case below == nil:
			case hides(field, below):
				v[name] = nil
			default:
				below.withoutVariables(field)
			}
		}
	case []any:
		for i, item := range v {
			switch {
			case s.Items == nil:
			case hides(item, s.Items):
				v[i] = nil
			default:
				s.Items.withoutVariables(item)
			}
		}
	}
}

// A resolver replaces variables in nodes.
type resolver struct {
	// value returns the value of the name after ${cluster.
	value func(name string) string
	origins
}

// node returns a node with the variables below it replaced, and the node itself if it has none.
// A text without quotes that is one variable is read as YAML reads its value, unless the shape has
// a type.
func (r *resolver) node(n *yaml.Node, s *Shape) *yaml.Node {
	if !anyText(n, hasVariable) {
		return n
	}
	of := n
	n = resolve(n)
	var made yaml.Node
	switch n.Kind {
	case yaml.MappingNode:
		made = *n
		made.Content = slices.Clone(n.Content)
		for i := 0; i+1 < len(n.Content); i += 2 {
			below := s
			if key := resolve(n.Content[i]); !isMerge(key) {
				name, _ := keyName(key)
				below, _ = s.below(name)
				if hasVariable(key.Value) { // which is escaped
					made.Content[i] = r.scalar(key, &Shape{Type: Text})
				}
			}
			made.Content[i+1] = r.node(n.Content[i+1], orAnything(below))
		}
	case yaml.SequenceNode:
		made = *n
		made.Content = slices.Clone(n.Content)
		for i, item := range n.Content {
			made.Content[i] = r.node(item, orAnything(s.Items))
		}
	default:
		made = *r.scalar(n, s)
	}
	made.Anchor = ""
	for _, from := range []map[*yaml.Node]Path{r.overrides, r.mixed} {
		if at, ok := from[of]; ok {
			from[&made] = at
		}
	}
	return &made
}

func (r *resolver) scalar(n *yaml.Node, s *Shape) *yaml.Node {
	text, _ := expand(n.Value, r.value)
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle | yaml.TaggedStyle
	isOne := strings.HasPrefix(n.Value, variable) && strings.IndexByte(n.Value, '}') == len(n.Value)-1
	made := *n
	switch {
	case s.Type == Integer || s.Type == Number || s.Type == Boolean, s.Type == Anything && n.Style&quoted == 0 && isOne:
		made = *plain(text)
		made.Line, made.Column = n.Line, n.Column
	case n.Style&quoted == 0:
		made.Style, made.Tag, made.Value = yaml.DoubleQuotedStyle, "!!str", text
	default:
		made.Value = text
	}
	return &made
}

// plain returns a scalar as YAML reads a text without quotes.
func plain(text string) *yaml.Node {
	var read yaml.Node
	switch err := yaml.Unmarshal([]byte(text), &read); {
	case err == nil && len(read.Content) == 0:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	case err == nil && read.Content[0].Kind == yaml.ScalarNode:
		return read.Content[0]
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: text}
}

func orAnything(s *Shape) *Shape {
	if s == nil {
		return anything
	}
	return s
}

// anyText reports whether any scalar at or below a node matches.
func anyText(n *yaml.Node, match func(string) bool) bool {
	n = resolve(n)
	return n.Kind == yaml.ScalarNode && match(n.Value) ||
		slices.ContainsFunc(n.Content, func(below *yaml.Node) bool { return anyText(below, match) })
}

// eachText visits the scalars at and below a path, where they are used.
func eachText(n *yaml.Node, path Path, visit func(n *yaml.Node, path Path, isKey bool)) {
	switch n = resolve(n); n.Kind {
	case yaml.ScalarNode:
		visit(n, path, false)
	case yaml.SequenceNode:
		for i, item := range n.Content {
			eachText(item, path.With(i), visit)
		}
	case yaml.MappingNode:
		for _, p := range flatten(n) {
			at := path.With(p.name)
			visit(resolve(p.key), at, true)
			eachText(p.value, at, visit)
		}
	}
}
