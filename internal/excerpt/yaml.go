package excerpt

import "strings"

// valueEnds returns the ends of the values in a YAML text, by their beginnings: keys without their colons,
// scalars, collections in brackets, indicators, comments. A value with an anchor or a tag has two beginnings: with
// and without these. The end of a value that continues on the next line is behind its own line. markers are the
// offsets of lines that begin or end documents.
func valueEnds(text string, markers []int) map[int]int {
	ends := map[int]int{}
	s := scanner{parent: -1, ends: ends}
	for _, marker := range append(markers, len(text)) {
		s.text = text[:marker]
		for s.next() {
		}
		for _, v := range s.open {
			s.found(v, s.i)
		}
		after := min(marker+len("---"), len(text))
		ends[marker] = after
		s = scanner{i: after, line: marker, parent: -1, ends: ends}
	}
	return ends
}

// isMarker reports whether a line begins or ends a document.
func isMarker(line string) bool {
	word, _, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	return word == "---" || word == "..."
}

// A scanner parses just enough YAML to find the ends of values.
type scanner struct {
	// text is the text up to the end of the document.
	text string
	// i is the current offset, and line is the beginning of its line.
	i, line int
	// parent is the column of the enclosing collection, whose content is indented more.
	parent int
	// open are the unclosed collections in brackets.
	open []value
	// closed reports whether quotes or brackets have just ended: a colon then needs no space after it.
	closed bool
	ends   map[int]int
}

// A value is a value with its two beginnings: with and without its anchor and tag.
type value struct {
	properties, start int
	// shown is the beginning of a comment that ends the visible part of the line, or 0.
	shown int
}

func (s *scanner) found(v value, end int) {
	if v.shown > 0 {
		end = v.shown
	}
	s.ends[v.start] = end
	s.ends[v.properties] = max(s.ends[v.properties], end)
}

// goTo moves to an offset. On a new line, the content may begin a collection.
func (s *scanner) goTo(i int) {
	if n := strings.LastIndexByte(s.text[s.i:i], '\n'); n >= 0 {
		s.line = s.i + n + 1
		s.parent = i - s.line - 1
	}
	s.i = i
}

func (s *scanner) skip(characters string) {
	s.goTo(len(s.text) - len(strings.TrimLeft(s.text[s.i:], characters)))
}

func (s *scanner) skipLine() {
	line, _, _ := strings.Cut(s.text[s.i:], "\n")
	s.i += len(line)
}

// next reads the next value or indicator, and reports whether it may not have been the last.
func (s *scanner) next() bool {
	s.skip(blanks + "\n")
	at := value{properties: s.i, start: s.i}
	for s.i < len(s.text) && (s.text[s.i] == '&' || s.text[s.i] == '!') {
		for s.i < len(s.text) && !s.isBlank(s.i) && !s.isFlow(s.i) {
			s.i++
		}
		s.ends[at.start] = s.i
		s.skip(blanks)
		at.start = s.i
	}
	if s.i == len(s.text) {
		return false
	}
	closed, flow := s.closed, len(s.open) > 0
	s.closed = false
	switch c := s.text[s.i]; {
	case c == '\n', s.comment():
	case c == '%' && s.i == s.line && !flow:
		s.skipLine()
		s.found(at, s.i)
	case c == '[' || c == '{':
		s.i++
		s.open = append(s.open, at)
	case flow && (c == ']' || c == '}'):
		s.i++
		last := len(s.open) - 1
		s.found(s.open[last], s.i)
		s.open, s.closed = s.open[:last], true
	case flow && c == ',', s.isColon(s.i), flow && closed && c == ':':
		s.i++
	case (c == '-' || c == '?') && s.isBlank(s.i+1):
		s.parent = s.i - s.line
		s.i++
	case c == '"' || c == '\'':
		s.quoted(at)
	case !flow && (c == '|' || c == '>'):
		s.block(at)
	default:
		s.plain(at)
	}
	return true
}

// quoted reads a quoted value, including its closing quote.
func (s *scanner) quoted(at value) {
	i := s.i + 1
	for quote := s.text[s.i]; i < len(s.text); i++ {
		escape := s.text[i] == '\\' && quote == '"' || quote == '\'' && strings.HasPrefix(s.text[i:], "''")
		if escape {
			i++
		} else if s.text[i] == quote {
			break
		}
	}
	s.goTo(min(i+1, len(s.text)))
	s.found(at, s.i)
	s.closed = true
	s.isKey(at)
}

// comment reads a comment, and reports whether it found one.
func (s *scanner) comment() bool {
	if !s.isComment() || s.i > s.line && !s.isBlank(s.i-1) {
		return false
	}
	before := s.line + len(strings.TrimRight(s.text[s.line:s.i], blanks))
	for i := len(s.open) - 1; i >= 0 && s.open[i].properties >= s.line; i-- {
		s.open[i].shown = before
	}
	start := s.i
	s.skipLine()
	s.ends[start] = s.i
	return true
}

func (s *scanner) isComment() bool { return strings.HasPrefix(s.text[s.i:], "#") }

// block reads the header of a block scalar, and skips its lines.
func (s *scanner) block(at value) {
	indent := s.parent + 1
	s.i++
	s.skip("+-0123456789")
	s.found(at, s.i)
	s.skip(blanks)
	s.comment()
	for s.skipLine(); s.goesOn(indent); s.skipLine() {
	}
}

// goesOn moves to the next line with text, and reports whether it is indented.
func (s *scanner) goesOn(indent int) bool {
	s.skip(blanks + "\n")
	return s.i < len(s.text) && s.i-s.line >= indent
}

// plain reads an unquoted value, including its lines after the first.
func (s *scanner) plain(at value) {
	indent := s.parent + 1
	for {
		end := s.i
		for i := s.i; i < len(s.text) && s.text[i] != '\n' && !s.isColon(i) && !s.isFlow(i); i++ {
			if s.text[i] == '#' && i > s.i && s.isBlank(i-1) {
				break
			}
			if !s.isBlank(i) {
				end = i + 1
			}
		}
		s.i = end
		s.found(at, end)
		if s.isKey(at) || len(s.open) > 0 || s.isComment() || !s.goesOn(indent) || s.isComment() {
			return
		}
		s.parent = indent - 1
		at = value{properties: s.i, start: s.i}
	}
}

// isKey reports whether the last value is a key. Its value then belongs to its mapping.
func (s *scanner) isKey(at value) bool {
	s.skip(blanks)
	if !s.isColon(s.i) {
		return false
	}
	s.parent = at.properties - s.line
	return true
}

// isColon reports whether the character at i is a colon that ends a key.
func (s *scanner) isColon(i int) bool {
	return i < len(s.text) && s.text[i] == ':' && (s.isBlank(i+1) || s.isFlow(i+1))
}

// blanks separate the values of a line.
const blanks = " \t"

// isBlank reports whether a blank, or the end of the line, is at i.
func (s *scanner) isBlank(i int) bool {
	return i == len(s.text) || strings.IndexByte(blanks+"\n", s.text[i]) >= 0
}

// isFlow reports whether the character at i ends a value inside brackets or braces.
func (s *scanner) isFlow(i int) bool {
	return len(s.open) > 0 && strings.IndexByte(",[]{}", s.text[i]) >= 0
}
