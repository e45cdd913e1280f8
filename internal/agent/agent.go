//go:build linux

// Package agent is the whole of hapgent: it answers the agent checks of HAProxy
// with one line, which a small JSON file holds and signals change.
//
// It guarantees, to whoever runs it:
//
//   - Every client is answered at once, whatever other clients, the disk, systemd
//     and the log do. A client cannot make it use memory, processor time or
//     descriptors beyond fixed bounds, nor change anything: what clients send is
//     discarded.
//   - The state changes by a signal only, and a signal is never lost: one that
//     cannot be obeyed yet waits. The kernel decides who may send signals.
//   - The file holds the old state or the new one, whole, even if saving is cut
//     short. An answer that was given is in the file, unless the log says that saving
//     failed or takes more than a second.
//     If the file is not exactly a state, the answer is FAIL, never a guess.
//   - Memory is constant: tables are of fixed size, and neither a check nor a
//     signal, obeyed or not, allocates anything.
//
// It does not guard against those who may write the state file or send it
// signals: they are its operators.
//
// What happens to a signal between its arrival and the answer:
//
//  1. catchSignals receives it. SIGUSR1 and SIGUSR2 arrive at one thread, in their
//     order; SIGTERM and SIGINT are sent on behind them.
//  2. queue.add puts it into the queue, drops the events that it supersedes, and has
//     a status answered after a second, even if its turn has not come.
//  3. keeper.run takes it from the queue when the events before it are handled.
//  4. The keeper saves the state, or reads it.
//  5. queue.publish makes it the answer, and the log and systemd are told.
package agent

import (
	"errors"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
	"github.com/epicfilemcnulty/hapgent/internal/agent/server"
	"github.com/epicfilemcnulty/hapgent/internal/agent/statefile"
	"github.com/epicfilemcnulty/hapgent/internal/agent/systemd"
)

// The exit statuses.
const (
	ExitOK    = 0
	ExitError = 1 // it failed
	ExitUsage = 2 // wrong usage: an argument, the environment, an inherited socket
)

// endTime is how long the end waits for earlier signals to be obeyed, in nanoseconds.
const endTime = 10_000_000_000

// Check reads the environment and the state file as Run does and returns the
// line that HAProxy would get, without its newline. It opens no socket.
func Check(getenv Getenv) (answer string, err error) {
	c, err := ReadConfig(getenv)
	if err != nil {
		return "", err
	}
	s, trouble := statefile.New(c.StateFile).Load()
	if trouble != nil {
		return "", trouble
	}
	return s.String(), nil
}

// Ask asks the agent at the address in the environment for its answer, as HAProxy does.
func Ask(getenv Getenv) (answer string, err error) {
	c, err := ReadConfig(getenv)
	if err != nil {
		return "", err
	}
	answer, err = server.Ask(c.Address)
	if err != nil {
		return "", errors.New("no answer from " + c.Address.String() + " (" + IPVariable + ", " + PortVariable + "): " + err.Error())
	}
	return statefile.Printable(answer), nil
}

// Change is what a line changes in a state.
type Change = statefile.Change

// ParseChange reads such a line; an error is about a wrong word.
func ParseChange(line string) (Change, error) { return statefile.ParseChange(line) }

// Set changes the state in the file, as statefile.File.Change does, and returns
// what its agent answers once it reads it. A file that is new is its directory's,
// whatever the umask. It tells no agent.
func Set(getenv Getenv, change Change) (saved string, warning, err error) {
	c, err := ReadConfig(getenv)
	if err != nil {
		return "", nil, err
	}
	syscall.Umask(0)
	s, w, trouble := statefile.New(c.StateFile).Change(change)
	if trouble != nil {
		return "", nil, trouble
	}
	if w != nil { // a nil pointer is no nil error
		warning = w
	}
	return s.String(), warning, nil
}

// Run serves until SIGTERM or SIGINT and returns the exit status.
func Run(getenv Getenv, version string) int {
	kernel.LimitProcessors()
	log := systemd.NewLog(2, getenv)
	defer log.Flush()
	notifier, err := systemd.NewNotifier(getenv)
	defer notifier.Flush()
	fail := func(err error) { // systemctl status shows the error until the service is started again
		log.Print(systemd.Error, err.Error())
		notifier.Failing(err)
	}
	if err != nil {
		fail(err)
		return ExitUsage
	}
	s, k, status, err := open(getenv, log, notifier)
	if err != nil {
		fail(err)
		return status
	}
	notifier.Failed = func(err error) { log.Print(systemd.Warning, err.Error()) }
	catchSignals(k) // before the state is read: what is sent from here on comes after it
	k.start(version)
	kernel.DropProgramPages()
	ended := make(chan struct{})
	go func() {
		k.run()
		s.Stop()
		close(ended)
	}()
	if err = s.Run(); err != nil {
		fail(errors.New("cannot accept clients: " + err.Error()))
		go k.end(event{kind: stopEvent, by: "accept"})
		<-ended
		return ExitError
	}
	return ExitOK
}

// open prepares everything that serving needs. After an error it closes nothing,
// since the process ends.
func open(getenv Getenv, log *systemd.Log, notifier *systemd.Notifier) (*server.Server, *keeper, int, error) {
	config, err := ReadConfig(getenv)
	if err != nil {
		return nil, nil, ExitUsage, err
	}
	s := &server.Server{Alive: notifier.Alive, AliveTime: notifier.Watchdog}
	k := &keeper{file: statefile.New(config.StateFile), queue: newQueue(s.Answer), log: log, notifier: notifier}
	k.file.Hint = howToMakeIt(getenv)
	s.Starved = func() { k.queue.add(event{kind: starvedEvent}) }
	inherited, err := systemd.Inherited(getenv)
	if err != nil {
		return nil, nil, ExitUsage, err
	}
	if s.Listeners, err = server.Inherit(inherited); err != nil {
		return nil, nil, ExitUsage, err
	}
	if len(inherited) == 0 {
		l, err := server.Listen(config.Address)
		if err != nil {
			return nil, nil, ExitError, errors.New("cannot listen on " + config.Address.String() + " (" + IPVariable + ", " + PortVariable + "): " + err.Error())
		}
		s.Listeners = []server.Listener{l}
	}
	for i, l := range s.Listeners {
		if i > 0 {
			k.where += ", "
		}
		k.where += l.Address.String()
	}
	if !config.meets(s.Listeners, getenv) {
		log.Print(systemd.Warning, IPVariable+" and "+PortVariable+" are ignored: the sockets are inherited (LISTEN_FDS), and listen on "+k.where)
	}
	if err := s.Open(); err != nil {
		return nil, nil, ExitError, errors.New("cannot serve: " + err.Error())
	}
	return s, k, ExitOK, nil
}
