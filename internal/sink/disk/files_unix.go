//go:build unix

package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// openFiles opens a directory, for system calls relative to the directories below it:
// os.Root takes three times as many for each file.
func openFiles(dir string, most int) (*rootFiles, error) {
	fd, err := openAt(unix.AT_FDCWD, dir, unix.O_DIRECTORY)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	return newRootFiles(unixDirectory(fd), most), nil
}

func openAt(dir int, name string, flags int) (fd int, err error) {
	err = ignoringEINTR(func() error {
		fd, err = unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0o666)
		return err
	})
	return fd, err
}

// A unixDirectory is the descriptor of a directory. Names are looked up in it, and nothing
// is opened through a link.
type unixDirectory int

func (d unixDirectory) Close() error { return unix.Close(int(d)) }

func (d unixDirectory) OpenDir(name string) (directory, error) {
	fd, err := openAt(int(d), name, unix.O_DIRECTORY|unix.O_NOFOLLOW)
	return unixDirectory(fd), err
}

// file opens a file to be read, without waiting for who writes to a pipe.
func (d unixDirectory) file(name string) (*os.File, error) {
	fd, err := openAt(int(d), name, unix.O_NOFOLLOW|unix.O_NONBLOCK)
	return os.NewFile(uintptr(fd), name), err
}

func (d unixDirectory) ReadDir(name string) ([]fs.DirEntry, error) {
	f, err := d.file(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

func (d unixDirectory) ReadFile(name string) ([]byte, error) {
	f, err := d.file(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errNotRegular)
	}
	return io.ReadAll(f)
}

func (d unixDirectory) Has(name string, content []byte, buffer *[]byte) (bool, error) {
	fd, err := openAt(int(d), name, unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	var info unixInfo
	switch err := ignoringEINTR(func() error { return unix.Fstat(fd, &info.Stat_t) }); {
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, errNotRegular
	case info.Size() != int64(len(content)):
		return false, nil
	}
	*buffer = slices.Grow((*buffer)[:0], len(content))[:len(content)]
	n, err := whole(fd, *buffer, unix.Read)
	return string((*buffer)[:n]) == string(content), err
}

func (d unixDirectory) Create(name string, content []byte) (made bool, err error) {
	fd, err := openAt(int(d), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return false, err
	}
	_, err = whole(fd, content, unix.Write)
	return true, errors.Join(err, unix.Close(fd))
}

// whole reads or writes until all is done, or there is no more.
func whole(fd int, data []byte, call func(fd int, data []byte) (int, error)) (done int, err error) {
	for done < len(data) {
		n := 0
		err := ignoringEINTR(func() (err error) {
			n, err = call(fd, data[done:])
			return err
		})
		if err != nil || n == 0 {
			return done, err
		}
		done += n
	}
	return done, nil
}

func (d unixDirectory) Mkdir(name string, mode fs.FileMode) error {
	return ignoringEINTR(func() error { return unix.Mkdirat(int(d), name, uint32(mode)) })
}

func (d unixDirectory) Rename(from, to string) error {
	return ignoringEINTR(func() error { return unix.Renameat(int(d), from, int(d), to) })
}

func (d unixDirectory) Remove(name string) error {
	err := ignoringEINTR(func() error { return unix.Unlinkat(int(d), name, 0) })
	if err == unix.EISDIR || err == unix.EPERM {
		if err := ignoringEINTR(func() error { return unix.Unlinkat(int(d), name, unix.AT_REMOVEDIR) }); err != unix.ENOTDIR {
			return err
		}
	}
	return err
}

func (d unixDirectory) Lstat(name string) (fs.FileInfo, error) {
	info := &unixInfo{name: name}
	err := ignoringEINTR(func() error { return unix.Fstatat(int(d), name, &info.Stat_t, unix.AT_SYMLINK_NOFOLLOW) })
	return info, err
}

// ignoringEINTR does something until no signal interrupts it.
func ignoringEINTR(do func() error) error {
	for {
		if err := do(); err != unix.EINTR {
			return err
		}
	}
}

// unixInfo is what the system tells about a file.
type unixInfo struct {
	name string
	unix.Stat_t
}

func (i *unixInfo) Name() string       { return i.name }
func (i *unixInfo) Size() int64        { return i.Stat_t.Size }
func (i *unixInfo) ModTime() time.Time { return time.Unix(i.Mtim.Unix()) }
func (i *unixInfo) IsDir() bool        { return i.Mode().IsDir() }
func (i *unixInfo) Sys() any           { return &i.Stat_t }

func (i *unixInfo) Mode() fs.FileMode {
	mode := fs.FileMode(i.Stat_t.Mode & 0o777)
	switch i.Stat_t.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return mode
	case unix.S_IFDIR:
		return mode | fs.ModeDir
	case unix.S_IFLNK:
		return mode | fs.ModeSymlink
	}
	return mode | fs.ModeIrregular
}
