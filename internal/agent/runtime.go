//go:build linux

package agent

import _ "unsafe" // for go:linkname

// The runtime makes these for packages os, os/signal and time, which do little
// more than pass them on, but cost together 190 kB of binary and 260 kB of
// memory (docs/performance.md). The linker refuses the build should a release of
// Go not have one of them.

// Args are the program's arguments, its name first.
//
//go:linkname Args os.runtime_args
func Args() []string

// signalEnable makes the runtime catch a signal.
//
//go:linkname signalEnable os/signal.signal_enable
func signalEnable(number uint32)

// signalRecv waits for a signal that is caught. One goroutine only may call it.
//
//go:linkname signalRecv os/signal.signal_recv
func signalRecv() (number uint32)

// nanotime is CLOCK_MONOTONIC in nanoseconds.
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64
