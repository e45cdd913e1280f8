//go:build linux

package kernel

import (
	"runtime"
	"strconv"
	"syscall"
)

// processors are what the agent has work for: one answers, one saves.
const processors = 2

// LimitProcessors has the runtime use two processors, no fewer and no more.
//
// A single one, on a host that has no more, it takes from the loop in each wait,
// and wakes threads to do so: a third of the processor time of a check
// (docs/performance.md).
//
// Where it has prepared for more, the program starts anew: the runtime sets
// memory aside for each at its start, 7 MB on a host that has 256, and takes the
// number from nothing but the environment. The process stays the same one, with
// its descriptors, and with the signals that it holds back. Where that cannot be
// done, all that it costs is the memory.
func LimitProcessors() {
	const name = "GOMAXPROCS="
	if runtime.GOMAXPROCS(0) <= processors {
		runtime.GOMAXPROCS(processors)
		return
	}
	environment := []string{name + strconv.Itoa(processors)}
	for _, variable := range syscall.Environ() {
		if len(variable) < len(name) || variable[:len(name)] != name {
			environment = append(environment, variable)
		}
	}
	// by its own path: the name of a process, which pkill goes by, is that of the
	// file that it was executed as
	var program [4096]byte // PATH_MAX
	if n, err := syscall.Readlink("/proc/self/exe", program[:]); err == nil {
		syscall.Exec(string(program[:n]), Args(), environment)
	}
}
