//go:build linux

package agent

import (
	"errors"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/server"
	"github.com/epicfilemcnulty/hapgent/internal/agent/statefile"
	"github.com/epicfilemcnulty/hapgent/internal/agent/systemd"
)

// publisher answers with the states that it is given.
type publisher interface {
	Announce(line []byte)
	Publish(line []byte)
}

// keeper owns the state and its file. It runs beside the server, so that a slow
// disk or a log that nobody reads never keeps a client waiting, and does one
// thing after the other, so that state, answer and file end up in agreement.
type keeper struct {
	file     *statefile.File
	state    statefile.State
	server   publisher
	queue    *queue
	log      *systemd.Log
	notifier *systemd.Notifier
	where    string // the addresses, as messages show them
	answer   [server.MaxAnswer]byte
}

// every answer fits the server's memory
const _ = uint(server.MaxAnswer - statefile.MaxAnswer)

func (k *keeper) line() []byte { return k.state.AppendTo(k.answer[:0]) }

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
	k.notifier.Send(k.describe(k.notifier.Ready(), trouble), 0)
}

// run obeys until it is told to stop.
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
			k.log.End(k.state.AppendTo(append(append(k.log.Begin(systemd.Info), e.name()...), ": stopped, last answered "...)))
			return
		}
	}
}

// set obeys SIGUSR1 and SIGUSR2. What shows in the answer has been saved, so
// that nothing that anyone has seen is lost to a kill, and who waits for the
// answer may write the file; but a disk that hangs does not keep a server in
// traffic that is told to leave.
func (k *keeper) set(e event) {
	was := k.state
	k.state.Status = statefile.Up
	if e.signal == syscall.SIGUSR2 {
		k.state.Status = statefile.Down
	}
	k.server.Announce(k.line())
	warning, err := k.file.Save(k.state)
	k.server.Publish(k.line())
	switch {
	case err != nil:
		k.report(systemd.Error, e, was, "NOT saved to ", err.Error())
		err = errors.New("not saved to " + err.Error())
	case warning != "":
		k.report(systemd.Warning, e, was, "saved to ", k.file.Name, ", ", warning)
	default:
		k.report(systemd.Info, e, was, "saved to ", k.file.Name)
	}
	k.notifier.Send(k.describe(k.notifier.Status(), err), 0)
}

// reload obeys SIGHUP.
func (k *keeper) reload(e event) {
	was := k.state
	k.notifier.Reloading()
	trouble := k.load()
	if trouble == nil {
		k.report(systemd.Info, e, was, "read from ", k.file.Name)
	} else {
		k.report(systemd.Error, e, was, "since it cannot be read: ", trouble.Error())
	}
	k.notifier.Send(k.describe(k.notifier.Ready(), trouble), 0)
}

// load reads the state; what cannot be read makes it Unknown.
func (k *keeper) load() (trouble error) {
	k.state, trouble = k.file.Load()
	if trouble != nil {
		k.state = statefile.Unknown
	}
	k.server.Publish(k.line())
	return trouble
}

// report logs what a signal did.
func (k *keeper) report(p systemd.Priority, e event, was statefile.State, how ...string) {
	line := append(append(k.log.Begin(p), e.name()...), ": "...)
	line = append(k.state.AppendTo(line), ", was "...)
	line = append(was.AppendTo(line), ", "...)
	for _, s := range how {
		line = append(line, s...)
	}
	k.log.End(line)
}

// describe appends what is answered, where, and what is wrong.
func (k *keeper) describe(line []byte, trouble error) []byte {
	line = append(k.state.AppendTo(append(line, "answers "...)), " on "...)
	line = append(line, k.where...)
	if trouble != nil {
		line = append(append(line, ": "...), trouble.Error()...)
	}
	return line
}

func priorityOf(trouble error) systemd.Priority {
	if trouble != nil {
		return systemd.Error
	}
	return systemd.Info
}
