package release

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Target is something that a release has.
type Target interface {
	// String is what errors and the log call it.
	String() string
	// Build makes its files in the directory.
	Build(ctx context.Context, w *Workshop, directory string) error
}

// Workshop is what targets are built in: the source, and what several of them
// are made of, which is built once. Its methods may be called at the same time.
type Workshop struct {
	Source
	Time      time.Time // that of the source
	directory string
	mu        sync.Mutex
	programs  map[string]func() (string, error) // by architecture
}

// NewWorkshop makes a workshop. Close removes what is built there.
func NewWorkshop(ctx context.Context, s Source) (*Workshop, error) {
	t, err := s.Time(ctx)
	if err != nil {
		return nil, err
	}
	directory, err := os.MkdirTemp("", "hapgent-release")
	if err != nil {
		return nil, err
	}
	return &Workshop{Source: s, Time: t, directory: directory, programs: map[string]func() (string, error){}}, nil
}

// Close removes all that was built and is not a target's.
func (w *Workshop) Close() error { return os.RemoveAll(w.directory) }

// Programs is a directory with every program, built for the architecture.
func (w *Workshop) Programs(ctx context.Context, a Architecture) (directory string, err error) {
	w.mu.Lock()
	build, ok := w.programs[a.GOARCH]
	if !ok {
		build = sync.OnceValues(func() (string, error) { return w.build(ctx, a) })
		w.programs[a.GOARCH] = build
	}
	w.mu.Unlock()
	return build()
}

func (w *Workshop) build(ctx context.Context, a Architecture) (string, error) {
	directory := filepath.Join(w.directory, a.GOARCH)
	for _, p := range Programs {
		if err := w.Build(ctx, p, a, filepath.Join(directory, p.Name)); err != nil {
			return "", err
		}
	}
	return directory, nil
}

// Temporary makes a new directory that lasts as long as the workshop.
func (w *Workshop) Temporary() (string, error) { return os.MkdirTemp(w.directory, "") }

// BuildAll builds targets in the directory, which is made if it is missing.
func (w *Workshop) BuildAll(ctx context.Context, targets []Target, directory string) error {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	for _, t := range targets {
		if err := t.Build(ctx, w, directory); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
	}
	return nil
}
