//go:build unix

package inputs

import "golang.org/x/sys/unix"

// nonblocking has a FIFO opened before it has a writer, and keeps a terminal from becoming
// the one that signals come from.
const nonblocking = unix.O_NONBLOCK | unix.O_NOCTTY
