//go:build linux

package statefile

import (
	"errors"
	"syscall"
)

// How long another agent that saves to the same file is waited for: a second.
const (
	lockTries = 100
	lockPause = 10_000_000 // nanoseconds
)

// nameTemporary names the file beside the target: a rename works within one file
// system only. False if the name is too long.
func (f *File) nameTemporary() bool {
	directory, base := f.target.Split()
	return f.temporary.Set(directory, []byte("."), base, []byte(".tmp"))
}

// createTemporary makes the file anew and locks it, for as long as it is open.
// The lock tells a file that another agent is writing, which is waited for, from
// one that a killed agent left, which is removed: two agents with one state file
// by mistake never mix their bytes.
func (f *File) createTemporary(mode uint32) (fd int, err error) {
	for range lockTries {
		fd, errno := f.temporary.Open(syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL, mode)
		switch {
		case errno == 0 && f.lockTemporary(fd):
			return fd, nil
		case errno == 0:
			syscall.Close(fd)
		case errno != syscall.EEXIST:
			return -1, errno
		case !f.removeStale():
			syscall.Nanosleep(&syscall.Timespec{Nsec: lockPause}, nil)
		}
	}
	return -1, errors.New(f.temporary.String() + " is in the way, or another process writes it")
}

// removeStale removes the file unless a process has it locked; false if it
// could not be.
func (f *File) removeStale() bool {
	fd, errno := f.temporary.Open(syscall.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	switch errno {
	case 0:
	case syscall.ENOENT:
		return true
	case syscall.ELOOP: // a symbolic link, which no agent made
		return f.temporary.Unlink() == 0
	default:
		return false
	}
	defer syscall.Close(fd)
	return f.lockTemporary(fd) && f.temporary.Unlink() == 0
}

// lockTemporary locks the file and makes sure that it still stands at its path:
// between its opening and the lock its last owner may have renamed or removed
// it. A file system that has no locks must do without.
func (f *File) lockTemporary(fd int) bool {
	var opened, there syscall.Stat_t
	return syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) != syscall.EWOULDBLOCK &&
		syscall.Fstat(fd, &opened) == nil && f.temporary.Stat(&there, syscall.O_NOFOLLOW) == nil &&
		opened.Dev == there.Dev && opened.Ino == there.Ino
}

// Clean removes what a killed agent left.
func (f *File) Clean() {
	f.target.Set(f.path.Bytes())
	if f.target.Follow(&f.other) == nil && f.nameTemporary() {
		f.removeStale()
	}
}
