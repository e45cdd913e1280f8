//go:build linux

package agent

import (
	"sync"
	"syscall"
)

// event is a signal, or another thing that the keeper has to act upon or log.
type event struct {
	kind   eventKind
	signal syscall.Signal
}

type eventKind byte

const (
	setEvent     eventKind = iota // SIGUSR1, SIGUSR2
	reloadEvent                   // SIGHUP
	stopEvent                     // SIGTERM, SIGINT
	starvedEvent                  // a client came, and there was no descriptor or memory for it
)

// queue holds what the keeper has not come to yet, in order. However many
// signals come while the disk keeps it waiting, none is lost: those that a later
// one makes idle are dropped, which keeps the queue short. A status makes
// those before it idle. A reload makes the one right before it idle, but not one
// with a status between them, since that status keeps the weight it finds.
type queue struct {
	mu     sync.Mutex
	events []event
	filled chan struct{} // holds one where the queue may have become longer
}

func newQueue() *queue { return &queue{filled: make(chan struct{}, 1)} }

func (q *queue) add(e event) {
	q.mu.Lock()
	kept := q.events[:0]
	for _, old := range q.events {
		if e.kind == reloadEvent || old.kind != e.kind {
			kept = appendEvent(kept, old)
		}
	}
	q.events = appendEvent(kept, e)
	q.mu.Unlock()
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

// appendEvent lets the second of two reloads in a row take the first one's place.
func appendEvent(events []event, e event) []event {
	if n := len(events); n > 0 && e.kind == reloadEvent && events[n-1].kind == reloadEvent {
		events = events[:n-1]
	}
	return append(events, e)
}

// next waits for an event and takes it.
func (q *queue) next() event {
	for {
		q.mu.Lock()
		if len(q.events) > 0 {
			e := q.events[0]
			q.events = append(q.events[:0], q.events[1:]...)
			q.mu.Unlock()
			return e
		}
		q.mu.Unlock()
		<-q.filled
	}
}
