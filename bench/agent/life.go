//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/epicfilemcnulty/hapgent/bench/load"
)

// failedReloads are those of a job that runs each minute, in three days.
const failedReloads = 4000

// live measures everything except checks: how a responder starts, and what it does
// and costs while it has nothing to answer, or reloads a broken file.
func (m *measured) live(ctx context.Context, p plan, dir string, responders []*responder) error {
	for range p.starts {
		for i, r := range responders {
			took, err := r.firstAnswer(ctx, dir)
			if err != nil {
				return err
			}
			m.first.add(i, float64(took)/float64(time.Millisecond))
		}
	}
	err := running(ctx, dir, responders, func() error {
		if err := m.idle(p, responders); err != nil {
			return err
		}
		return m.fail(responders[agent])
	})
	if err != nil {
		return err
	}
	return m.huge(ctx, p, dir, responders)
}

// huge measures memory on a machine that always gives huge pages.
func (m *measured) huge(ctx context.Context, p plan, dir string, responders []*responder) error {
	restore, err := alwaysHugePages()
	if errors.Is(err, fs.ErrPermission) {
		fmt.Fprintln(os.Stderr, "bench: memory with huge pages is not measured: only root may set them")
		return nil
	}
	if err != nil {
		return err
	}
	defer restore()
	return running(ctx, dir, responders, func() error {
		for i, r := range responders {
			if _, err := m.load(i, r, p.slice, 16); err != nil {
				return err
			}
			kB, err := r.resident()
			if err != nil {
				return err
			}
			m.hugeMemory.add(i, kB)
		}
		return nil
	})
}

// firstAnswer starts the responder and returns the time from its execution to its
// first answer.
func (r *responder) firstAnswer(ctx context.Context, dir string) (time.Duration, error) {
	defer r.stop()
	if err := r.prepare(ctx, dir); err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := r.cmd.Start(); err != nil {
		return 0, err
	}
	for time.Since(begin) < 5*time.Second {
		if _, lost, err := r.load.Run(1, 1, nil); err == nil && lost == 0 {
			return time.Since(begin), nil
		}
		time.Sleep(100 * time.Microsecond)
	}
	return 0, r.silence()
}

// idle counts how often threads of the responders wake up while nobody asks.
func (m *measured) idle(p plan, responders []*responder) error {
	time.Sleep(time.Second) // what the start has left to do
	before := make([]int, len(responders))
	for i, r := range responders {
		var err error
		if before[i], err = r.wakeUps(); err != nil {
			return err
		}
	}
	time.Sleep(p.idle)
	for i, r := range responders {
		after, err := r.wakeUps()
		if err != nil {
			return err
		}
		m.wakeUps.add(i, float64(after-before[i])*float64(time.Minute)/float64(p.idle))
	}
	return nil
}

// wakeUps are the times that threads of the responder have gone to sleep.
func (r *responder) wakeUps() (sum int, err error) {
	threads, err := filepath.Glob(r.proc("task/*/status"))
	if err != nil {
		return 0, err
	}
	for _, thread := range threads {
		status, err := os.ReadFile(thread)
		if err != nil {
			return 0, err
		}
		_, after, _ := bytes.Cut(status, []byte("\nvoluntary_ctxt_switches:\t"))
		count, _, _ := bytes.Cut(after, []byte("\n"))
		n, err := strconv.Atoi(string(count))
		if err != nil {
			return 0, fmt.Errorf("%s: %w", thread, err)
		}
		sum += n
	}
	return sum, nil
}

// fail has the agent read a broken file over and over.
func (m *measured) fail(r *responder) error {
	if err := os.WriteFile(r.file, []byte(`{"status":"BROKEN"}`), 0o644); err != nil {
		return err
	}
	failing := load.New(r.port, "FAIL\n")
	for n := range failedReloads {
		if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			return err
		}
		for {
			_, lost, err := failing.Run(1, 1, nil)
			if err != nil {
				return err
			}
			if lost == 0 {
				break
			}
			if n > 0 {
				return fmt.Errorf("%s does not answer FAIL for a broken file", r.name)
			}
		}
		time.Sleep(100 * time.Microsecond) // or the kernel merges signals
	}
	kB, err := r.resident()
	m.failedMemory.add(agent, kB)
	return err
}

const hugePages = "/sys/kernel/mm/transparent_hugepage/enabled"

// hugePagesSetting is the machine's setting of transparent huge pages.
func hugePagesSetting() string {
	text, _ := os.ReadFile(hugePages)
	_, after, _ := bytes.Cut(text, []byte("["))
	setting, _, _ := bytes.Cut(after, []byte("]"))
	return string(setting)
}

// alwaysHugePages sets them to "always", the default of Debian's and RHEL's kernels,
// until restore.
func alwaysHugePages() (restore func(), err error) {
	old := hugePagesSetting()
	if err := os.WriteFile(hugePages, []byte("always"), 0); err != nil {
		return nil, err
	}
	return func() { _ = os.WriteFile(hugePages, []byte(old), 0) }, nil
}
