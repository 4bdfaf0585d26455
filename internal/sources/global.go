package sources

import (
	"errors"
	"log"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// maxCopied is how many bytes the copy operations of one JSON patch may make, and tooMuchCopied how
// the error begins that says so (gopkg.in/evanphx/json-patch.v4, errors.go).
const (
	maxCopied     = 16 << 20
	tooMuchCopied = "Unable to complete the copy, the accumulated size"
)

// errNetwork is what kustomize gets in place of an answer.
var errNetwork = errors.New("nothing is fetched over the network")

type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) { return nil, errNetwork }

// noExit drops what is logged. It makes a panic, which the build recovers from, of log.Fatal, by which
// kustomize would end this process (kyaml/yaml/rnode.go, SetDataMap).
type noExit struct{}

func (noExit) Write(text []byte) (int, error) {
	callers := make([]uintptr, 16)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	for more := true; more; {
		var f runtime.Frame
		if f, more = frames.Next(); strings.HasPrefix(f.Function, "log.Fatal") {
			panic(string(text))
		}
	}
	return len(text), nil
}

// isolate takes from kustomize what it has from this process, for good: it warns on the standard error
// (api/internal/target/kusttarget.go, Load), logs, and asks any server (api/internal/loader/fileloader.go).
// It can be told by no option, and a build that takes too long is left to itself.
var isolate = sync.OnceFunc(func() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	log.SetOutput(noExit{})
	http.DefaultTransport = noNetwork{}
	jsonpatch.AccumulatedCopySizeLimit = maxCopied
	openapi.Schema() // kyaml reads it without a lock once it is there
})
