//go:build linux

package main

import (
	"fmt"
	"math/bits"
	"syscall"
	"unsafe"
)

// oneProcessor binds the calling thread, and so what it starts from now on, to
// the last of the processors that it may use: the first one often has the
// machine's interrupts.
func oneProcessor() error {
	var mask [16]uint64 // 1,024 processors, as sched_setaffinity(2) takes them
	if err := affinity(syscall.SYS_SCHED_GETAFFINITY, &mask); err != nil {
		return err
	}
	found := false
	for i := len(mask) - 1; i >= 0; i-- {
		if found || mask[i] == 0 {
			mask[i] = 0
			continue
		}
		mask[i], found = 1<<(bits.Len64(mask[i])-1), true
	}
	return affinity(syscall.SYS_SCHED_SETAFFINITY, &mask)
}

func affinity(call uintptr, mask *[16]uint64) error {
	_, _, errno := syscall.RawSyscall(call, 0, unsafe.Sizeof(*mask), uintptr(unsafe.Pointer(mask)))
	if errno != 0 {
		return fmt.Errorf("processor affinity: %w", errno)
	}
	return nil
}

// prefer requests the highest priority for the calling thread and its children, so
// that other programs disturb the measurement least. It reports whether that was
// granted.
func prefer() bool {
	const highest = -20
	return syscall.Setpriority(syscall.PRIO_PROCESS, 0, highest) == nil
}
