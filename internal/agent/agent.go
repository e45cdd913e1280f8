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
	s, err := newStateFile(c.StateFile).load()
	if err != nil {
		return "", err
	}
	return s.String(), nil
}

// Run serves until SIGTERM or SIGINT and returns the exit status.
func Run(getenv Getenv, version string) int {
	limitProcessors()
	log := newLogger(getenv)
	s, k, status, err := open(getenv, log)
	if err != nil {
		log.print(errorPriority, err.Error())
		notifyFailure(getenv, err)
		return status
	}
	catchSignals(s.queue) // before the state is read: what is sent from here on comes after it
	k.start(version)
	go func() {
		k.run()
		s.stopNow()
	}()
	if err := s.run(); err != nil {
		log.print(errorPriority, "cannot wait for clients: "+err.Error())
		return ExitError
	}
	return ExitOK
}

// open makes all that serving takes, or nothing: what it opened ends with the
// process that has no use for it.
func open(getenv Getenv, log *logger) (*server, *keeper, int, error) {
	config, err := ReadConfig(getenv)
	if err != nil {
		return nil, nil, ExitUsage, err
	}
	s := &server{queue: newQueue()}
	if s.notifier, err = newNotifier(getenv); err != nil {
		return nil, nil, ExitUsage, err
	}
	if s.listeners, err = inherited(getenv); err != nil {
		return nil, nil, ExitUsage, err
	}
	if s.ownSocket = len(s.listeners) == 0; s.ownSocket {
		l, err := listen(config.Address)
		if err != nil {
			return nil, nil, ExitError, err
		}
		s.listeners = []listener{l}
	}
	if err := s.open(); err != nil {
		return nil, nil, ExitError, failure("cannot serve: " + err.Error())
	}
	file := newStateFile(config.StateFile)
	file.hint = howToMakeIt(getenv)
	k := &keeper{file: file, server: s, queue: s.queue, log: log, notifier: s.notifier}
	for i, l := range s.listeners {
		if i > 0 {
			k.where += ", "
		}
		k.where += l.name
	}
	return s, k, ExitOK, nil
}
