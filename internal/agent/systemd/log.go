//go:build linux

package systemd

import (
	"strconv"
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

// Log writes a line an event to standard error, with the priority in the
// form of sd-daemon(3) where systemd's journal reads it. Its line is built in
// place, by append.
type Log struct {
	fd      int
	journal bool
	lost    int       // lines since the last one
	buffer  [512]byte // a longer line, as some errors make, is allocated
}

// NewLog is a log on a file descriptor.
func NewLog(fd int, getenv func(string) (string, bool)) *Log {
	l := &Log{fd: fd}
	l.detectJournal(getenv)
	return l
}

// detectJournal does as systemd.exec(5) says of JOURNAL_STREAM: the variable
// outlives a redirection of standard error.
func (l *Log) detectJournal(getenv func(string) (string, bool)) {
	stream, _ := getenv("JOURNAL_STREAM")
	var st syscall.Stat_t
	if stream != "" && syscall.Fstat(l.fd, &st) == nil {
		l.journal = stream == strconv.FormatUint(uint64(st.Dev), 10)+":"+strconv.FormatUint(st.Ino, 10)
	}
}

// Begin is the line that the message is to be appended to.
func (l *Log) Begin(p Priority) []byte {
	if l.journal { // which names the program itself
		return append(l.buffer[:0], '<', '0'+byte(p), '>')
	}
	return append(l.buffer[:0], "hapgent: "...)
}

// End writes the line, unless nobody has read the log for logTime: it must not
// keep the agent from what it is told, nor a log that is gone end it. Lines that
// are lost so are counted in the next one that is not.
func (l *Log) End(line []byte) {
	if !kernel.Writable(l.fd, logTime) {
		l.lost++
		return
	}
	if l.lost > 0 {
		line = append(strconv.AppendInt(append(line, " ("...), int64(l.lost), 10), " lines before this one were lost: nobody read the log)"...)
		l.lost = 0
	}
	kernel.Write(l.fd, append(line, '\n'))
}

// logTime is how long a line waits for room in the log, in nanoseconds.
const logTime = 1_000_000_000

func (l *Log) Print(p Priority, message string) { l.End(append(l.Begin(p), message...)) }
