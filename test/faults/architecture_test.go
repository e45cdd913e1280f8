package faults

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// emulators run the programs of other architectures; a 386 one runs on the
// kernel of an amd64 machine, and qemu-i386 runs no Go.
var emulators = map[string]string{
	"arm64": "qemu-aarch64-static", "arm": "qemu-arm-static", "riscv64": "qemu-riscv64-static",
	"ppc64le": "qemu-ppc64le-static", "s390x": "qemu-s390x-static",
}

// The system calls and the entry point differ from one to the next.
func TestEveryArchitecture(t *testing.T) {
	agentProgram, err := build.ProgramOf("hapgent")
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range build.Architectures {
		t.Run(target.Debian, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "hapgent")
			if err := need.Source(t).Build(t.Context(), agentProgram, target, path); err != nil {
				t.Fatal(err)
			}
			options := []option{program(path), variable("GOMAXPROCS", "2")} // an emulator cannot execute itself anew
			if emulator, ok := emulators[target.GOARCH]; ok && target.GOARCH != runtime.GOARCH {
				emulator = need.Command(t, emulator, "qemu-user-static")
				options = append(options, func(c *exec.Cmd) { c.Path, c.Args = emulator, []string{emulator, path} })
			}
			file := stateFile(t, busyUpJSON)
			a := start(t, file, options...)
			a.signal(syscall.SIGUSR2)
			a.untilAnswer(busyDown)
			if got := contents(t, file); got != busyDownJSON {
				t.Errorf("the file holds %q", got)
			}
			write(t, file, `{"status":"DRAIN"}`)
			a.signal(syscall.SIGHUP)
			a.untilAnswer("DRAIN")
			if status := a.stop(); status != 0 {
				t.Errorf("exit status %d", status)
			}
		})
	}
}
