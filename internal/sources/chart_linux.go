package sources

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxMemory limits the memory of helm, because a template can allocate any amount.
const maxMemory = 3 << 30

// contain makes a program end with this one, together with its children.
func contain(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// limitMemory limits the memory of a program that has just started.
func limitMemory(pid int) {
	_ = unix.Prlimit(pid, unix.RLIMIT_AS, &unix.Rlimit{Cur: maxMemory, Max: maxMemory}, nil) // it may have ended
}
