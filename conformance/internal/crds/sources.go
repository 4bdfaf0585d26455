package crds

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/fleetwright/fleetwright/conformance/internal/tools"
)

// A Source is a place where CRDs are published.
type Source struct {
	// Module and Version select the Go module with the files.
	Module, Version string
	// Path is a pattern for the files in the module.
	Path string
}

// The modules that contain CRDs.
var (
	Kustomize = Source{"github.com/fluxcd/kustomize-controller", "v1.9.6", "config/crd/bases/*.yaml"}
	Sources   = Source{"github.com/fluxcd/source-controller", "v1.9.6", "config/crd/bases/*.yaml"}
	Flagger   = Source{"github.com/fluxcd/flagger", "v1.44.0", "artifacts/flagger/crd.yaml"}
	Flagger36 = Source{"github.com/fluxcd/flagger", "v1.36.1", "artifacts/flagger/crd.yaml"}
	Gateway   = Source{"sigs.k8s.io/gateway-api", "v1.5.1", "config/crd/standard/*.yaml"}
	Gateway14 = Source{"sigs.k8s.io/gateway-api", "v1.4.1", "config/crd/standard/*.yaml"}
	Istio     = Source{"istio.io/api", "v1.28.0", "kubernetes/customresourcedefinitions.gen.yaml"}
)

// Files returns the CRD files of the module.
func (s Source) Files() ([]string, error) {
	dir, err := s.Dir()
	if err != nil {
		return nil, err
	}
	return glob(filepath.Join(dir, s.Path))
}

// Dir returns the directory of the module, and downloads it first if necessary.
func (s Source) Dir() (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", s.Module+"@"+s.Version)
	cmd.Dir = os.TempDir() // outside any module
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s@%s: %w\n%s", s.Module, s.Version, err, out)
	}
	var module struct{ Dir string }
	err = json.Unmarshal(out, &module)
	return module.Dir, err
}

// Made generates CRDs from Go types with controller-gen, as the controllers' own builds do.
type Made struct {
	// Module is the directory of the module with the types, among the tools.
	Module string
	// Packages lists the packages of the types.
	Packages []string
}

// The types of controllers whose modules contain no CRDs, or not those of the version.
var (
	Helm   = Made{"crds", []string{"github.com/fluxcd/helm-controller/api/v2"}}
	Flux26 = Made{"crds-2.6", []string{"github.com/fluxcd/helm-controller/api/v2", "github.com/fluxcd/kustomize-controller/api/v1", "github.com/fluxcd/source-controller/api/v1"}}
)

// Files returns the CRD files, which are generated once and stored with the tools.
func (m Made) Files(toolsDir string) ([]string, error) {
	dir, err := tools.Make(toolsDir, m.Module, func(module, dir string) error {
		for _, p := range m.Packages {
			cmd := exec.Command("go", "tool", "controller-gen", "crd", "paths="+p, "output:crd:dir="+dir)
			cmd.Dir = module
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("controller-gen of %s: %w\n%s", p, err, out)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return glob(filepath.Join(dir, "*.yaml"))
}

func glob(pattern string) ([]string, error) {
	files, err := filepath.Glob(pattern)
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no such files", pattern)
	}
	return files, err
}
