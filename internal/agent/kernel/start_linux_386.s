#include "start.h"

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
	MOVL $41, BX                   // PR_SET_THP_DISABLE
	MOVL $1, CX
	MOVL $0, DX
	MOVL $0, SI
	MOVL $0, DI
	MOVL $172, AX                  // prctl
	INT  $0x80
	JMP  _rt0_386_linux(SB)
