package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/fleetwright/fleetwright/internal/pages"
)

// docker is a script that emulates docker build and docker run, as far as the page needs them, without a
// daemon. buildah builds the image, and the script runs the program directly, because buildah run
// occasionally loses output.
const docker = `#!/bin/sh
set -eu
buildah="buildah --root $STORAGE/root --runroot $STORAGE/run --storage-driver vfs"
command=$1
shift
if [ "$command" = build ]; then
	exec $buildah build --timestamp=0 "$@"
fi
user= volume=
while :; do
	case $1 in
	--rm | -i) ;;
	--user) user=$2; shift ;;
	-v) volume=$2; shift ;;
	*) break ;;
	esac
	shift
done
container=$($buildah from --quiet "$1")
shift
config() { $buildah inspect --format "{{$1}}" "$container"; }
user=${user:-$(config .OCIv1.Config.User)}
directory=$(config .OCIv1.Config.WorkingDir)
set -- "$(config 'index .OCIv1.Config.Entrypoint 0')" "$@"
root=$($buildah mount "$container")
code=0
# To the directory of the volume, where it is, with options or without.
ROOT=$root VOLUME=$volume unshare --mount sh -euc '
	if [ -n "$VOLUME" ]; then
		from=${VOLUME%%:*} to=${VOLUME#*:} options=bind
		case $to in *:ro) to=${to%:ro} options=bind,ro ;; esac
		mount -o "$options" "$from" "$ROOT$to"
	fi
	exec env -i "$(command -v unshare)" --root "$ROOT" --wd "$0" "$@"
' "$directory" --setgid "${user#*:}" --setuid "${user%:*}" -- "$@" || code=$?
$buildah rm "$container" > /dev/null
exit $code
`

// imageProgram is the file that make image puts into the image.
const imageProgram = "bin/linux/" + runtime.GOARCH + "/fleetwright"

// TestContainer builds and runs the image as docs/container.md describes.
func TestContainer(t *testing.T) {
	repository, env := published(t)
	bin, storage := t.TempDir(), t.TempDir()
	mustCopy(t, tree{"docker": []byte(docker)}, bin)
	if err := os.Chmod(filepath.Join(bin, "docker"), 0o755); err != nil {
		t.Fatal(err)
	}
	env = append(env, "STORAGE="+storage, "PATH="+bin+":"+os.Getenv("PATH"), "GOFLAGS=")
	run := func(t *testing.T, command string) string {
		t.Helper()
		return pages.Shell(t, repository, command, env...)
	}

	t.Run("the page", func(t *testing.T) {
		record(t, "8. container: the page")
		pages.Run(t, "..", "docs/container.md", repository, env...)
	})
	t.Run("version and labels", func(t *testing.T) {
		record(t, "8. container: what it says of itself")
		revision := strings.TrimSpace(run(t, "git rev-parse HEAD"))
		version := strings.TrimSpace(run(t, "docker run --rm fleetwright --version"))
		if !strings.HasPrefix(version, "fleetwright v0.0.0-") || !strings.HasSuffix(version, "-"+revision[:12]) {
			t.Errorf("version %q, want the commit %s", version, revision)
		}
		var image struct {
			OCIv1 struct {
				Config struct{ Labels map[string]string }
			}
		}
		inspected := run(t, "buildah --root $STORAGE/root --runroot $STORAGE/run --storage-driver vfs inspect --type image fleetwright")
		if err := json.Unmarshal([]byte(inspected), &image); err != nil {
			t.Fatal(err)
		}
		for label, want := range map[string]string{
			"revision": revision, "version": strings.TrimPrefix(version, "fleetwright "), "source": address, "licenses": "Apache-2.0",
		} {
			if got := image.OCIv1.Config.Labels["org.opencontainers.image."+label]; got != want {
				t.Errorf("label %s = %q, want %q", label, got, want)
			}
		}
	})
	t.Run("the same commit gives the same program", func(t *testing.T) {
		record(t, "8. container: what it says of itself")
		clone := t.TempDir()
		run(t, "git clone --quiet . "+clone)
		pages.Shell(t, clone, "make image > /dev/null 2>&1", env...)
		if a, b := fileOf(t, repository, imageProgram), fileOf(t, clone, imageProgram); !bytes.Equal(a, b) {
			t.Error("two programs of one commit differ")
		}
	})
	t.Run("renders the same output as outside a container", func(t *testing.T) {
		record(t, "8. container: renders the examples")
		for _, example := range []string{"kuma-rollout", "istio-canary", "hub", "helm-oci"} {
			dir := "examples/" + example
			inside := run(t, "docker run --rm -v \"$PWD:/work:ro\" fleetwright render "+dir+" -o - 2>said; cat said")
			outside := run(t, fleetwright(t)+" render "+dir+" -o - 2>said; cat said")
			if inside != outside {
				t.Errorf("%s: the container renders\n%s\nwant\n%s", example, inside, outside)
			}
		}
	})
	t.Run("owner of the output", func(t *testing.T) {
		record(t, "8. container: whose files are written")
		dir := userRepository(t, env, nil)
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		refused := run(t, "docker run --rm -v "+dir+":/work fleetwright render apps fleets -o clusters 2>&1 || echo refused")
		if !strings.Contains(refused, "permission denied") || !strings.HasSuffix(refused, "\nrefused\n") {
			t.Errorf("the user nobody can write into another user's directory: %s", refused)
		}
		if err := os.Chown(dir, 1234, 1234); err != nil {
			t.Fatalf("this test needs root: %v", err)
		}
		run(t, "docker run --rm --user 1234:1234 -v "+dir+":/work fleetwright render apps fleets -o clusters")
		info, err := os.Stat(filepath.Join(dir, "clusters/austin/fleetwright/sync.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 1234 || owner.Gid != 1234 {
			t.Errorf("the output belongs to %d:%d", owner.Uid, owner.Gid)
		}
	})
	t.Run("is linked statically", func(t *testing.T) {
		record(t, "8. container: what it says of itself")
		out, err := exec.Command("go", "version", "-m", filepath.Join(repository, imageProgram)).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "\tCGO_ENABLED=0\n") {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func fileOf(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
