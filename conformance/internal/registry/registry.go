// Package registry starts a container registry on loopback, and a proxy in front of it that fails on request.
// It pushes and pulls artifacts as Flux does.
package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/fleetwright/fleetwright/conformance/internal/kube"
	"github.com/fleetwright/fleetwright/conformance/internal/tools"
)

// Options configure a registry. The zero value is a registry that anyone may read and write.
type Options struct {
	// Dir is the storage directory. A registry that replaces another one gets the same directory. The default
	// is a new directory.
	Dir string
	// Users maps users to passwords. If set, only these users may read or write.
	Users map[string]string
	// ReadOnly rejects every push.
	ReadOnly bool
	// Size is the size of the storage file system in the format of mount, such as "64k". Its content is lost
	// when the registry stops. Mounting needs root.
	Size string
}

// A Registry is a real registry: Distribution, which other registries are based on.
type Registry struct {
	// Host is the address of the registry, as references begin.
	Host string
	// Dir is the storage directory.
	Dir string
	// Stop stops the registry before the test ends.
	Stop func()
}

// listening matches the registry's log line about accepted connections.
var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

// Start starts a registry that stops with the test. toolsDir holds the tools' modules.
func Start(t testing.TB, toolsDir string, o Options) *Registry {
	t.Helper()
	program, err := tools.Build(toolsDir, tools.Registry)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	file, log := filepath.Join(dir, "config.json"), filepath.Join(dir, "registry.log")
	config, err := json.Marshal(o.config(t, filepath.Join(dir, "htpasswd")))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", file)
	if o.Size != "" {
		const mounted = `mount -t tmpfs -o "size=$0" tmpfs "$1" && shift && exec "$@"`
		cmd = exec.Command("unshare", "--mount", "sh", "-c", mounted, o.Size, o.Dir, program, "serve", file)
	}
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	r := &Registry{Dir: o.Dir, Stop: tools.Start(t, cmd, log)}
	if o.Size != "" {
		r.Dir = fmt.Sprintf("/proc/%d/root%s", cmd.Process.Pid, o.Dir) // in a mount namespace that only the registry sees
	}
	kube.Eventually(t, kube.Startup, "the registry listens", func() error {
		data, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		if m := listening.FindSubmatch(data); m != nil {
			r.Host = string(m[1])
			return nil
		}
		return errors.New("no such line in its log")
	})
	return r
}

// config returns the registry's configuration as JSON, which is also YAML. The system chooses the port.
func (o Options) config(t testing.TB, passwords string) map[string]any {
	t.Helper()
	config := map[string]any{
		"version": 0.1,
		"log":     map[string]any{"accesslog": map[string]any{"disabled": true}},
		"http":    map[string]any{"addr": "127.0.0.1:0"},
		"storage": map[string]any{
			"filesystem": map[string]any{"rootdirectory": o.Dir},
			"delete":     map[string]any{"enabled": true},
			"maintenance": map[string]any{
				"readonly":      map[string]any{"enabled": o.ReadOnly},
				"uploadpurging": map[string]any{"enabled": false},
			},
		},
	}
	if len(o.Users) == 0 {
		return config
	}
	var lines bytes.Buffer
	for user, password := range o.Users {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		lines.WriteString(user + ":" + string(hash) + "\n")
	}
	if err := os.WriteFile(passwords, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	config["auth"] = map[string]any{"htpasswd": map[string]any{"realm": "conformance", "path": passwords}}
	return config
}
