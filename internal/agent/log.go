//go:build linux

package agent

import (
	"strconv"
	"syscall"
	"unsafe"
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
	lost    int       // lines since the last one
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

// end writes the line, unless nobody has read the log for logTime: it must not
// keep the agent from what it is told, nor a log that is gone end it. Lines that
// are lost so are counted in the next one that is not.
func (l *logger) end(line []byte) {
	if !writable(l.fd, logTime) {
		l.lost++
		return
	}
	if l.lost > 0 {
		line = append(strconv.AppendInt(append(line, " ("...), int64(l.lost), 10), " lines before this one were lost: nobody read the log)"...)
		l.lost = 0
	}
	Write(l.fd, append(line, '\n'))
}

// logTime is how long a line waits for room in the log, in nanoseconds.
const logTime = 1_000_000_000

// writable tells whether a line can be written without waiting longer than that,
// by ppoll(2). A pipe that is ready takes 4096 bytes, and a socket of the journal
// a line.
func writable(fd int, nanoseconds int64) bool {
	const pollOut = 4
	request := struct {
		fd              int32
		events, revents int16
	}{int32(fd), pollOut, 0}
	timeout := syscall.NsecToTimespec(nanoseconds)
	n, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&request)), 1, uintptr(unsafe.Pointer(&timeout)), 0, 0, 0)
	return n > 0 || errno != 0
}

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
