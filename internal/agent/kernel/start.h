#include "textflag.h"

// hapgent_start is the entry point of a released binary, made so by the linker's
// flag -E. It comes before the runtime's own, which it goes on to, and sees to it
// that a signal which arrives while the program starts does not end it: SIGUSR1
// and SIGUSR2 are blocked, and wait; SIGHUP is ignored, since the state has not
// been read yet (the runtime would not leave it blocked).

DATA hapgent_held<>+0(SB)/8, $0xa00 // the signal set of SIGUSR1 and SIGUSR2
GLOBL hapgent_held<>(SB), RODATA, $8

DATA hapgent_ignore<>+0(SB)/8, $1 // struct sigaction: SIG_IGN, and no flags
GLOBL hapgent_ignore<>(SB), RODATA, $32
