package release

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// maxAgent is the largest that the agent may be, in bytes.
const maxAgent = 1_600_000

// emulators run the programs of other architectures; the kernel of amd64 runs
// those of 386, and qemu-i386 runs no Go.
var emulators = map[string]string{
	"arm64": "qemu-aarch64-static", "arm": "qemu-arm-static", "riscv64": "qemu-riscv64-static",
	"ppc64le": "qemu-ppc64le-static", "s390x": "qemu-s390x-static",
}

// The very files of the release: how each behaves otherwise, test/faults tries.
func TestEveryArchitectureAnswersACheck(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	write(t, `{"status":"UP","weight":77,"maxconn":300}`, state)
	for i, a := range build.Architectures {
		name := "hapgent"
		if a.Debian != "amd64" {
			name += "-" + a.Debian
		}
		path := filepath.Join(who.Dist(), name)
		if size := len(read(t, path)); size > maxAgent {
			t.Errorf("%s has %d bytes, want at most %d", name, size, maxAgent)
		}
		args := []string{path}
		if emulator, ok := emulators[a.GOARCH]; ok && a.GOARCH != runtime.GOARCH {
			args = append([]string{need.Command(t, emulator, "qemu-user-static")}, args...)
		}
		address := fmt.Sprintf("127.77.6.%d", i+1)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = []string{"HAPGENT_IP=" + address, "HAPGENT_PORT=9777", "HAPGENT_STATE_FILE=" + state, "GOMAXPROCS=2"}
		do(t, cmd.Start())
		got := ask(address + ":9777")
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if got != "UP 77% maxconn:300\n" {
			t.Errorf("%s answers %q", name, got)
		}
	}
}

// ask asks until there is an answer.
func ask(address string) string {
	problem := ""
	for range 1800 {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			answer, _ := io.ReadAll(conn)
			return string(answer)
		}
		problem = err.Error()
		time.Sleep(100 * time.Millisecond)
	}
	return problem
}
