package release

import (
	"context"
	"encoding/json"
	"path/filepath"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// buildSource makes an archive of the source, which builds the same bytes without
// git.
func buildSource(ctx context.Context, w *build.Workshop, directory string) error {
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
