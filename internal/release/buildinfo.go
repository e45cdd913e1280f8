package release

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// buildInfo makes a record of what went into a release, for whoever builds it again:
// the commit, Go, the modules of its programs, and those of the build.
func buildInfo(ctx context.Context, w *build.Workshop, directory string) error {
	record, err := w.Record(ctx)
	if err != nil {
		return err
	}
	toolchain, err := w.Toolchain()
	if err != nil {
		return err
	}
	var programs []build.Module
	for _, p := range build.Programs {
		linked, err := w.Linked(ctx, p)
		if err != nil {
			return err
		}
		programs = append(programs, linked...)
	}
	maker, err := w.ModulesOf(ctx, "hapgent-release")
	if err != nil {
		return err
	}
	text := fmt.Sprintf("Format: 1.0\nSource: hapgent\nVersion: %s\n%s\nDate: %s\nGo: %s\n%s%s", w.Version, commitField(record),
		w.Time.Format(time.RFC3339), toolchain, modulesField("Modules", build.Unique(programs)), modulesField("Build-Modules", maker))
	return os.WriteFile(buildInfoPath(directory, w.Source), []byte(text), 0o644)
}

func buildInfoPath(directory string, s build.Source) string {
	return filepath.Join(directory, "hapgent-"+s.Version+".buildinfo")
}

func commitField(r build.Record) string { return "Commit: " + r.Commit }

func modulesField(name string, modules []build.Module) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", name)
	for _, m := range modules {
		fmt.Fprintf(&b, " %s %s %s\n", m.Path, m.Version, m.Sum)
	}
	return b.String()
}

// checkCommit refuses a release of another commit than the tree's, since every byte
// may differ. A release without the record is found later.
func checkCommit(ctx context.Context, s build.Source, published string) error {
	record, err := s.Record(ctx)
	if err != nil {
		return err
	}
	text, err := optional(buildInfoPath(published, s))
	if err != nil || text == nil || bytes.Contains(text, []byte("\n"+commitField(record)+"\n")) {
		return err
	}
	return fmt.Errorf("%q is of another commit than the tree, which has %s: check out %s", published, record.Commit, s.Tag())
}
