package blockyaml

// Hole begins a text that a [Template] leaves the beginning of open. No text of a
// manifest has it, since YAML does not allow it.
const Hole = "\x00"

// A Template is the YAML of a value, encoded once for many that differ by the
// beginning of some of their texts alone.
type Template struct {
	// text is the YAML without the texts that begin with a Hole.
	text  []byte
	holes []hole
}

// A hole is where a text belongs.
type hole struct {
	// at is its place in the text of the template.
	at int
	// rest of the text, behind the Hole.
	rest   string
	indent int
	place  place
}

// Encode makes it the YAML of a value, in which texts that begin with [Hole] get their
// beginning later. Keys cannot.
func (t *Template) Encode(v any) (err error) {
	t.holes = nil
	t.text, err = convert(v, &t.holes)
	return err
}

// Len is the length of the YAML in bytes, with nothing in the holes.
func (t *Template) Len() int {
	n := len(t.text)
	for _, h := range t.holes {
		n += len(h.rest)
	}
	return n
}

// Append appends the YAML with this text in the place of each [Hole].
func (t *Template) Append(to []byte, text string) []byte {
	w := writer{out: to}
	from := 0
	for _, h := range t.holes {
		w.out = append(w.out, t.text[from:h.at]...)
		w.scalar(text+h.rest, h.indent, h.place)
		from = h.at
	}
	return append(w.out, t.text[from:]...)
}
