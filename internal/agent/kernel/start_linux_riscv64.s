#include "start.h"

TEXT hapgent_start(SB), NOSPLIT|NOFRAME, $0
	MOV   $0, A0                   // SIG_BLOCK
	MOV   $hapgent_held<>(SB), A1
	MOV   $0, A2
	MOV   $8, A3
	MOV   $135, A7                 // rt_sigprocmask
	ECALL
	MOV   $1, A0                   // SIGHUP
	MOV   $hapgent_ignore<>(SB), A1
	MOV   $0, A2
	MOV   $8, A3
	MOV   $134, A7                 // rt_sigaction
	ECALL
	MOV   $41, A0                  // PR_SET_THP_DISABLE
	MOV   $1, A1
	MOV   $0, A2
	MOV   $0, A3
	MOV   $0, A4
	MOV   $167, A7                 // prctl
	ECALL
	JMP   _rt0_riscv64_linux(SB)
