package schema

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/fleetwright/fleetwright/internal/lazyregexp"
)

// The texts of JSON, and the escapes in them: surrogate pairs, or how any other begins.
var (
	jsonText   = lazyregexp.New(`"(\\.|[^"\\])*"`)
	jsonEscape = lazyregexp.New(`\\(u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|.)`)
)

// withoutSurrogates turns the surrogate pairs by which JSON escapes characters beyond U+FFFF into
// the escapes that YAML has for them: a JSON parser reads "\ud83d\ude00" as one character, a YAML
// parser as two, neither of which exists. The result is as long as the input, so that
// positions stay; text that is not JSON is returned as it is.
func withoutSurrogates(data []byte) []byte {
	if !bytes.Contains(data, []byte(`\ud`)) && !bytes.Contains(data, []byte(`\uD`)) || !isJSON(data) {
		return data
	}
	return jsonText().ReplaceAllFunc(data, func(text []byte) []byte {
		short := jsonEscape().ReplaceAllFunc(text, func(escape []byte) []byte {
			var character string
			if len(escape) < len(`\ud83d\ude00`) || json.Unmarshal(fmt.Appendf(nil, `"%s"`, escape), &character) != nil {
				return escape
			}
			return fmt.Appendf(nil, `\U%08x`, []rune(character)[0])
		})
		return append(short, bytes.Repeat([]byte(" "), len(text)-len(short))...)
	})
}

// isJSON reports whether text is a sequence of JSON values.
func isJSON(data []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(data))
	for {
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return decoder.InputOffset() > 0 && len(bytes.TrimSpace(data[decoder.InputOffset():])) == 0
		}
	}
}
