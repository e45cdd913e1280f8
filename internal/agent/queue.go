//go:build linux

package agent

import (
	"sync"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
	"github.com/epicfilemcnulty/hapgent/internal/agent/server"
	"github.com/epicfilemcnulty/hapgent/internal/agent/statefile"
)

// event is what the keeper handles or logs.
type event struct {
	kind   eventKind
	status statefile.Status // of a setEvent
	by     string           // the signal that caused it
}

type eventKind byte

const (
	setEvent     eventKind = iota // answer the status
	reloadEvent                   // read the file
	stopEvent                     // end
	starvedEvent                  // a client came, and there was no descriptor or memory for it
)

// queue holds the events that the keeper has not handled yet, in order. However
// many signals come while the keeper waits for the disk, none is lost: superseded
// events are dropped, which keeps the queue short. A status supersedes the events
// before it. A reload supersedes the reload right before it, but not one before a
// status, since that status keeps the weight that the reload has read.
//
// It also decides the answer: the state that the keeper published last, until a
// later status has waited for saveTime; then the newest status, until the keeper
// has handled it. So an answer has been saved, as a rule; but a disk that hangs
// keeps no server in traffic that was told to leave, however often it was
// told.
type queue struct {
	answer func(now, later []byte, at int64) // as server.Server.Answer has it
	filled chan struct{}                     // holds one if the queue may have become longer

	mu     sync.Mutex
	events []event
	state  statefile.State  // published
	newest statefile.Status // that came since; none: ""
	dueAt  int64            // when the newest is answered, nanotime
	lines  [2][server.MaxAnswer]byte
}

// saveTime is how long a status waits to be saved before it is answered, in
// nanoseconds.
const saveTime = 1_000_000_000

// every answer fits the server's memory
const _ = uint(server.MaxAnswer - statefile.MaxAnswer)

func newQueue(answer func(now, later []byte, at int64)) *queue {
	return &queue{answer: answer, filled: make(chan struct{}, 1)}
}

func (q *queue) add(e event) {
	q.mu.Lock()
	kept := q.events[:0]
	for _, old := range q.events {
		if e.kind == reloadEvent || old.kind != e.kind {
			kept = appendEvent(kept, old)
		}
	}
	q.events = appendEvent(kept, e)
	if e.kind == setEvent {
		if q.newest == "" {
			q.dueAt = kernel.Nanotime() + saveTime
		}
		q.newest = e.status
		q.show()
	}
	q.mu.Unlock()
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

// appendEvent replaces the first of two reloads in a row by the second.
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

// publish makes the state the answer. A status that has come since may wait anew
// for its own save, unless it is answered already.
func (q *queue) publish(s statefile.State) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.state = s
	for _, e := range q.events {
		if e.kind == setEvent {
			if now := kernel.Nanotime(); now < q.dueAt {
				q.dueAt = now + saveTime
			}
			q.show()
			return
		}
	}
	q.newest = ""
	q.show()
}

// show passes the answers to the server. Before the file has been read there is none.
func (q *queue) show() {
	if q.newest == "" {
		q.dueAt = 0
	}
	q.answer(q.state.Append(q.lines[0][:0]), q.last().Append(q.lines[1][:0]), q.dueAt)
}

// last is the state that is answered if nothing else comes.
func (q *queue) last() statefile.State {
	s := q.state
	if q.newest != "" {
		s.Status = q.newest
	}
	return s
}
