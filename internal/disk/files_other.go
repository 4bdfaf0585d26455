//go:build !unix

package disk

// openFiles opens a directory.
func openFiles(dir string) (rootedFiles, error) { return openRoot(dir) }
