package output

import (
	"embed"
	"fmt"
	"sync"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
)

// cueContext is the one CUE context of the process; values of it may be used
// concurrently.
var cueContext = sync.OnceValue(func() *cue.Context { return cuecontext.New() })

//go:embed *.cue
var files embed.FS

// mustRead reads an embedded file. It panics where the file is missing, which the tests
// would show.
func mustRead(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return b
}

// A cueFile is an embedded CUE file that is compiled once, when it is needed.
type cueFile struct {
	name  string
	value func() cue.Value
}

func newCUEFile(name string) *cueFile {
	return &cueFile{name: name, value: sync.OnceValue(func() cue.Value {
		v := cueContext().CompileBytes(mustRead(name), cue.Filename(name))
		if err := v.Err(); err != nil {
			panic(fmt.Sprintf("%s does not compile: %v", name, err))
		}
		return v
	})}
}

// field returns a top-level field or definition of the file.
func (f *cueFile) field(name string) cue.Value {
	v := f.value().LookupPath(cue.ParsePath(name))
	if !v.Exists() {
		panic(fmt.Sprintf("%s has no %s", f.name, name))
	}
	return v
}
