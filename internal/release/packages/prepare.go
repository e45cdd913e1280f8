package packages

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// prepare makes a directory with the contents of packages that are not in the tree:
// programs and compressed manual pages, or given files.
func prepare(ctx context.Context, w *build.Workshop, t target) (directory string, err error) {
	a := t.architecture
	if t.files != nil {
		return w.Part("contents of packages for all", func(directory string) (err error) {
			for name, text := range t.files {
				err = errors.Join(err, os.WriteFile(filepath.Join(directory, name), text, 0o644))
			}
			return err
		})
	}
	return w.Part("contents of packages for "+a.GOARCH, func(directory string) error {
		for _, p := range build.Programs {
			built, err := w.Program(ctx, p, a)
			if err == nil {
				err = os.Link(built, filepath.Join(directory, p.Name))
			}
			if err != nil {
				return err
			}
		}
		return compressPages(w.Root, directory)
	})
}

func compressPages(root, directory string) error {
	pages, err := filepath.Glob(filepath.Join(root, "packaging", "man", "*.[0-9]"))
	if err != nil {
		return err
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(directory, filepath.Base(page)+".gz"), build.Gzip(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
