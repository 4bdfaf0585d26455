package schema

import (
	"reflect"
	"runtime"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// What is packed is unpacked with all that is asked of it: aliases are of the nodes of their anchors, also
// where these are outside of the document, before an item of a List.
func TestPack(t *testing.T) {
	const text = `apiVersion: v1
kind: List
metadata: &meta {labels: &labels {a: "1", b: ~, on: no}}
items:
- kind: Application
  metadata: *meta
  spec:
    <<: *labels
    again: *labels
    text: |
      two
      lines
    list: [1, 2.5, !own x, ! 3, 2001-01-01, "", ünï]
`
	nodes, list := parse(File{Data: []byte(text)})
	if len(list) > 0 || len(nodes) != 1 {
		t.Fatal(list)
	}
	items := nodes[0].Content[7].Content
	for _, root := range []*yaml.Node{nodes[0], items[0]} {
		d := &Document{node: root}
		d.pack()
		if d.tree().root != root {
			t.Error("the nodes are unpacked where they are still there")
		}
		runtime.KeepAlive(root)
		packed := &Document{packed: packedTree{packedText: d.packed.packedText}}
		sameNodes(t, packed.tree().root, root, "")
	}
}

// sameNodes compares nodes but for comments and the names of anchors.
func sameNodes(t *testing.T, got, want *yaml.Node, at string) {
	t.Helper()
	of := func(n *yaml.Node) []any {
		return []any{n.Kind, n.Style, n.Tag, n.Value, n.Line, n.Column, n.ShortTag(), len(n.Content), n.Alias != nil}
	}
	if !reflect.DeepEqual(of(got), of(want)) {
		t.Fatalf("%s: got %v, want %v", at, of(got), of(want))
	}
	if got.Alias != nil {
		sameNodes(t, got.Alias, want.Alias, at+"*")
	}
	for i := range got.Content {
		sameNodes(t, got.Content[i], want.Content[i], at+"/"+strings.TrimSpace(got.Content[i].Value))
	}
}

// An alias is one node with its anchor: what is looked up by nodes is found.
func TestPackedAliasIsItsAnchor(t *testing.T) {
	nodes, _ := parse(File{Data: []byte("a: &x {b: 1}\nc: *x\n")})
	d := &Document{node: nodes[0]}
	d.pack()
	root := (&Document{packed: packedTree{packedText: d.packed.packedText}}).tree().root
	if anchor, alias := root.Content[1], root.Content[3]; alias.Alias != anchor {
		t.Errorf("the alias is of %p, not of %p", alias.Alias, anchor)
	}
}

// Documents that are loaded keep their nodes packed, and unpack them when they are asked for.
func TestLoadPacks(t *testing.T) {
	docs := Load([]File{{Name: "a.yaml", Data: []byte("apiVersion: cluster.kurator.dev/v1alpha1\nkind: AttachedCluster\nmetadata:\n  name: a\nspec: {}\n")}})
	d := docs.All[0]
	runtime.GC()
	runtime.GC()
	if d.node != nil || d.packed.last.Value() != nil {
		t.Error("the nodes are still in memory")
	}
	if p := d.Position("metadata", "name"); p.Line != 4 || p.Column != 9 {
		t.Errorf("the name is at %v", p)
	}
	if p := d.Position(); p.Line != 1 || p.Column != 1 {
		t.Errorf("the document is at %v", p)
	}
}
