//go:build linux

package systemd

import (
	"sync"
	"syscall"
)

// outbox sends messages in their order, by a goroutine of its own: while nobody
// takes them, only that goroutine hangs.
type outbox struct {
	mu      sync.Mutex
	filled  chan struct{} // holds one where there may be something to send
	waiting []byte        // messages, each with a NUL behind it
	busy    bool          // one is being sent
}

// outboxSize is how much may wait, in bytes.
const outboxSize = 8192

func newOutbox(send func(message []byte)) *outbox {
	o := &outbox{filled: make(chan struct{}, 1), waiting: make([]byte, 0, outboxSize)}
	go func() {
		for message := make([]byte, 0, outboxSize); ; send(message) {
			for message = o.next(message[:0]); len(message) == 0; message = o.next(message) {
				<-o.filled
			}
		}
	}()
	return o
}

// next takes the message that waited longest, if any.
func (o *outbox) next(message []byte) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, c := range o.waiting {
		if c == 0 {
			message = append(message, o.waiting[:i]...)
			o.waiting = append(o.waiting[:0], o.waiting[i+1:]...)
			break
		}
	}
	o.busy = len(message) > 0
	return message
}

// add has the message sent; false, if there is no room for it.
func (o *outbox) add(message []byte) bool {
	o.mu.Lock()
	room := len(o.waiting)+len(message) < outboxSize
	if room {
		o.waiting = append(append(o.waiting, message...), 0)
	}
	o.mu.Unlock()
	select {
	case o.filled <- struct{}{}:
	default:
	}
	return room
}

// flush waits until all is sent, for a second at the most.
func (o *outbox) flush() {
	for range 1000 {
		o.mu.Lock()
		done := len(o.waiting) == 0 && !o.busy
		o.mu.Unlock()
		if done {
			return
		}
		syscall.Nanosleep(&syscall.Timespec{Nsec: 1_000_000}, nil)
	}
}
