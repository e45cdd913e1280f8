package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// RecordFile is a Record, as JSON, which a source tarball has instead of git.
const RecordFile = ".source.json"

// Record is what git knows of a tree: its last commit, and its files.
type Record struct {
	Commit string    `json:"commit"`
	Time   time.Time `json:"time"`
	Files  []string  `json:"files"` // by their path in the tree, sorted
}

// Record returns the record of the tree.
func (s Source) Record(ctx context.Context) (r Record, err error) {
	text, err := os.ReadFile(filepath.Join(s.Root, RecordFile))
	if err == nil {
		if err = json.Unmarshal(text, &r); err != nil || r.Commit == "" || r.Time.IsZero() || len(r.Files) == 0 {
			err = fmt.Errorf("%s must have the commit, the time and the files of the source, found %.80q (%w)", RecordFile, text, err)
		}
		return r, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	commit, err := s.git(ctx, "log", "-1", "--format=%H %ct")
	if err != nil {
		return r, fmt.Errorf("neither git nor %s knows the tree: %w", RecordFile, err)
	}
	files, err := s.git(ctx, "ls-files", "-z")
	if err != nil {
		return r, err
	}
	r.Files = strings.FieldsFunc(files, func(c rune) bool { return c == 0 })
	slices.Sort(r.Files)
	hash, seconds, _ := strings.Cut(strings.TrimSpace(commit), " ")
	r.Commit = hash
	r.Time, err = parseSeconds("the time of the commit "+hash, seconds)
	return r, err
}

// Files are the files below a folder of the tree, by their path in the tree,
// sorted.
func (s Source) Files(ctx context.Context, folder string) ([]string, error) {
	record, err := s.Record(ctx)
	if err != nil {
		return nil, err
	}
	files := slices.DeleteFunc(record.Files, func(file string) bool { return !strings.HasPrefix(file, folder+"/") })
	if len(files) == 0 {
		return nil, errors.New("the source has no file in " + folder)
	}
	return files, nil
}

// git runs a command of git in the tree and returns what it prints.
func (s Source) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = s.Root
	out, err := cmd.Output()
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		err = fmt.Errorf("git: %w: %s", err, strings.Join(strings.Fields(string(failed.Stderr)), " "))
	}
	return string(out), err
}
