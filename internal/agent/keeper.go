//go:build linux

package agent

import "syscall"

// publisher answers with the states that it is given.
type publisher interface {
	announce(State)
	publish(State)
}

// keeper owns the state and its file. It runs beside the server, so that a slow
// disk or a log that nobody reads never keeps a client waiting, and does one
// thing after the other, so that state, answer and file end up in agreement.
type keeper struct {
	file     *stateFile
	state    State
	server   publisher
	queue    *queue
	log      *logger
	notifier *notifier
	where    string // the addresses, as messages show them
}

// start reads the state for the first time.
func (k *keeper) start(version string) {
	k.file.clean()
	trouble := k.load()
	line := k.log.begin(priorityOf(trouble))
	line = append(append(line, "version "...), version...)
	line = k.describe(append(line, ' '), trouble)
	if trouble == nil {
		line = append(append(line, ", read from "...), k.file.name...)
	}
	k.log.end(line)
	k.notifier.send(k.describe(k.notifier.ready(), trouble), 0)
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
			k.log.print(warningPriority, "out of file descriptors or memory: the client that waited longest makes room for the next; raise LimitNOFILE=, or see who holds connections open")
		case stopEvent:
			k.notifier.stopping()
			k.log.end(k.state.append(append(append(k.log.begin(infoPriority), e.name()...), ": stopped, last answered "...)))
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
	k.state.Status = Up
	if e.signal == syscall.SIGUSR2 {
		k.state.Status = Down
	}
	k.server.announce(k.state)
	warning, err := k.file.save(k.state)
	k.server.publish(k.state)
	switch {
	case err != nil:
		k.report(errorPriority, e, was, "NOT saved to ", err.Error())
		err = failure("not saved to " + err.Error())
	case warning != "":
		k.report(warningPriority, e, was, "saved to ", k.file.name, ", ", warning)
	default:
		k.report(infoPriority, e, was, "saved to ", k.file.name)
	}
	k.notifier.send(k.describe(k.notifier.status(), err), 0)
}

// reload obeys SIGHUP.
func (k *keeper) reload(e event) {
	was := k.state
	k.notifier.reloading()
	trouble := k.load()
	if trouble == nil {
		k.report(infoPriority, e, was, "read from ", k.file.name)
	} else {
		k.report(errorPriority, e, was, "since it cannot be read: ", trouble.Error())
	}
	k.notifier.send(k.describe(k.notifier.ready(), trouble), 0)
}

// load reads the state; what cannot be read makes it Unknown.
func (k *keeper) load() (trouble error) {
	k.state, trouble = k.file.load()
	if trouble != nil {
		k.state = Unknown
	}
	k.server.publish(k.state)
	return trouble
}

// report logs what a signal did.
func (k *keeper) report(p priority, e event, was State, how ...string) {
	line := append(append(k.log.begin(p), e.name()...), ": "...)
	line = append(k.state.append(line), ", was "...)
	line = append(was.append(line), ", "...)
	for _, s := range how {
		line = append(line, s...)
	}
	k.log.end(line)
}

// describe appends what is answered, where, and what is wrong.
func (k *keeper) describe(line []byte, trouble error) []byte {
	line = append(k.state.append(append(line, "answers "...)), " on "...)
	line = append(line, k.where...)
	if trouble != nil {
		line = append(append(line, ": "...), trouble.Error()...)
	}
	return line
}

func priorityOf(trouble error) priority {
	if trouble != nil {
		return errorPriority
	}
	return infoPriority
}
