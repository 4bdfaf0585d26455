package excerpt

import "strings"

// valueEnds returns where the values of a YAML text end, by where they begin: keys without
// their colons, scalars, collections in brackets, indicators, comments. What has an anchor or
// a tag begins with that, and by itself. The end of what goes on in the next line is
// somewhere behind its own. Markers, where documents begin and end, stand at some offsets.
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

// A scanner reads a document, with as much of YAML as shows where values end.
type scanner struct {
	// text up to the end of the document.
	text string
	// i is how far it was read, and line where the line there begins.
	i, line int
	// parent is the column of the collection around the next value, whose lines are indented more.
	parent int
	// open are the collections in brackets that have not ended.
	open []value
	// closed reports that quotes or brackets have just ended: a colon needs no blank after them.
	closed bool
	ends   map[int]int
}

// A value begins with its anchor and tag, and again without.
type value struct {
	properties, start int
	// shown is where a comment hides what follows in its line, or 0.
	shown int
}

func (s *scanner) found(v value, end int) {
	if v.shown > 0 {
		end = v.shown
	}
	s.ends[v.start] = end
	s.ends[v.properties] = max(s.ends[v.properties], end)
}

// goTo goes on at an offset. In another line, what is there may begin a collection.
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

// next reads the next value or indicator, and reports whether more may follow.
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

// quoted reads what is in quotes, up to behind the last.
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

// comment reads a comment, and reports whether there is one.
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

// block reads the header of a text, and skips its lines.
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

// goesOn reads up to the next line with text, and reports whether that is indented.
func (s *scanner) goesOn(indent int) bool {
	s.skip(blanks + "\n")
	return s.i < len(s.text) && s.i-s.line >= indent
}

// plain reads a value without quotes, and what of it is in the next lines.
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

// isKey reports whether the value that was read is a key: then its value is in its mapping.
func (s *scanner) isKey(at value) bool {
	s.skip(blanks)
	if !s.isColon(s.i) {
		return false
	}
	s.parent = at.properties - s.line
	return true
}

// isColon reports whether there is a colon that ends a key.
func (s *scanner) isColon(i int) bool {
	return i < len(s.text) && s.text[i] == ':' && (s.isBlank(i+1) || s.isFlow(i+1))
}

// blanks separate the values of a line.
const blanks = " \t"

// isBlank reports whether there is a blank, or the end of the line.
func (s *scanner) isBlank(i int) bool {
	return i == len(s.text) || strings.IndexByte(blanks+"\n", s.text[i]) >= 0
}

// isFlow reports whether there is what ends a value inside of brackets and braces.
func (s *scanner) isFlow(i int) bool {
	return len(s.open) > 0 && strings.IndexByte(",[]{}", s.text[i]) >= 0
}
