//go:build linux

// Command plain is the responder in plain Go, for comparison: it answers agent checks
// as hapgent does, written in an afternoon with net, encoding/json and log/slog, with
// one goroutine per connection. It is not slowed down on purpose, and lacks what an
// afternoon has no time for: a strict reader of the state file, a table of bounded
// size, systemd.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	drainBytes = 64 << 10
	drainTime  = 5 * time.Second
)

type state struct {
	Status  string  `json:"status"`
	Weight  *uint8  `json:"weight,omitempty"`
	Maxconn *uint16 `json:"maxconn,omitempty"`
}

func (s state) answer() []byte {
	line := s.Status
	if s.Weight != nil {
		line += fmt.Sprintf(" %d%%", *s.Weight)
	}
	if s.Maxconn != nil {
		line += fmt.Sprintf(" maxconn:%d", *s.Maxconn)
	}
	return []byte(line + "\n")
}

func read(file string) state {
	var s state
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		slog.Error("state file not read", "file", file, "error", err)
		return state{Status: "FAIL"}
	}
	return s
}

func save(file string, s state) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	temp := filepath.Join(filepath.Dir(file), ".plain-state")
	if err := os.WriteFile(temp, data, 0o644); err != nil {
		return err
	}
	return os.Rename(temp, file)
}

// obey turns signals into states until the process ends.
func obey(signals <-chan os.Signal, file string, s state, answer *atomic.Pointer[[]byte]) {
	for sig := range signals {
		switch sig {
		case syscall.SIGHUP:
			s = read(file)
		case syscall.SIGUSR1:
			s.Status = "UP"
		case syscall.SIGUSR2:
			s.Status = "DOWN"
		}
		if sig != syscall.SIGHUP {
			if err := save(file, s); err != nil {
				slog.Error("state not saved", "file", file, "error", err)
			}
		}
		line := s.answer()
		answer.Store(&line)
		slog.Info("state changed", "signal", sig, "status", s.Status)
	}
}

func serve(conn net.Conn, answer []byte) {
	defer conn.Close()
	if _, err := conn.Write(answer); err != nil {
		return
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return
	}
	conn.SetReadDeadline(time.Now().Add(drainTime))
	io.Copy(io.Discard, io.LimitReader(conn, drainBytes))
}

// answerAll serves until listener is closed.
func answerAll(listener net.Listener, answer *atomic.Pointer[[]byte]) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			slog.Error("accept", "error", err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		go serve(conn, *answer.Load())
	}
}

func environment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	file := environment("HAPGENT_STATE_FILE", "/etc/hapgent/state.json")
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)

	s := read(file)
	var answer atomic.Pointer[[]byte]
	line := s.answer()
	answer.Store(&line)
	go obey(signals, file, s, &answer)

	listener, err := net.Listen("tcp", net.JoinHostPort(
		environment("HAPGENT_IP", "0.0.0.0"), environment("HAPGENT_PORT", "9777")))
	if err != nil {
		slog.Error("cannot listen", "error", err)
		os.Exit(1)
	}
	answerAll(listener, &answer)
}
