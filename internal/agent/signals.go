//go:build linux

package agent

import (
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
	"github.com/epicfilemcnulty/hapgent/internal/agent/statefile"
)

// lastSignal is what the agent sends itself when it is told to end. The entry point
// blocks it as it does SIGUSR1 and SIGUSR2 (kernel/start.h): the runtime unblocks
// these three in one thread only, and the kernel hands them to that in the order of
// their numbers. SIGTERM and SIGINT can arrive at any thread, and so overtake a
// status that was sent before them; lastSignal cannot.
const lastSignal = syscall.SIGPWR

// obeyed are the signals that change what the agent does, and what they ask for.
var obeyed = [...]struct {
	signal syscall.Signal
	event  event
}{
	{syscall.SIGUSR1, event{kind: setEvent, status: statefile.Up, by: "SIGUSR1"}},
	{syscall.SIGUSR2, event{kind: setEvent, status: statefile.Down, by: "SIGUSR2"}},
	{syscall.SIGHUP, event{kind: reloadEvent, by: "SIGHUP"}},
	{syscall.SIGTERM, event{kind: stopEvent, by: "SIGTERM"}},
	{syscall.SIGINT, event{kind: stopEvent, by: "SIGINT"}},
}

// catchSignals makes the keeper obey the signals that come from now on. Of pending
// signals the kernel and the runtime remember only which numbers came: signals can
// be merged and, except for the end, reordered.
func catchSignals(k *keeper) {
	kernel.SignalEnable(uint32(lastSignal))
	for _, o := range obeyed {
		kernel.SignalEnable(uint32(o.signal))
	}
	go func() {
		var end event
		for {
			got := syscall.Signal(kernel.SignalReceive())
			if got == lastSignal && end.by != "" {
				k.end(end)
			}
			for _, o := range obeyed {
				if o.signal != got {
					continue
				}
				if o.event.kind != stopEvent {
					k.queue.add(o.event)
				} else if end = o.event; syscall.Kill(syscall.Getpid(), lastSignal) != nil {
					k.end(end)
				}
			}
		}
	}()
}
