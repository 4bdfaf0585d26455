//go:build !unix

package inputs

// nonblocking is 0 where opening a file never blocks.
const nonblocking = 0
