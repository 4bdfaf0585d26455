//go:build !linux

package sources

import "os/exec"

// contain and limitMemory do nothing where nobody has looked what does: a program is killed when its
// time is over.
func contain(*exec.Cmd) {}
func limitMemory(int)   {}
