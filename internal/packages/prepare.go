package packages

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"

	"github.com/epicfilemcnulty/hapgent/internal/release"
)

// prepare is a directory with what packages are made of and the tree does not
// have: programs, and compressed manual pages.
func prepare(ctx context.Context, w *release.Workshop, a release.Architecture) (directory string, err error) {
	if directory, err = w.Programs(ctx, a); err != nil {
		return "", err
	}
	pages, err := filepath.Glob(filepath.Join(w.Root, "packaging", "man", "*.[0-9]"))
	if err != nil {
		return "", err
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return "", err
		}
		if err := writeCompressed(filepath.Join(directory, filepath.Base(page)+".gz"), text); err != nil {
			return "", err
		}
	}
	return directory, nil
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
