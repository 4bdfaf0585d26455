package schema

import (
	"encoding/binary"
	"slices"
	"sync"
	"weak"

	"go.yaml.in/yaml/v4"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// A tree holds the nodes of a document.
type tree struct {
	root *yaml.Node
	// mappings are the pairs of those that were looked into, by their nodes.
	mappings *sync.Map
}

// A packedTree is a tree in little memory. Most documents are read again only for their diagnostics,
// and the nodes of a file use fifteen times as much memory as its text.
type packedTree struct {
	packedText
	// begin is where the document begins.
	begin diag.Position

	// lock guards last, the tree that was unpacked last, as long as it is in memory.
	lock sync.Mutex
	last weak.Pointer[tree]
}

// A packedText holds nodes, each behind its parent, and size is their number.
type packedText struct {
	text string
	size int
}

// pack packs the nodes of a document.
func (d *Document) pack() {
	w := packer{anchors: map[*yaml.Node]int{}}
	w.add(d.node)
	d.packed.packedText, d.packed.begin = packedText{string(w.text), w.size}, d.Position()
	d.packed.last = weak.Make(&tree{d.node, &sync.Map{}})
	d.node = nil
	d.mappings.Clear()
}

// tree returns the nodes of the document.
func (d *Document) tree() *tree {
	if d.node != nil {
		return &tree{d.node, &d.mappings}
	}
	p := &d.packed
	p.lock.Lock()
	defer p.lock.Unlock()
	t := p.last.Value()
	if t == nil {
		u := unpacker{text: p.text, nodes: make([]yaml.Node, 0, p.size), pointers: make([]*yaml.Node, 0, p.size)}
		t = &tree{u.next(), &sync.Map{}}
		p.last = weak.Make(t)
	}
	return t
}

// tags are the tags of most nodes, which are packed as their index here. Other tags are packed as -1 and their text.
var tags = []string{"!!str", "!!map", "!!seq", "!!int", "!!bool", "!!null", "!!float", "!!merge", "!!timestamp", "!!binary", "!", ""}

// A packer packs nodes: of each the kind, the style, the tag, the place and the value, and then
// the number of its children, and these. Comments are skipped: nobody reads them.
type packer struct {
	text []byte
	size int
	// anchors are the numbers of nodes that aliases may refer to.
	anchors map[*yaml.Node]int
	// line is the line of the last node.
	line int
}

func (p *packer) number(n int) { p.text = binary.AppendVarint(p.text, int64(n)) }

func (p *packer) string(s string) {
	p.number(len(s))
	p.text = append(p.text, s...)
}

func (p *packer) add(n *yaml.Node) {
	if n.Anchor != "" {
		p.anchors[n] = p.size
	}
	p.size++
	p.number(int(n.Kind))
	p.number(int(n.Style))
	tag := slices.Index(tags, n.Tag)
	p.number(tag)
	if tag < 0 {
		p.string(n.Tag)
	}
	p.number(n.Line - p.line)
	p.line = n.Line
	p.number(n.Column)
	p.string(n.Value)
	if n.Kind == yaml.AliasNode {
		at, ok := p.anchors[n.Alias]
		if !ok {
			at = -1 // before an item of a List
		}
		p.number(at)
		if !ok {
			p.add(n.Alias)
		}
		return
	}
	p.number(len(n.Content))
	for _, child := range n.Content {
		p.add(child)
	}
}

// An unpacker reads the text of a packer, into nodes that it allocates together.
type unpacker struct {
	text     string
	nodes    []yaml.Node
	pointers []*yaml.Node
	line     int
}

func (u *unpacker) number() int {
	// As binary.Varint, of a string.
	var n uint64
	for shift := 0; ; shift += 7 {
		b := u.text[0]
		u.text = u.text[1:]
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return int(n>>1) ^ -int(n&1)
		}
	}
}

func (u *unpacker) string() (s string) {
	length := u.number()
	s, u.text = u.text[:length], u.text[length:]
	return s
}

func (u *unpacker) next() *yaml.Node {
	u.nodes = append(u.nodes, yaml.Node{})
	n := &u.nodes[len(u.nodes)-1]
	n.Kind, n.Style = yaml.Kind(u.number()), yaml.Style(u.number())
	if tag := u.number(); tag >= 0 {
		n.Tag = tags[tag]
	} else {
		n.Tag = u.string()
	}
	u.line += u.number()
	n.Line, n.Column, n.Value = u.line, u.number(), u.string()
	length := u.number()
	switch {
	case n.Kind != yaml.AliasNode:
		begin := len(u.pointers)
		u.pointers = u.pointers[:begin+length]
		n.Content = u.pointers[begin:len(u.pointers):len(u.pointers)]
		for i := range n.Content {
			n.Content[i] = u.next()
		}
	case length < 0:
		n.Alias = u.next()
	default:
		n.Alias = &u.nodes[length]
	}
	return n
}
