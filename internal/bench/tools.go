package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// What people would use instead, at the newest versions that Go 1.26 builds.
const (
	kustomizeTool = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.2"
	helmTool      = "helm.sh/helm/v4/cmd/helm@v4.3.1"
	cueTool       = "cuelang.org/go/cmd/cue@v0.17.1"
)

// tool installs a command, if it is not yet there, and returns its name.
func (b *bench) tool(module string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	pkg, version, _ := strings.Cut(module, "@")
	command := path.Base(pkg)
	if command[0] == 'v' { // of the major version
		command = path.Base(path.Dir(pkg))
	}
	dir := filepath.Join(cache, "fleetwright", "bench", command+"@"+version)
	name := filepath.Join(dir, command)
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	b.say("installing %s", module)
	cmd := exec.Command("go", "install", module)
	cmd.Env = append(os.Environ(), "GOBIN="+dir)
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go install %s: %w\n%s", module, err, output)
	}
	return name, nil
}
