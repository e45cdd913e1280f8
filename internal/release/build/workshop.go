package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Target is a part of a release.
type Target struct {
	Name  string                                                         // for errors
	Build func(ctx context.Context, w *Workshop, directory string) error // makes its files in the directory
}

// Workshop builds targets from the source. Parts that several targets need are built
// once. Its methods may be called at the same time.
type Workshop struct {
	Source
	Time      time.Time // of the source
	directory string
	mu        sync.Mutex
	parts     map[string]func() (string, error) // by name
}

// NewWorkshop makes a workshop. Close removes its parts.
func NewWorkshop(ctx context.Context, s Source) (*Workshop, error) {
	t, err := s.Time(ctx)
	if err != nil {
		return nil, err
	}
	directory, err := os.MkdirTemp("", "hapgent-release")
	if err != nil {
		return nil, err
	}
	return &Workshop{Source: s, Time: t, directory: directory, parts: map[string]func() (string, error){}}, nil
}

// Close removes everything that was built and does not belong to a target.
func (w *Workshop) Close() error { return os.RemoveAll(w.directory) }

// Part is a directory that several targets use. The first call with a name makes it;
// all others wait for that.
func (w *Workshop) Part(name string, build func(directory string) error) (directory string, err error) {
	w.mu.Lock()
	part, ok := w.parts[name]
	if !ok {
		part = sync.OnceValues(func() (string, error) {
			directory, err := w.Temporary()
			if err != nil {
				return "", err
			}
			return directory, build(directory)
		})
		w.parts[name] = part
	}
	w.mu.Unlock()
	return part()
}

// Program is the path of the program, built for the architecture.
func (w *Workshop) Program(ctx context.Context, p Program, a Architecture) (path string, err error) {
	directory, err := w.Part(p.Name+" for "+a.GOARCH, func(directory string) error {
		return w.Build(ctx, p, a, filepath.Join(directory, p.Name))
	})
	return filepath.Join(directory, p.Name), err
}

// Temporary makes a new directory that lasts as long as the workshop.
func (w *Workshop) Temporary() (string, error) { return os.MkdirTemp(w.directory, "") }

// BuildAll builds targets in the directory, which is created if missing, at most one
// per processor at a time. The first failure ends the others.
func (w *Workshop) BuildAll(ctx context.Context, targets []Target, directory string) error {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for _, t := range targets {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := t.Build(ctx, w, directory); err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}
