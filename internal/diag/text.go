package diag

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteText prints one diagnostic after the other, each with its hint below.
func WriteText(w io.Writer, list List) error {
	b := bufio.NewWriter(w)
	for _, d := range list {
		b.WriteString(d.String())
		b.WriteByte('\n')
		for line := range strings.Lines(d.Hint) {
			b.WriteString("  hint: ")
			b.WriteString(printable(strings.TrimSuffix(line, "\n")))
			b.WriteByte('\n')
		}
	}
	return b.Flush()
}

// Some are the first few of many names, and how many more there are.
func Some(names []string, few int) string {
	if len(names) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}
