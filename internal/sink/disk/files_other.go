//go:build !unix

package disk

// openFiles opens a directory.
func openFiles(dir string, most int) (*rootFiles, error) { return openRoot(dir, most) }
