package api

import (
	"encoding/json"
	"strconv"
)

// String is the port as text.
func (p IntOrString) String() string {
	if p.Str != "" {
		return p.Str
	}
	return strconv.Itoa(int(p.Int))
}

// MarshalJSON writes a number or a string.
func (p IntOrString) MarshalJSON() ([]byte, error) {
	if p.Str != "" {
		return json.Marshal(p.Str)
	}
	return json.Marshal(p.Int)
}

// UnmarshalJSON reads a number or a string.
func (p *IntOrString) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &p.Str)
	}
	return json.Unmarshal(data, &p.Int)
}
