//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"github.com/epicfilemcnulty/hapgent/bench/load"
)

// The state of every responder, and its answer.
const (
	state  = `{"status":"UP","weight":77,"maxconn":300}`
	answer = "UP 77% maxconn:300\n"
)

// responder is one column of the table.
type responder struct {
	name        string
	command     []string
	allocations []float64 // per check, none where unknown

	cmd    *exec.Cmd
	port   int
	file   string // its state
	output *os.File
	load   *load.Load
}

// prepare makes the command that runs the responder.
func (r *responder) prepare(ctx context.Context, dir string) (err error) {
	if r.port, err = freePort(); err != nil {
		return err
	}
	r.file = filepath.Join(dir, fmt.Sprintf("state-%d.json", r.port))
	if err = os.WriteFile(r.file, []byte(state), 0o644); err != nil {
		return err
	}
	if r.output, err = os.CreateTemp(dir, "output-"); err != nil {
		return err
	}
	r.load = load.New(r.port, answer)
	r.cmd = exec.CommandContext(ctx, r.command[0], r.command[1:]...)
	r.cmd.Stdout, r.cmd.Stderr = r.output, r.output
	r.cmd.Env = append(os.Environ(), "HAPGENT_IP=127.0.0.1",
		"HAPGENT_PORT="+strconv.Itoa(r.port), "HAPGENT_STATE_FILE="+r.file)
	return nil
}

// start runs the responder and waits until it answers.
func (r *responder) start(ctx context.Context, dir string) error {
	if err := r.prepare(ctx, dir); err != nil {
		return err
	}
	if err := r.cmd.Start(); err != nil {
		return err
	}
	for range 100 {
		time.Sleep(50 * time.Millisecond)
		if _, lost, err := r.load.Run(1, 1, nil); err == nil && lost == 0 {
			return nil
		}
		if _, err := r.resident(); err != nil {
			break
		}
	}
	return r.silence()
}

// silence is the error of a responder that does not answer.
func (r *responder) silence() error {
	said, _ := os.ReadFile(r.output.Name())
	return fmt.Errorf("%s (%q) does not answer %q within 5 s; it said %q", r.name, r.command, answer, said)
}

func (r *responder) stop() {
	if r.cmd == nil || r.cmd.Process == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	_ = r.output.Close()
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func (r *responder) proc(name string) string {
	return fmt.Sprintf("/proc/%d/%s", r.cmd.Process.Pid, name)
}

// size returns the bytes of the binary that runs.
func (r *responder) size() (float64, error) {
	info, err := os.Stat(r.proc("exe"))
	if err != nil {
		return 0, err
	}
	return float64(info.Size()), nil
}

// resident returns VmRSS in kB, as /proc has it: units of 1,024 bytes.
func (r *responder) resident() (float64, error) {
	status, err := os.ReadFile(r.proc("status"))
	if err != nil {
		return 0, err
	}
	return parseResident(status)
}

func parseResident(status []byte) (float64, error) {
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			value = bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))
			return strconv.ParseFloat(string(value), 64)
		}
	}
	return 0, errors.New("no VmRSS: the responder has ended")
}

// descriptors returns how many the responder has open.
func (r *responder) descriptors() (int, error) {
	entries, err := os.ReadDir(r.proc("fd"))
	return len(entries), err
}

// processorTime returns what all threads of the responder have used, from its
// processor-time clock: nanoseconds where /proc/PID/stat counts hundredths.
func (r *responder) processorTime() (time.Duration, error) {
	const ofProcess = 2 // CPUCLOCK_SCHED of the kernel's posix-timers.h
	clock := int32(^r.cmd.Process.Pid)<<3 | ofProcess
	var ts syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&ts)), 0)
	if errno != 0 {
		return 0, fmt.Errorf("processor time of %s: %w", r.name, errno)
	}
	return time.Duration(ts.Nano()), nil
}
