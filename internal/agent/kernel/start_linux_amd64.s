#include "start.h"

TEXT hapgent_start(SB), NOSPLIT|NOFRAME, $0
	MOVL $0, DI                    // SIG_BLOCK
	LEAQ hapgent_held<>(SB), SI
	MOVL $0, DX
	MOVL $8, R10
	MOVL $14, AX                   // rt_sigprocmask
	SYSCALL
	MOVL $1, DI                    // SIGHUP
	LEAQ hapgent_ignore<>(SB), SI
	MOVL $0, DX
	MOVL $8, R10
	MOVL $13, AX                   // rt_sigaction
	SYSCALL
	MOVL $41, DI                   // PR_SET_THP_DISABLE
	MOVL $1, SI
	MOVL $0, DX
	MOVL $0, R10
	MOVL $0, R8
	MOVL $157, AX                  // prctl
	SYSCALL
	JMP  _rt0_amd64_linux(SB)
