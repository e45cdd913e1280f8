#include "start.h"

TEXT hapgent_start(SB), NOSPLIT|NOFRAME, $0
	MOVD $0, R3                    // SIG_BLOCK
	MOVD $hapgent_held<>(SB), R4
	MOVD $0, R5
	MOVD $8, R6
	MOVD $174, R0                  // rt_sigprocmask
	SYSCALL
	MOVD $1, R3                    // SIGHUP
	MOVD $hapgent_ignore<>(SB), R4
	MOVD $0, R5
	MOVD $8, R6
	MOVD $173, R0                  // rt_sigaction
	SYSCALL
	MOVD $41, R3                   // PR_SET_THP_DISABLE
	MOVD $1, R4
	MOVD $0, R5
	MOVD $0, R6
	MOVD $0, R7
	MOVD $171, R0                  // prctl
	SYSCALL
	BR   _rt0_ppc64le_linux(SB)
