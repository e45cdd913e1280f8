#include "start.h"

TEXT hapgent_start(SB), NOSPLIT|NOFRAME, $0
	MOVD $0, R0                    // SIG_BLOCK
	MOVD $hapgent_held<>(SB), R1
	MOVD $0, R2
	MOVD $8, R3
	MOVD $135, R8                  // rt_sigprocmask
	SVC
	MOVD $1, R0                    // SIGHUP
	MOVD $hapgent_ignore<>(SB), R1
	MOVD $0, R2
	MOVD $8, R3
	MOVD $134, R8                  // rt_sigaction
	SVC
	MOVD $41, R0                   // PR_SET_THP_DISABLE
	MOVD $1, R1
	MOVD $0, R2
	MOVD $0, R3
	MOVD $0, R4
	MOVD $167, R8                  // prctl
	SVC
	B    _rt0_arm64_linux(SB)
