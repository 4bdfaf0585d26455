//go:build !unix

package inputs

// nonblocking has nothing to change where files do not block.
const nonblocking = 0
