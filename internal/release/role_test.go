package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// newTree is a git tree with these files, and one that git does not track.
func newTree(t *testing.T, files map[string]os.FileMode) build.Source {
	t.Helper()
	root := t.TempDir()
	files["VERSION"] = 0o644
	for name, mode := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("1.0.0\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=t", "-c", "user.email=t", "-c", "commit.gpgsign=false", "commit", "-qm", "t"}} {
		if out, err := exec.Command("git", append([]string{"-C", root}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "ansible", "untracked"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := build.At(root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRoleIsWhatGitTracks(t *testing.T) {
	s := newTree(t, map[string]os.FileMode{"ansible/tasks/main.yml": 0o600, "ansible/files/run.sh": 0o700, "README.md": 0o644})
	w, err := build.NewWorkshop(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	directory := t.TempDir()
	if err := buildRole(t.Context(), w, directory); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(directory, "hapgent-ansible-role-1.0.0.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	want := "hapgent/files/run.sh 755" + entryEnd(w) + "hapgent/tasks/main.yml 644" + entryEnd(w)
	if got := listTarball(t, content); got != want {
		t.Errorf("the role has\n%s\nwant\n%s", got, want)
	}
	if err := os.Remove(filepath.Join(s.Root, "ansible/files/run.sh")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(s.Root, "ansible/files/run.sh")); err != nil {
		t.Fatal(err)
	}
	if err := buildRole(t.Context(), w, directory); err == nil || !strings.Contains(err.Error(), `"ansible/files/run.sh" is not a regular file`) {
		t.Errorf("a symbolic link: %v", err)
	}
}

// entryEnd is how listTarball ends an entry.
func entryEnd(w *build.Workshop) string { return fmt.Sprintf(" 0 0 %d\n", w.Time.Unix()) }

func listTarball(t *testing.T, content []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for archive := tar.NewReader(z); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %o %d %d %d\n", h.Name, h.Mode, h.Uid, h.Gid, h.ModTime.Unix())
	}
}
