package build

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestBuildDependsOnTheSourceAlone(t *testing.T) {
	here, err := Here()
	if err != nil {
		t.Fatal(err)
	}
	root := here.Root
	elsewhere := filepath.Join(t.TempDir(), "another name")
	if err := os.Mkdir(elsewhere, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"VERSION", "go.mod", "go.sum", "cmd/hapgent", "internal/agent"} {
		copying := exec.Command("cp", "-r", "--parents", part, elsewhere)
		copying.Dir = root
		if out, err := copying.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	want := built(t, here)
	t.Setenv("TZ", "Pacific/Auckland")
	t.Setenv("LANG", "tr_TR.UTF-8")
	t.Setenv("GOFLAGS", "-buildvcs=true -ldflags=-X=main.version=wrong")
	t.Setenv("GOAMD64", "v3")
	defer syscall.Umask(syscall.Umask(0o077))
	copied, err := At(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, built(t, copied)) {
		t.Error("another directory, environment and umask make another binary")
	}
	for _, s := range []string{root, elsewhere, "go-build"} {
		if bytes.Contains(want, []byte(s)) {
			t.Errorf("the binary names %q", s)
		}
	}
}

func built(t *testing.T, s Source) []byte {
	t.Helper()
	output := filepath.Join(t.TempDir(), "hapgent")
	if err := s.BuildHere(t.Context(), "hapgent", output); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestUnknownNamesAreRefusedWithThoseThatThereAre(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{Source{Root: "."}.BuildHere(t.Context(), "hapgentd", ""), `program "hapgentd" is not released, expected one of hapgent, hapgent-sign, hapgent-verify`},
		{func() error { _, err := ArchitectureOf("mips"); return err }(), `architecture "mips" is not released, expected one of amd64, arm64, arm, 386, riscv64, ppc64le, s390x`},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("%v, want %s", c.err, c.want)
		}
	}
}

func TestVersionIsOneThatPackagesCanSay(t *testing.T) {
	for text, ok := range map[string]bool{"0.3.2\n": true, "0.3.2": true, "": false, "\n": false, "0.3 2\n": false, "0.4\n": false, "0.4.0+1\n": false, "0.3.2\n\n": false} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "VERSION"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := At(dir)
		if ok != (err == nil) || ok && s.Version != "0.3.2" {
			t.Errorf("VERSION of %q: %q, %v", text, s.Version, err)
		}
		if err != nil && !strings.Contains(err.Error(), "such as 0.4.0") {
			t.Errorf("VERSION of %q: %v", text, err)
		}
	}
}

func TestRootIsNotFoundOutsideOfTheTree(t *testing.T) {
	t.Chdir(t.TempDir())
	if s, err := Here(); err == nil {
		t.Errorf("found %s", s.Root)
	}
}
