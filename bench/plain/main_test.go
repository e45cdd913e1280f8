//go:build linux

package main

import (
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/bench/load"
)

// BenchmarkCheck counts the allocations of a check: the client makes none.
func BenchmarkCheck(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	line := state{Status: "UP"}.answer()
	var answer atomic.Pointer[[]byte]
	answer.Store(&line)
	go answerAll(listener, &answer)

	l := load.New(listener.Addr().(*net.TCPAddr).Port, "UP\n")
	var latencies [1]time.Duration
	b.ReportAllocs()
	for b.Loop() {
		if _, lost, err := l.Run(1, 1, latencies[:0]); lost > 0 || err != nil {
			b.Fatalf("%d lost: %v", lost, err)
		}
	}
}

func TestSavedStateIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	for _, text := range []string{
		`{"status":"UP"}`,
		`{"status":"DOWN","weight":77,"maxconn":300}`,
		`{"status":"READY","weight":0}`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := save(file, read(file)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Errorf("%s became %s (%v)", text, got, err)
		}
	}
}
