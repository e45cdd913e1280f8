//go:build linux

package statefile

import (
	"errors"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

// maxFileSize is the largest state file that is read, in bytes.
const maxFileSize = 4096

// File is the file that holds the state, with all the memory that reading and
// saving it needs, whatever goes wrong. It is for one goroutine at a time.
type File struct {
	Name    string // as messages show it
	Hint    string // what to do if there is no such file
	path    path
	target  path // the file itself, if path is a symbolic link
	other   path
	buffer  [maxFileSize + 1]byte
	list    [1024]byte // the access list
	trouble Error
}

// New is the file of that name, which need not exist.
func New(name string) *File {
	f := &File{Name: Printable(name)}
	f.path.set([]byte(name))
	return f
}

// Error is what was wrong with the file when it was read or saved. It is in the
// File's memory, and valid until the file is read or saved again.
type Error struct{ text []byte }

func (e *Error) Error() string { return string(e.text) }

// Text is what Error returns, without an allocation.
func (e *Error) Text() []byte { return e.text }

// say makes the error of the file's name and the parts behind it.
func (f *File) say(parts ...string) *Error {
	f.trouble.text = append(f.trouble.text[:0], f.Name...)
	for _, part := range parts {
		f.trouble.text = append(f.trouble.text, part...)
	}
	return &f.trouble
}

// append adds to the error.
func (f *File) append(more string) *Error {
	f.trouble.text = append(f.trouble.text, more...)
	return &f.trouble
}

// Load reads the state. Whatever stands at the path, it neither hangs nor reads
// more than maxFileSize.
func (f *File) Load() (State, *Error) {
	n, err := f.read()
	if err == syscall.ENOENT {
		return State{}, f.say(": ", err.Error(), f.Hint)
	}
	if err != nil {
		return State{}, f.say(": ", err.Error())
	}
	s, message := parse(f.buffer[:n], f.say(":").text)
	if message != nil {
		f.trouble.text = message
		return State{}, &f.trouble
	}
	return s, nil
}

// read fills the buffer.
func (f *File) read() (n int, err error) {
	var st syscall.Stat_t
	if err := kernel.Stat(kernel.WorkingDirectory, f.path.text(), &st, 0); err != nil {
		return 0, err
	}
	if err := checkRegular(&st); err != nil {
		return 0, err
	}
	fd, err := kernel.Open(kernel.WorkingDirectory, f.path.text(), syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return 0, err
	}
	defer syscall.Close(fd)
	if err := syscall.Fstat(fd, &st); err != nil {
		return 0, err
	}
	if err := checkRegular(&st); err != nil { // the name may mean another file by now
		return 0, err
	}
	for n < len(f.buffer) { // whatever size stat gave: it may grow while it is read
		m, err := syscall.Read(fd, f.buffer[n:])
		if err != nil && err != syscall.EINTR {
			return 0, err
		}
		if m == 0 {
			return n, nil
		}
		n += max(m, 0)
	}
	return 0, errTooLarge
}

var errTooLarge = errors.New("larger than 4096 bytes")

// kinds are the files that hang, never end, or hold no text.
var kinds = [...]struct {
	mode uint32
	err  error
}{
	{syscall.S_IFDIR, errors.New("expected a regular file, found a directory")},
	{syscall.S_IFIFO, errors.New("expected a regular file, found a FIFO")},
	{syscall.S_IFSOCK, errors.New("expected a regular file, found a socket")},
	{syscall.S_IFLNK, errors.New("expected a regular file, found a symbolic link")},
	{syscall.S_IFCHR, errors.New("expected a regular file, found a device")},
	{syscall.S_IFBLK, errors.New("expected a regular file, found a device")},
}

func checkRegular(st *syscall.Stat_t) error {
	for _, kind := range kinds {
		if st.Mode&syscall.S_IFMT == kind.mode {
			return kind.err
		}
	}
	return nil
}
