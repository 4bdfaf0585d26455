//go:build unix

package inputs_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fleetwright/fleetwright/internal/inputs"
)

func TestPipesThatEndAreInputs(t *testing.T) {
	directory(t)
	if err := unix.Mkfifo("fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { _ = os.WriteFile("fifo", []byte("# fifo"), 0) }()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	go func() {
		fmt.Fprint(writer, "# pipe")
		writer.Close()
	}()
	for name, want := range map[string]string{"fifo": "# fifo", fmt.Sprintf("/dev/fd/%d", reader.Fd()): "# pipe", os.DevNull: ""} {
		files, err := inputs.Read([]string{name}, nil)
		if err != nil || len(files) != 1 || string(files[0].Data) != want {
			t.Errorf("%s: %v, %v", name, files, err)
		}
	}
}

func TestWhatDoesNotEndIsRefused(t *testing.T) {
	directory(t, "dir/a.yaml")
	for _, fifo := range []string{"fifo", "dir/b.yaml"} {
		if err := unix.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"zero": "/dev/zero", "dir/c.yaml": "/dev/zero", "dir/d.yaml": "../fifo"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	const device = ": a device, which may never end; name files, directories and pipes"
	for name, want := range map[string]string{
		"/dev/zero": "/dev/zero" + device, "zero": "zero" + device, "/dev/urandom": "/dev/urandom" + device,
		"fifo": "fifo: a pipe to which nothing was written for 2s; start the program that writes to it first",
	} {
		if _, err := inputs.Read([]string{name}, nil); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	zero, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer zero.Close()
	if _, err := inputs.Read([]string{"-"}, zero); err == nil || !strings.HasPrefix(err.Error(), "stdin"+device) {
		t.Errorf("%v", err)
	}
	// In directories, only regular files are read.
	files, err := inputs.Read([]string{"dir"}, nil)
	if err != nil || len(files) != 1 || files[0].Name != "dir/a.yaml" {
		t.Errorf("%v, %v", files, err)
	}
}
