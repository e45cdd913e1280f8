package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
)

// isTaken reports whether a file is only a signature or a key, which the rebuilt
// release takes from the published one.
func isTaken(name string) bool {
	return strings.HasSuffix(name, sshsig.Suffix) || strings.HasSuffix(name, ".asc") || strings.HasSuffix(name, ".gpg")
}

// compare compares every byte of the second build.
func (c *checker) compare(ctx context.Context, rebuilt string) error {
	ours, err := tree(rebuilt)
	if err != nil {
		return err
	}
	theirs, err := tree(c.directory)
	if err != nil {
		return err
	}
	identical, differ := 0, 0
	for _, name := range ours {
		if isTaken(name) {
			continue
		}
		difference, err := difference(filepath.Join(rebuilt, name), filepath.Join(c.directory, name))
		if err != nil {
			return err
		}
		if difference == "" {
			identical++
			continue
		}
		differ++
		c.problem("%s: %s", name, difference)
		c.explain(ctx, filepath.Join(rebuilt, name), filepath.Join(c.directory, name))
	}
	for _, name := range theirs {
		if !slices.Contains(ours, name) {
			differ++
			c.problem("%s: the source does not build such a file", name)
		}
	}
	fmt.Fprintf(c.out, "%d identical, %d differ\n", identical, differ)
	return nil
}

// tree are the files below a directory, by their paths from there.
func tree(directory string) (names []string, err error) {
	err = filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(directory, path)
		names = append(names, name)
		return err
	})
	return names, err
}

// difference says where the published file differs from ours; "" if nowhere.
func difference(ours, theirs string) (string, error) {
	want, err := os.ReadFile(ours)
	if err != nil {
		return "", err
	}
	found, err := os.ReadFile(theirs)
	if errors.Is(err, fs.ErrNotExist) {
		return "not published", nil
	}
	if err != nil || bytes.Equal(want, found) {
		return "", err
	}
	at := 1 // as cmp counts
	for at <= min(len(want), len(found)) && want[at-1] == found[at-1] {
		at++
	}
	return fmt.Sprintf("differs from byte %d, of %d published and %d rebuilt", at, len(found), len(want)), nil
}

// explanation is how long diffoscope may take for a file.
const explanation = 2 * time.Minute

// explain adds the output of diffoscope, if that is installed. Lists of sums differ
// only because a file does.
func (c *checker) explain(ctx context.Context, ours, theirs string) {
	name := filepath.Base(theirs)
	if _, err := exec.LookPath("diffoscope"); err != nil || isBeside(name) || name == sumsFile || !exists(filepath.Dir(theirs), name) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, explanation)
	defer cancel()
	// its status is 1 for a difference
	words, _ := exec.CommandContext(ctx, "diffoscope", "--max-text-report-size", "10000", theirs, ours).CombinedOutput()
	fmt.Fprintf(c.out, "%s\n", bytes.TrimSpace(words))
}
