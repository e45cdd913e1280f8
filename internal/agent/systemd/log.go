//go:build linux

package systemd

import (
	"strconv"
	"sync"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

// Priority is a level of syslog(3).
type Priority byte

const (
	Error   Priority = 3
	Warning Priority = 4
	Info    Priority = 6
)

// Log writes one line per event to a file descriptor, with the priority in the
// form of sd-daemon(3) if systemd's journal reads it. If nobody reads the log, its
// disk hangs or it was closed, nobody waits and nothing ends: lines for which there
// is no room are counted in the next line for which there is.
type Log struct {
	journal bool
	outbox  *outbox
	mu      sync.Mutex
	line    []byte // being made, in memory that stays
	lost    int    // lines since the last one
}

// NewLog is a log on a file descriptor.
func NewLog(fd int, getenv func(string) (string, bool)) *Log {
	return &Log{journal: isJournal(fd, getenv), outbox: newOutbox(func(line []byte) { kernel.Write(fd, line) })}
}

// isJournal does as systemd.exec(5) says of JOURNAL_STREAM: the variable
// outlives a redirection of standard error.
func isJournal(fd int, getenv func(string) (string, bool)) bool {
	stream, _ := getenv("JOURNAL_STREAM")
	var st syscall.Stat_t
	return stream != "" && syscall.Fstat(fd, &st) == nil &&
		stream == strconv.FormatUint(uint64(st.Dev), 10)+":"+strconv.FormatUint(st.Ino, 10)
}

// Begin is the line that the message is to be appended to, for End, which must
// follow.
func (l *Log) Begin(p Priority) []byte {
	l.mu.Lock()
	if l.journal { // which names the program itself
		return append(l.line[:0], '<', '0'+byte(p), '>')
	}
	return append(l.line[:0], "hapgent: "...)
}

// End logs the line, and does not wait for it to be written.
func (l *Log) End(line []byte) {
	if l.lost > 0 {
		line = append(strconv.AppendInt(append(line, " ("...), int64(l.lost), 10), " lines before this one were lost: nobody read the log)"...)
	}
	l.line = append(line, '\n')
	if l.outbox.add(l.line) {
		l.lost = 0
	} else {
		l.lost++
	}
	l.mu.Unlock()
}

// Print logs a message.
func (l *Log) Print(p Priority, message string) { l.End(append(l.Begin(p), message...)) }

// Flush waits for what was logged to be written, for a second at the most.
func (l *Log) Flush() { l.outbox.flush() }
