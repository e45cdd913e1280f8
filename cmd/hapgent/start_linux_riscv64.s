#include "textflag.h"

// hapgent_start is the entry point of a released binary, made so by the linker's
// flag -E. It comes before the runtime's own, which it goes on to, and sees to it
// that a signal which arrives while the program starts does not end it: SIGUSR1
// and SIGUSR2 are blocked, and wait; SIGHUP is ignored, since the state has not
// been read yet (the runtime would not leave it blocked).

DATA hapgent_held<>+0(SB)/8, $0xa00 // SIGUSR1, SIGUSR2
GLOBL hapgent_held<>(SB), RODATA, $8

DATA hapgent_ignore<>+0(SB)/8, $1 // SIG_IGN, no flags
GLOBL hapgent_ignore<>(SB), RODATA, $32

TEXT hapgent_start(SB), NOSPLIT|NOFRAME, $0
	MOV   $0, A0                   // SIG_BLOCK
	MOV   $hapgent_held<>(SB), A1
	MOV   $0, A2
	MOV   $8, A3
	MOV   $135, A7                 // rt_sigprocmask
	ECALL
	MOV   $1, A0                   // SIGHUP
	MOV   $hapgent_ignore<>(SB), A1
	MOV   $0, A2
	MOV   $8, A3
	MOV   $134, A7                 // rt_sigaction
	ECALL
	JMP   _rt0_riscv64_linux(SB)
