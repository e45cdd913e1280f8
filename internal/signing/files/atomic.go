package files

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
)

// file is a file to be written.
type file struct {
	path string
	data []byte
}

// writeTogether writes files that belong together: each is at any moment the old
// one or the new one, whole, and after an error all of them are the old ones. They
// are put into place in the order given, by a rename each, so whoever kills the
// process or cuts the power leaves the new ones up to some place in that order and
// the old ones from there on: the caller chooses an order of which every prefix can
// be told from the whole. All are of the mode that the umask leaves of 0666, also
// those that replace another.
func writeTogether(files ...file) error {
	defer holdSignals()()
	var all []*staged
	defer func() {
		for _, s := range all {
			s.discard()
		}
	}()
	for _, file := range files {
		s, err := stage(file)
		if err != nil {
			return err
		}
		all = append(all, s)
	}
	return place(all)
}

// place renames all, or none.
func place(all []*staged) error {
	placed, err := renameAll(all)
	if err == nil {
		err = syncDirectories(all)
	}
	if err == nil {
		return nil
	}
	for _, done := range slices.Backward(all[:placed]) {
		err = errors.Join(err, done.restore())
	}
	return err
}

func renameAll(all []*staged) (placed int, err error) {
	for i, s := range all {
		if err := os.Rename(s.temporary, s.path); err != nil {
			return i, err
		}
	}
	return len(all), nil
}

// staged is a file that is written under another name, beside its place. Its
// predecessor has a second name, until it is certain not to come back.
type staged struct{ path, temporary, predecessor string }

func stage(file file) (*staged, error) {
	temporary, err := writeTemporary(file)
	if err != nil {
		return nil, err
	}
	s := &staged{path: file.path, temporary: temporary}
	if s.predecessor, err = secondName(file.path); err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

func (s *staged) restore() error {
	if s.predecessor == "" {
		return os.Remove(s.path)
	}
	return os.Rename(s.predecessor, s.path)
}

func (s *staged) discard() {
	_ = os.Remove(s.temporary)
	if s.predecessor != "" {
		_ = os.Remove(s.predecessor)
	}
}

func writeTemporary(file file) (name string, err error) {
	name = hiddenName(file.path)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return "", fmt.Errorf("writing %q: %w", file.path, err)
	}
	_, writeErr := f.Write(file.data)
	if err := errors.Join(writeErr, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(name)
		return "", fmt.Errorf("writing %q: %w", file.path, err)
	}
	return name, nil
}

// secondName gives the file at path another name, or returns "" where there
// is none.
func secondName(path string) (string, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return "", fmt.Errorf("cannot replace %q: it is a directory", path)
	}
	name := hiddenName(path)
	if err := os.Link(path, name); err != nil {
		return "", fmt.Errorf("cannot keep the old %q until the new one stands (remove it first): %w", path, err)
	}
	return name, nil
}

// hiddenName is a new name beside path. It is short, whatever path's is.
func hiddenName(path string) string {
	return filepath.Join(filepath.Dir(path), ".hapgent-"+rand.Text())
}

// syncDirectories makes the renames last through a loss of power, where the
// file system knows how to.
func syncDirectories(all []*staged) error {
	for _, s := range all {
		d, err := os.Open(filepath.Dir(s.path))
		if err != nil {
			return err
		}
		err = d.Sync()
		d.Close()
		if err != nil && !errors.Is(err, syscall.EINVAL) {
			return err
		}
	}
	return nil
}

// holdSignals puts off what would end the process with temporary files left,
// until the returned function is called.
func holdSignals() (release func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	return func() {
		signal.Stop(signals)
		select {
		case s := <-signals:
			_ = syscall.Kill(os.Getpid(), s.(syscall.Signal))
		default:
		}
	}
}
