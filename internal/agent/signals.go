//go:build linux

package agent

import (
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

// obeyed are the signals that change what the agent does.
var obeyed = [...]struct {
	signal syscall.Signal
	name   string
	kind   eventKind
}{
	{syscall.SIGUSR1, "SIGUSR1", setEvent},
	{syscall.SIGUSR2, "SIGUSR2", setEvent},
	{syscall.SIGHUP, "SIGHUP", reloadEvent},
	{syscall.SIGTERM, "SIGTERM", stopEvent},
	{syscall.SIGINT, "SIGINT", stopEvent},
}

// catchSignals puts into the queue whichever signals come from now on. Where two
// are pending at once the kernel, and the runtime after it, remember of each
// number only that it came; so only signals that are sent within some
// microseconds of each other can be merged or change places.
func catchSignals(q *queue) {
	for _, o := range obeyed {
		kernel.SignalEnable(uint32(o.signal))
	}
	go func() {
		for {
			got := syscall.Signal(kernel.SignalRecv())
			for _, o := range obeyed {
				if o.signal == got {
					q.add(event{kind: o.kind, signal: got})
				}
			}
		}
	}()
}

// name is what the log calls the signal.
func (e event) name() string {
	for _, o := range obeyed {
		if o.signal == e.signal {
			return o.name
		}
	}
	return ""
}
