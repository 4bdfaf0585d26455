// Package tools builds the programs that conformance is tested with, each from a
// Go module of its own, once per version. What is of npm is installed likewise.
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
	// Name of the program, and of its file.
	Name string
	// Module is the directory of the module.
	Module string
	// Package that is the program.
	Package string
	// Flags of the linker, such as the version that a release is built with.
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

	// Registry is Distribution's. Crane reads what is in it, and Cosign signs that.
	Registry = Tool{Name: "registry", Module: "registry", Package: "github.com/distribution/distribution/v3/cmd/registry"}
	Crane    = Tool{Name: "crane", Module: "crane", Package: "github.com/google/go-containerregistry/cmd/crane"}
	Cosign   = Tool{Name: "cosign", Module: "cosign", Package: "github.com/sigstore/cosign/v2/cmd/cosign"}

	// Readers asks the code of Flagger, Flux and Istio what it refuses. Its sources are here.
	Readers = Tool{Name: "readers", Module: "readers", Package: "."}

	// Kustomize and Kpt run fleetwright as a KRM function.
	Kustomize = Tool{Name: "kustomize", Module: "kustomize", Package: "sigs.k8s.io/kustomize/kustomize/v5"}
	Kpt       = Tool{Name: "kpt", Module: "kpt", Package: "github.com/GoogleContainerTools/kpt"}
)

// A Script is a program of a package of npm, run by Node.js.
type Script struct {
	// Module is the directory with the package and its lock file.
	Module string
	// Path of the script in what is installed.
	Path string
}

// YAMLLanguageServer is what editors know YAML by. Its version 2 asks for Node.js 22,
// which is newer than Debian's.
var YAMLLanguageServer = Script{Module: "yaml-language-server", Path: "node_modules/yaml-language-server/bin/yaml-language-server"}

// Install installs a script, and all that it needs at the versions and with the
// checksums of its lock file, unless that was done before, and returns its file. The
// directory is that of the tools' modules.
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

// sources are the files that say what a module is made of, a Go module or a package of npm.
var sources = []string{"go.mod", "go.sum", "package.json", "package-lock.json", "*.go", "*.s"}

// building keeps two tests from building at once: a build takes all cores.
var building sync.Mutex

// Build builds a tool unless that was done before, and returns its file. The
// directory is that of the tools' modules.
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

// Make has files made from a module unless that was done before, and returns the
// directory that they are in. They are made again when the module, Go or the
// arguments change.
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
	// Under another name first: what is interrupted leaves no half of it.
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
