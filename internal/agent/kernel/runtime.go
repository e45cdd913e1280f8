//go:build linux

// Package kernel contains all of the agent's tricks: what it takes from Go's
// runtime by linkname and from the kernel by raw system calls, and the entry point
// of the released binary (start.h). It guarantees that nothing in it allocates,
// except to start or end the process. Each trick says what it saves
// (docs/performance.md), and every architecture's tests try them all.
package kernel

import _ "unsafe" // for go:linkname

// The runtime has these for packages os, os/signal and time, which do little more
// than pass them on, but together cost 190 kB of binary and 260 kB of
// memory (docs/performance.md). If a release of Go lacks one of them, the linker
// fails.

// Args are the program's arguments, its name first.
//
//go:linkname Args os.runtime_args
func Args() []string

// SignalEnable makes the runtime catch a signal.
//
//go:linkname SignalEnable os/signal.signal_enable
func SignalEnable(number uint32)

// SignalReceive waits for a signal that is caught. One goroutine only may call it.
//
//go:linkname SignalReceive os/signal.signal_recv
func SignalReceive() (number uint32)

// Nanotime is CLOCK_MONOTONIC in nanoseconds.
//
//go:linkname Nanotime runtime.nanotime
func Nanotime() int64
