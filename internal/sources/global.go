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

// maxCopied limits the bytes that the copy operations of a JSON patch create, and tooMuchCopied is the beginning
// of the error (gopkg.in/evanphx/json-patch.v4, errors.go).
const (
	maxCopied     = 16 << 20
	tooMuchCopied = "Unable to complete the copy, the accumulated size"
)

// errNetwork is the answer to all network requests of kustomize.
var errNetwork = errors.New("nothing is fetched over the network")

type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) { return nil, errNetwork }

// noExit discards logs. It turns log.Fatal into a panic, from which the build recovers; otherwise kustomize would
// end this process (kyaml/yaml/rnode.go, SetDataMap).
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

// isolate cuts kustomize off from this process for good: its warnings on standard error
// (api/internal/target/kusttarget.go, Load), its logs, and its requests to servers
// (api/internal/loader/fileloader.go). No option does this, and a build that takes too long runs on in the
// background.
var isolate = sync.OnceFunc(func() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	log.SetOutput(noExit{})
	http.DefaultTransport = noNetwork{}
	jsonpatch.AccumulatedCopySizeLimit = maxCopied
	openapi.Schema() // kyaml reads it without a lock once it is loaded
})
