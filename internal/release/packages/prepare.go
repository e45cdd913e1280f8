package packages

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// prepare is a directory with what packages are made of and the tree does not
// have: programs and compressed manual pages, or files that are given.
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
	programs, err := w.Programs(ctx, a)
	if err != nil {
		return "", err
	}
	return w.Part("contents of packages for "+a.GOARCH, func(directory string) error {
		for _, p := range build.Programs {
			if err := os.Link(filepath.Join(programs, p.Name), filepath.Join(directory, p.Name)); err != nil {
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
		if err := writeCompressed(filepath.Join(directory, filepath.Base(page)+".gz"), text); err != nil {
			return err
		}
	}
	return nil
}

// writeCompressed writes what gzip -9n makes of the text.
func writeCompressed(to string, text []byte) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, b.Bytes(), 0o644)
}
