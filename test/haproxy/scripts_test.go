package haproxy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

func TestShellScriptsPassShellcheck(t *testing.T) {
	t.Parallel()
	root := need.Root(t)
	args := []string{"--"}
	for _, pattern := range []string{"demo/*", "examples/*", "test/*", ".ci/*"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && bytes.HasPrefix(text, []byte("#!")) {
				args = append(args, file)
			}
		}
	}
	if out, err := exec.Command(need.Command(t, "shellcheck", "shellcheck"), args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
