//go:build linux

package kernel

import "syscall"

// Package syscall knows only socketcall(2) here, which wants its arguments in
// memory; the kernel has had these since 4.3.
const (
	sysAccept4  = 364
	sysSendto   = 369
	sysShutdown = 373

	sysRenameat = syscall.SYS_RENAMEAT
)
