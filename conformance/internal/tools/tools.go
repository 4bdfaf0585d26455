// Package tools builds the programs for the conformance tests, each from its own Go module and once per
// version. It also installs npm packages.
package tools

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

// A Tool is a program of a module under tools/.
type Tool struct {
	// Name is the name of the program and its file.
	Name string
	// Module is the directory of the module.
	Module string
	// Package is the package of the program.
	Package string
	// Flags are linker flags, such as the version of a release.
	Flags string
}

// The programs, at the versions of their modules.
var (
	Etcd      = Tool{Name: "etcd", Module: "apiserver", Package: "go.etcd.io/etcd/server/v3"}
	APIServer = Tool{
		Name: "kube-apiserver", Module: "apiserver", Package: "k8s.io/kubernetes/cmd/kube-apiserver",
		Flags: "-X k8s.io/component-base/version.gitVersion=v1.34.2",
	}
	KustomizeController = Tool{Name: "kustomize-controller", Module: "flux", Package: "github.com/fluxcd/kustomize-controller"}
	Flagger             = Tool{Name: "flagger", Module: "flagger", Package: "github.com/fluxcd/flagger/cmd/flagger"}
	OldFlagger          = Tool{Name: "flagger", Module: "flagger-1.36", Package: "github.com/fluxcd/flagger/cmd/flagger"}
	Actionlint          = Tool{Name: "actionlint", Module: "actionlint", Package: "github.com/rhysd/actionlint/cmd/actionlint"}

	// Helm and OldHelm render charts, and upgrade releases as helm-controller does.
	Helm    = Tool{Name: "helm", Module: "helm", Package: "helm.sh/helm/v4/cmd/helm"}
	OldHelm = Tool{Name: "helm", Module: "helm-3", Package: "helm.sh/helm/v3/cmd/helm"}

	// Registry is Distribution's registry. Crane reads its content, and Cosign signs it.
	Registry = Tool{Name: "registry", Module: "registry", Package: "github.com/distribution/distribution/v3/cmd/registry"}
	Crane    = Tool{Name: "crane", Module: "crane", Package: "github.com/google/go-containerregistry/cmd/crane"}
	Cosign   = Tool{Name: "cosign", Module: "cosign", Package: "github.com/sigstore/cosign/v2/cmd/cosign"}

	// Readers runs the code of Flagger, Flux and Istio on objects. Its source is in this repository.
	Readers = Tool{Name: "readers", Module: "readers", Package: "."}

	// Kustomize and Kpt run fleetwright as a KRM function.
	Kustomize = Tool{Name: "kustomize", Module: "kustomize", Package: "sigs.k8s.io/kustomize/kustomize/v5"}
	Kpt       = Tool{Name: "kpt", Module: "kpt", Package: "github.com/GoogleContainerTools/kpt"}
)

// A Script is a program of an npm package, run by Node.js.
type Script struct {
	// Module is the directory with the package and its lock file.
	Module string
	// Path is the path of the script in the installed package.
	Path string
}

// YAMLLanguageServer is the language server that editors use for YAML. Version 2 requires Node.js 22, which
// is newer than Debian's.
var YAMLLanguageServer = Script{Module: "yaml-language-server", Path: "node_modules/yaml-language-server/bin/yaml-language-server"}

// Install installs a script with its dependencies, at the versions and checksums of its lock file, unless it
// is already installed, and returns its file. dir is the directory of the tools' modules.
func Install(dir string, s Script) (string, error) {
	made, err := Make(dir, s.Module, func(module, dir string) error {
		if err := os.CopyFS(dir, os.DirFS(module)); err != nil {
			return err
		}
		cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot install %s, which needs Node.js and npm: %w\n%s", s.Module, err, out)
		}
		return nil
	})
	return filepath.Join(made, s.Path), err
}

// sources returns the files that define a module: a Go module or an npm package.
var sources = []string{"go.mod", "go.sum", "package.json", "package-lock.json", "*.go", "*.s"}

// building prevents concurrent builds: one build uses all cores.
var building sync.Mutex

// Build builds a tool unless it is already built, and returns its file. dir is the directory of the tools'
// modules.
func Build(dir string, t Tool) (string, error) {
	made, err := Make(dir, t.Module, func(module, dir string) error {
		cmd := exec.Command("go", "build", "-ldflags", "-s -w "+t.Flags, "-o", filepath.Join(dir, t.Name), t.Package)
		cmd.Dir = module
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot build %s: %w\n%s", t.Package, err, out)
		}
		return nil
	}, t.Name, t.Flags)
	return filepath.Join(made, t.Name), err
}

// Make generates files from a module unless they are already generated, and returns their directory. It
// generates them again when the module, Go or the arguments change.
func Make(dir, module string, fill func(module, dir string) error, args ...string) (string, error) {
	building.Lock()
	defer building.Unlock()
	moduleDir := filepath.Join(dir, module)
	sum := sha256.New()
	fmt.Fprintln(sum, args, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, pattern := range sources {
		names, err := filepath.Glob(filepath.Join(moduleDir, pattern))
		if err != nil {
			return "", err
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				return "", err
			}
			sum.Write(data)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	made := filepath.Join(cache, "fleetwright", "conformance", module+"-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	if _, err := os.Stat(made); err == nil {
		return made, nil
	}
	if err := os.MkdirAll(filepath.Dir(made), 0o755); err != nil {
		return "", err
	}
	// The final name appears only when all files are complete.
	half, err := os.MkdirTemp(filepath.Dir(made), "half-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(half)
	if err := fill(moduleDir, half); err != nil {
		return "", err
	}
	return made, os.Rename(half, made)
}
