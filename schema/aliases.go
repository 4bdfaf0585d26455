package schema

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

const (
	// maxDepth is how deep mappings and lists may nest. Kubernetes' objects stay under 30.
	maxDepth = 200
	// maxAliased is how many values the aliases of one document may stand for.
	maxAliased = 100_000
)

type expansion struct {
	// values are the nodes, the node itself included.
	values int
	// depth is how deep they nest.
	depth int
}

// checkAliases finds the first alias with which a document contains itself, or grows out of all
// proportion to its text. Whoever follows the aliases of a document that has none ends, and soon.
func checkAliases(document *yaml.Node) (at *yaml.Node, message string) {
	w := aliasWalker{anchors: map[*yaml.Node]expansion{}}
	w.walk(document)
	return w.at, w.message
}

type aliasWalker struct {
	// anchors are the anchored nodes that were walked to their ends.
	anchors map[*yaml.Node]expansion
	// aliased counts the values that aliases stand for.
	aliased int

	at      *yaml.Node
	message string
}

func (w *aliasWalker) fail(at *yaml.Node, format string, args ...any) {
	if w.at == nil {
		w.at, w.message = at, fmt.Sprintf(format, args...)
	}
}

// walk measures a node. An anchor precedes its aliases, so in the order of the text the target of
// an alias has been measured already, unless it contains the alias.
func (w *aliasWalker) walk(n *yaml.Node) expansion {
	if n.Kind == yaml.AliasNode {
		e, ok := w.anchors[n.Alias]
		if !ok {
			w.fail(n, "the alias *%s contains itself", n.Value)
			return expansion{1, 1}
		}
		if w.aliased += e.values; w.aliased > maxAliased {
			w.fail(n, "the aliases of the document expand to more than %d values", maxAliased)
		}
		return e
	}
	e := expansion{values: 1}
	for _, child := range n.Content {
		if w.at != nil {
			break
		}
		c := w.walk(child)
		e.values += c.values
		e.depth = max(e.depth, c.depth)
	}
	if e.depth++; e.depth > maxDepth {
		w.fail(n, "with its aliases, the document nests deeper than %d levels", maxDepth)
	}
	if n.Anchor != "" {
		w.anchors[n] = e
	}
	return e
}
