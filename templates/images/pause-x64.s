# The pause program of a pod sandbox: PID 1 of the pod's namespaces. It reaps children and ends on SIGTERM or SIGINT.
# Blocked signals are queued even for PID 1 (kernel: sig_ignored), so waiting for them needs no handlers.
    .globl _start
    .text
_start:
    mov     $14, %eax               # rt_sigprocmask(SIG_BLOCK, &set, NULL, 8)
    xor     %edi, %edi
    lea     set(%rip), %rsi
    xor     %edx, %edx
    mov     $8, %r10d
    syscall
wait_signal:
    mov     $128, %eax              # rt_sigtimedwait(&set, NULL, NULL, 8)
    lea     set(%rip), %rdi
    xor     %esi, %esi
    xor     %edx, %edx
    mov     $8, %r10d
    syscall
    cmp     $17, %eax               # SIGCHLD
    je      reap
    cmp     $15, %eax               # SIGTERM
    je      leave
    cmp     $2, %eax                # SIGINT
    je      leave
    jmp     wait_signal
reap:
    mov     $61, %eax               # wait4(-1, NULL, WNOHANG, NULL)
    mov     $-1, %rdi
    xor     %esi, %esi
    mov     $1, %edx
    xor     %r10d, %r10d
    syscall
    test    %eax, %eax
    jg      reap
    jmp     wait_signal
leave:
    mov     $60, %eax               # exit(0)
    xor     %edi, %edi
    syscall
    .section .rodata
    .balign 8
set:
    .quad   0x14002                 # SIGINT (bit 1), SIGTERM (bit 14), SIGCHLD (bit 16)
