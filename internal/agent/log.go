//go:build linux

package agent

import (
	"strconv"
	"syscall"
)

// priority is a level of syslog(3).
type priority byte

const (
	errorPriority   priority = 3
	warningPriority priority = 4
	infoPriority    priority = 6
)

// logger writes a line an event to standard error, with the priority in the
// form of sd-daemon(3) where systemd's journal reads it. Its line is built in
// place, by append.
type logger struct {
	fd      int
	journal bool
	buffer  [512]byte // a longer line, as some errors make, is allocated
}

func newLogger(getenv Getenv) *logger {
	l := &logger{fd: 2}
	l.detectJournal(getenv)
	return l
}

// detectJournal does as systemd.exec(5) says of JOURNAL_STREAM: the variable
// outlives a redirection of standard error.
func (l *logger) detectJournal(getenv Getenv) {
	stream, _ := getenv("JOURNAL_STREAM")
	var st syscall.Stat_t
	if stream != "" && syscall.Fstat(l.fd, &st) == nil {
		l.journal = stream == strconv.FormatUint(uint64(st.Dev), 10)+":"+strconv.FormatUint(st.Ino, 10)
	}
}

// begin is the line that the message is to be appended to.
func (l *logger) begin(p priority) []byte {
	if l.journal { // which names the program itself
		return append(l.buffer[:0], '<', '0'+byte(p), '>')
	}
	return append(l.buffer[:0], "hapgent: "...)
}

// end writes the line. There is nobody to tell of a failure, and a log that is
// gone must not end an agent that answers.
func (l *logger) end(line []byte) { Write(l.fd, append(line, '\n')) }

func (l *logger) print(p priority, message string) { l.end(append(l.begin(p), message...)) }

// Write writes all of b to a file descriptor.
func Write(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := syscall.Write(fd, b)
		if err != nil && err != syscall.EINTR {
			return err
		}
		b = b[max(n, 0):]
	}
	return nil
}
