//go:build linux

package kernel

import "syscall"

const (
	sysAccept4  = syscall.SYS_ACCEPT4
	sysSendto   = syscall.SYS_SENDTO
	sysShutdown = syscall.SYS_SHUTDOWN

	sysRenameat = syscall.SYS_RENAMEAT2 // which takes flags besides: the 0 that Rename passes
)
