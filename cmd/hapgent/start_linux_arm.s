#include "textflag.h"

// hapgent_start is the entry point of a released binary, made so by the linker's
// flag -E. It comes before the runtime's own, which it goes on to, and sees to it
// that a signal which arrives while the program starts does not end it: SIGUSR1
// and SIGUSR2 are blocked, and wait; SIGHUP is ignored, since the state has not
// been read yet (the runtime would not leave it blocked).

DATA hapgent_held<>+0(SB)/8, $0xa00 // SIGUSR1, SIGUSR2
GLOBL hapgent_held<>(SB), RODATA, $8

DATA hapgent_ignore<>+0(SB)/4, $1 // SIG_IGN, no flags
GLOBL hapgent_ignore<>(SB), RODATA, $32

TEXT hapgent_start(SB), NOSPLIT|NOFRAME, $0
	MOVW $0, R0                    // SIG_BLOCK
	MOVW $hapgent_held<>(SB), R1
	MOVW $0, R2
	MOVW $8, R3
	MOVW $175, R7                  // rt_sigprocmask
	SWI  $0
	MOVW $1, R0                    // SIGHUP
	MOVW $hapgent_ignore<>(SB), R1
	MOVW $0, R2
	MOVW $8, R3
	MOVW $174, R7                  // rt_sigaction
	SWI  $0
	B    _rt0_arm_linux(SB)
