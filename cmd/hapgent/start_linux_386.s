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
	MOVL $0, BX                    // SIG_BLOCK
	LEAL hapgent_held<>(SB), CX
	MOVL $0, DX
	MOVL $8, SI
	MOVL $175, AX                  // rt_sigprocmask
	INT  $0x80
	MOVL $1, BX                    // SIGHUP
	LEAL hapgent_ignore<>(SB), CX
	MOVL $0, DX
	MOVL $8, SI
	MOVL $174, AX                  // rt_sigaction
	INT  $0x80
	JMP  _rt0_386_linux(SB)
