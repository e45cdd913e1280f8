package haproxy

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// starts are processes to be started, by one thread that lives as long as the
// test binary: the kernel ties a parent's death signal to the thread.
var starts = make(chan func())

// bin has the released program.
var bin string

func TestMain(m *testing.M) {
	serveIfAsked()
	go func() {
		runtime.LockOSThread()
		for start := range starts {
			start()
		}
	}()
	os.Exit(need.Programs(m, &bin, "hapgent"))
}

// start starts a process that ends with the test, or with the test binary if
// that is killed. What it prints is shown if the test fails, unless the command
// says where it goes.
func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if cmd.Stderr == nil {
		cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	starts <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

// shortDir is a directory for sockets: the path of one has at most 107 bytes,
// and t.TempDir has the name of the test in it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ha")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// logFile is a file whose content is shown if the test fails.
func logFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close()
		if text, err := os.ReadFile(f.Name()); t.Failed() {
			t.Logf("log of a process: %s %v", text, err)
		}
	})
	return f
}
