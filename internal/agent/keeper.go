//go:build linux

package agent

import (
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
	"github.com/epicfilemcnulty/hapgent/internal/agent/statefile"
	"github.com/epicfilemcnulty/hapgent/internal/agent/systemd"
)

// keeper owns the state and its file. It runs beside the server, so that a slow
// disk never keeps a client waiting, and does one thing after the other, so that
// state, answer and file end up in agreement.
type keeper struct {
	file     *statefile.File
	state    statefile.State
	queue    *queue
	log      *systemd.Log
	notifier *systemd.Notifier
	where    string // the addresses, as messages show them
	status   []byte // for systemd, in memory that stays
}

// start reads the state for the first time.
func (k *keeper) start(version string) {
	k.file.Clean()
	trouble := k.load()
	line := k.log.Begin(priorityOf(trouble))
	line = append(append(line, "version "...), version...)
	line = k.describe(append(line, ' '), trouble)
	if trouble == nil {
		line = append(append(line, ", read from "...), k.file.Name...)
	}
	k.log.End(line)
	k.notifier.Ready(k.describeStatus(trouble))
}

// run handles events until it is told to stop.
func (k *keeper) run() {
	for {
		switch e := k.queue.next(); e.kind {
		case setEvent:
			k.set(e)
		case reloadEvent:
			k.reload(e)
		case starvedEvent:
			k.log.Print(systemd.Warning, "out of file descriptors or memory: the client that waited longest makes room for the next; raise LimitNOFILE=, or see who holds connections open")
		case stopEvent:
			k.notifier.Stopping()
			k.log.End(k.state.Append(append(append(k.log.Begin(systemd.Info), e.by...), ": stopped, last answered "...)))
			return
		}
	}
}

// end stops the keeper once it has handled the events before. If a disk hangs, the
// process ends after endTime, as far as the kernel lets a process end that waits
// for a disk.
func (k *keeper) end(e event) {
	k.queue.add(e)
	for end := kernel.Nanotime() + endTime; kernel.Nanotime() < end; {
		left := syscall.NsecToTimespec(max(end-kernel.Nanotime(), 1))
		syscall.Nanosleep(&left, nil)
	}
	k.queue.mu.Lock()
	last := k.queue.last()
	k.log.Print(systemd.Error, e.by+": ended without waiting longer for "+k.file.Name+", which may not hold "+last.String())
	k.log.Flush()
	syscall.Exit(ExitError)
}

// set obeys SIGUSR1 and SIGUSR2. A state is saved before it is answered, so that a
// kill loses nothing that anyone has seen, and whoever has seen the answer may write
// the file; but see queue.
func (k *keeper) set(e event) {
	was := k.state
	k.state.Status = e.status
	warning, trouble := k.file.Save(k.state)
	k.queue.publish(k.state)
	switch {
	case trouble != nil:
		k.report(systemd.Error, e, was, "NOT saved to ", trouble.Text())
		k.status = append(k.describeStatus(nil), ": not saved to "...)
		k.status = append(k.status, trouble.Text()...)
	case warning != nil:
		k.report(systemd.Warning, e, was, "saved to ", warning.Text())
		k.describeStatus(nil)
	default:
		k.report(systemd.Info, e, was, "saved to ", nil)
		k.describeStatus(nil)
	}
	k.notifier.Ready(k.status)
}

// reload obeys SIGHUP.
func (k *keeper) reload(e event) {
	was := k.state
	k.notifier.Reloading()
	if trouble := k.load(); trouble == nil {
		k.report(systemd.Info, e, was, "read from ", nil)
		k.notifier.Ready(k.describeStatus(nil))
	} else {
		k.report(systemd.Error, e, was, "since it cannot be read: ", trouble.Text())
		k.notifier.Ready(k.describeStatus(trouble))
	}
}

// load reads the state; if that fails, the state is Unknown.
func (k *keeper) load() (trouble *statefile.Error) {
	k.state, trouble = k.file.Load()
	if trouble != nil {
		k.state = statefile.Unknown
	}
	k.queue.publish(k.state)
	return trouble
}

// report logs what a signal did, and the trouble with the file or else its name.
func (k *keeper) report(p systemd.Priority, e event, was statefile.State, how string, file []byte) {
	line := append(append(k.log.Begin(p), e.by...), ": "...)
	line = append(k.state.Append(line), ", was "...)
	line = append(append(was.Append(line), ", "...), how...)
	if file == nil {
		k.log.End(append(line, k.file.Name...))
	} else {
		k.log.End(append(line, file...))
	}
}

// describe appends what is answered, where, and what is wrong.
func (k *keeper) describe(line []byte, trouble *statefile.Error) []byte {
	line = append(k.state.Append(append(line, "answers "...)), " on "...)
	line = append(line, k.where...)
	if trouble != nil {
		line = append(append(line, ": "...), trouble.Text()...)
	}
	return line
}

func (k *keeper) describeStatus(trouble *statefile.Error) []byte {
	k.status = k.describe(k.status[:0], trouble)
	return k.status
}

func priorityOf(trouble *statefile.Error) systemd.Priority {
	if trouble != nil {
		return systemd.Error
	}
	return systemd.Info
}
