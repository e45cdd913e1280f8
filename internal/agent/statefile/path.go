//go:build linux

package statefile

import (
	"strconv"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

// maxPath is PATH_MAX of Linux: bytes, with the NUL at the end.
const maxPath = 4096

// path is the name of a file as the kernel takes it, in memory of its own.
type path struct {
	name [maxPath]byte
	len  int // with the NUL at the end
}

// set makes the path of its parts; false if it is too long.
func (p *path) set(parts ...[]byte) bool {
	p.len = 0
	for _, part := range parts {
		if p.len+len(part) >= maxPath {
			return false
		}
		p.len += copy(p.name[p.len:], part)
	}
	p.name[p.len] = 0
	p.len++
	return true
}

// text is the path with its NUL.
func (p *path) text() []byte { return p.name[:p.len] }

// split cuts the path after its last slash; the base has the NUL.
func (p *path) split() (directory, base []byte) {
	for i := p.len - 1; i >= 0; i-- {
		if p.name[i] == '/' {
			return p.name[:i+1], p.name[i+1 : p.len]
		}
	}
	return workingDirectory, p.text()
}

var workingDirectory = []byte("./")

// follow follows the path, by way of the other one, while it is a symbolic link.
func (p *path) follow(other *path) error {
	for range 40 { // what the kernel follows, path_resolution(7)
		n, err := kernel.Readlink(p.text(), other.name[:])
		if err == syscall.EINVAL || err == syscall.ENOENT { // no link; nothing there
			return nil
		}
		if err != nil {
			return err
		}
		directory, _ := p.split()
		if n > 0 && other.name[0] == '/' {
			directory = nil
		}
		// the link's text is moved behind the directory, within the other path
		if len(directory)+n >= maxPath {
			return syscall.ENAMETOOLONG
		}
		copy(other.name[len(directory):], other.name[:n])
		copy(other.name[:], directory)
		p.set(other.name[:len(directory)+n])
	}
	return syscall.ELOOP
}

// Printable is the text itself, or its quoted form if it has bytes that would
// break a line of the log.
func Printable(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return strconv.Quote(s)
		}
	}
	return s
}
