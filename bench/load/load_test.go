//go:build linux

package load

import (
	"net"
	"testing"
)

// listen answers each connection with the answer for its number.
func listen(t *testing.T, answer func(i int) string) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for i := 0; ; i++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Write([]byte(answer(i)))
			go func() { // until the client closes
				conn.Read(make([]byte, 64))
				conn.Read(make([]byte, 64))
				conn.Close()
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestRunCountsEachCheckOnceAnsweredOrLost(t *testing.T) {
	for _, c := range []struct {
		name             string
		n, clients, lost int
		answer           func(i int) string
	}{
		{"all answered", 100, 7, 0, func(int) string { return "UP\n" }},
		{"more clients than checks", 3, 16, 0, func(int) string { return "UP\n" }},
		{"every tenth answers something else", 100, 1, 10, func(i int) string {
			if i%10 == 0 {
				return "DOWN\n"
			}
			return "UP\n"
		}},
		{"every tenth answers too much", 100, 4, 10, func(i int) string {
			if i%10 == 0 {
				return "UP\nUP\n"
			}
			return "UP\n"
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			latencies, lost, err := New(listen(t, c.answer), "UP\n").Run(c.n, c.clients, nil)
			if err != nil {
				t.Fatal(err)
			}
			if lost != c.lost || len(latencies) != c.n-c.lost {
				t.Errorf("%d answered and %d lost, want %d and %d", len(latencies), lost, c.n-c.lost, c.lost)
			}
			for _, l := range latencies {
				if l <= 0 {
					t.Errorf("latency %v", l)
				}
			}
		})
	}
}

func TestRunSaysThatNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	if _, _, err := New(port, "UP\n").Run(1, 1, nil); err == nil {
		t.Error("no error")
	}
}
