package console

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAskpassRules(t *testing.T) {
	for _, tt := range []struct {
		require, display, wayland string
		allowed, preferred        bool
	}{
		{"", "", "", false, false},
		{"", ":0", "", true, false},
		{"", "", "wayland-0", true, false},
		{"never", ":0", "", false, false},
		{"prefer", "", "", false, false},
		{"prefer", ":0", "", true, true},
		{"force", "", "", true, true},
		{"FORCE", "", "", true, true},
		{"something", ":0", "", true, false},
	} {
		environment := map[string]string{"SSH_ASKPASS_REQUIRE": tt.require, "DISPLAY": tt.display, "WAYLAND_DISPLAY": tt.wayland}
		allowed, preferred := askpassRules(func(name string) string { return environment[name] })
		if allowed != tt.allowed || preferred != tt.preferred {
			t.Errorf("%v: allowed %v, preferred %v; want %v, %v", environment, allowed, preferred, tt.allowed, tt.preferred)
		}
	}
}

// TestMain is also the program that asks, in a process of its own that has a
// controlling terminal.
func TestMain(m *testing.M) {
	if os.Getenv("PASSPHRASE_TEST_ASK") == "" {
		os.Exit(m.Run())
	}
	answer, err := Ask("the prompt: ")
	fmt.Printf("%q %v\n", answer, err)
}

func TestTheEchoIsOffWhileThePassphraseIsTyped(t *testing.T) {
	terminal, cmd, out := askAtTerminal(t)
	waitForEcho(t, terminal, false)
	if _, err := terminal.WriteString("se cret\n"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "\"se cret\" <nil>\n"; got != want {
		t.Errorf("asked and got %s, want %s", got, want)
	}
	waitForEcho(t, terminal, true)
	shown := make([]byte, 1000)
	n, err := terminal.Read(shown)
	if text := string(shown[:n]); err != nil || !strings.Contains(text, "the prompt: ") || strings.Contains(text, "cret") {
		t.Errorf("the terminal shows %q, %v", text, err)
	}
}

func TestAnInterruptTurnsTheEchoOnAgain(t *testing.T) {
	terminal, cmd, _ := askAtTerminal(t)
	waitForEcho(t, terminal, false)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("ended by %v, want the interrupt", cmd.ProcessState)
	}
	waitForEcho(t, terminal, true)
}

// askAtTerminal starts the program of TestMain on a new terminal, and returns the
// user's end of it.
func askAtTerminal(t *testing.T) (terminal *os.File, cmd *exec.Cmd, out *bytes.Buffer) {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	if err := unix.IoctlSetPointerInt(int(terminal.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	far, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	out = new(bytes.Buffer)
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PASSPHRASE_TEST_ASK=1", "SSH_ASKPASS_REQUIRE=", "DISPLAY=:0", "SSH_ASKPASS=/bin/false")
	cmd.Stdout = out
	cmd.ExtraFiles = []*os.File{far}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return terminal, cmd, out
}

func waitForEcho(t *testing.T, terminal *os.File, on bool) {
	t.Helper()
	for range 1000 {
		state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		if state.Lflag&unix.ECHO != 0 == on {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("the echo did not become %v in ten seconds", on)
}
