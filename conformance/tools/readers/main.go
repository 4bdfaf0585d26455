// Readers asks the code of Flagger, Flux and Istio whether it would reject objects. Conformance uses it
// thousands of times: each line of the input is a request as JSON, and each line of the output is the answer
// to one, in the same order.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"runtime/debug"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A request names a reader and holds the objects that it reads together.
type request struct {
	Reader  string                      `json:"reader"`
	Objects []unstructured.Unstructured `json:"objects"`
}

// An answer holds the reasons why the reader rejects the objects, and the objects that it creates for other
// readers.
type answer struct {
	Refused []string `json:"refused,omitempty"`
	Made    []any    `json:"made,omitempty"`
}

func (a *answer) refuse(who string, err error) {
	if err != nil {
		a.Refused = append(a.Refused, who+": "+err.Error())
	}
}

var readers = map[string]func(objects []unstructured.Unstructured, a *answer){
	"flagger": readByFlagger,
	"flux":    readByFlux,
	"istio":   readByIstio,
}

func main() {
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	for in.More() {
		var r request
		if err := in.Decode(&r); err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(r.answer()); err != nil {
			log.Fatal(err)
		}
	}
}

func (r request) answer() (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a.refuse(r.Reader, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	read, ok := readers[r.Reader]
	if !ok {
		log.Fatalf("unknown reader %q", r.Reader)
	}
	read(r.Objects, &a)
	return a
}

// of decodes the objects of a kind.
func of[T any](objects []unstructured.Unstructured, kind string, a *answer) (all []*T) {
	for _, o := range objects {
		if o.GetKind() != kind {
			continue
		}
		data, err := o.MarshalJSON()
		if err != nil {
			log.Fatal(err)
		}
		t := new(T)
		if err := json.Unmarshal(data, t); err != nil {
			a.refuse("the Go type of "+kind, err)
			continue
		}
		all = append(all, t)
	}
	return all
}
