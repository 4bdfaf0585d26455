package sources

import (
	"bytes"

	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// maxExpanded is the limit of values in a file after the expansion of its aliases.
const maxExpanded = 1 << 20

// maxTexts is the nesting depth of texts that kustomize parses: an object in a kustomization file, and the patch
// of a transformer in that object.
const maxTexts = 3

// explodes reports whether the aliases of a text, or of a text in it, expand to too many values or refer to their
// own parents. kustomize expands them without a limit (kyaml/yaml/rnode.go, deAnchor).
func explodes(text []byte) bool { return explodesIn(text, maxTexts) }

// explodesIn is explodes for texts nested up to depth.
func explodesIn(text []byte, depth int) bool {
	// A backslash may escape the aliases of a text inside.
	if depth == 0 || !bytes.ContainsRune(text, '\\') && !(bytes.ContainsRune(text, '*') && bytes.ContainsRune(text, '&')) {
		return false
	}
	reader := kio.ByteReader{Reader: bytes.NewReader(text), OmitReaderAnnotations: true}
	documents, err := reader.Read()
	if err != nil {
		return false // kustomize parses it with the same function, and fails
	}
	total, sizes := 0, map[*yaml.Node]int{}
	for _, d := range documents {
		total += expanded(d.YNode(), sizes)
	}
	if total > maxExpanded {
		return true
	}
	for n := range sizes {
		if n.Kind == yaml.ScalarNode && explodesIn([]byte(n.Value), depth-1) {
			return true
		}
	}
	return false
}

// expanded returns the number of values in a node after expansion, which is above the limit if the node contains
// itself. It caches the sizes.
func expanded(n *yaml.Node, sizes map[*yaml.Node]int) int {
	if size, ok := sizes[n]; ok {
		return size
	}
	sizes[n] = maxExpanded + 1 // until it is known
	size := 1
	for _, c := range n.Content {
		size = min(size+expanded(c, sizes), maxExpanded+1)
	}
	if n.Kind == yaml.AliasNode {
		size = expanded(n.Alias, sizes)
	}
	sizes[n] = size
	return size
}
