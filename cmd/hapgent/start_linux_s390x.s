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
	MOVD $0, R2                    // SIG_BLOCK
	MOVD $hapgent_held<>(SB), R3
	MOVD $0, R4
	MOVD $8, R5
	MOVW $175, R1                  // rt_sigprocmask
	SYSCALL
	MOVD $1, R2                    // SIGHUP
	MOVD $hapgent_ignore<>(SB), R3
	MOVD $0, R4
	MOVD $8, R5
	MOVW $174, R1                  // rt_sigaction
	SYSCALL
	BR   _rt0_s390x_linux(SB)
