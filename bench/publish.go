package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// artifacts makes each cluster sync its own artifact.
const artifacts = `apiVersion: fleetwright.dev/v1alpha1
kind: RenderConfig
spec:
  sourceRef: {kind: OCIRepository}
`

// pushAll packs each cluster directory below $1 as an image with one layer, and pushes it with crane $2 to
// the path $3 of a registry. crane push accepts only images; crane append creates an image and pushes it in
// one process.
const pushAll = `set -e
for dir in "$1"/*/fleetwright; do
	cluster=$(basename "${dir%/fleetwright}")
	tar -cf - -C "$dir" . | gzip >"$1/layer.tgz"
	"$2" append --insecure -f "$1/layer.tgz" -t "$3-$$/$cluster:latest" 2>/dev/null
done
`

// publish compares publishing to a registry on loopback with packing and pushing the rendered directories
// with other programs, and with rendering.
func (b *bench) publish() (err error) {
	path, err := exec.Command("go", "tool", "-n", "crane").Output()
	if err != nil {
		return fmt.Errorf("go tool crane: %w", err)
	}
	crane := strings.TrimSpace(string(path))
	host, stop, err := b.serve(crane)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	published := func(inputs, path string) []string {
		// The number of the shell keeps runs apart: each publishes into an empty path.
		return []string{"sh", "-c", `exec "$0" publish "$1" "$2" --insecure`, b.fleetwright, inputs, "oci://" + host + "/" + path}
	}
	anew := func(inputs, path string) []string {
		args := published(inputs, path)
		args[2] = `exec "$0" publish "$1" "$2-$$" --insecure`
		return args
	}
	for _, s := range b.sizes {
		inputs, err := b.committed(s)
		if err != nil {
			return err
		}
		tree, current := b.path(s.String()+"-rendered"), published(inputs, "current-"+s.String())
		if err := b.do(b.fleetwright, "render", inputs, "-o", tree); err != nil {
			return err
		}
		if err := b.do(current...); err != nil {
			return err
		}
		pushed := command("sh", "-c", pushAll, "sh", tree, crane, host+"/other-"+s.String())
		fresh, name := command(anew(inputs, "new-"+s.String())...), "Publish/"+s.String()
		if err := b.compare(b.runs, true,
			pair{name + "/new/of=tar-gzip-crane", fresh, pushed},
			pair{name + "/unchanged/of=tar-gzip-crane", command(current...), pushed},
			pair{name + "/new/of=render", fresh, command(b.fleetwright, "render", inputs, "-o", b.path(newTrees, "out"))},
		); err != nil {
			return err
		}
	}
	return nil
}

// committed writes the inputs of a size to a Git repository, with a RenderConfig for artifacts, and returns
// its directory.
func (b *bench) committed(s size) (string, error) {
	inputs := b.path("committed", s.String())
	if err := b.generate(s, inputs); err != nil {
		return "", err
	}
	if err := write(inputs, "render-config.yaml", artifacts); err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"init", "--quiet"}, {"add", "."},
		{"-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "--quiet", "--message", "Inputs"},
	} {
		if err := b.do(append([]string{"git", "-C", inputs}, args...)...); err != nil {
			return "", err
		}
	}
	return inputs, nil
}

// serve starts a registry in a separate process, and returns its host.
func (b *bench) serve(crane string) (host string, stop func() error, err error) {
	blobs := b.path("registry")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(b.ctx, crane, "registry", "serve", "--address", "127.0.0.1:0", "--disk", blobs)
	said, err := cmd.StderrPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if _, port, ok := strings.Cut(lines.Text(), "serving on port "); ok {
			go func() {
				for lines.Scan() { // the process would block on a full pipe
				}
			}()
			return "127.0.0.1:" + strings.TrimSpace(port), func() error { _ = cmd.Process.Kill(); _ = cmd.Wait(); return nil }, nil
		}
	}
	return "", nil, errors.Join(errors.New("crane registry serve has not started"), cmd.Process.Kill())
}
