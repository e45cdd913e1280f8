package release

import (
	"context"
	"encoding/json"
	"path/filepath"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// source is the source of the release as an archive, from which the same bytes
// are made without git.
type source struct{}

func (source) String() string { return "source tarball" }

func (source) Build(ctx context.Context, w *build.Workshop, directory string) error {
	record, err := w.Record(ctx)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	folder := "hapgent-" + w.Version
	tracked, err := members(w, record.Files, "", folder+"/")
	if err != nil {
		return err
	}
	tracked = append(tracked, member{name: folder + "/" + build.RecordFile, content: append(text, '\n')})
	return writeTarball(filepath.Join(directory, folder+".tar.gz"), tracked, w.Time)
}
