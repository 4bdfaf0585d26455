package excerpt

import "strings"

// A yamlState is what a line of YAML begins in. It knows as much of YAML as it takes to
// see where values end, and makes do with what is no YAML.
type yamlState struct {
	// flow is the number of collections in brackets and braces that are open.
	flow int
	// open is what goes on in the next line: a quote, a block text or a plain value, the last
	// two only in lines that are indented by at least indent. 0 is nothing.
	open   byte
	indent int
}

// What is open and no quote.
const (
	plainText = 'a'
	blockText = '|'
)

// scan reads a line, and visits each value that begins in it: a key without its colon, a
// scalar, a collection in brackets, an indicator, a comment. What has an anchor or a tag
// begins with that, and by itself. The end of what goes on in the next line is that of
// the line.
func (s *yamlState) scan(line string, visit func(start, end int)) {
	trimmed := strings.TrimRight(line, " \t")
	indent := len(line) - len(strings.TrimLeft(line, " "))
	if trimmed == "" {
		return
	}
	l := yamlLine{state: s, text: trimmed, end: len(trimmed), visit: visit, parent: indent - 1}
	switch {
	case isMarker(trimmed):
		*s = yamlState{}
		l.visit(0, 3)
		l.i, l.parent = 3, -1
	case s.open == '"' || s.open == '\'':
		if !l.closeQuote() {
			return
		}
	case s.open == blockText && indent >= s.indent:
		return
	case s.open == plainText && indent >= s.indent && trimmed[indent] != '#':
		l.i, l.parent = indent, s.indent-1
		l.plain(span{indent, indent})
	default:
		s.open = 0
	}
	for l.next() {
	}
	for _, open := range l.open {
		l.found(open, l.end)
	}
}

// isMarker reports whether a line begins or ends a document.
func isMarker(line string) bool {
	return (strings.HasPrefix(line, "---") || strings.HasPrefix(line, "...")) && (len(line) == 3 || isBlank(line[3]))
}

// A yamlLine is a line that is being read.
type yamlLine struct {
	state *yamlState
	// text of the line, without what is blank at its end.
	text string
	// end of the text before a comment.
	end   int
	visit func(start, end int)
	// i is how far it was read.
	i int
	// parent is where the collection begins that the next value is in: what continues
	// the value is indented further.
	parent int
	// open are the beginnings of the collections in brackets that the line opens.
	open []span
	// closed says that a quoted value or a collection in brackets ends here, so that a
	// colon behind it needs no blank.
	closed bool
}

// A span is where a value begins: with its anchor and tag, and without.
type span struct{ properties, start int }

func (l *yamlLine) found(from span, end int) {
	l.visit(from.properties, end)
	if from.start != from.properties {
		l.visit(from.start, end)
	}
}

// next reads the next value or indicator, and says whether more may follow.
func (l *yamlLine) next() bool {
	l.blanks()
	at := span{l.i, l.i}
	for l.i < len(l.text) && (l.text[l.i] == '&' || l.text[l.i] == '!') {
		end := l.i
		for end < len(l.text) && !isBlank(l.text[end]) && !(l.state.flow > 0 && isFlow(l.text[end])) {
			end++
		}
		l.visit(l.i, end)
		l.i = end
		l.blanks()
		at.start = l.i
	}
	if l.i == len(l.text) {
		return false
	}
	closed, flow := l.closed, l.state.flow > 0
	l.closed = false
	switch c := l.text[l.i]; {
	case l.comment():
		return false
	case c == '%' && l.i == 0 && !flow:
		l.visit(l.i, len(l.text))
		return false
	case c == '[' || c == '{':
		l.open = append(l.open, at)
		l.state.flow++
		l.i++
	case flow && (c == ']' || c == '}'):
		l.i++
		l.state.flow--
		l.closed = true
		if n := len(l.open); n > 0 {
			l.found(l.open[n-1], l.i)
			l.open = l.open[:n-1]
		}
	case flow && c == ',', l.isColon(l.i), flow && closed && c == ':':
		l.i++
	case (c == '-' || c == '?') && (l.i+1 == len(l.text) || isBlank(l.text[l.i+1])):
		l.parent = l.i
		l.i++
	case c == '"' || c == '\'':
		l.i++
		l.state.open = c
		if !l.closeQuote() {
			l.found(at, len(l.text))
			return false
		}
		l.found(at, l.i)
		l.isKey(at)
	case !flow && (c == '|' || c == '>'):
		l.i++
		for l.i < len(l.text) && strings.IndexByte("+-0123456789", l.text[l.i]) >= 0 {
			l.i++
		}
		l.found(at, l.i)
		l.state.open, l.state.indent = blockText, l.parent+1
		l.blanks()
		l.comment()
		return false
	default:
		l.plain(at)
	}
	return true
}

func (l *yamlLine) blanks() {
	for l.i < len(l.text) && isBlank(l.text[l.i]) {
		l.i++
	}
}

// comment reads a comment, and reports whether there is one. What was before it does not go
// on behind it.
func (l *yamlLine) comment() bool {
	if l.i == len(l.text) || l.text[l.i] != '#' || l.i > 0 && !isBlank(l.text[l.i-1]) {
		return false
	}
	l.end = len(strings.TrimRight(l.text[:l.i], " \t"))
	l.visit(l.i, len(l.text))
	if l.state.open == plainText {
		l.state.open = 0
	}
	return true
}

// closeQuote reads to behind the end of what is quoted, and reports whether it is in the
// line.
func (l *yamlLine) closeQuote() bool {
	for quote := l.state.open; l.i < len(l.text); l.i++ {
		switch {
		case l.text[l.i] == '\\' && quote == '"':
			l.i++
		case l.text[l.i] != quote:
		case quote == '\'' && strings.HasPrefix(l.text[l.i:], "''"):
			l.i++
		default:
			l.i++
			l.state.open, l.closed = 0, true
			return true
		}
	}
	return false
}

// plain reads a value without quotes.
func (l *yamlLine) plain(at span) {
	end := l.i
	for i := l.i; i < len(l.text); i++ {
		c := l.text[i]
		if l.isColon(i) || c == '#' && i > l.i && isBlank(l.text[i-1]) || l.state.flow > 0 && isFlow(c) {
			break
		}
		if !isBlank(c) {
			end = i + 1
		}
	}
	l.i = end
	l.found(at, end)
	l.state.open = 0
	if !l.isKey(at) && l.state.flow == 0 {
		l.state.open, l.state.indent = plainText, l.parent+1
	}
}

// isColon reports whether there is a colon that ends a key.
func (l *yamlLine) isColon(i int) bool {
	if l.text[i] != ':' {
		return false
	}
	return i+1 == len(l.text) || isBlank(l.text[i+1]) || l.state.flow > 0 && isFlow(l.text[i+1])
}

// isKey reports whether the value that was read is a key: then its value is in its mapping.
func (l *yamlLine) isKey(at span) bool {
	l.blanks()
	if l.i == len(l.text) || !l.isColon(l.i) {
		return false
	}
	l.parent = at.properties
	return true
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// isFlow reports whether a character ends a value inside of brackets and braces.
func isFlow(c byte) bool { return strings.IndexByte(",[]{}", c) >= 0 }
