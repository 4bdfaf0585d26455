package api

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// UnmarshalJSON reads values. Whole numbers stay integers: as float64, the default of
// encoding/json, large ones would change.
func (v *Values) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var values map[string]any
	if err := decoder.Decode(&values); err != nil {
		return err
	}
	*v, _ = withNumbers(values).(map[string]any)
	return nil
}

// withNumbers replaces the numbers in a value by int64, uint64 or float64, whichever holds them.
func withNumbers(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, field := range v {
			v[key] = withNumbers(field)
		}
	case []any:
		for i, item := range v {
			v[i] = withNumbers(item)
		}
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
		if n, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			return n
		}
		if n, err := v.Float64(); err == nil {
			return n
		}
	}
	return value
}
