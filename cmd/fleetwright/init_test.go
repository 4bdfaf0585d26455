package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetwright/fleetwright/internal/diag"
	"github.com/fleetwright/fleetwright/internal/inputs"
	"github.com/fleetwright/fleetwright/render"
	"github.com/fleetwright/fleetwright/schema"
	"github.com/fleetwright/fleetwright/templates"
)

// TestWhatInitWritesCompiles checks that the documents compile without diagnostics, except those about
// requirements of clusters and pods and the retirement of ingress-nginx, with names that YAML could misread
// and with names of maximum length.
func TestWhatInitWritesCompiles(t *testing.T) {
	t.Run("rendered", func(t *testing.T) { checkInit(t, diag.IstioExpected) })
	t.Run("installed", func(t *testing.T) { checkInit(t, diag.InstalledExpected, "--installed") })
}

func checkInit(t *testing.T, expected diag.Code, flags ...string) {
	for _, provider := range initProviders() {
		for _, name := range []string{"webapp", "true", "n", "e1", strings.Repeat("n", maxInitName)} {
			t.Run(provider+"/"+name, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "new", "fleet")
				var stdout, stderr strings.Builder
				args := append([]string{"init", dir, "--provider", provider, "--name", name}, flags...)
				if code := run(args, strings.NewReader(""), &stdout, &stderr); code != exitOK {
					t.Fatal(stderr.String())
				}
				files, err := inputs.Read([]string{dir}, nil)
				if err != nil {
					t.Fatal(err)
				}
				tree, list := render.Compile(schema.Load(files), render.Options{})
				for _, d := range list {
					if d.Severity > diag.Info || d.Code != expected && d.Code != diag.NginxRetired && d.Code != diag.HistogramExpected {
						t.Error(d)
					}
				}
				if tree == nil || len(tree.Clusters) != 2 {
					t.Errorf("unexpected tree %v", tree)
				}
				for _, f := range files {
					if text := string(f.Data); strings.Contains(text, "NAME") || !strings.Contains(text, "CHANGE") {
						t.Errorf("%s is\n%s", f.Name, text)
					}
				}
			})
		}
	}
}

// TestInitHasAllProviders checks that init offers every provider of the templates.
func TestInitHasAllProviders(t *testing.T) {
	directories, err := templates.Init.ReadDir("init")
	if err != nil || len(directories) != len(initProviders()) {
		t.Errorf("the templates have %v (%v), init offers %v", directories, err, initProviders())
	}
}
