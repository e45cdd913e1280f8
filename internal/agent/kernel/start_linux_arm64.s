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
	B    _rt0_arm64_linux(SB)
