//go:build linux

package statefile

import (
	"errors"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

// How long to wait for another process that holds the lock: a second.
const (
	lockTries = 100
	lockPause = 10_000_000 // nanoseconds
)

var errLocked = errors.New("another process holds the lock of its directory, flock(2)")

// Save writes the state so that, whenever the program or the machine stops, the
// file is the old one or the new one, whole: a temporary file beside it is
// renamed over it, and both file and directory are synced. It does so under a lock
// of the directory, which scripts can take as well: no two writers mix. Links are
// followed; owner, mode and access list stay. If the file cannot be replaced in its
// directory, it is overwritten. A warning says which of this was not possible. An
// error says that the state was not saved: the old file stays, unless the error
// says otherwise.
func (f *File) Save(s State) (warning, failed *Error) {
	directory, err := f.lock(lockTries)
	if err == nil {
		defer syscall.Close(directory) // gives up the lock
	}
	return f.save(s, directory, err)
}

// Change applies a change to the state in the file and saves it as Save does, under
// one lock from the reading on. If there is no file, a change that names a status
// creates it. A file that holds no state is replaced only by a change that names all
// three: nothing else is known of it.
func (f *File) Change(c Change) (s State, warning, failed *Error) {
	directory, err := f.lock(lockTries)
	if err == nil {
		defer syscall.Close(directory)
	}
	if s, failed = f.Load(); failed != nil {
		switch _, why := f.read(); {
		case why == nil && !c.all():
			return s, nil, f.append("; to replace it, give a status, a weight (or weight:-) and a maxconn (or maxconn:-)")
		case why == syscall.ENOENT && c.status == "":
			return s, nil, f.append("; a line with a status creates it")
		case why != nil && why != syscall.ENOENT:
			return s, nil, failed
		}
	}
	c.apply(&s)
	warning, failed = f.save(s, directory, err)
	return s, warning, failed
}

// save writes the state, in the locked directory if there was no error with that.
func (f *File) save(s State, directory int, err error) (warning, failed *Error) {
	data := s.appendJSON(f.buffer[:0])
	var but string
	var why error
	if err == nil {
		but, why, err = f.replaceIn(directory, data)
	}
	if cannotReplace(err) {
		cut, e := f.overwrite(data)
		switch {
		case cut:
			return nil, f.say(": overwritten in place, and cut short, so that it may hold no state: ", e.Error())
		case e == nil:
			but, why, err = ", overwritten in place, since its directory does not let it be replaced: ", err, nil
		case e != syscall.ENOENT:
			err = e
		}
	}
	if err != nil {
		return nil, f.say(": ", err.Error())
	}
	if why != nil {
		return f.say(but, why.Error()), nil
	}
	return nil, nil
}

// cannotReplace reports whether the directory is the cause: it is read-only, or we
// may not read or write it, or not remove files in it, or the file is a mount
// point.
func cannotReplace(err error) bool {
	switch err {
	case syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.EBUSY, syscall.ENAMETOOLONG, syscall.EEXIST:
		return true
	}
	return false
}

// replaceIn renames a new file over the target, in its locked directory. A warning
// has two parts: what was not possible, and why.
func (f *File) replaceIn(directory int, data []byte) (but string, why, err error) {
	var st syscall.Stat_t
	old := &st
	switch err = kernel.Stat(kernel.WorkingDirectory, f.target.text(), old, syscall.O_NOFOLLOW); err {
	case nil:
		err = checkRegular(old)
	case syscall.ENOENT:
		old, err = nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	return f.replace(directory, data, old)
}

// lock finds the target, and opens and locks the directory that it is in. The lock
// lasts as long as the descriptor. A file system that has no locks does without.
func (f *File) lock(tries int) (directory int, err error) {
	f.target.set(f.path.name[:f.path.len-1])
	if err := f.target.follow(&f.other); err != nil {
		return -1, err
	}
	name, _ := f.target.split()
	f.other.set(name)
	directory, err = kernel.Open(kernel.WorkingDirectory, f.other.text(), syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return -1, err
	}
	for syscall.Flock(directory, syscall.LOCK_EX|syscall.LOCK_NB) == syscall.EWOULDBLOCK {
		if tries--; tries == 0 {
			syscall.Close(directory)
			return -1, errLocked
		}
		syscall.Nanosleep(&syscall.Timespec{Nsec: lockPause}, nil)
	}
	return directory, nil
}

// temporary is the name of the file beside the target, in memory of the other
// path: a rename works within one file system only. Nil if the name is too long.
func (f *File) temporary() []byte {
	_, base := f.target.split()
	if !f.other.set([]byte("."), base[:len(base)-1], []byte(".tmp")) {
		return nil
	}
	return f.other.text()
}

// replace does this in the locked directory; old is nil if there is no target.
func (f *File) replace(directory int, data []byte, old *syscall.Stat_t) (but string, why, err error) {
	temporary := f.temporary()
	if temporary == nil {
		return "", nil, syscall.ENAMETOOLONG
	}
	var parent syscall.Stat_t
	if err := syscall.Fstat(directory, &parent); err != nil {
		return "", nil, err
	}
	mode := parent.Mode&0o644 | 0o600 // who may read the directory may read a file that is new
	if old != nil {
		mode = 0o600 // until it has the old one's owner
	}
	kernel.Unlink(directory, temporary) // a killed agent's, since nobody else has the lock
	fd, err := kernel.Open(directory, temporary, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL, mode)
	if err != nil {
		return "", nil, err
	}
	defer syscall.Close(fd)
	if old != nil {
		but, why = f.keepRights(fd, old)
	} else {
		syscall.Fchown(fd, int(parent.Uid), int(parent.Gid)) // as far as this process may
	}
	if _, err = kernel.WriteAt(fd, data); err == nil {
		err = kernel.Sync(fd)
	}
	if err == nil {
		_, base := f.target.split()
		err = kernel.Rename(directory, temporary, base)
	}
	if err != nil {
		kernel.Unlink(directory, temporary)
		return "", nil, err
	}
	if err := kernel.Sync(directory); err != nil && err != syscall.EINVAL { // EINVAL: a file system that has no such thing
		return ", but a power cut may undo it, since its directory cannot be synced: ", err, nil
	}
	return but, why, nil
}

// keepRights gives the new file what the old one had, as far as this process may:
// an unprivileged one may not give files away. Nobody gets more rights than before:
// if the group or the access list cannot be kept, the new group gets only the
// rights that all others have.
func (f *File) keepRights(fd int, old *syscall.Stat_t) (but string, why error) {
	var st syscall.Stat_t
	err := syscall.Fstat(fd, &st)
	if err == nil && st.Gid != old.Gid {
		err = syscall.Fchown(fd, -1, int(old.Gid))
	}
	n, listError := kernel.AccessList(f.target.text(), f.list[:])
	if listError == nil {
		listError = kernel.SetAccessList(fd, f.list[:n])
	}
	mode := old.Mode & 0o777
	if err != nil || listError != nil {
		mode = mode&^0o070 | mode&(mode>>3)&0o007<<3
	}
	if e := syscall.Fchmod(fd, mode); err == nil {
		err = e
	}
	if err == nil && st.Uid != old.Uid {
		err = syscall.Fchown(fd, int(old.Uid), -1)
	}
	if err == nil && listError != nil {
		return ", but its access list could not be kept: ", listError
	}
	return ", but its owner could not be kept: ", err
}

// overwrite writes the state over the old one. The new text is filled up with
// newlines to the length of the old, which JSON allows, and written in one
// call; so the file is whole at each moment but that of the write itself, unless
// that is cut short.
func (f *File) overwrite(data []byte) (cut bool, err error) {
	fd, err := kernel.Open(kernel.WorkingDirectory, f.target.text(), syscall.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return false, err
	}
	defer syscall.Close(fd)
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return false, err
	}
	if err := checkRegular(&st); err != nil {
		return false, err
	}
	filled := data
	for int64(len(filled)) < min(st.Size, maxFileSize) {
		filled = append(filled, '\n')
	}
	n, err := kernel.WriteAt(fd, filled)
	if err != nil {
		return n > 0, err
	}
	if err := syscall.Ftruncate(fd, int64(len(data))); err != nil {
		return false, err
	}
	return false, kernel.Sync(fd)
}

// Clean removes what a killed agent left, unless somebody saves right now.
func (f *File) Clean() {
	directory, err := f.lock(1)
	if err != nil {
		return
	}
	defer syscall.Close(directory)
	if temporary := f.temporary(); temporary != nil {
		kernel.Unlink(directory, temporary)
	}
}
