//go:build linux

package statefile

import (
	"errors"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

// maxFileSize is the largest state file that is read, in bytes.
const maxFileSize = 4096

// File is the file that holds the state, with all the memory that reading
// and saving it takes. Errors of its methods begin with its name.
type File struct {
	Name      string // as messages show it
	Hint      string // what to do where there is no such file
	path      kernel.Path
	target    kernel.Path // the file itself, where path is a symbolic link
	temporary kernel.Path // the target's new version, beside it
	other     kernel.Path
	buffer    [maxFileSize + 1]byte
}

func New(name string) *File {
	f := &File{Name: kernel.Printable(name)}
	f.path.Set([]byte(name))
	return f
}

func (f *File) failure(err error) error { return errors.New(f.Name + ": " + err.Error()) }

// Load reads the state. Whatever stands at the path, it neither hangs nor reads
// more than maxFileSize.
func (f *File) Load() (State, error) {
	n, err := f.read()
	if err == syscall.ENOENT {
		return State{}, errors.New(f.failure(err).Error() + f.Hint)
	}
	if err != nil {
		return State{}, f.failure(err)
	}
	s, err := ParseState(f.buffer[:n])
	if err != nil {
		return State{}, errors.New(f.Name + ":" + err.Error())
	}
	return s, nil
}

var errTooLarge = errors.New("larger than 4096 bytes")

// read fills the buffer.
func (f *File) read() (n int, err error) {
	var st syscall.Stat_t
	if err := f.path.Stat(&st, 0); err != nil {
		return 0, err
	}
	if err := checkRegular(&st); err != nil {
		return 0, err
	}
	fd, errno := f.path.Open(syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if errno != 0 {
		return 0, errno
	}
	defer syscall.Close(fd)
	if err := syscall.Fstat(fd, &st); err != nil {
		return 0, err
	}
	if err := checkRegular(&st); err != nil { // it may be another file by now
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

// Save writes the state so that, whenever the program or the machine stops, the
// file is the old one or the new one, whole: a temporary file beside it is
// renamed over it, and both file and directory are synced. Links are followed;
// owner and mode stay. Where the directory does not let a file be replaced, the
// file is overwritten. A warning says what of this could not be had; an error
// says that nothing was saved, and the old file stands.
func (f *File) Save(s State) (warning string, err error) {
	f.target.Set(f.path.Bytes())
	if err := f.target.Follow(&f.other); err != nil {
		return "", f.failure(err)
	}
	var st syscall.Stat_t
	old := &st
	switch err = f.target.Stat(old, syscall.O_NOFOLLOW); err {
	case nil:
		err = checkRegular(old)
	case syscall.ENOENT:
		old, err = nil, nil
	}
	if err != nil {
		return "", f.failure(err)
	}
	data := s.appendJSON(f.buffer[:0])
	warning, err = f.replace(data, old)
	if old != nil && cannotReplace(err) {
		warning = "overwritten in place, since its directory does not let it be replaced: " + err.Error()
		err = f.overwrite(data)
	}
	if err != nil {
		return "", f.failure(err)
	}
	return warning, nil
}

// cannotReplace tells whether the directory is to blame: it is read-only, or
// not ours to write, or the file is a mount of its own in it.
func cannotReplace(err error) bool {
	switch err {
	case syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.EBUSY, syscall.ENAMETOOLONG:
		return true
	}
	return false
}

// replace renames a new file over the target; old is nil where there is none.
func (f *File) replace(data []byte, old *syscall.Stat_t) (warning string, err error) {
	if !f.nameTemporary() {
		return "", syscall.ENAMETOOLONG
	}
	mode := uint32(0o644)
	if old != nil {
		mode = 0o600 // until it has the old one's owner
	}
	fd, err := f.createTemporary(mode)
	if err != nil {
		return "", err
	}
	defer syscall.Close(fd) // gives up the lock, so not before the rename
	if old != nil {
		warning = keepOwnerAndMode(fd, old)
	}
	if err = writeAt(fd, data); err == nil {
		err = syncFile(fd)
	}
	if err == nil {
		if errno := f.temporary.Rename(&f.target); errno != 0 {
			err = errno
		}
	}
	if err != nil {
		f.temporary.Unlink()
		return "", err
	}
	if err := f.syncDirectory(); err != nil {
		warning = "but a power cut may undo it, since its directory cannot be synced: " + err.Error()
	}
	return warning, nil
}

// keepOwnerAndMode gives the new file what the old one had, as far as this
// process may: an unprivileged one may not give files away.
func keepOwnerAndMode(fd int, old *syscall.Stat_t) (warning string) {
	var st syscall.Stat_t
	err := syscall.Fstat(fd, &st)
	if err == nil && st.Gid != old.Gid {
		err = syscall.Fchown(fd, -1, int(old.Gid))
	}
	if err == nil && st.Uid != old.Uid {
		err = syscall.Fchown(fd, int(old.Uid), -1)
	}
	if e := syscall.Fchmod(fd, old.Mode&0o777); err == nil {
		err = e
	}
	if err != nil {
		return "but its owner could not be kept: " + err.Error()
	}
	return ""
}

// writeAt writes data at the beginning of the file in one call.
func writeAt(fd int, data []byte) error {
	for {
		switch n, err := syscall.Pwrite(fd, data, 0); {
		case err == syscall.EINTR:
		case err == nil && n < len(data):
			return syscall.ENOSPC // what a short write to a regular file means
		default:
			return err
		}
	}
}

func syncFile(fd int) (err error) {
	for err = syscall.EINTR; err == syscall.EINTR; {
		err = syscall.Fsync(fd)
	}
	return err
}

// overwrite writes the state over the old one. The new text is filled up with
// newlines to the length of the old, which JSON allows, and written in one
// call; so the file is whole at each moment but that of the write itself.
func (f *File) overwrite(data []byte) error {
	fd, errno := f.target.Open(syscall.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if errno != 0 {
		return errno
	}
	defer syscall.Close(fd)
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return err
	}
	if err := checkRegular(&st); err != nil {
		return err
	}
	filled := data
	for int64(len(filled)) < min(st.Size, maxFileSize) {
		filled = append(filled, '\n')
	}
	if err := writeAt(fd, filled); err != nil {
		return err
	}
	if err := syscall.Ftruncate(fd, int64(len(data))); err != nil {
		return err
	}
	return syncFile(fd)
}

func (f *File) syncDirectory() error {
	directory, _ := f.target.Split()
	f.other.Set(directory)
	fd, errno := f.other.Open(syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if errno != 0 {
		return errno
	}
	defer syscall.Close(fd)
	err := syncFile(fd)
	if err == syscall.EINVAL { // a file system that has no such thing
		return nil
	}
	return err
}

func checkRegular(st *syscall.Stat_t) error {
	kind := ""
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return nil
	case syscall.S_IFDIR:
		kind = "a directory"
	case syscall.S_IFIFO:
		kind = "a FIFO"
	case syscall.S_IFSOCK:
		kind = "a socket"
	case syscall.S_IFLNK:
		kind = "a symbolic link"
	default:
		kind = "a device"
	}
	return errors.New("expected a regular file, found " + kind)
}
