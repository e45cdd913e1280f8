//go:build linux && !386 && !riscv64

package kernel

import "syscall"

const (
	sysAccept4  = syscall.SYS_ACCEPT4
	sysSendto   = syscall.SYS_SENDTO
	sysShutdown = syscall.SYS_SHUTDOWN

	sysRenameat = syscall.SYS_RENAMEAT
)
