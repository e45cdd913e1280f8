//go:build linux

package main

import (
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"
)

// processors says where the two sides run. Responders and load on a processor
// each take the scheduler's choice, the greatest part of the noise, out of the
// comparison; the zero value leaves it to the scheduler.
type processors struct{ responders, load mask }

type mask [16]uint64 // 1,024 processors, as sched_setaffinity takes them

// pin binds the calling thread to the second processor it may use.
func pin(wanted bool) processors {
	runtime.LockOSThread()
	var allowed mask
	affinity(syscall.SYS_SCHED_GETAFFINITY, &allowed)
	var single []mask
	for i := range len(allowed) * 64 {
		if bit := uint64(1) << (i % 64); allowed[i/64]&bit != 0 {
			var one mask
			one[i/64] = bit
			single = append(single, one)
		}
	}
	if !wanted || len(single) < 2 {
		return processors{}
	}
	p := processors{responders: single[0], load: single[1]}
	affinity(syscall.SYS_SCHED_SETAFFINITY, &p.load)
	return p
}

// start starts a responder, which inherits the processor of the thread.
func (p processors) start(cmd *exec.Cmd) error {
	if p == (processors{}) {
		return cmd.Start()
	}
	affinity(syscall.SYS_SCHED_SETAFFINITY, &p.responders)
	defer affinity(syscall.SYS_SCHED_SETAFFINITY, &p.load)
	return cmd.Start()
}

func affinity(call uintptr, m *mask) {
	_, _, _ = syscall.RawSyscall(call, 0, unsafe.Sizeof(*m), uintptr(unsafe.Pointer(m)))
}
