// Command hapgent answers HAProxy's agent checks: see the package internal/agent
// for what it guarantees, and hapgent(8) for its use.
package main

import (
	"strconv"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent"
	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

// version is set by the linker, from the file VERSION.
var version = "(devel)"

const usage = `Usage: hapgent [--check | --ask | --set LINE | --version | --help]

Answers the agent checks of HAProxy with a line such as "UP 77% maxconn:300".

  --ask       ask the agent as HAProxy does, and print its line
  --check     print the line that HAProxy would get, or the error; open no socket
  --set LINE  change the state file, and print the line saved; "systemctl reload
              hapgent" makes it the answer
  --version   print the version
  --help      print this text

Environment:
  ` + agent.IPVariable + `          address to listen on, IPv4 or IPv6 (` + agent.DefaultIP + `)
  ` + agent.PortVariable + `        port to listen on, 1 to 65535 (` + agent.DefaultPort + `)
  ` + agent.StateFileVariable + `  file that holds the state (` + agent.DefaultStateFile + `)

Signals:
  USR1  answer UP and save it        HUP   read the state file again
  USR2  answer DOWN and save it      TERM  end

Examples of LINE; what it does not name stays as it is:
  'DRAIN 50% maxconn:300'    'up'    '77%'    'weight:- maxconn:-'

Example of a state file:
  {"status":"UP","weight":77,"maxconn":300}

Example:
  ` + agent.PortVariable + `=9778 ` + agent.StateFileVariable + `=/etc/hapgent/9778.json hapgent
`

func main() { syscall.Exit(run(kernel.Args()[1:], syscall.Getenv)) }

func run(args []string, getenv agent.Getenv) int {
	if len(args) == 0 {
		return agent.Run(getenv, version)
	}
	if args[0] == "--set" && len(args) == 2 {
		return set(args[1], getenv)
	}
	if len(args) > 1 {
		return misused("expected one argument at most, or --set with a line, found " + strconv.Itoa(len(args)))
	}
	switch args[0] {
	case "--check":
		return answer(agent.Check(getenv))
	case "--ask":
		return answer(agent.Ask(getenv))
	case "--set":
		return misused("expected a line after --set, such as 'DRAIN 50%'")
	case "--version":
		return show("hapgent " + version + "\n")
	case "--help":
		return show(usage)
	}
	return misused("unknown argument " + strconv.Quote(args[0]) + ", expected --check, --ask, --set, --version or --help")
}

func set(line string, getenv agent.Getenv) int {
	change, err := agent.ParseChange(line)
	if err != nil {
		failed(err)
		return agent.ExitUsage
	}
	saved, warning, err := agent.Set(getenv, change)
	if warning != nil {
		failed(warning)
	}
	return answer(saved, err)
}

func answer(line string, err error) int {
	if err != nil {
		return failed(err)
	}
	return show(line + "\n")
}

func show(text string) int {
	if err := kernel.Write(1, []byte(text)); err != nil {
		return failed(err)
	}
	return agent.ExitOK
}

func failed(err error) int {
	kernel.Write(2, []byte("hapgent: "+err.Error()+"\n"))
	return agent.ExitError
}

func misused(message string) int {
	kernel.Write(2, []byte("hapgent: "+message+"\n\n"+usage))
	return agent.ExitUsage
}
