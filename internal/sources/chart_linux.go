package sources

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxMemory is how much memory helm may ask for: a template can ask for any.
const maxMemory = 3 << 30

// contain has a program end with this one, and what it has started with it.
func contain(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// limitMemory limits the memory of a program that has just begun.
func limitMemory(pid int) {
	_ = unix.Prlimit(pid, unix.RLIMIT_AS, &unix.Rlimit{Cur: maxMemory, Max: maxMemory}, nil) // it may have ended
}
