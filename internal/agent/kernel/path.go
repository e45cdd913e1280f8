//go:build linux

package kernel

import (
	"strconv"
	"syscall"
	"unsafe"
)

// maxPath is PATH_MAX of Linux: bytes, with the NUL at the end.
const maxPath = 4096

// Path is the name of a file as the kernel takes it, in memory of its own:
// package syscall's calls, which take strings, allocate on each. Its methods
// return 0 for success, and call again where a signal interrupts them.
type Path struct {
	name [maxPath]byte
	len  int // without the NUL
}

// Set makes the path of parts put together; false if that is too long.
func (p *Path) Set(parts ...[]byte) bool {
	p.len = 0
	for _, part := range parts {
		if p.len+len(part) >= len(p.name) {
			return false
		}
		p.len += copy(p.name[p.len:], part)
	}
	p.name[p.len] = 0
	return true
}

func (p *Path) Bytes() []byte { return p.name[:p.len] }

func (p *Path) String() string { return Printable(string(p.Bytes())) }

// Split cuts the path after its last slash.
func (p *Path) Split() (directory, base []byte) {
	for i := p.len - 1; i >= 0; i-- {
		if p.name[i] == '/' {
			return p.name[:i+1], p.name[i+1 : p.len]
		}
	}
	return []byte("./"), p.Bytes()
}

func (p *Path) pointer() uintptr { return uintptr(unsafe.Pointer(&p.name)) }

const atWorkingDirectory = -100 // AT_FDCWD of openat(2)

// call makes a system call that takes the path second, and a directory before it.
func (p *Path) call(number, third, fourth, fifth uintptr) (int, syscall.Errno) {
	directory := atWorkingDirectory
	for {
		n, _, errno := syscall.Syscall6(number, uintptr(directory), p.pointer(), third, fourth, fifth, 0)
		if errno != syscall.EINTR {
			return int(n), errno
		}
	}
}

func (p *Path) Open(flags int, mode uint32) (fd int, errno syscall.Errno) {
	return p.call(syscall.SYS_OPENAT, uintptr(flags|syscall.O_CLOEXEC), uintptr(mode), 0)
}

func (p *Path) Unlink() syscall.Errno {
	_, errno := p.call(syscall.SYS_UNLINKAT, 0, 0, 0)
	return errno
}

func (p *Path) readlink(to []byte) (int, syscall.Errno) {
	return p.call(syscall.SYS_READLINKAT, uintptr(unsafe.Pointer(unsafe.SliceData(to))), uintptr(len(to)), 0)
}

func (p *Path) Rename(to *Path) syscall.Errno {
	directory := atWorkingDirectory
	_, errno := p.call(sysRenameat, uintptr(directory), to.pointer(), 0)
	return errno
}

const oPath = 0x200000 // O_PATH of open(2): a descriptor that can be asked what it is

// Stat looks at the file without opening it: that can hang on a FIFO, and do
// anything on a device.
func (p *Path) Stat(st *syscall.Stat_t, flags int) error {
	fd, errno := p.Open(oPath|flags, 0)
	if errno != 0 {
		return errno
	}
	defer syscall.Close(fd)
	return syscall.Fstat(fd, st)
}

// Follow follows the path, through the other one, while it is a symbolic link.
func (p *Path) Follow(other *Path) error {
	for range 40 { // what the kernel follows, path_resolution(7)
		n, errno := p.readlink(other.name[:])
		if errno == syscall.EINVAL || errno == syscall.ENOENT { // no link; nothing there
			return nil
		}
		if errno != 0 {
			return errno
		}
		directory, _ := p.Split()
		if n > 0 && other.name[0] == '/' {
			directory = nil
		}
		// the link's text is moved behind the directory, within the other path
		if len(directory)+n >= maxPath {
			return syscall.ENAMETOOLONG
		}
		copy(other.name[len(directory):], other.name[:n])
		copy(other.name[:], directory)
		p.Set(other.name[:len(directory)+n])
	}
	return syscall.ELOOP
}

// Printable is the text itself, or its quoted form where it has bytes that
// would break a line of the log.
func Printable(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return strconv.Quote(s)
		}
	}
	return s
}
