//go:build linux

// Package agent is the whole of hapgent: it answers the agent checks of HAProxy
// with one line, which a small JSON file holds and signals change.
//
// It guarantees, to whoever runs it:
//
//   - Every client is answered at once, whatever other clients, the disk and the
//     log do. A client cannot make it use memory, processor time or descriptors
//     beyond fixed bounds, nor change anything: what clients send is thrown away.
//   - The state changes by a signal only, and a signal is never lost: one that
//     cannot be obeyed yet waits. Who may send signals is the kernel's business.
//   - The file holds the old state or the new one, whole, whatever is cut short,
//     and an answer that has shown is in it, unless the log says that saving failed
//     or takes more than a second.
//     A file that is not exactly a state is answered with FAIL, never guessed at.
//   - Memory is constant: tables are of fixed size and a check allocates nothing.
//
// It does not guard against those who may write the state file or send it
// signals: they are its operators.
package agent

import (
	"errors"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
	"github.com/epicfilemcnulty/hapgent/internal/agent/server"
	"github.com/epicfilemcnulty/hapgent/internal/agent/statefile"
	"github.com/epicfilemcnulty/hapgent/internal/agent/systemd"
)

// The exit statuses.
const (
	ExitOK    = 0
	ExitError = 1 // it could not be done
	ExitUsage = 2 // it was asked for wrongly: an argument, the environment, an inherited socket
)

// Check reads the environment and the state file as Run does and returns the
// line that HAProxy would get, without its newline. It opens no socket.
func Check(getenv Getenv) (answer string, err error) {
	c, err := ReadConfig(getenv)
	if err != nil {
		return "", err
	}
	s, err := statefile.New(c.StateFile).Load()
	if err != nil {
		return "", err
	}
	return s.String(), nil
}

// Run serves until SIGTERM or SIGINT and returns the exit status.
func Run(getenv Getenv, version string) int {
	kernel.LimitProcessors()
	log := systemd.NewLog(2, getenv)
	s, k, status, err := open(getenv, log)
	if err != nil {
		log.Print(systemd.Error, err.Error())
		systemd.NotifyFailure(getenv, err)
		return status
	}
	catchSignals(k.queue) // before the state is read: what is sent from here on comes after it
	k.start(version)
	go func() {
		k.run()
		s.StopNow()
	}()
	if err := s.Run(); err != nil {
		log.Print(systemd.Error, "cannot wait for clients: "+err.Error())
		return ExitError
	}
	return ExitOK
}

// open makes all that serving takes, or nothing: what it opened ends with the
// process that has no use for it.
func open(getenv Getenv, log *systemd.Log) (*server.Server, *keeper, int, error) {
	config, err := ReadConfig(getenv)
	if err != nil {
		return nil, nil, ExitUsage, err
	}
	notifier, err := systemd.NewNotifier(getenv)
	if err != nil {
		return nil, nil, ExitUsage, err
	}
	file := statefile.New(config.StateFile)
	file.Hint = howToMakeIt(getenv)
	queue := newQueue()
	s := &server.Server{Starved: func() { queue.add(event{kind: starvedEvent}) }, Alive: notifier.Alive, AliveTime: notifier.Watchdog}
	if status, err := openListeners(s, getenv, config.Address); err != nil {
		return nil, nil, status, err
	}
	if err := s.Open(); err != nil {
		return nil, nil, ExitError, errors.New("cannot serve: " + err.Error())
	}
	k := &keeper{file: file, server: s, queue: queue, log: log, notifier: notifier}
	for i, l := range s.Listeners {
		if i > 0 {
			k.where += ", "
		}
		k.where += l.Name
	}
	return s, k, ExitOK, nil
}

// openListeners takes the inherited sockets; where there are none, it makes one.
func openListeners(s *server.Server, getenv Getenv, address server.Address) (status int, err error) {
	inherited, err := systemd.Inherited(getenv)
	if err != nil {
		return ExitUsage, err
	}
	for _, fd := range inherited {
		l, err := server.Inherit(fd)
		if err != nil {
			return ExitUsage, err
		}
		s.Listeners = append(s.Listeners, l)
	}
	if s.OwnSocket = len(inherited) == 0; s.OwnSocket {
		l, err := server.Listen(address)
		if err != nil {
			return ExitError, errors.New("cannot listen on " + l.Name + " (" + IPVariable + ", " + PortVariable + "): " + err.Error())
		}
		s.Listeners = []server.Listener{l}
	}
	return ExitOK, nil
}
