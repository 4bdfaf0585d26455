package accept_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/fleetwright/fleetwright/internal/accept"
)

// texts are of JSON, and of what is none.
var texts = []string{
	`{}`, ` { } `, `{"a":{"b":[1,-2.5e3,"x",true,false,null,[],{}]}}`, `{"a b":"\u00e9\n\"\\","":""}`, `{"a":"é"}`, "{\n\t\"a\": [ 1 , 2 ]\r\n}",
	``, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{"a":1}}`, `{"a":[1`, `{"a":[1,]}`, `{"a":"x`, `{"a":"\`, `{"a":x}`, `{1:2}`, `[]`, `1`, `{"a":1,"a":2}`, `{"a":"\x"}`,
}

// TestFromJSON reads what encoding/json reads.
func TestFromJSON(t *testing.T) {
	for _, text := range texts {
		got, ok := accept.FromJSON([]byte(text))
		want, valid := decoded([]byte(text))
		if text == `{"a":1,"a":2}` {
			valid = false
		}
		if ok != valid || valid && !reflect.DeepEqual(got, want) {
			t.Errorf("of %s it reads %#v (%t), encoding/json %#v (%t)", text, got, ok, want, valid)
		}
	}
}

// FuzzFromJSON checks that JSON is read as encoding/json reads it, and that nothing else
// makes it panic.
func FuzzFromJSON(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := accept.FromJSON(text)
		// encoding/json mends text that is not UTF-8, and takes the last of two fields.
		want, valid := decoded(bytes.ToValidUTF8(text, []byte("?")))
		if !ok || !valid || !bytes.Equal(text, bytes.ToValidUTF8(text, []byte("?"))) {
			return
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("it reads %#v, encoding/json %#v", got, want)
		}
	})
}

func decoded(text []byte) (value map[string]any, valid bool) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err := decoder.Decode(&value)
	return value, err == nil && json.Valid(text) && value != nil
}
