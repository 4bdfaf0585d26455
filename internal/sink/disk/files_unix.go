//go:build unix

package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// openFiles opens a directory, for system calls relative to the directories below it:
// os.Root takes three times as many for each file.
func openFiles(dir string, most int) (rootedFiles, error) {
	fd, err := openDir(unix.AT_FDCWD, dir, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	return &unixFiles{root: fd, open: map[string]int{}, most: most}, nil
}

// unixFiles are files below an open directory. Each name is looked up in the directory
// that it is in, and none but the first is opened through a link, so that no name leads
// out of it.
type unixFiles struct {
	root int
	// open are directories below it, by their names with a slash.
	open map[string]int
	// most is how many of these stay open.
	most int
	// buffer is for what is read and not kept.
	buffer []byte
}

func openDir(at int, name string, flags int) (fd int, err error) {
	err = ignoringEINTR(func() error {
		fd, err = unix.Openat(at, name, flags|unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	return fd, err
}

// ignoringEINTR does something until no signal interrupts it.
func ignoringEINTR(do func() error) error {
	for {
		if err := do(); err != unix.EINTR {
			return err
		}
	}
}

func (u *unixFiles) Close() {
	u.Release()
	unix.Close(u.root)
}

func (u *unixFiles) Release() {
	for _, fd := range u.open {
		unix.Close(fd)
	}
	clear(u.open)
}

// dir is the directory that a name is in, opened, and the rest of the name.
func (u *unixFiles) dir(name string) (int, string, error) {
	parent, base := path.Split(name)
	if parent == "" {
		return u.root, base, nil
	}
	if fd, ok := u.open[parent]; ok {
		return fd, base, nil
	}
	above, last, err := u.dir(parent[:len(parent)-1])
	if err != nil {
		return 0, "", err
	}
	fd, err := openDir(above, last, unix.O_NOFOLLOW)
	if err != nil {
		return 0, "", err
	}
	if len(u.open) >= u.most {
		u.Release()
	}
	u.open[parent] = fd
	return fd, base, nil
}

// at does something in the directory that a name is in.
func (u *unixFiles) at(name string, do func(dir int, base string) error) error {
	dir, base, err := u.dir(name)
	if err == nil {
		err = ignoringEINTR(func() error { return do(dir, base) })
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (u *unixFiles) Lstat(name string) (info fs.FileInfo, err error) {
	err = u.at(name, func(dir int, base string) error {
		stat := unixInfo{name: base}
		info = &stat
		return unix.Fstatat(dir, base, &stat.Stat_t, unix.AT_SYMLINK_NOFOLLOW)
	})
	return info, err
}

func (u *unixFiles) ReadFile(name string) (data []byte, err error) {
	fd, size, err := u.openRegular(name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	data = make([]byte, size)
	n, err := readFull(fd, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data[:n], nil
}

func (u *unixFiles) Has(name string, content []byte) (has bool, err error) {
	fd, size, err := u.openRegular(name)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	if size != len(content) {
		return false, nil
	}
	u.buffer = slices.Grow(u.buffer[:0], size)[:size]
	n, err := readFull(fd, u.buffer)
	if err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return string(u.buffer[:n]) == string(content), nil
}

// openRegular opens a regular file, and nothing else: not through a link, and without
// waiting for who writes to a pipe.
func (u *unixFiles) openRegular(name string) (fd, size int, err error) {
	err = u.at(name, func(dir int, base string) error {
		fd, err = unix.Openat(dir, base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		if info, err := u.Lstat(name); err == nil {
			if err := checkRegular(name, info); err != nil {
				return 0, 0, err
			}
		}
		return 0, 0, err
	}
	stat := unixInfo{name: path.Base(name)}
	if err = ignoringEINTR(func() error { return unix.Fstat(fd, &stat.Stat_t) }); err == nil {
		err = checkRegular(name, &stat)
	}
	if err != nil {
		unix.Close(fd)
		return 0, 0, err
	}
	return fd, int(stat.Stat_t.Size), nil
}

// readFull reads until there is no more, or no more room.
func readFull(fd int, into []byte) (n int, err error) {
	for n < len(into) {
		var more int
		err := ignoringEINTR(func() error {
			more, err = unix.Read(fd, into[n:])
			return err
		})
		if err != nil || more == 0 {
			return n, err
		}
		n += more
	}
	return n, nil
}

func (u *unixFiles) Create(name string, content []byte) error {
	made := false
	err := u.at(name, func(dir int, base string) error {
		fd, err := unix.Openat(dir, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o666)
		if made = err == nil; !made {
			return err
		}
		err = writeFull(fd, content)
		return errors.Join(err, unix.Close(fd))
	})
	return unless(made, err)
}

// writeFull writes all of something.
func writeFull(fd int, content []byte) error {
	for len(content) > 0 {
		n := 0
		err := ignoringEINTR(func() (err error) {
			n, err = unix.Write(fd, content)
			return err
		})
		if err != nil {
			return err
		}
		content = content[n:]
	}
	return nil
}

func (u *unixFiles) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = u.at(path.Join(name, "."), func(dir int, base string) error {
		fd, err := openDir(dir, base, unix.O_NOFOLLOW)
		if err != nil {
			return err
		}
		f := os.NewFile(uintptr(fd), name)
		defer f.Close()
		entries, err = f.ReadDir(-1)
		return err
	})
	return entries, err
}

func (u *unixFiles) Mkdir(name string) error {
	return unless(false, u.at(name, func(dir int, base string) error { return unix.Mkdirat(dir, base, 0o777) }))
}

func (u *unixFiles) Rename(from, to string) error {
	u.forget(from)
	return u.at(from, func(dir int, base string) error { return unix.Renameat(dir, base, dir, path.Base(to)) })
}

func (u *unixFiles) Remove(name string) error {
	u.forget(name)
	return u.at(name, func(dir int, base string) error {
		err := unix.Unlinkat(dir, base, 0)
		if err == unix.EISDIR || err == unix.EPERM {
			if err := unix.Unlinkat(dir, base, unix.AT_REMOVEDIR); err != unix.ENOTDIR {
				return err
			}
		}
		return err
	})
}

// forget closes what is open of a directory that goes.
func (u *unixFiles) forget(name string) {
	if _, ok := u.open[name+"/"]; ok {
		u.Release() // with what is below it
	}
}

// unixInfo is what the system says of a file.
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
