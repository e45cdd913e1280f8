package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeFile(t *testing.T, text string, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReplaceIsOneStep(t *testing.T) {
	dir := t.TempDir()
	output := filepath.Join(dir, "dist")
	writeFile(t, "first", dir, "aside", "file")
	if err := replace(filepath.Join(dir, "aside"), output); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "second", dir, "aside", "file")
	if err := replace(filepath.Join(dir, "aside"), output); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"dist": "second", "aside": "first"} {
		if got, err := os.ReadFile(filepath.Join(dir, name, "file")); err != nil || string(got) != want {
			t.Errorf("%s has %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestDifference(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ ours, theirs, want string }{
		{"same", "same", ""},
		{"same", "samE", "differs from byte 4, of 4 published and 4 rebuilt"},
		{"same", "sam", "differs from byte 4, of 3 published and 4 rebuilt"},
		{"same", "same!", "differs from byte 5, of 5 published and 4 rebuilt"},
		{"same", "", "differs from byte 1, of 0 published and 4 rebuilt"},
	} {
		got, err := difference(writeFile(t, c.ours, dir, "ours"), writeFile(t, c.theirs, dir, "theirs"))
		if err != nil || got != c.want {
			t.Errorf("%q and %q: %q, %v, want %q", c.ours, c.theirs, got, err, c.want)
		}
	}
	if got, err := difference(filepath.Join(dir, "ours"), filepath.Join(dir, "none")); err != nil || got != "not published" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestContentOfFolders(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"hapgent", "hapgent.sig", "hapgent.sha256", "SHA256SUMS", "SHA256SUMS.sig", "apt/pool/x.deb", "apt/dists/stable/Release", "apt/SHA256SUMS"} {
		writeFile(t, "", dir, name)
	}
	for folder, want := range map[string]string{"": "hapgent", "apt": "dists/stable/Release pool/x.deb", "yum": ""} {
		names, err := content(dir, folder)
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%q has %q, %v, want %q", folder, got, err, want)
		}
	}
}
