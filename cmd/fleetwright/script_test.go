package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

const repository = "../.."

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fleetwright": main})
}

// TestScripts runs the command as people do; what it prints is compared to the
// byte. UPDATE=1 writes what it prints into the scripts instead.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join(repository, "testdata/script"),
		UpdateScripts:       os.Getenv("UPDATE") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			return os.CopyFS(filepath.Join(env.WorkDir, "examples"), os.DirFS(filepath.Join(repository, "examples")))
		},
	})
}
