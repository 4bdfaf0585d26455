package schema

import (
	"strconv"
	"strings"
)

// A Path is the place of a value in its document: field names (string) and list indices (int).
type Path []any

// With returns the path of a value below p. It shares no memory with p.
func (p Path) With(elements ...any) Path {
	return append(p[:len(p):len(p)], elements...)
}

// String returns the path as people write it: spec.syncPolicies[0].rollout.port.
func (p Path) String() string {
	var b strings.Builder
	for _, element := range p {
		switch e := element.(type) {
		case int:
			b.WriteString("[" + strconv.Itoa(e) + "]")
		case string:
			if strings.ContainsAny(e, `./[]" `) || e == "" {
				b.WriteString("[" + strconv.Quote(e) + "]")
				continue
			}
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(e)
		}
	}
	return b.String()
}
