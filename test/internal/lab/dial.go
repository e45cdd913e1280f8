package lab

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The main thread, which cannot end, must not enter a network, or this process would
// count as one of the lab's.
func init() { runtime.LockOSThread() }

// Dial connects to an address from within the lab's network.
func (l *Lab) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return within(l, func() (net.Conn, error) { return new(net.Dialer).DialContext(ctx, network, address) })
}

// Listen listens at an address of this machine in the lab's network, which is
// there once a host is.
func (l *Lab) Listen(network, address string) (net.Listener, error) {
	return within(l, func() (net.Listener, error) { return net.Listen(network, address) })
}

// within makes a socket in the lab's network, where it then stays.
func within[T any](l *Lab, socket func() (T, error)) (made T, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		// the thread is in the lab's network from here on, and ends with the goroutine
		runtime.LockOSThread()
		if err = l.enter(); err == nil {
			made, err = socket()
		}
	}()
	<-done
	return made, err
}

func (l *Lab) enter() error {
	fd, err := unix.Open("/run/netns/"+l.name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Setns(fd, unix.CLONE_NEWNET)
}

// Ask asks an agent as HAProxy does, and returns its line; an answer without a
// newline is an error.
func (l *Lab) Ask(address string) (answer string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	conn, err := l.Dial(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(Patience))
	if _, err := conn.Write([]byte("hapgent\n")); err != nil {
		return "", err
	}
	b, err := io.ReadAll(conn)
	if err != nil {
		return "", err
	}
	line, found := strings.CutSuffix(string(b), "\n")
	if !found {
		return "", io.ErrUnexpectedEOF
	}
	return line, nil
}

// Ask asks the host's agent at the port; what is wrong is its answer then.
func (h *Host) Ask(port string) string {
	answer, err := h.lab.Ask(net.JoinHostPort(h.Address, port))
	if err != nil {
		return err.Error()
	}
	return answer
}

// UntilAnswers waits until the agent at the port gives the answer.
func (h *Host) UntilAnswers(want, port string) {
	h.t.Helper()
	got := ""
	start := time.Now()
	for deadline := start.Add(Patience); time.Now().Before(deadline); pause(start, 20*time.Millisecond) {
		if got = h.Ask(port); got == want {
			return
		}
	}
	h.t.Fatalf("%s (%s): the agent at port %s answers %q after %v, want %q", h.Name, h.Suite, port, got, Patience, want)
}

// pause waits between two looks, the longer the longer has been waited: looks take
// processor time from what is waited for.
func pause(start time.Time, least time.Duration) {
	time.Sleep(max(least, min(time.Since(start)/5, time.Second/2)))
}
