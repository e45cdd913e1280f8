//go:build linux

package server

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// agentThat listens and does something to each client.
func agentThat(t *testing.T, serve func(net.Conn)) Address {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c)
		}
	}()
	a, _ := ParseIP("0.0.0.0")
	a.Port = uint16(l.Addr().(*net.TCPAddr).Port)
	return a
}

func TestAskReadsOneLine(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"at once": func(c net.Conn) { c.Write([]byte("UP 77%\n")); c.Close() },
		"in parts": func(c net.Conn) {
			c.Write([]byte("UP "))
			time.Sleep(100 * time.Millisecond)
			c.Write([]byte("77%\n"))
			c.Close()
		},
		"without a FIN": func(c net.Conn) { c.Write([]byte("UP 77%\n")) },
		"more behind":   func(c net.Conn) { c.Write([]byte("UP 77%\nDOWN\n")); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if line, err := Ask(agentThat(t, serve)); err != nil || line != "UP 77%" {
				t.Errorf("%q, %v", line, err)
			}
		})
	}
}

func TestAskSaysWhyThereIsNoAnswer(t *testing.T) {
	for want, serve := range map[string]func(net.Conn){
		"no answer within 2 s":               func(net.Conn) {},
		"the agent closed without an answer": func(c net.Conn) { c.Close() },
		`expected one line, found "UP`:       func(c net.Conn) { c.Write([]byte("UP")); c.Close() },
		`expected one line, found "xxx`:      func(c net.Conn) { c.Write([]byte(strings.Repeat("x", 5000))) },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			if line, err := Ask(agentThat(t, serve)); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%q, %v", line, err)
			}
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a, _ := ParseIP("127.0.0.1")
	a.Port = uint16(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	if line, err := Ask(a); err == nil || err.Error() != "connection refused" {
		t.Errorf("nobody listens: %q, %v", line, err)
	}
}

// An agent that sends a byte now and then does not delay the asker longer.
func TestAskWaitsNoLongerForAnAgentThatDribbles(t *testing.T) {
	t.Parallel()
	a := agentThat(t, func(c net.Conn) {
		go func() {
			defer c.Close()
			for range 20 {
				c.Write([]byte("x"))
				time.Sleep(500 * time.Millisecond)
			}
		}()
	})
	if line, err := Ask(a); err != errNoAnswer {
		t.Errorf("%q, %v", line, err)
	}
}

// A backlog that is full: the kernel answers no SYN.
func TestAskWaitsNoLongerForAConnection(t *testing.T) {
	t.Parallel()
	a, _ := ParseIP("127.0.0.1")
	l, err := Listen(a)
	if err != nil {
		t.Fatal(err)
	}
	bound, ok := boundTo(l.fd)
	if !ok {
		t.Fatal("no address")
	}
	fill(t, l.fd, bound)
	if line, err := Ask(bound); err != errNoAnswer {
		t.Errorf("%q, %v", line, err)
	}
}

// fill leaves no room for one more client to wait.
func fill(t *testing.T, fd int, a Address) {
	t.Helper()
	if err := syscall.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		c, err := net.DialTimeout("tcp", a.String(), 300*time.Millisecond)
		if err != nil {
			return
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the backlog never fills")
}
