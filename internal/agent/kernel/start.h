#include "textflag.h"

// hapgent_start is the entry point of a released binary, set by the linker's flag
// -E. It does what must be done before the runtime starts, and then goes on to the
// runtime's own entry point:
//
// No signal that arrives while the program starts may end it: SIGUSR1 and SIGUSR2
// are blocked, and wait; SIGHUP is ignored, since the state has not been read yet
// (the runtime would not leave it blocked). SIGPWR is blocked with them for the end:
// see signals.go.
//
// No huge page may be given to the runtime's first arena, of which the agent uses
// little: prctl(PR_SET_THP_DISABLE). It is 1.6 MB of memory where transparent huge
// pages are set to "always".

DATA hapgent_held<>+0(SB)/8, $0x20000a00 // the signal set of SIGUSR1, SIGUSR2 and SIGPWR
GLOBL hapgent_held<>(SB), RODATA, $8

DATA hapgent_ignore<>+0(SB)/8, $1 // struct sigaction: SIG_IGN, and no flags
GLOBL hapgent_ignore<>(SB), RODATA, $32
