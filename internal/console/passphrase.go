package console

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// ErrNoTerminal says that there is nobody to ask.
var ErrNoTerminal = errors.New("no terminal to ask for the passphrase (set SSH_ASKPASS and SSH_ASKPASS_REQUIRE=force)")

// defaultAskpass is what Debian's ssh runs where SSH_ASKPASS is not set.
const defaultAskpass = "/usr/bin/ssh-askpass"

// Ask returns the user's answer to prompt, without the end of the line. The error
// is ErrNoTerminal if there is neither a terminal nor a program to ask with.
func Ask(prompt string) ([]byte, error) {
	allowed, preferred := askpassRules(os.Getenv)
	if preferred {
		return runAskpass(prompt)
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err == nil {
		defer tty.Close()
		return readTerminal(tty, prompt)
	}
	if allowed {
		return runAskpass(prompt)
	}
	return nil, ErrNoTerminal
}

// askpassRules says whether the askpass program may be used if there is no
// terminal, and whether it must be used even if there is one.
func askpassRules(getenv func(string) string) (allowed, preferred bool) {
	allowed = getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != ""
	switch strings.ToLower(getenv("SSH_ASKPASS_REQUIRE")) {
	case "force":
		return true, true
	case "prefer":
		return allowed, allowed
	case "never":
		return false, false
	}
	return allowed, false
}

func runAskpass(prompt string) ([]byte, error) {
	program := os.Getenv("SSH_ASKPASS")
	if program == "" {
		program = defaultAskpass
	}
	cmd := exec.Command(program, prompt)
	cmd.Stderr = os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("asking for the passphrase by %q (SSH_ASKPASS): %w", program, err)
	}
	if end := bytes.IndexAny(answer, "\r\n"); end >= 0 {
		answer = answer[:end]
	}
	return answer, nil
}

func readTerminal(tty *os.File, prompt string) ([]byte, error) {
	fd := int(tty.Fd())
	stop := restoreOnSignal(fd)
	defer stop()
	fmt.Fprint(tty, prompt)
	answer, err := term.ReadPassword(fd)
	fmt.Fprintln(tty)
	if err != nil {
		return nil, fmt.Errorf("reading the passphrase from the terminal: %w", err)
	}
	return answer, nil
}

// restoreOnSignal turns the echo on again before an interrupt ends the
// program: a shell does not do it for us. The returned function ends the watch.
func restoreOnSignal(fd int) (stop func()) {
	state, err := term.GetState(fd)
	if err != nil {
		return func() {}
	}
	signals := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	go func() {
		select {
		case s := <-signals:
			_ = term.Restore(fd, state)
			signal.Reset(s)
			_ = syscall.Kill(os.Getpid(), s.(syscall.Signal))
		case <-done:
		}
	}()
	return func() { signal.Stop(signals); close(done) }
}
