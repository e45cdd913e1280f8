//go:build linux

package kernel

import (
	"runtime"
	"strconv"
	"syscall"
)

// processors is how many the agent can use: one answers, one saves.
const processors = 2

// LimitProcessors makes the runtime use exactly two processors.
//
// With one processor the runtime would take it from the loop in each wait, and wake
// threads to do so: a third of the processor time of a check
// (docs/performance.md).
//
// If the runtime has prepared for more, the program executes itself again: at its
// start the runtime reserves memory for each processor, 7 MB on a host that has 256,
// and only the environment sets their number. The process stays the same, with its
// descriptors and its blocked signals. If this is not possible, the only cost is the
// memory.
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
