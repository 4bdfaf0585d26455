package plan

import (
	"strings"

	"github.com/clipperhouse/displaywidth"

	"github.com/fleetwright/fleetwright/internal/diag"
)

// Folded returns text in lines of at most so many columns, broken between words. A word that is longer than a line,
// such as a long name, is broken, too: after one of its signs, if the second half of the line has one.
func Folded(text string, columns int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(diag.Plain(text)) {
		if joined := strings.TrimPrefix(line+" "+word, " "); displaywidth.String(joined) <= columns {
			line = joined
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for displaywidth.String(word) > columns {
			part := displaywidth.TruncateString(word, columns, "")
			if sign := strings.LastIndexAny(part, "-./"); sign >= len(part)/2 {
				part = part[:sign+1]
			}
			if part == "" {
				break // a character is wider than the line
			}
			lines, word = append(lines, part), word[len(part):]
		}
		line = word
	}
	return append(lines, line)
}
