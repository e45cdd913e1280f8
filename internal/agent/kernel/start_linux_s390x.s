#include "start.h"

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
	MOVD $41, R2                   // PR_SET_THP_DISABLE
	MOVD $1, R3
	MOVD $0, R4
	MOVD $0, R5
	MOVD $0, R6
	MOVW $172, R1                  // prctl
	SYSCALL
	BR   _rt0_s390x_linux(SB)
