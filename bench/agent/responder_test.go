//go:build linux

package main

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestResidentMemoryIsReadFromProc(t *testing.T) {
	for _, c := range []struct {
		status string
		want   float64
		ok     bool
	}{
		{"Name:\thapgent\nVmHWM:\t    9999 kB\nVmRSS:\t    2200 kB\nRssAnon:\t 100 kB\n", 2200, true},
		{"Name:\thapgent\nState:\tZ (zombie)\n", 0, false},
		{"VmRSS:\tmuch\n", 0, false},
	} {
		got, err := parseResident([]byte(c.status))
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%q: %v, %v", c.status, got, err)
		}
	}
}

func TestAllocationsAreReadFromTheBenchmark(t *testing.T) {
	for _, c := range []struct {
		out  string
		want float64
		ok   bool
	}{
		{"cpu: X\nBenchmarkCheck-2   \t   10278\t    119459 ns/op\t     488 B/op\t      10 allocs/op\nPASS\n", 10, true},
		{"BenchmarkCheck \t 1\t 5 ns/op\t 0 B/op\t 0 allocs/op\n", 0, true},
		{"BenchmarkOther-2 \t 1\t 5 ns/op\t 0 B/op\t 0 allocs/op\n", 0, false},
		{"PASS\n", 0, false},
	} {
		got, err := parseAllocations([]byte(c.out))
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%q: %v, %v", c.out, got, err)
		}
	}
}

func TestProcessorTimeIsThatOfTheResponder(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo; read end")
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer input.Close()
	if _, err := output.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	used, err := (&responder{cmd: cmd}).processorTime()
	if err != nil {
		t.Fatal(err)
	}
	if used < time.Millisecond {
		t.Errorf("%v for a hundred thousand rounds of the shell", used)
	}
	input.Close()
	cmd.Wait()
	if total := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(); used > total+20*time.Millisecond {
		t.Errorf("%v of %v in total", used, total)
	}
}

func TestAResponderThatEndsIsNamedWithWhatItSaid(t *testing.T) {
	r := &responder{name: "mute", command: []string{"/bin/sh", "-c", "echo port taken; exit 1"}}
	defer r.stop()
	err := r.start(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "mute") || !strings.Contains(err.Error(), "port taken") {
		t.Error(err)
	}
}
