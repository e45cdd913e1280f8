// Package atomicfile writes files that appear under their name whole or not at
// all.
//
// It guarantees that a file is written beside its place, and gets its name when all
// of it is on the disk. Until then the old file keeps the name, also if a signal
// ends the program or the disk is full, and nothing is left beside it. A kill that
// cannot be caught, or a loss of power, may leave a file called .hapgent-….
package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
)

// File is a file that does not have its name yet. Its mode is 0666 less the umask,
// also if it replaces another.
type File struct {
	*os.File
	path string
}

// Create makes a file for path.
func Create(path string) (*File, error) {
	unfinished.Lock()
	defer unfinished.Unlock()
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("cannot replace %q: it is a directory", path)
	}
	// short, whatever the name of path is
	temporary := filepath.Join(filepath.Dir(path), ".hapgent-"+rand.Text())
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("writing %q: %w", path, err)
	}
	unfinished.add(temporary)
	return &File{f, path}, nil
}

func (f *File) Write(data []byte) (n int, err error) {
	if n, err = f.File.Write(data); err != nil {
		err = fmt.Errorf("writing %q: %w", f.path, err)
	}
	return n, err
}

// Finish ends the writing: then all of the file is on the disk.
func (f *File) Finish() error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %q: %w", f.path, err)
	}
	return nil
}

// Replace gives the file its name, and replaces the file that has it.
func (f *File) Replace() error {
	if err := os.Rename(f.Name(), f.path); err != nil {
		return err
	}
	return syncDirectory(f.path)
}

// Place gives the file its name if no file has it; else the error wraps
// fs.ErrExist. Of several calls at the same time one succeeds.
func (f *File) Place() error {
	err := os.Link(f.Name(), f.path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// The file system has no hard links, as FAT: an empty file reserves the
		// name. A kill between the two leaves the empty file.
		var empty *os.File
		if empty, err = os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err == nil {
			_ = empty.Close()
			err = os.Rename(f.Name(), f.path)
		}
	}
	if err != nil {
		return err
	}
	return syncDirectory(f.path)
}

// Discard removes a file that does not have its name yet; one that has it stays.
func (f *File) Discard() {
	_ = f.Close()
	_ = os.Remove(f.Name())
	unfinished.Lock()
	defer unfinished.Unlock()
	delete(unfinished.paths, f.Name())
}

// syncDirectory makes a new name survive a loss of power, if the file system can.
func syncDirectory(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// unfinished are the files that a signal must not leave behind.
var unfinished = registry{paths: map[string]bool{}}

type registry struct {
	sync.Mutex
	paths map[string]bool
	watch sync.Once
}

func (r *registry) add(path string) {
	r.paths[path] = true
	r.watch.Do(func() {
		signals := make(chan os.Signal, 1)
		for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
			if !signal.Ignored(s) {
				signal.Notify(signals, s)
			}
		}
		go r.clear(signals)
	})
}

// clear removes all unfinished files, and raises the signal again. It keeps the
// lock, so that no new one is made meanwhile.
func (r *registry) clear(signals <-chan os.Signal) {
	s := <-signals
	r.Lock()
	for path := range r.paths {
		_ = os.Remove(path)
	}
	signal.Reset(s)
	_ = syscall.Kill(os.Getpid(), s.(syscall.Signal))
}
