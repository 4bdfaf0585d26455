package schema

import (
	"strconv"
	"strings"
)

// A Path is where a value is in its document: field names (string) and list indices (int).
type Path []any

// With is the path of a value below p. It shares nothing with p.
func (p Path) With(elements ...any) Path {
	return append(p[:len(p):len(p)], elements...)
}

// String is the path as people write it: spec.syncPolicies[0].rollout.port.
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
