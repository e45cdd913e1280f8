#include "start.h"

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
	MOVW $41, R0                   // PR_SET_THP_DISABLE
	MOVW $1, R1
	MOVW $0, R2
	MOVW $0, R3
	MOVW $0, R4
	MOVW $172, R7                  // prctl
	SWI  $0
	B    _rt0_arm_linux(SB)
