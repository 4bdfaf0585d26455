package tools

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Start starts a program that stops with the test, or earlier when stop is called. If the test fails, or the
// program ends by itself, the last lines of its log are shown.
func Start(t testing.TB, cmd *exec.Cmd, log string) (stop func()) {
	t.Helper()
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	// The program must not outlive a killed test.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	name := filepath.Base(log)
	stop = sync.OnceFunc(func() {
		select {
		case err := <-ended:
			t.Errorf("the program of %s ended unexpectedly: %v\n%s", name, err, tail(log, 15))
		default:
			_ = cmd.Process.Signal(syscall.SIGTERM)
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				_ = cmd.Process.Kill()
				<-ended
			}
		}
		out.Close()
	})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last lines of %s:\n%s", name, tail(log, 15))
		}
		stop()
	})
	return stop
}

func tail(name string, lines int) string {
	data, _ := os.ReadFile(name)
	all := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
