//go:build linux

package statefile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stateIn writes a state file into a folder of its own.
func stateIn(t testing.TB, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func contents(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const busyJSON = `{"status":"UP","weight":77,"maxconn":300}` + "\n"

func TestSaveReplacesTheFileAndLeavesNothingElse(t *testing.T) {
	path := stateIn(t, `{"status":"DOWN"}`)
	f := New(path)
	if warning, err := f.Save(busy); err != nil || warning != nil {
		t.Fatalf("warning %v, %v", warning, err)
	}
	if got := contents(t, path); got != busyJSON {
		t.Errorf("the file holds %q", got)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("the directory holds %v", entries)
	}
	if s, err := f.Load(); err != nil || s != busy {
		t.Errorf("read again: %v, %v", s, err)
	}
}

func TestSaveMakesAFileThatIsNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.json")
	if warning, err := New(path).Save(busy); err != nil || warning != nil {
		t.Fatalf("warning %v, %v", warning, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v, want mode 0644", info.Mode(), err)
	}
}

func TestSaveWorksWithoutADirectoryInThePath(t *testing.T) {
	t.Chdir(t.TempDir())
	if warning, err := New("s").Save(busy); err != nil || warning != nil {
		t.Fatalf("warning %v, %v", warning, err)
	}
	if got := contents(t, "s"); got != busyJSON {
		t.Errorf("the file holds %q", got)
	}
}

func TestSaveKeepsTheMode(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o640, 0o664, 0o444, 0o777} {
		path := stateIn(t, busyJSON)
		os.Chmod(path, mode)
		if _, err := New(path).Save(busy); err != nil {
			t.Fatal(err)
		}
		if info, _ := os.Stat(path); info.Mode().Perm() != mode {
			t.Errorf("mode %o became %o", mode, info.Mode().Perm())
		}
	}
}

func TestSaveFollowsLinks(t *testing.T) {
	for name, link := range map[string]func(dir, target string) string{
		"absolute":      func(dir, target string) string { return target },
		"relative":      func(dir, target string) string { return "../" + filepath.Base(filepath.Dir(target)) + "/state.json" },
		"through links": func(dir, target string) string { os.Symlink(target, dir+"/between"); return "between" },
	} {
		t.Run(name, func(t *testing.T) {
			target := stateIn(t, `{"status":"DOWN"}`)
			dir := filepath.Join(filepath.Dir(filepath.Dir(target)), "links")
			os.Mkdir(dir, 0o755)
			path := filepath.Join(dir, "link")
			if err := os.Symlink(link(dir, target), path); err != nil {
				t.Fatal(err)
			}
			if warning, err := New(path).Save(busy); err != nil || warning != nil {
				t.Fatalf("warning %v, %v", warning, err)
			}
			if info, _ := os.Lstat(path); info.Mode().Type() != os.ModeSymlink {
				t.Error("the link was replaced")
			}
			if got := contents(t, target); got != busyJSON {
				t.Errorf("the file holds %q", got)
			}
		})
	}
}

func TestSaveMakesTheFileThatALinkNames(t *testing.T) {
	dir := t.TempDir()
	os.Symlink("not-there-yet", dir+"/link")
	if _, err := New(dir + "/link").Save(busy); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, dir+"/not-there-yet"); got != busyJSON {
		t.Errorf("the file holds %q", got)
	}
}

func TestSaveRefusesWhatIsNoRegularFile(t *testing.T) {
	dir := t.TempDir()
	os.Mkdir(dir+"/directory", 0o755)
	os.Symlink("loop", dir+"/loop")
	if err := syscall.Mkfifo(dir+"/fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir + "/directory":                   "expected a regular file, found a directory",
		dir + "/fifo":                        "expected a regular file, found a FIFO",
		"/dev/null":                          "expected a regular file, found a device",
		dir + "/loop":                        "too many levels of symbolic links",
		dir + "/missing/file":                "no such file or directory",
		dir + "/fifo/file":                   "not a directory",
		dir + "/" + strings.Repeat("n", 256): "file name too long",
	} {
		for what, err := range map[string]error{
			"load": func() error { _, err := New(path).Load(); return err }(),
			"save": func() error { _, err := New(path).Save(busy); return err }(),
		} {
			if err == nil || err.Error() != path+": "+want {
				t.Errorf("%s of %s: %v, want %s", what, path, err, want)
			}
		}
	}
}

func TestSaveOverwritesWhereANewNameIsTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("n", 255))
	for _, old := range []string{`{"status":"DOWN"}`, `{"status" : "DOWN" , "weight" : 255 , "maxconn" : 65535}`, ""} {
		os.WriteFile(path, []byte(old), 0o600)
		warning, err := New(path).Save(busy)
		if want := path + ", overwritten in place, since its directory does not let it be replaced: file name too long"; err != nil || warning == nil || warning.Error() != want {
			t.Fatalf("warning %v, %v, want %q", warning, err, want)
		}
		if got := contents(t, path); got != busyJSON {
			t.Errorf("%q became %q", old, got)
		}
	}
}

// Another agent with the same file, or a script under flock(1).
func TestSaveWaitsForWhoHoldsTheLockOfTheDirectory(t *testing.T) {
	path := stateIn(t, busyJSON)
	f := New(path)
	temporary := filepath.Dir(path) + "/.state.json.tmp"
	os.WriteFile(temporary, nil, 0o600)
	other, err := os.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	want := path + ": another process holds the lock of its directory, flock(2)"
	if _, err := f.Save(busy); err == nil || err.Error() != want {
		t.Errorf("while it is locked: %v, want %s", err, want)
	}
	f.Clean()
	if _, err := os.Stat(temporary); err != nil {
		t.Errorf("the file of another that saves is gone: %v", err)
	}
	saved := make(chan *Error)
	go func() {
		_, err := f.Save(busy)
		saved <- err
	}()
	time.Sleep(50 * time.Millisecond)
	other.Close()
	if err := <-saved; err != nil {
		t.Errorf("after the lock was given up: %v", err)
	}
}

// A file of root's script under umask 077, when the power fails.
func TestSaveReplacesATemporaryFileOfAnotherUser(t *testing.T) {
	path := stateIn(t, `{"status":"DOWN"}`)
	if err := os.WriteFile(filepath.Dir(path)+"/.state.json.tmp", []byte("{"), 0); err != nil {
		t.Fatal(err)
	}
	if warning, err := New(path).Save(busy); err != nil || warning != nil {
		t.Fatalf("warning %v, %v", warning, err)
	}
	if got := contents(t, path); got != busyJSON {
		t.Errorf("the file holds %q", got)
	}
}

func TestSaveOverwritesWhereWhatIsInTheWayCannotBeRemoved(t *testing.T) {
	path := stateIn(t, `{"status":"DOWN"}`)
	os.Mkdir(filepath.Dir(path)+"/.state.json.tmp", 0o755)
	want := path + ", overwritten in place, since its directory does not let it be replaced: file exists"
	if warning, err := New(path).Save(busy); err != nil || warning == nil || warning.Error() != want {
		t.Fatalf("warning %v, %v, want %s", warning, err, want)
	}
	if got := contents(t, path); got != busyJSON {
		t.Errorf("the file holds %q", got)
	}
}

func TestSaveIsNotMisledByALinkInPlaceOfTheTemporaryFile(t *testing.T) {
	path := stateIn(t, busyJSON)
	victim := stateIn(t, "precious")
	os.Symlink(victim, filepath.Dir(path)+"/.state.json.tmp")
	if _, err := New(path).Save(busy); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, victim); got != "precious" {
		t.Errorf("the link's target became %q", got)
	}
}

func TestLoadRefusesALargeFile(t *testing.T) {
	path := stateIn(t, `{"status":"UP"}`+strings.Repeat(" ", maxFileSize-15))
	f := New(path)
	if s, err := f.Load(); err != nil || s.Status != Up {
		t.Errorf("a file of %d bytes: %v, %v", maxFileSize, s, err)
	}
	os.Truncate(path, maxFileSize+1)
	if _, err := f.Load(); err == nil || err.Error() != path+": larger than 4096 bytes" {
		t.Errorf("a file of a byte more: %v", err)
	}
}

func TestErrorsStayOnOneLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a\nb")
	if _, err := New(path).Load(); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("%q", err)
	}
}

// TestTroubleAllocatesNothing checks that memory does not grow with the number of
// failures, either.
func TestTroubleAllocatesNothing(t *testing.T) {
	dir := t.TempDir()
	os.Mkdir(dir+"/directory", 0o755)
	paths := []string{dir + "/missing", dir + "/directory", stateIn(t, strings.Repeat(" ", 5000)), filepath.Join(dir, strings.Repeat("n", 255))}
	for _, text := range []string{``, `{"status":"DRAINED"}`, `{"weight":"` + strings.Repeat("7", 100) + `"}`, `{"weight":1.5}`, `{"status":"\u00g0"}`, `{"x":1}`, `{"status":"UP","status":"UP"}`} {
		paths = append(paths, stateIn(t, text))
	}
	for _, path := range paths {
		f := New(path)
		if _, err := f.Load(); err == nil {
			t.Fatalf("%s is read without an error", path)
		}
		if n := testing.AllocsPerRun(20, func() { f.Load() }); n != 0 {
			t.Errorf("%v allocations to find that %s", n, &f.trouble)
		}
	}
	f := New(dir + "/directory")
	if _, err := f.Save(busy); err == nil {
		t.Fatal("a directory is saved to")
	}
	if n := testing.AllocsPerRun(20, func() { f.Save(busy) }); n != 0 {
		t.Errorf("%v allocations to find that %s", n, &f.trouble)
	}
}
