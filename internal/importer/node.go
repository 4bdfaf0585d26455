package importer

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	sigs "sigs.k8s.io/yaml"
)

// newMapping returns a mapping of pairs of names and values, without those whose value is nil.
func newMapping(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for i := 0; i < len(pairs); i += 2 {
		if value := newNode(pairs[i+1]); value != nil {
			set(n, pairs[i].(string), value)
		}
	}
	return n
}

// newNode returns the node of a value: a node, a text, or a list of these.
func newNode(value any) *yaml.Node {
	switch v := value.(type) {
	case *yaml.Node:
		return v
	case string:
		if v == "" {
			return nil
		}
		return newText(v)
	case []string:
		items := make([]*yaml.Node, len(v))
		for i, text := range v {
			items[i] = newText(text)
		}
		return newSequence(items...)
	case nil:
		return nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(value)}
}

func newSequence(items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: items}
}

// newText returns a text, in block style if it has several lines.
func newText(text string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	var read any
	switch {
	case strings.Contains(text, "\n"):
		n.Style = yaml.LiteralStyle
	case sigs.Unmarshal([]byte(text), &read) != nil || read != any(text):
		n.Style = yaml.DoubleQuotedStyle // YAML 1.1 parses it as another type
	}
	return n
}

func null() *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"} }

// index returns the index of a key in the content of a mapping, or -1.
func index(n *yaml.Node, name string) int {
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				return i
			}
		}
	}
	return -1
}

// get returns the node at a path of names, or nil.
func get(n *yaml.Node, names ...string) *yaml.Node {
	for _, name := range names {
		i := index(n, name)
		if i < 0 {
			return nil
		}
		n = n.Content[i+1]
	}
	return n
}

// textAt returns the text of the scalar at a path of names, or "".
func textAt(n *yaml.Node, names ...string) string {
	if v := get(n, names...); v != nil && v.Kind == yaml.ScalarNode && v.ShortTag() != "!!null" {
		return v.Value
	}
	return ""
}

// items returns the items of the list at a path of names.
func items(n *yaml.Node, names ...string) []*yaml.Node {
	if v := get(n, names...); v != nil && v.Kind == yaml.SequenceNode {
		return v.Content
	}
	return nil
}

// set sets a key of a mapping.
func set(n *yaml.Node, name string, value *yaml.Node) {
	if i := index(n, name); i >= 0 {
		n.Content[i+1] = value
		return
	}
	n.Content = append(n.Content, newText(name), value)
}

// remove removes a key from a mapping, and returns its comments.
func remove(n *yaml.Node, name string) string {
	i := index(n, name)
	if i < 0 {
		return ""
	}
	comments := commentsOf(n.Content[i], n.Content[i+1])
	n.Content = slices.Delete(n.Content, i, i+2)
	return comments
}

// move moves a key with its comments from one mapping to another, under a new name.
func move(from *yaml.Node, name string, to *yaml.Node, as string) {
	i := index(from, name)
	if i < 0 {
		return
	}
	key := *from.Content[i]
	key.Value = as
	to.Content = append(to.Content, &key, from.Content[i+1])
	from.Content = slices.Delete(from.Content, i, i+2)
}

// commentsOf returns all comments at and below nodes, in order.
func commentsOf(nodes ...*yaml.Node) string {
	var all []string
	for _, n := range nodes {
		if n != nil {
			all = append(all, n.HeadComment, n.LineComment, commentsOf(n.Content...), n.FootComment)
		}
	}
	return lines(all...)
}

// lines joins the texts that are not empty, each on its own lines.
func lines(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), "\n")
}

// clone returns a copy in which aliases and merge keys are expanded.
func clone(n *yaml.Node) *yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind == yaml.AliasNode {
		made := clone(n.Alias)
		made.HeadComment, made.LineComment, made.FootComment = n.HeadComment, n.LineComment, n.FootComment
		return made
	}
	made := *n
	made.Anchor, made.Content = "", nil
	var merged []*yaml.Node
	for i := 0; i < len(n.Content); i++ {
		if n.Kind == yaml.MappingNode && i+1 < len(n.Content) {
			if n.Content[i].ShortTag() == "!!merge" {
				merged = append(merged, n.Content[i+1])
			} else {
				made.Content = append(made.Content, clone(n.Content[i]), clone(n.Content[i+1]))
			}
			i++
			continue
		}
		made.Content = append(made.Content, clone(n.Content[i]))
	}
	for _, m := range merged {
		m = clone(m)
		sources := []*yaml.Node{m}
		if m.Kind == yaml.SequenceNode {
			sources = m.Content
		}
		for _, s := range sources {
			for i := 0; i+1 < len(s.Content); i += 2 {
				if index(&made, s.Content[i].Value) < 0 {
					made.Content = append(made.Content, s.Content[i], s.Content[i+1])
				}
			}
		}
	}
	return &made
}

// inBlocks changes a node to block style if its root has flow style, as JSON from kubectl does.
func inBlocks(n *yaml.Node) *yaml.Node {
	if n.Style&yaml.FlowStyle == 0 || !strings.Contains(dump(n), "\"") {
		return n
	}
	return blocks(n)
}

// blocks changes a node and its descendants to block style.
func blocks(n *yaml.Node) *yaml.Node {
	n.Style &^= yaml.FlowStyle
	if n.Kind == yaml.ScalarNode && n.Style == yaml.DoubleQuotedStyle {
		n.Style = newText(n.Value).Style
	}
	for _, child := range n.Content {
		blocks(child)
	}
	return n
}

// dump returns a node as YAML.
func dump(n *yaml.Node) string {
	out, err := yaml.Dump(n, yaml.WithIndent(2), yaml.WithCompactSeqIndent(true), yaml.WithLineWidth(-1))
	if err != nil {
		panic(fmt.Sprintf("cannot write a node: %v", err)) // it was parsed before, or created here
	}
	return string(out)
}

// value returns the value of a node as Kubernetes parses it.
func value(n *yaml.Node) (v any) {
	if n == nil || sigs.Unmarshal([]byte(dump(n)), &v) != nil {
		return nil
	}
	return v
}

// difference returns the merge patch (RFC 7396) that turns one mapping into another, or nil if they are equal. Its
// values are nodes of the second mapping.
func difference(from, to *yaml.Node) *yaml.Node {
	made := newMapping()
	for i := 0; i+1 < len(to.Content); i += 2 {
		name, want := to.Content[i].Value, to.Content[i+1]
		have := get(from, name)
		switch {
		case have == nil:
			made.Content = append(made.Content, clone(to.Content[i]), clone(want))
		case have.Kind == yaml.MappingNode && want.Kind == yaml.MappingNode:
			if d := difference(have, want); d != nil {
				set(made, name, d)
			}
		case !reflect.DeepEqual(value(have), value(want)):
			made.Content = append(made.Content, clone(to.Content[i]), clone(want))
		}
	}
	for i := 0; i+1 < len(from.Content); i += 2 {
		if name := from.Content[i].Value; index(to, name) < 0 {
			set(made, name, null())
		}
	}
	if len(made.Content) == 0 {
		return nil
	}
	return made
}
