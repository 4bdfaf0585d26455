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

// MaxBytes is the maximum size of all inputs of a run. It is ten times the size of 10,000 applications, and their
// output fits into memory.
const MaxBytes = 256 << 20

const (
	// writerWait is the time that a FIFO may wait for its first byte. A shell starts the writer of <(…) before the
	// reader, or at the same time.
	writerWait = 2 * time.Second
	// silence is the time without data after which a pipe is treated as endless.
	silence = 10 * time.Minute
	// pollInterval is the time between checks whether a FIFO has a writer.
	pollInterval = 20 * time.Millisecond
)

var (
	errTooLarge = fmt.Errorf("too large: all inputs together may have at most %d MiB; name only the files with Applications, Fleets, clusters and the objects that they refer to", MaxBytes>>20)
	errDevice   = errors.New("a device, which may never end; name files, directories and pipes")
	errNoFile   = errors.New("not a file, a directory or a pipe")
	errNoWriter = fmt.Errorf("a pipe to which nothing was written for %v; start the program that writes to it first", writerWait)
	errSilent   = fmt.Errorf("a pipe that is still open and had nothing to read for %v", silence)
)

// ReadStdin reads standard input, up to MaxBytes.
func ReadStdin(stdin io.Reader) ([]byte, error) { return readStdin(stdin, MaxBytes) }

func readStdin(stdin io.Reader, most int64) ([]byte, error) {
	if f, ok := stdin.(*os.File); ok {
		// Some programs pass a socket instead of a pipe, so sockets are accepted.
		if info, err := f.Stat(); err == nil && isEndless(f, info) {
			return nil, errDevice
		}
	}
	return readAll(stdin, 0, most)
}

// readFile reads a file or a stream of up to most bytes. A FIFO may wait for a writer.
func readFile(name string, most int64, wait time.Duration) ([]byte, error) {
	// Opening a disk or a tape can have side effects.
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

// readAll reads up to the end, and fails if there are more than most bytes. size is the expected size, and may be
// wrong.
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
	return bytes.Clone(b.Bytes()), err // a clone without unused capacity
}

// A pipe reads without blocking until it has a writer.
type pipe struct {
	file *os.File
	// wait is the maximum time until a writer starts.
	wait time.Duration
}

// Read reads the data of a writer.
func (p *pipe) Read(data []byte) (n int, err error) {
	for waited := time.Duration(0); ; waited += pollInterval {
		_ = p.file.SetReadDeadline(time.Now().Add(silence)) // files without deadlines are polled
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
			p.wait = 0 // it has, or had, a writer
			return n, err
		}
		time.Sleep(pollInterval)
	}
}

// isEndless reports whether an open file is a device that may never end. Terminals and the null device end.
func isEndless(f *os.File, info fs.FileInfo) bool {
	if info.Mode()&fs.ModeDevice == 0 || term.IsTerminal(int(f.Fd())) {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
