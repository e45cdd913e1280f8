package atomicfile

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// written is a file that is to stand at path, with all its data on the disk.
func written(t *testing.T, path, data string) *File {
	t.Helper()
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Discard)
	if _, err := f.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := f.Finish(); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTheOldFileStandsUntilTheNewOneIsWhole(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"a": "old"})
	f := written(t, filepath.Join(dir, "a"), "new")
	if old, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(old) != "old" {
		t.Errorf("before: %q, %v", old, err)
	}
	if err := f.Replace(); err != nil {
		t.Fatal(err)
	}
	f.Discard()
	expect(t, dir, map[string]string{"a": "new"})
}

func TestPlaceReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	put(t, dir, map[string]string{"a": "old"})
	for _, name := range []string{"a", "link"} {
		f := written(t, filepath.Join(dir, name), "new")
		if err := f.Place(); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: error %v, want %v", name, err, fs.ErrExist)
		}
		f.Discard()
	}
	if err := os.Remove(filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	f := written(t, filepath.Join(dir, "b"), "new")
	if err := f.Place(); err != nil {
		t.Fatal(err)
	}
	f.Discard()
	expect(t, dir, map[string]string{"a": "old", "b": "new"})
}

func TestTheModeIsThatOfTheUmask(t *testing.T) {
	old := syscall.Umask(0o027)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "a")
	if err := written(t, path, "").Replace(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o640 {
		t.Errorf("mode %v, want %v", info.Mode(), os.FileMode(0o640))
	}
}

func TestASymbolicLinkIsReplacedAndNotWhatItNames(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"target": "precious"})
	if err := os.Symlink("target", filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if err := written(t, filepath.Join(dir, "a"), "new").Replace(); err != nil {
		t.Fatal(err)
	}
	expect(t, dir, map[string]string{"a": "new", "target": "precious"})
}

func TestWhereNoFileCanBeTheErrorSaysWhich(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "sub"):          "it is a directory",
		filepath.Join(dir, "missing", "c"): `missing/c": open `,
		"/proc/c":                          `writing "/proc/c": `,
	} {
		if _, err := Create(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", path, err, want)
		}
	}
	expect(t, dir, map[string]string{})
}

// inItself runs the test again in another process, and returns how that ended. In that
// process it returns false.
func inItself(t *testing.T, dir string) (syscall.WaitStatus, bool) {
	t.Helper()
	if os.Getenv("ATOMICFILE_TEST_DIR") != "" {
		return 0, false
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "ATOMICFILE_TEST_DIR="+dir)
	out, _ := cmd.CombinedOutput()
	t.Logf("%s", out)
	return cmd.ProcessState.Sys().(syscall.WaitStatus), true
}

// A limit on the size of files fails a write in its middle, as a full disk does.
func TestAFullDiskIsTheErrorOfTheFile(t *testing.T) {
	dir := t.TempDir()
	if status, ran := inItself(t, dir); ran {
		if status.ExitStatus() != 0 {
			t.Errorf("ended by %v", status)
		}
		expect(t, dir, map[string]string{})
		return
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1000, Max: 1000}); err != nil {
		t.Fatal(err)
	}
	f, err := Create(filepath.Join(os.Getenv("ATOMICFILE_TEST_DIR"), "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Discard()
	if _, err := f.Write(make([]byte, 2000)); err == nil || !strings.Contains(err.Error(), `/a": `) || !strings.Contains(err.Error(), "file too large") {
		t.Errorf("error %v", err)
	}
}

func TestASignalLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"a": "old"})
	if status, ran := inItself(t, dir); ran {
		if !status.Signaled() || status.Signal() != syscall.SIGTERM {
			t.Errorf("ended by %v, want SIGTERM", status)
		}
		expect(t, dir, map[string]string{"a": "old"})
		return
	}
	for _, name := range []string{"a", "b"} {
		written(t, filepath.Join(os.Getenv("ATOMICFILE_TEST_DIR"), name), "new")
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {} // the signal ends the process here
}

// A program that nohup started goes on after the terminal is gone.
func TestASignalThatIsIgnoredStaysIgnored(t *testing.T) {
	dir := t.TempDir()
	if os.Getenv("ATOMICFILE_TEST_DIR") == "" {
		signal.Ignore(syscall.SIGHUP) // which children inherit
		defer signal.Reset(syscall.SIGHUP)
	}
	if status, ran := inItself(t, dir); ran {
		if status.ExitStatus() != 0 {
			t.Errorf("ended by %v", status)
		}
		expect(t, dir, map[string]string{"a": "new"})
		return
	}
	f := written(t, filepath.Join(os.Getenv("ATOMICFILE_TEST_DIR"), "a"), "new")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := f.Place(); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// expect checks that dir has only these files, and directories.
func expect(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[entry.Name()] = string(data)
	}
	if !maps.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
