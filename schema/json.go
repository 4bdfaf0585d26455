package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
)

// withoutSurrogates turns the surrogate pairs by which JSON escapes characters
// beyond U+FFFF into the escapes that YAML has for them: a JSON parser reads
// "\ud83d\ude00" as one character, a YAML parser as two, neither of which exists.
// What it returns is as long as what it was given, so that positions stay; text
// that is not JSON is returned as it is.
func withoutSurrogates(data []byte) []byte {
	if !bytes.Contains(data, []byte(`\ud`)) && !bytes.Contains(data, []byte(`\uD`)) || !isJSON(data) {
		return data
	}
	out := make([]byte, 0, len(data))
	inText, missing := false, 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			out = append(out, c)
			if inText = !inText; !inText {
				out = append(out, bytes.Repeat([]byte(" "), missing)...)
				missing = 0
			}
		case c == '\\':
			if r, ok := surrogatePair(data[i:]); ok {
				escape := fmt.Sprintf(`\U%08x`, r)
				out = append(out, escape...)
				missing += len(`\ud83d\ude00`) - len(escape)
				i += len(`\ud83d\ude00`) - 1
				continue
			}
			out = append(out, c, data[i+1])
			i++
		default:
			out = append(out, c)
		}
	}
	return out
}

// isJSON says whether text is a sequence of JSON values.
func isJSON(data []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(data))
	for {
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return decoder.InputOffset() > 0 && len(bytes.TrimSpace(data[decoder.InputOffset():])) == 0
		}
	}
}

// surrogatePair reads the character of a pair of escapes.
func surrogatePair(text []byte) (rune, bool) {
	if len(text) < len(`\ud83d\ude00`) || text[1] != 'u' || text[6] != '\\' || text[7] != 'u' {
		return 0, false
	}
	high, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return 0, false
	}
	low, err := strconv.ParseUint(string(text[8:12]), 16, 16)
	r := utf16.DecodeRune(rune(high), rune(low))
	return r, err == nil && r != '\ufffd'
}
