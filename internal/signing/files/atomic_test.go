package files

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWriteCreatesAndReplaces(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"a": "old"})
	if err := writeTogether(file{filepath.Join(dir, "a"), []byte("new a")}, file{filepath.Join(dir, "b"), []byte("new b")}); err != nil {
		t.Fatal(err)
	}
	expect(t, dir, map[string]string{"a": "new a", "b": "new b"})
}

func TestWriteObeysTheUmask(t *testing.T) {
	old := syscall.Umask(0o027)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "a")
	if err := writeTogether(file{path, nil}); err != nil {
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

func TestWriteReplacesASymbolicLinkAndNotWhatItNames(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"target": "precious"})
	if err := os.Symlink("target", filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if err := writeTogether(file{filepath.Join(dir, "a"), []byte("new")}); err != nil {
		t.Fatal(err)
	}
	expect(t, dir, map[string]string{"a": "new", "target": "precious"})
}

func TestAfterAnErrorTheOldFilesStandWhole(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		last       func(dir string) string
	}{
		{"the place of one is a directory", "is a directory", func(dir string) string {
			return filepath.Join(dir, "sub")
		}},
		{"the directory of one is missing", "no such file or directory", func(dir string) string {
			return filepath.Join(dir, "missing", "c")
		}},
		{"the directory of one cannot be written", "/proc/c", func(string) string {
			return "/proc/c"
		}},
		{"a name is too long", "file name too long", func(dir string) string {
			return filepath.Join(dir, strings.Repeat("c", 256))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, map[string]string{"a": "old"})
			if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
				t.Fatal(err)
			}
			err := writeTogether(file{filepath.Join(dir, "a"), []byte("new")},
				file{filepath.Join(dir, "b"), []byte("new")}, file{tt.last(dir), []byte("new")})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			expect(t, dir, map[string]string{"a": "old"})
		})
	}
}

func TestARenameThatFailsTakesBackThoseBeforeIt(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"a": "old"})
	var all []*staged
	for _, name := range []string{"a", "b", "c"} {
		s, err := stage(file{filepath.Join(dir, name), []byte("new")})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := os.Remove(all[2].temporary); err != nil {
		t.Fatal(err)
	}
	if err := place(all); err == nil {
		t.Error("no error")
	}
	for _, s := range all {
		s.discard()
	}
	expect(t, dir, map[string]string{"a": "old"})
}

// A limit on the size of files fails a write in its middle, as a full disk does.
func TestDiskFullLeavesTheOldFilesWhole(t *testing.T) {
	const variable = "ATOMICFILE_TEST_DIR"
	if dir := os.Getenv(variable); dir != "" {
		limit := &syscall.Rlimit{Cur: 1000, Max: 1000}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, limit); err != nil {
			t.Fatal(err)
		}
		err := writeTogether(file{filepath.Join(dir, "a"), []byte("new")}, file{filepath.Join(dir, "b"), make([]byte, 2000)})
		if err == nil || !strings.Contains(err.Error(), "file too large") {
			t.Errorf("error %v", err)
		}
		return
	}
	dir := t.TempDir()
	put(t, dir, map[string]string{"a": "old", "b": "old"})
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), variable+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	expect(t, dir, map[string]string{"a": "old", "b": "old"})
}

// Every state that a kill can leave has the new files up to some place in the
// order, and the old ones from there on.
func TestKilledBetweenTheRenamesLeavesAPrefix(t *testing.T) {
	for killed := range 4 {
		dir := t.TempDir()
		put(t, dir, map[string]string{"0": "old", "1": "old", "2": "old"})
		var all []*staged
		for _, name := range []string{"0", "1", "2"} {
			s, err := stage(file{filepath.Join(dir, name), []byte("new")})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		if err := place(all[:killed]); err != nil {
			t.Fatal(err)
		}
		for i, s := range all {
			want := "old"
			if i < killed {
				want = "new"
			}
			if data, err := os.ReadFile(s.path); err != nil || string(data) != want {
				t.Errorf("killed after %d: %s has %q, %v, want %q", killed, s.path, data, err, want)
			}
		}
	}
}

func TestAnInterruptWaitsUntilTheFilesStand(t *testing.T) {
	const variable = "ATOMICFILE_TEST_INTERRUPT"
	if dir := os.Getenv(variable); dir != "" {
		release := holdSignals()
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		put(t, dir, map[string]string{"a": "new"})
		release()
		select {} // the signal ends the process here
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), variable+"="+dir)
	out, err := cmd.CombinedOutput()
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("ended by %v, want SIGTERM\n%s", err, out)
	}
	expect(t, dir, map[string]string{"a": "new"})
}

func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// expect checks that dir has these files, and besides them directories alone.
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
