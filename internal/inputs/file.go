package inputs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/term"
)

// MaxBytes is the most that all inputs of a run may have together. It is ten times
// 10,000 applications, and what is rendered of them fits into memory.
const MaxBytes = 256 << 20

const (
	// writerWait is how long a FIFO waits for the first byte. A shell starts the writer of
	// a <(…) before the reader, or at the same time.
	writerWait = 2 * time.Second
	// silence is how long a pipe may have nothing to read before it is taken for one that
	// never ends.
	silence = 10 * time.Minute
	// pollInterval is how often a FIFO is asked whether it has a writer.
	pollInterval = 20 * time.Millisecond
)

var (
	errTooLarge = fmt.Errorf("too large: all inputs together may have %d MiB; name only what holds Applications, Fleets, clusters and what they refer to", MaxBytes>>20)
	errDevice   = errors.New("a device, of which no end is known; name files, directories and pipes")
	errNoFile   = errors.New("not a file, a directory or a pipe")
	errNoWriter = fmt.Errorf("a pipe to which nobody has written for %v; start what writes to it first", writerWait)
	errSilent   = fmt.Errorf("a pipe that was not closed, and had nothing to read for %v", silence)
)

// ReadStdin reads the standard input, which may have MaxBytes.
func ReadStdin(stdin io.Reader) ([]byte, error) { return readStdin(stdin, MaxBytes) }

func readStdin(stdin io.Reader, most int64) ([]byte, error) {
	if f, ok := stdin.(*os.File); ok {
		// Some programs give a socket for a pipe, so sockets pass.
		if info, err := f.Stat(); err == nil && isEndless(f, info) {
			return nil, errDevice
		}
	}
	return readAll(stdin, 0, most)
}

// readFile reads a file or a stream of at most so many bytes. A FIFO waits for a writer.
func readFile(name string, most int64, wait time.Duration) ([]byte, error) {
	// Opening a disk or a tape can do something to it.
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode(); mode&fs.ModeDevice != 0 && mode&fs.ModeCharDevice == 0 || mode&(fs.ModeSocket|fs.ModeIrregular) != 0 {
		return nil, errNoFile
	}
	f, err := os.OpenFile(name, os.O_RDONLY|nonblocking, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	switch {
	case isEndless(f, info):
		return nil, errDevice
	case info.Mode().IsRegular():
		return readAll(f, info.Size(), most)
	case info.Mode()&fs.ModeNamedPipe != 0:
		return readAll(&pipe{f, wait}, 0, most)
	}
	return readAll(f, 0, most)
}

// readAll reads to the end, and fails where that is not among the first bytes. The size is
// what is expected, and may be wrong.
func readAll(r io.Reader, size, most int64) ([]byte, error) {
	if size > most {
		return nil, errTooLarge
	}
	var b bytes.Buffer
	b.Grow(int(size) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(r, most+1))
	if n > most {
		return nil, errTooLarge
	}
	return bytes.Clone(b.Bytes()), err // in no more memory than it needs
}

// A pipe is read without blocking until it has a writer.
type pipe struct {
	file *os.File
	// wait is how long a writer may take to come.
	wait time.Duration
}

// Read reads what a writer has written.
func (p *pipe) Read(data []byte) (n int, err error) {
	for waited := time.Duration(0); ; waited += pollInterval {
		_ = p.file.SetReadDeadline(time.Now().Add(silence)) // where files have none, they are polled
		n, err = p.file.Read(data)
		again := errors.Is(err, syscall.EAGAIN)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), again && waited > silence:
			return n, errSilent
		case again:
		case err == io.EOF && p.wait > 0:
			if waited >= p.wait {
				return n, errNoWriter
			}
		default:
			p.wait = 0 // it has a writer, or had one
			return n, err
		}
		time.Sleep(pollInterval)
	}
}

// isEndless reports whether an open file is a device that need not end. A terminal and the
// null device do.
func isEndless(f *os.File, info fs.FileInfo) bool {
	if info.Mode()&fs.ModeDevice == 0 || term.IsTerminal(int(f.Fd())) {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
