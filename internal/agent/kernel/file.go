//go:build linux

package kernel

import (
	"syscall"
	"unsafe"
)

// The calls on files of package syscall take strings, and allocate on each. These
// take a name as the kernel does: bytes that end with a NUL, relative to an open
// directory unless the name is absolute or the directory is WorkingDirectory. They
// repeat a call that a signal interrupts.

const (
	WorkingDirectory = -100     // AT_FDCWD of openat(2)
	OnlyPath         = 0x200000 // O_PATH of open(2): a descriptor that can be asked what it is
)

func data(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// call keeps what its arguments point to in place for as long as it takes.
//
//go:uintptrescapes
func call(number, a, b, c, d, e uintptr) (int, error) {
	for {
		n, _, errno := syscall.Syscall6(number, a, b, c, d, e, 0)
		if errno == 0 {
			return int(n), nil
		}
		if errno != syscall.EINTR {
			return -1, errno
		}
	}
}

func Open(directory int, name []byte, flags int, mode uint32) (fd int, err error) {
	return call(syscall.SYS_OPENAT, uintptr(directory), uintptr(data(name)), uintptr(flags|syscall.O_CLOEXEC), uintptr(mode), 0)
}

func Unlink(directory int, name []byte) error {
	_, err := call(syscall.SYS_UNLINKAT, uintptr(directory), uintptr(data(name)), 0, 0, 0)
	return err
}

// Rename gives a file another name in the same directory.
func Rename(directory int, from, to []byte) error {
	_, err := call(sysRenameat, uintptr(directory), uintptr(data(from)), uintptr(directory), uintptr(data(to)), 0)
	return err
}

func Readlink(name, target []byte) (n int, err error) {
	directory := WorkingDirectory
	return call(syscall.SYS_READLINKAT, uintptr(directory), uintptr(data(name)), uintptr(data(target)), uintptr(len(target)), 0)
}

// Stat looks at the file without opening it: that can hang on a FIFO, and do
// anything on a device.
func Stat(directory int, name []byte, st *syscall.Stat_t, flags int) error {
	fd, err := Open(directory, name, OnlyPath|flags, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	return syscall.Fstat(fd, st)
}

var accessList = []byte("system.posix_acl_access\x00")

// AccessList reads the file's ACL, acl(5), as the kernel holds it. It is empty
// where there is none, or the file system has no such thing.
func AccessList(name, list []byte) (n int, err error) {
	n, err = call(syscall.SYS_GETXATTR, uintptr(data(name)), uintptr(data(accessList)), uintptr(data(list)), uintptr(len(list)), 0)
	return max(n, 0), unlessNone(err)
}

// SetAccessList gives an open file an ACL, or takes it away where the list is empty.
func SetAccessList(fd int, list []byte) (err error) {
	if len(list) > 0 {
		_, err = call(syscall.SYS_FSETXATTR, uintptr(fd), uintptr(data(accessList)), uintptr(data(list)), uintptr(len(list)), 0)
		return err
	}
	_, err = call(syscall.SYS_FREMOVEXATTR, uintptr(fd), uintptr(data(accessList)), 0, 0, 0)
	return unlessNone(err)
}

func unlessNone(err error) error {
	switch err {
	case syscall.ENODATA, syscall.EOPNOTSUPP, syscall.ENOSYS:
		return nil
	}
	return err
}

// Sync puts an open file or directory onto the disk.
func Sync(fd int) error {
	_, err := call(syscall.SYS_FSYNC, uintptr(fd), 0, 0, 0, 0)
	return err
}

// Write writes all of b to a file descriptor.
func Write(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := syscall.Write(fd, b)
		if err != nil && err != syscall.EINTR {
			return err
		}
		b = b[max(n, 0):]
	}
	return nil
}

// WriteAt writes b into a file, from its beginning on, in one call, and tells how
// much of it was written.
func WriteAt(fd int, b []byte) (n int, err error) {
	for err = syscall.EINTR; err == syscall.EINTR; {
		n, err = syscall.Pwrite(fd, b, 0)
	}
	if err == nil && n < len(b) {
		err = syscall.ENOSPC // what a short write to a regular file means
	}
	return max(n, 0), err
}
