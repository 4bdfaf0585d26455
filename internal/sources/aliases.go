package sources

import (
	"bytes"

	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// maxExpanded is how many values a file with aliases may have when each is written out.
const maxExpanded = 1 << 20

// maxTexts is how deep texts are in each other that kustomize reads: an object in a kustomization
// file, and the patch of a transformer in it.
const maxTexts = 3

// explodes reports whether the aliases of a text, or of one in it, stand for too much, or for what
// they are in: kustomize writes them out without a limit (kyaml/yaml/rnode.go, deAnchor).
func explodes(text []byte) bool { return explodesIn(text, maxTexts) }

// explodesIn looks at texts that are so deep in each other.
func explodesIn(text []byte, depth int) bool {
	// A backslash may escape what a text inside has.
	if depth == 0 || !bytes.ContainsRune(text, '\\') && !(bytes.ContainsRune(text, '*') && bytes.ContainsRune(text, '&')) {
		return false
	}
	reader := kio.ByteReader{Reader: bytes.NewReader(text), OmitReaderAnnotations: true}
	documents, err := reader.Read()
	if err != nil {
		return false // kustomize reads it by the same function, and fails
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

// expanded returns how many values a node has, which are more than the maximum where it is in itself.
// It remembers the sizes.
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
