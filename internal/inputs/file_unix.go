//go:build unix

package inputs

import "golang.org/x/sys/unix"

// nonblocking opens a FIFO before it has a writer, and prevents a terminal from becoming the controlling one.
const nonblocking = unix.O_NONBLOCK | unix.O_NOCTTY
