//go:build linux

package agent

import (
	"runtime"
	"strconv"
	"syscall"
)

// processors are what the agent has work for: one answers, one saves.
const processors = 2

// limitProcessors starts the program anew where the runtime has prepared for more
// processors than that: it sets memory aside for each at its start, 7 MB on a host
// that has 256, and takes the number from nothing but the environment. The
// process stays the same one, with its descriptors, and with the signals that it
// holds back. Where that cannot be done, all that it costs is the memory.
func limitProcessors() {
	const name = "GOMAXPROCS="
	if runtime.GOMAXPROCS(0) <= processors {
		return
	}
	environment := []string{name + strconv.Itoa(processors)}
	for _, variable := range syscall.Environ() {
		if len(variable) < len(name) || variable[:len(name)] != name {
			environment = append(environment, variable)
		}
	}
	syscall.Exec("/proc/self/exe", Args(), environment)
}
