package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

const repository = "../.."

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fleetwright": besideRegistry, "registry": readRegistry})
}

// TestScripts runs the command as users do, and compares the output byte by byte. UPDATE=1 writes the output
// into the scripts instead.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join(repository, "testdata/script"),
		UpdateScripts:       os.Getenv("UPDATE") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"await": await, "serve": serve},
		Setup: func(env *testscript.Env) error {
			return os.CopyFS(filepath.Join(env.WorkDir, "examples"), os.DirFS(filepath.Join(repository, "examples")))
		},
	})
}

// awaitLimit is far more than any awaited event takes.
const awaitLimit = time.Minute

// await FILE REGEXP waits until the content of a file matches.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE REGEXP")
	}
	pattern := regexp.MustCompile("(?m)" + args[1])
	for end := time.Now().Add(awaitLimit); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(ts.MkAbs(args[0])) // it may not exist yet
		if err == nil && pattern.Match(text) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s lacks %s:\n%s", args[0], args[1], text)
		}
	}
}
